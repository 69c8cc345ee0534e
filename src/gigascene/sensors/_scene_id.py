"""Ids of scenes as archives and users write them: which acquisition they mean, whatever its processing is called by now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

from gigascene.metadata.stac_items import Item
from gigascene.metadata.tiles import Box, scene_box, tile_box
from gigascene.model.errors import BadInput
from gigascene.sensors._landsat_id import SceneId, parse_id

LANDSAT, SENTINEL2 = "landsat", "sentinel-2"

LONGEST_DATATAKE = timedelta(minutes=50)
"""A tile is seen so long after its datatake began, at most; the next orbit comes after 100 minutes."""

MARGIN = timedelta(minutes=1)
"""Archives round the moment, each in its way."""

_UNDATED = re.compile(r"L[CEMOT]0\d_L[12][A-Z]{2}_\d{6}_(?P<date>\d{8})(?=_\d{2}_(?:RT|T1|T2))")
"""Of the Planetary Computer, without the day of processing: LC09_L2SP_010065_20220129_02_T1."""

_PRODUCT = re.compile(
    r"(?P<satellite>S2[A-D])_MSI(?P<level>L1C|L2A)_(?P<began>\d{8}T\d{6})(?:_N(?P<baseline>\d{4}))?_R\d{3}"
    r"_T(?P<tile>\d{2}[A-Z]{3})_(?P<made>\d{8}T\d{6})(?:\.SAFE)?"
)
"""S2A_MSIL2A_20240607T102601_N0510_R108_T32TMS_20240607T151234, with or without its baseline."""

_TILE = re.compile(
    r"(?P<satellite>S2[A-D])_T?(?P<tile>\d{1,2}[A-Z]{3})_(?P<day>\d{8})(?:T(?P<hour>\d{6}))?(?:_\d+)?_(?P<level>L1C|L2A)"
)
"""Of earth-search: S2A_32TMS_20240607_0_L2A, and S2A_T32TMS_20240607T103629_L2A of its Collection 1."""

_OLD = re.compile(r"S2[AB]_(OPER|USER)_(PRD|MSI)_\w+")
"""Before December 2016: one product of many tiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One acquisition of one place."""

    id: str
    """As it was asked for."""

    kind: str
    platform: str
    """As ``"landsat-8"`` or ``"sentinel-2a"``."""

    level: str
    """``"L2SP"``, ``"L1TP"``, ``"L2A"`` …; empty where an id of its kind does not tell."""

    place: str
    """Path and row as ``"226/10"``, or the tile as ``"32TMS"``."""

    box: Box | None
    """Around that place."""

    first: datetime
    last: datetime
    """When it was seen: between these, UTC."""

    current: bool
    """False for names of before Landsat's Collection 2, which no archive has any more."""

    letter: str = ""
    """Of Landsat's instrument: ``"M"`` and ``"T"`` of one satellite see one place at once."""


