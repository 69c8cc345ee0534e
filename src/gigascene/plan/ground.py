"""How much ground the pixels of a grid cover, at as many nodes as it takes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.metadata.area import ground_km2
from gigascene.model.comparison import Ground

CLOSE = 1e-4
"""Relative error between nodes, below which there need be no more of them."""

MOST = 128
"""Parts along one side."""

ACROSS = 5
"""Lines along which one side is looked at."""

PARTS = 1 << 30
"""Parts in which the largest pixel is counted."""


def ground(grid: GeoBox) -> Ground | None:
    """Of a grid; None where its CRS has no metres."""
    one = np.zeros(1)
    if ground_km2(grid, one, one) is None:
        return None
    rows, columns = (_parts(grid, axis) for axis in (0, 1))
    areas = _areas(grid, np.linspace(0, 1, rows + 1), np.linspace(0, 1, columns + 1))
    unit = float(areas.max()) / PARTS or 1.0
    return Ground(areas=tuple(map(tuple, (areas / unit).tolist())), unit_km2=unit)


def _areas(grid: GeoBox, down: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ground of a pixel at shares of the grid's height and width: (down, right), km²."""
    y, x = np.meshgrid(down * grid.shape[0], right * grid.shape[1], indexing="ij")
    found = ground_km2(grid, y.ravel(), x.ravel())
    assert found is not None
    return found.reshape(y.shape)


def _parts(grid: GeoBox, axis: int) -> int:
    """Parts along a side, halved until the middle of each is close to the mean of its ends."""
    lines, parts = np.linspace(0, 1, ACROSS), 1
    while parts < MOST:
        along = np.linspace(0, 1, 2 * parts + 1)
        areas = _areas(grid, along, lines) if axis == 0 else _areas(grid, lines, along).T
        middle = (areas[:-1:2] + areas[2::2]) / 2
        if (abs(areas[1::2] - middle) <= CLOSE * areas[1::2]).all():
            return parts
        parts *= 2
    return parts
