"""Look for scenes: in a STAC API, or in a catalogue that lies on disk or behind an address."""

from __future__ import annotations

import calendar
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from os import PathLike, fspath
from pathlib import Path
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import box, shape

from gigascene.api._newest import newest
from gigascene.archives import stac_api
from gigascene.archives.stac_api import Query
from gigascene.metadata.stac_items import Item, read_item
from gigascene.metadata.stac_parquet import Bounds, is_parquet
from gigascene.model.errors import BadInput, UnknownName, UsageError
from gigascene.model.scene import Scene
from gigascene.sensors import scenes_of
from gigascene.sensors._stac_file import Located, find_items, rows
from gigascene.storage import hrefs, remote
from gigascene.storage.local import Target

CATALOGS = {
    "earth-search": "https://earth-search.aws.element84.com/v1",
    "planetary-computer": "https://planetarycomputer.microsoft.com/api/stac/v1",
    "usgs": "https://landsatlook.usgs.gov/stac-server",
    "cdse": "https://stac.dataspace.copernicus.eu/v1",
}
"""STAC APIs by short names."""

COLLECTIONS: Mapping[str, Mapping[str, str]] = {
    "sentinel2-l2a": {
        "earth-search": "sentinel-2-l2a",
        "planetary-computer": "sentinel-2-l2a",
        "cdse": "sentinel-2-l2a",
        "": "sentinel-s2-l2a-cogs",
    },
    "sentinel2-c1-l2a": {"earth-search": "sentinel-2-c1-l2a"},
    "sentinel2-l1c": {"earth-search": "sentinel-2-l1c", "cdse": "sentinel-2-l1c"},
    "landsat-c2-l2": {
        "usgs": "landsat-c2l2-sr",
        "planetary-computer": "landsat-c2-l2",
        "earth-search": "landsat-c2-l2",
    },
    "landsat-c2-l1": {"usgs": "landsat-c2l1"},
}
"""What each catalogue calls a collection; the first is where it is looked for. Under the empty name, what saved ones may say."""

MOST = 20_000
"""Items that one search may bring."""