def wanted(text: str) -> Wanted | None:
    """What an id of Landsat or Sentinel-2 means; None for what is none. Raises `BadInput` for one that nobody can follow."""
    plain = text.strip()
    if found := _PRODUCT.fullmatch(plain):
        began = datetime.strptime(found["began"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        return _sentinel2(plain.removesuffix(".SAFE"), found, began - MARGIN, began + LONGEST_DATATAKE)
    if found := _TILE.fullmatch(plain):
        first, last = _day(datetime.strptime(found["day"], "%Y%m%d"))  # noqa: DTZ007  (made UTC there)
        return _sentinel2(plain, found, first, last)
    if _OLD.fullmatch(plain):
        hint = "Search for its tile and day: gigascene search sentinel2-l2a … -o scenes.json"
        raise BadInput("is a product of before December 2016, of many tiles at once.", plain, hint=hint)
    return _landsat(plain)


def _sentinel2(id: str, found: re.Match[str], first: datetime, last: datetime) -> Wanted:
    tile = found["tile"].zfill(5)
    return Wanted(
        id=id,
        kind=SENTINEL2,
        platform=f"sentinel-{found['satellite'][1:].lower()}",
        level=found["level"],
        place=tile,
        box=tile_box(tile),
        first=first,
        last=last,
        current=True,
    )


def _landsat(text: str) -> Wanted | None:
    if not re.fullmatch(r"L[CEMOT]?[\w]+", text):
        return None
    try:
        part = _parts(text)
    except BadInput:
        return None
    first, last = _day(datetime.combine(part.date, time()))
    return Wanted(
        id=text,
        kind=LANDSAT,
        platform=f"landsat-{part.satellite}",
        level=part.level if part.collection == 2 else "",
        place=f"{part.path}/{part.row}",
        box=scene_box(part.path, part.row),
        first=first,
        last=last,
        current=part.collection == 2,
        letter=part.sensor,
    )


def _parts(text: str) -> SceneId:
    """Of any Landsat id; the day of acquisition stands for that of processing where there is none."""
    return parse_id(_UNDATED.sub(lambda found: f"{found[0]}_{found['date']}", text))


def _day(day: datetime) -> tuple[datetime, datetime]:
    first = day.replace(tzinfo=UTC)
    return first, first + timedelta(days=1, microseconds=-1)


def is_it(item: Item, one: Wanted) -> bool:
    """True if an item is the very product that was asked for."""
    plain = one.id.removesuffix(".SAFE")
    if plain in {item.id, _bare(item.id)}:
        return True
    if one.kind == SENTINEL2:
        return plain in {str(item.properties.get(key, "")).removesuffix(".SAFE") for key in ("s2:product_uri", "title")}
    return bool(one.current) and _UNDATED.match(item.id) is not None and _product(item) == plain


def _bare(id: str) -> str:
    """Without what USGS adds for the two halves of a level 2 product."""
    return re.sub(r"_(SR|ST)$", "", id.removesuffix(".SAFE"))


def _product(item: Item) -> str:
    """Landsat's own name for it, as its files are called, where the item's id leaves something away."""
    names = (re.search(r"(L\w+?_\d{8}_\d{8}_\d{2}_(?:RT|T1|T2))_", asset.href) for asset in item.assets)
    return next((found[1].rpartition("/")[2] for found in names if found), "")


def is_same(item: Item, one: Wanted) -> bool:
    """True if an item is of the same satellite, place and time, however it was processed."""
    when = datetime.fromisoformat(item.datetime)
    if not one.first <= when <= one.last:
        return False
    if one.kind == LANDSAT:
        return _is_same_scene(item, one)
    said = item.properties
    platform = str(said.get("platform", "")).lower().replace(" ", "-")
    return platform == one.platform and tile_of(item) == one.place and level_of(item) == one.level


def _is_same_scene(item: Item, one: Wanted) -> bool:
    try:
        part = _parts(item.id)
    except BadInput:
        return False
    modern = {"C", "O", "T"} if part.satellite >= 8 else {one.letter}
    level = one.level[:2] in {"", part.level[:2]}
    there = f"landsat-{part.satellite}" == one.platform and f"{part.path}/{part.row}" == one.place
    return level and there and part.sensor in modern and part.collection == 2


def tile_of(item: Item) -> str:
    """Tile of a Sentinel-2 item, with five signs; empty where it does not tell."""
    said: Mapping[str, Any] = item.properties
    told = said.get("s2:mgrs_tile") or str(said.get("grid:code") or "").removeprefix("MGRS-")
    if not told:
        found = _PRODUCT.match(item.id) or _TILE.match(item.id)
        told = found["tile"] if found else ""
    return str(told).removeprefix("T").zfill(5) if told else ""


def level_of(item: Item) -> str:
    """``"L2A"``, ``"L1C"``, ``"L2SP"`` …; empty where it does not tell."""
    found = re.search(r"L[12][A-Z]{1,2}(?=_|$)|MSI(L1C|L2A)", item.id)
    if found:
        return found[1] or found[0]
    told = str(item.properties.get("s2:product_type") or item.collection).upper()
    return "L1C" if "1C" in told else "L2A" if "2A" in told else ""


def freshness(item: Item, one: Wanted) -> tuple[bool, bool, str, str]:
    """Of several processings the greatest is to be taken: the level that was asked for, level 2, the newest."""
    level, said = level_of(item), item.properties
    baseline = str(said.get("s2:processing_baseline") or said.get("processing:version") or "")
    made = str(said.get("s2:generation_time") or "") or "".join(re.findall(r"\d{8}", item.id)[1:2])
    return level == one.level, level in {"L2SP", "L2A"}, baseline, made
