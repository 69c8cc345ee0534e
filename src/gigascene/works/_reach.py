"""How far each source reaches on the grid of a mosaic: told by outlines, before anything is opened."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer

POINTS = 33
"""Points along one side of an outline: lines that are straight on one map are curved on another."""

MARGIN = 0.02
"""Share of its size by which an outline is widened, where it was bent."""


def reaches(
    sources: Sequence[GeoBox], output: GeoBox
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """First row and column, and those behind the last, that each source may touch: four arrays."""
    found = np.array([reach(source, output) for source in sources], np.int64).reshape(-1, 4)
    return found[:, 0], found[:, 1], found[:, 2], found[:, 3]


def reach(source: GeoBox, output: GeoBox) -> tuple[int, int, int, int]:
    """The rectangle of output pixels that a source may touch: top, left, bottom, right; empty where it does not."""
    x, y = corners(source, output)
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        return 0, 0, 0, 0
    back = ~output.affine
    columns, rows = back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f
    bent = MARGIN if source.crs != output.crs else 0.0
    top, bottom = _span(rows[good], bent, output.shape[0])
    left, right = _span(columns[good], bent, output.shape[1])
    return (top, left, bottom, right) if top < bottom and left < right else (0, 0, 0, 0)


def corners(source: GeoBox, output: GeoBox) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points along the outline of a source, and inside, in the CRS of the output."""
    rows, columns = source.shape
    steps = np.linspace(0, 1, POINTS)
    across, down = np.meshgrid(steps * columns, steps * rows)
    a = source.affine
    x, y = a.a * across + a.b * down + a.c, a.d * across + a.e * down + a.f
    if source.crs != output.crs:
        x, y = _transformer(source.crs.to_wkt(), output.crs.to_wkt()).transform(x, y)
    return x.ravel(), y.ravel()


def pixel_size(source: GeoBox, output: GeoBox) -> float:
    """Side of a source pixel in units of the output's CRS, near the source's middle: the mean of both sides."""
    rows, columns = (side / 2 for side in source.shape)
    a = source.affine
    places = np.array([(columns, rows), (columns + 1, rows), (columns, rows + 1)])
    x, y = a.a * places[:, 0] + a.b * places[:, 1] + a.c, a.d * places[:, 0] + a.e * places[:, 1] + a.f
    if source.crs != output.crs:
        x, y = _transformer(source.crs.to_wkt(), output.crs.to_wkt()).transform(x, y)
    return float(np.hypot(x[1:] - x[0], y[1:] - y[0]).mean())


def _span(places: NDArray[np.float64], bent: float, size: int) -> tuple[int, int]:
    low, high = float(places.min()), float(places.max())
    more = 2 + bent * (high - low)
    return max(int(np.floor(low - more)), 0), min(int(np.ceil(high + more)), size)


@lru_cache(maxsize=64)
def _transformer(source: str, output: str) -> Transformer:
    return Transformer.from_crs(source, output, always_xy=True)