_DAY = re.compile(r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search brought: items by (time, id), each acquisition once."""

    items: tuple[Mapping[str, Any], ...]
    """As the catalogue tells them (GeoJSON)."""

    older: tuple[str, ...] = ()
    """Ids left out, for the same acquisition is there from a newer processing."""

    unsaid: int = 0
    """How many were left out because they do not tell their cloud cover."""

    broken: tuple[str, ...] = ()
    """What was wrong with items that cannot be read."""

    def to_json(self) -> dict[str, Any]:
        """An ItemCollection."""
        return {"type": "FeatureCollection", "features": list(self.items)}

    def save(self, target: str | PathLike[str]) -> None:
        """Write it as JSON, which `open_scene` and the verbs take."""
        Target(Path(target)).write_text(json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")

    def scenes(self, *, offset: str | None = None) -> tuple[Scene, ...]:
        """The scenes; no file is opened."""
        located = (
            Located(read_item(one, "search"), "search", _self(one) or ".", trusted=not _self(one)) for one in self.items
        )
        return tuple(scenes_of(located, offset or ""))


def search(
    collection: str,
    *,
    bbox: Sequence[float | str] | None = None,
    date: str | None = None,
    cloud: float | None = None,
    limit: int | None = None,
    catalog: str | PathLike[str] | None = None,
) -> Found:
    """Find scenes of a collection.

    Parameters
    ----------
    collection : str
        ``"sentinel2-l2a"``, ``"landsat-c2-l2"`` … (`COLLECTIONS`), or what the catalogue itself calls it.
    bbox : four numbers, optional
        West, south, east, north in degrees; west is the greater where it crosses the date line.
    date : str, optional
        A year, month or day, or two of them: ``"2024-06/2024-08"``, ends included; ``".."`` leaves one open.
    cloud : float, optional
        Largest cloud cover, percent.
    limit : int, optional
        The first so many by time.
    catalog : str or path, optional
        A short name (`CATALOGS`), the address of a STAC API, or an ItemCollection (JSON or GeoParquet) or catalogue on disk or behind an address.

    Returns
    -------
    Found
        Never empty.

    Raises
    ------
    BadInput
        Nothing is found (says what to relax), or the catalogue does not answer.
    UsageError
        A box, date or number that makes no sense.
    """
    wanted = _Wanted.of(collection, bbox, date, cloud, catalog)
    if limit is not None and limit < 1:
        raise UsageError(f"--limit must be 1 or more, not {limit}")
    found, unsaid, broken = _gathered(wanted, limit)
    kept, older = newest(found)
    if not kept:
        raise _nothing(wanted, unsaid, broken)
    kept = kept[: limit or len(kept)]
    return Found(items=tuple(one.document for one in kept), older=tuple(older), unsaid=unsaid, broken=tuple(broken))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """A search, checked."""

    place: str
    names: tuple[str, ...]
    """Of the collection, in the words of this catalogue; several where it may use any."""

    boxes: tuple[tuple[float, float, float, float], ...]
    """One, or two that meet at the date line; none for everywhere."""

    first: datetime | None
    last: datetime | None
    cloud: float | None

    @classmethod
    def of(cls, collection: str, bbox: Any, date: str | None, cloud: float | None, catalog: Any) -> _Wanted:
        place, names = _placed(collection, None if catalog is None else fspath(catalog))
        if cloud is not None and not 0 <= cloud <= 100:
            raise UsageError(f"--cloud is a percentage, 0 to 100, not {cloud:g}")
        first, last = interval(date) if date else (None, None)
        return cls(place=place, names=names, boxes=boxes(bbox), first=first, last=last, cloud=cloud)

    def queries(self) -> Iterator[Query]:
        when = "" if self.first is self.last is None else f"{_text(self.first)}/{_text(self.last)}"
        for one in self.boxes or (None,):
            yield Query(collections=self.names[:1], bbox=one, datetime=when, cloud=self.cloud)

    def has(self, item: Item) -> bool:
        """By what the item says, whatever the server thought; clouds left aside."""
        when = datetime.fromisoformat(item.datetime)
        return (
            (not item.collection or item.collection in self.names)
            and (self.first is None or when >= self.first)
            and (self.last is None or when <= self.last)
            and (not self.boxes or any(_meets(item, one) for one in self.boxes))
        )


def _placed(collection: str, catalog: str | None) -> tuple[str, tuple[str, ...]]:
    """Where to look, and what the collection is called there."""
    known = COLLECTIONS.get(collection)
    if catalog is None:
        if known is None:
            raise UnknownName(collection, "collection", "", tuple(COLLECTIONS))
        name = next(iter(known))
        return CATALOGS[name], (known[name],)
    if catalog in CATALOGS:
        return CATALOGS[catalog], ((known or {}).get(catalog, collection),)
    return catalog, tuple(dict.fromkeys([*(known.values() if known else ()), collection]))


def boxes(bbox: Any) -> tuple[tuple[float, float, float, float], ...]:
    """A box as one, or as two that meet at the date line.

    >>> boxes((170, -20, -170, -10))
    ((170.0, -20.0, 180.0, -10.0), (-180.0, -20.0, -170.0, -10.0))
    """
    if bbox is None:
        return ()
    try:
        west, south, east, north = (float(side) for side in bbox)
    except (TypeError, ValueError):
        raise UsageError(f"a box is four numbers, west,south,east,north, not {bbox!r}") from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south < north <= 90 and west != east):
        raise UsageError(
            f"{west:g},{south:g},{east:g},{north:g} is no box: west,south,east,north in degrees, south below north"
        )
    if west < east:
        return ((west, south, east, north),)
    return tuple(one for one in ((west, south, 180.0, north), (-180.0, south, east, north)) if one[0] < one[2])


def interval(text: str) -> tuple[datetime | None, datetime | None]:
    """First and last moment of a date, or of two and what lies between; None where it is open.

    >>> [moment.isoformat() for moment in interval("2024-02")]
    ['2024-02-01T00:00:00+00:00', '2024-02-29T23:59:59.999999+00:00']
    """
    first, slash, last = text.strip().partition("/")
    begin, end = _span(first, text)[0], _span(last if slash else first, text)[1]
    if begin and end and begin > end:
        raise UsageError(f"--date {text} ends before it begins")
    return begin, end


def _span(text: str, whole: str) -> tuple[datetime | None, datetime | None]:
    if text in {"", ".."} and "/" in whole:
        return None, None
    found = _DAY.fullmatch(text)
    try:
        if not found:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return moment, moment
        year, month, day = (int(part) if part else None for part in found.groups())
        assert year is not None
        begin = datetime(year, month or 1, day or 1, tzinfo=UTC)
        final = day or calendar.monthrange(year, month or 12)[1]
        return begin, datetime(year, month or 12, final, tzinfo=UTC) + timedelta(days=1, microseconds=-1)
    except ValueError:
        raise UsageError(
            f"cannot read the date {whole!r}; write 2024, 2024-06, 2024-06-07, or two: 2024-06/2024-08"
        ) from None


def _text(moment: datetime | None) -> str:
    return ".." if moment is None else moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _meets(item: Item, wanted: tuple[float, float, float, float]) -> bool:
    """Footprint and box touch. Where the footprint spans half the world (it crosses the date line) its bbox is asked."""
    try:
        footprint = shape(item.document["geometry"])
        west, _, east, _ = footprint.bounds
        if east - west < 180:
            return bool(footprint.intersects(box(*wanted)))
    except (ShapelyError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        pass
    if item.bbox is None:
        return True
    west, south, east, north = item.bbox
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    return south <= wanted[3] and north >= wanted[1] and any(a <= wanted[2] and b >= wanted[0] for a, b in spans)


def _gathered(wanted: _Wanted, limit: int | None) -> tuple[list[Item], int, list[str]]:
    """Every item that fits, how many do not tell their clouds, and what was wrong with others."""
    found: dict[tuple[str, str], Item] = {}
    unsaid = 0
    broken: list[str] = []
    for item in _items(wanted, limit, broken):
        if not wanted.has(item):
            continue
        cover = item.properties.get("eo:cloud_cover")
        if wanted.cloud is None or (isinstance(cover, int | float) and cover <= wanted.cloud):
            found[item.collection, item.id] = item
        unsaid += wanted.cloud is not None and not isinstance(cover, int | float)
        if len(found) > MOST:
            raise BadInput(f"has more than {MOST} such scenes", hrefs.public(wanted.place), hint="Ask for less.")
    return list(found.values()), unsaid, broken


def _items(wanted: _Wanted, limit: int | None, broken: list[str]) -> Iterator[Item]:
    server = _server(wanted.place)
    if server is None:
        for located in _saved(wanted):
            yield replace(located.item, document=_settled_hrefs(located))
        return
    for query in wanted.queries():
        enough = limit * len(wanted.boxes or (1,)) * 2 + stac_api.PAGE if limit and server.sorts else None
        for number, raw in enumerate(stac_api.items(server, query)):
            if enough is not None and number >= enough:
                break
            try:
                item = read_item(raw, hrefs.public(wanted.place))
            except BadInput as error:
                broken.append(str(error))
                continue
            yield replace(item, document=came_from(server.href, item))


def _saved(wanted: _Wanted) -> Iterator[Located]:
    """Items of a catalogue that is read as it lies."""
    if is_parquet(wanted.place):
        return rows(wanted.place, Bounds(first=wanted.first, last=wanted.last, boxes=wanted.boxes))
    return find_items(wanted.place)


def _server(place: str) -> stac_api.Server | None:
    """The API behind an address; None for a catalogue that is read as it lies."""
    if not hrefs.is_remote(place) or is_parquet(place):
        return None
    return stac_api.server_of(place, remote.document(hrefs.remember(place), stac_api.LARGEST_PAGE))


def came_from(server: str, item: Item) -> dict[str, Any]:
    """The item with a link to where it comes from: what it names is a stranger's word, also once it lies on disk."""
    if hrefs.is_remote(item.self_href):
        return dict(item.document)
    links = [one for one in item.document.get("links") or [] if isinstance(one, Mapping) and one.get("rel") != "self"]
    here = f"{server.rstrip('/')}/collections/{item.collection or '-'}/items/{item.id}"
    return {**item.document, "links": [{"rel": "self", "href": here}, *links]}


def _settled_hrefs(located: Located) -> dict[str, Any]:
    """The item with hrefs that mean the same wherever it is written."""
    assets = {}
    for key, asset in located.item.document["assets"].items():
        href = asset.get("href") if isinstance(asset, Mapping) else None
        whole = href if not isinstance(href, str) or "://" in href else located.resolved(href)
        assets[key] = {**asset, "href": whole} if href else asset
    links = [one for one in located.item.document.get("links") or [] if isinstance(one, Mapping)]
    kept = links if not located.trusted else [one for one in links if one.get("rel") != "self"]
    return {**located.item.document, "assets": assets, "links": [one for one in kept if "://" in str(one.get("href"))]}


def _self(document: Mapping[str, Any]) -> str:
    links = document.get("links") or []
    found = next((one["href"] for one in links if isinstance(one, Mapping) and one.get("rel") == "self"), "")
    return found if hrefs.is_remote(found) else ""


def _nothing(wanted: _Wanted, unsaid: int, broken: list[str]) -> BadInput:
    """What to relax, found out by asking again for a little more each time."""
    if broken:
        return BadInput(f"sends only items that cannot be read, such as: {broken[0]}", hrefs.public(wanted.place))
    said = f" ({unsaid} do not tell their cloud cover.)" if unsaid else ""
    eased = {
        "--cloud": replace(wanted, cloud=None) if wanted.cloud is not None else None,
        "--date": replace(wanted, cloud=None, first=None, last=None) if wanted.first or wanted.last else None,
        "--bbox": replace(wanted, cloud=None, first=None, last=None, boxes=()) if wanted.boxes else None,
    }
    dropped: list[str] = []
    for option, other in eased.items():
        if other is not None:
            dropped.append(option)
            if any(other.has(item) for item in _items(other, 1, [])):
                hint = f"Without {' and '.join(dropped)} there are some: relax it."
                return BadInput(f"has no such scene.{said}", hrefs.public(wanted.place), hint=hint)
    names = " or ".join(map(repr, wanted.names))
    return BadInput(
        f"has no scene of {names} at all.{said}", hrefs.public(wanted.place), hint="Is the collection right?"
    )
