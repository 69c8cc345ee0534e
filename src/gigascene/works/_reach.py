"""How far each source reaches on the grid of a mosaic: told by outlines, before anything is opened."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from gigascene.model.errors import UsageError
from gigascene.works._projection import world

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
    """The rectangle of output pixels that a source may touch: top, left, bottom, right; empty where it does not.

    On maps that repeat themselves, such as those in degrees, a source lies at its place in each of these worlds.
    """
    x, y = corners(source, output)
    good = np.isfinite(x) & np.isfinite(y)
    if not good.any():
        return 0, 0, 0, 0
    back = ~output.affine
    columns, rows = back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f
    bent = MARGIN if source.crs != output.crs else 0.0
    top, bottom = _inside(rows[good].min(), rows[good].max(), bent, output.shape[0])
    left, right = _around(*span(columns[good], period(output)), bent, output.shape[1], period(output))
    return (top, left, bottom, right) if top < bottom and left < right else (0, 0, 0, 0)


def corners(source: GeoBox, output: GeoBox) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points along the outline of a source, and inside, in the CRS of the output."""
    rows, columns = source.shape
    steps = np.linspace(0, 1, POINTS)
    across, down = np.meshgrid(steps * columns, steps * rows)
    a = source.affine
    x, y = a.a * across + a.b * down + a.c, a.d * across + a.e * down + a.f
    x, y = _carried(source, output, x, y)
    return x.ravel(), y.ravel()


def pixel_size(source: GeoBox, output: GeoBox) -> float:
    """Side of a source pixel in units of the output's CRS, near the source's middle: the mean of both sides."""
    rows, columns = (side / 2 for side in source.shape)
    a = source.affine
    places = np.array([(columns, rows), (columns + 1, rows), (columns, rows + 1)])
    x, y = a.a * places[:, 0] + a.b * places[:, 1] + a.c, a.d * places[:, 0] + a.e * places[:, 1] + a.f
    x, y = _carried(source, output, x, y)
    return float(np.hypot(x[1:] - x[0], y[1:] - y[0]).mean())


def period(grid: GeoBox) -> float:
    """Columns of a grid after which its map repeats itself (360°), or 0."""
    upright = grid.affine.b == grid.affine.d == 0
    return world(grid) / abs(grid.affine.a) if upright else 0.0


def span(places: NDArray[np.float64], around: float) -> tuple[float, float]:
    """First and last of places on a line that is closed after `around` (0: it is not): across its ends where that is shorter.

    It is taken as shorter where they leave more than half of the line free; what lies behind the end goes on counting.

    >>> span(np.array([-179.0, -178.0, 177.0]), 360.0)
    (177.0, 182.0)
    >>> span(np.array([-179.0, -60.0, 60.0, 177.0]), 360.0)
    (-179.0, 177.0)
    """
    low, high = float(places.min()), float(places.max())
    if not around or high - low <= around / 2:
        return low, high
    ordered = np.unique((places - low) % around)
    free = np.diff(ordered, append=around)
    widest = int(free.argmax())
    if widest + 1 == ordered.size or free[widest] <= around / 2:
        return low, high
    start = low + float(ordered[widest + 1])
    return start, start + around - float(free[widest])


def turns(low: float, high: float, size: float, world: float) -> Iterator[float]:
    """By how much what lies from `low` to `high` must be moved so that it shows between 0 and `size`, once around or more.

    >>> list(turns(-181.0, -179.0, 200.0, 360.0))
    [360.0]
    """
    if not world:
        yield 0.0
        return
    for turn in range(math.ceil(-high / world), math.floor((size - low) / world) + 1):
        yield turn * world


def _carried(
    source: GeoBox, output: GeoBox, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates in the CRS of the output; raises `UsageError` if just one of both has a CRS."""
    if source.crs == output.crs:
        return x, y
    if source.crs is None or output.crs is None:
        raise UsageError("pictures with a CRS and without one cannot stand side by side: say where these lie first")
    found: tuple[NDArray[np.float64], NDArray[np.float64]] = _transformer(
        source.crs.to_wkt(), output.crs.to_wkt()
    ).transform(x, y)
    return found


def _inside(low: float, high: float, bent: float, size: int) -> tuple[int, int]:
    more = 2 + bent * (high - low)
    return max(int(np.floor(low - more)), 0), min(int(np.ceil(high + more)), size)


def _around(low: float, high: float, bent: float, size: int, world: float) -> tuple[int, int]:
    """The same in every world that the output reaches into, from the first pixel to the last."""
    if not world:
        return _inside(low, high, bent, size)
    more = 2 + bent * (high - low)
    found = [_inside(low + turn, high + turn, bent, size) for turn in turns(low - more, high + more, size, world)]
    touched = [(left, right) for left, right in found if left < right]
    return (min(left for left, _ in touched), max(right for _, right in touched)) if touched else (0, 0)


@lru_cache(maxsize=64)
def _transformer(source: str, output: str) -> Transformer:
    return Transformer.from_crs(source, output, always_xy=True)
