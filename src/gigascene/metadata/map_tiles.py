"""What a folder of web map tiles says of itself: TileJSON 3, or the ``tilemapresource.xml`` of TMS, which `gdal2tiles` writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from gigascene.metadata.safe_xml import parse
from gigascene.model.errors import BadInput
from gigascene.model.grid import DEEPEST_ZOOM

TILEJSON, RESOURCE = "tilejson.json", "tilemapresource.xml"
MERCATOR, GEODETIC = 3857, 4326
"""EPSG codes of the two grids that web maps have."""

PROFILES = {"mercator": MERCATOR, "global-mercator": MERCATOR, "geodetic": GEODETIC, "global-geodetic": GEODETIC}
"""Those of TMS that have a global grid; a `raster` profile has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MapTiles:
    """Facts of a folder; what it does not say is None, and its files tell."""

    epsg: int = MERCATOR
    """Of its grid."""

    south: bool = False
    """Rows are counted from the south (TMS), not from the north (XYZ)."""

    zoom: int | None = None
    """The finest."""

    side: int | None = None
    """Pixels of a tile."""

    kind: str | None = None
    """Suffix of its files."""


def of_tilejson(text: bytes, file: str) -> MapTiles:
    """Facts of a TileJSON; of ours also `crs`, `tileSize` and `format`, which the standard does not have.

    Raises `BadInput` naming `file`.
    """
    try:
        found = json.loads(text)
        return MapTiles(
            epsg={f"EPSG:{code}": code for code in (MERCATOR, GEODETIC)}[found.get("crs", f"EPSG:{MERCATOR}")],
            south={"xyz": False, "tms": True}[found.get("scheme", "xyz")],
            zoom=_within(found.get("maxzoom"), 0, DEEPEST_ZOOM),
            side=_within(found.get("tileSize"), 1, 1 << 16),
            kind=_suffix(found.get("format")),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadInput(f"is no TileJSON of map tiles that are read ({error}).", file) from error


def of_resource(text: bytes, file: str) -> MapTiles:
    """Facts of a ``tilemapresource.xml`` (TMS 1.0.0); rows are counted from the south. Raises `BadInput` naming `file`."""
    try:
        found: Any = parse(text, file)["TileMap"]
        format, sets = found["TileFormat"], found["TileSets"]
        profile = str(sets["@profile"])
        if profile not in PROFILES:
            raise BadInput(f"has tiles of the profile {profile!r}, which is on no grid of web maps.", file)
        listed = sets["TileSet"]
        orders = [int(one["@order"]) for one in (listed if isinstance(listed, list) else [listed])]
        return MapTiles(
            epsg=PROFILES[profile],
            south=True,
            zoom=_within(max(orders), 0, DEEPEST_ZOOM),
            side=_within(int(format["@width"]), 1, 1 << 16),
            kind=_suffix(format["@extension"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadInput(f"is no description of a tile map ({error}).", file) from error


def _within(number: Any, least: int, most: int) -> int | None:
    if number is None:
        return None
    if type(number) is not int or not least <= number <= most:
        raise ValueError(f"{number!r} is not within {least} to {most}")
    return number


def _suffix(said: Any) -> str | None:
    if said is None:
        return None
    if not isinstance(said, str) or not said.isalnum():
        raise ValueError(f"no suffix: {said!r}")
    return said
