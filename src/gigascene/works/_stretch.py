"""How many source pixels there are to an output pixel: one number for each axis of a source, for the whole of an output."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._fixed import ONE
from gigascene.works._projection import Way

F64 = NDArray[np.float64]

FINEST = 0.95
"""Filters are stretched where there are fewer output pixels to a source pixel. GDAL's limit."""

ALONG = (np.arange(24) + 0.5) / 24
"""Where pixels are compared, along each side of both grids: one of them may be a small part of the other."""

STEPS = 256
"""The result is rounded to 1 / `STEPS`, so that it is the same on every machine."""


@lru_cache(maxsize=256)
def stretch(way: Way) -> tuple[int, int]:
    """Medians of source rows and of columns to an output pixel, in units of 1 / `ONE`; `ONE` where they are not more.

    A pixel's extent along an axis is that of an ellipse, the image of a circle: a turned source is not stretched.
    """
    rows, columns = _places(way)
    if not rows.size:
        return ONE, ONE
    y, x = way.places(rows + np.array([[0], [0], [-0.5], [0.5]]), columns + np.array([[-0.5], [0.5], [0], [0]]))
    across, down = x[1::2] - x[::2], y[1::2] - y[::2]
    if way.period:
        across -= way.period * np.rint(across / way.period)
    sizes = [_median(np.hypot(*of)) for of in (down, across)]
    if max(sizes) * FINEST <= 1:
        return ONE, ONE
    return _fixed(sizes[0]), _fixed(sizes[1])


def _places(way: Way) -> tuple[F64, F64]:
    """Output points that lie in both grids."""
    grids = [
        [at.ravel() for at in np.meshgrid(ALONG * box.shape[0], ALONG * box.shape[1])]
        for box in (way.output, way.source)
    ]
    rows, columns = (np.concatenate(pair) for pair in zip(grids[0], way.back(*grids[1]), strict=True))
    finite = np.isfinite(rows) & np.isfinite(columns)
    rows, columns = rows[finite], columns[finite]
    y, x = way.places(rows, columns)
    if way.period:
        with np.errstate(invalid="ignore"):
            x = x - way.period * np.floor((x + 0.5) / way.period)
    within = _inside(rows - 0.5, columns - 0.5, way.output.shape) & _inside(y, x, way.source.shape)
    return rows[within], columns[within]


def _inside(y: F64, x: F64, shape: tuple[int, int]) -> NDArray[np.bool_]:
    return (y >= -0.5) & (y <= shape[0] - 0.5) & (x >= -0.5) & (x <= shape[1] - 0.5)


def _median(sizes: F64) -> float:
    good = sizes[np.isfinite(sizes)]
    return float(np.median(good)) if good.size else 1.0


def _fixed(size: float) -> int:
    return max(round(size * STEPS), STEPS) * (ONE // STEPS)
