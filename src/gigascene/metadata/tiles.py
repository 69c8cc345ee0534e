"""Where Landsat's paths and rows and Sentinel-2's tiles lie, near enough to ask a catalogue for what lies there."""

from __future__ import annotations

import re
from math import asin, atan2, cos, degrees, radians, sin

from pyproj import Transformer

Box = tuple[float, float, float, float]
"""West, south, east, north, degrees; west is the greater where it crosses the date line."""

INCLINATION_DEG = 98.2096
PATHS, ROWS, DAYS = 233, 248, 16
"""The second World Reference System: paths of a cycle, rows of a path, days of a cycle (USGS, Landsat 8 Data Users Handbook)."""

PATH_1_DEG = -64.6
"""Longitude at which path 1 crosses the equator southward, at row 60 (the same)."""

HALF_SCENE_DEG = 1.5
"""Of latitude; scenes are 185 km on a side."""

_TILE = re.compile(r"(?P<zone>\d{1,2})(?P<band>[C-HJ-NP-X])(?P<column>[A-HJ-NP-Z])(?P<row>[A-HJ-NP-V])")
_COLUMNS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_BANDS = "CDEFGHJKLMNPQRSTUVWX"
SQUARE_M, TILE_M = 100_000, 109_800


def scene_box(path: int, row: int) -> Box:
    """A box around the scenes of a path and row of WRS-2.

    >>> west, south, east, north = scene_box(226, 10)  # Scoresby Sund
    >>> west < -25 < east and south < 70.5 < north
    True
    """
    along, tilt = radians((row - 60) * 360 / ROWS), radians(INCLINATION_DEG)
    lat = -degrees(asin(sin(along) * sin(tilt)))
    turned = degrees(along) / 360 * (360 * DAYS / PATHS)  # of the Earth, meanwhile
    lon = PATH_1_DEG - (path - 1) * 360 / PATHS + degrees(atan2(cos(tilt) * sin(along), cos(along))) - turned
    wide = HALF_SCENE_DEG / max(cos(radians(min(abs(lat) + HALF_SCENE_DEG, 89))), 0.02)
    return _turned(lon - wide), max(lat - HALF_SCENE_DEG, -90.0), _turned(lon + wide), min(lat + HALF_SCENE_DEG, 90.0)


def tile_box(tile: str) -> Box | None:
    """A box around a tile such as ``"32TMS"``; None for what is none.

    >>> [round(side, 1) for side in tile_box("32TMS")]
    [7.7, 46.0, 9.1, 47.0]
    """
    found = _TILE.fullmatch(tile)
    if not found or not 1 <= (zone := int(found["zone"])) <= 60 or found["column"] not in _COLUMNS[(zone - 1) % 3]:
        return None
    east = (_COLUMNS[(zone - 1) % 3].index(found["column"]) + 1) * SQUARE_M
    north = (_ROWS.index(found["row"]) - (5 if zone % 2 == 0 else 0)) % 20 * SQUARE_M
    south_lat = -80 + 8 * _BANDS.index(found["band"])
    to_degrees = Transformer.from_crs(f"EPSG:{(326 if south_lat >= 0 else 327) * 100 + zone}", 4326, always_xy=True)
    for cycle in range(5):  # letters of rows come again after 2,000 km
        top = north + cycle * 20 * SQUARE_M + SQUARE_M
        _, lat = to_degrees.transform(east + TILE_M / 2, top - TILE_M / 2)
        if south_lat - 1 <= lat <= south_lat + (13 if found["band"] == "X" else 9):
            ways = [(x, y) for x in (east, east + TILE_M) for y in (top - TILE_M, top)]
            lons, lats = zip(*(to_degrees.transform(*way) for way in ways), strict=True)
            middle, _ = to_degrees.transform(east + TILE_M / 2, top - TILE_M / 2)
            sides = [_turned(lon - middle) for lon in lons]
            return _turned(middle + min(sides)), min(lats), _turned(middle + max(sides)), max(lats)
    return None


def _turned(lon: float) -> float:
    """As a longitude from -180 to 180."""
    return (lon + 180) % 360 - 180
