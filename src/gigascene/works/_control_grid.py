"""Which cells of an output's lattice may be interpolated, and exact positions for what is left.

A cell is tried by 5 x 5 exact points, half a cell apart: the inner 3 x 3 are its nodes, the others lie around it. It serves if
the quadratic surface through its nodes, carried on to the points around, comes near enough to these: there its errors are many
times those inside, and no pole and no cut of the map in or near the cell escapes. Otherwise its quarters are tried,
down to `LEAF`, and what does not serve then is computed point by point. All this depends on where a cell lies in the output, and
on nothing else: the same point has the same position in every window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gigascene.kernels._fixed import ONE, Positions
from gigascene.kernels.control_grid import WIDEST, Cells, at_borders, blank, fill
from gigascene.model.grid import Window
from gigascene.works._projection import FARTHEST, Way

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

ROOT, LEAF = 64, 8
"""Sides of the largest and of the smallest cells, output pixels."""

ERROR = 0.00025
"""Source pixels: what a surface may be wrong by inside a cell. 0.05 is promised, and much less costs hardly more."""

BORDER = 2 * ERROR
"""Positions that come so near to the border of a source pixel are computed exactly, so that none crosses it."""

AROUND = 12 * ERROR
"""What it may be wrong by around the cell. With t the place in cells, the error is t (t - 1/2) (t - 1) / 6 times the third
derivative: 15.6 times more at t = -1/2 than anywhere between 0 and 1."""

BESIDE = 2.0
"""Source pixels: what lies farther outside, and outside by its own size, has nothing to do with the source."""

AT = np.linspace(-0.5, 1.5, 5)
LAGRANGE = np.stack([(2 * AT - 1) * (AT - 1), 4 * AT * (1 - AT), AT * (2 * AT - 1)])
"""Weights of three nodes at five points half a cell apart, (3, 5)."""

CENTRE = 0.5

SERVES, BEYOND, FAILS = 0, 1, 2
"""What may be said of a cell: it may be interpolated, it is nowhere near the source, it must be divided."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """Cells of one size, and the 5 x 5 exact points of each: (cell, 5, 5)."""

    top: I64
    left: I64
    size: int
    y: F64
    x: F64

    def only(self, which: NDArray[np.bool_]) -> _Tried:
        return _Tried(self.top[which], self.left[which], self.size, self.y[which], self.x[which])


def positions(way: Way, window: Window, offset: float = CENTRE) -> Positions:
    """Source positions of a window of an output's points.

    Parameters
    ----------
    way : Way
        From the output to the source.
    window : Window
        Of the lattice of points: row 0 and column 0 lie at `offset`.
    offset : float
        0.5 for the centres of pixels, 0 for their upper left corners.

    Returns
    -------
    Positions
        Within 0.05 source pixels of the exact ones, and exactly these where grids share a CRS, at poles and cuts, and for
        centres near the border of a source pixel: the nearest pixel is always the exact one.
    """
    out = blank(window)
    if way.affine is not None:
        rows = np.arange(window.top, window.bottom, dtype=np.float64)[:, None] + offset
        columns = np.arange(window.left, window.right, dtype=np.float64) + offset
        out.y[:], out.x[:] = way.fixed(rows, columns)
        return out
    good, rest = _cells(way, window, offset)
    fill(good, way.fixed_period, window, out)
    _fill_exactly(way, rest, window, offset, out)
    if offset == CENTRE:
        near, across = at_borders(out, round(BORDER * ONE))
        rows, columns = near + window.top + np.float64(offset), across + window.left + np.float64(offset)
        out.y[near, across], out.x[near, across] = way.fixed(rows, columns)
    return out


def _cells(way: Way, window: Window, offset: float) -> tuple[Cells, _Tried]:
    """Cells that serve, and leaves that do not."""
    tried, found = _roots(way, window, offset), []
    while True:
        verdict = _verdict(way, tried)
        found.append(tried.only(verdict == SERVES))
        tried = tried.only(verdict == FAILS)
        if tried.size == LEAF or not tried.top.size:
            return _joined(way, found), tried
        tried = _quarters(way, tried, window, offset)


def _roots(way: Way, window: Window, offset: float) -> _Tried:
    """The largest cells that touch a window: their points are those of one lattice."""
    top, left = window.top // ROOT * ROOT, window.left // ROOT * ROOT
    rows = np.arange(top - ROOT // 2, -(-window.bottom // ROOT) * ROOT + ROOT // 2 + 1, ROOT // 2)
    columns = np.arange(left - ROOT // 2, -(-window.right // ROOT) * ROOT + ROOT // 2 + 1, ROOT // 2)
    y, x = way.places(*np.meshgrid(rows + offset, columns + offset, indexing="ij"))
    return _seen(y[None], x[None], np.array([top]), np.array([left]), ROOT)


def _quarters(way: Way, parents: _Tried, window: Window, offset: float) -> _Tried:
    """The quarters of cells, those that touch a window: 7 x 7 points for each four."""
    size = parents.size // 2
    steps = (np.arange(7) - 1) * (size // 2)
    rows, columns = (at[:, None] + steps for at in (parents.top, parents.left))
    shape = parents.top.size, 7, 7
    y, x = way.places(
        np.broadcast_to(rows[:, :, None] + offset, shape).copy(),
        np.broadcast_to(columns[:, None] + offset, shape).copy(),
    )
    found = _seen(y, x, parents.top, parents.left, size)
    return found.only(
        (found.top < window.bottom)
        & (found.top + size > window.top)
        & (found.left < window.right)
        & (found.left + size > window.left)
    )


def _seen(y: F64, x: F64, tops: I64, lefts: I64, size: int) -> _Tried:
    """Cells side by side, in each of several lattices (lattice, row, column) that begin half a cell before (top, left)."""
    views = [sliding_window_view(of, (5, 5), axis=(1, 2))[:, ::2, ::2] for of in (y, x)]
    count, down, across = views[0].shape[:3]
    top = np.broadcast_to(tops[:, None, None] + size * np.arange(down)[:, None], (count, down, across))
    left = np.broadcast_to(lefts[:, None, None] + size * np.arange(across), (count, down, across))
    return _Tried(top.ravel(), left.ravel(), size, *(of.reshape(-1, 5, 5) for of in views))


def _verdict(way: Way, tried: _Tried) -> NDArray[np.int64]:
    """What may be said of each cell."""
    y, x = tried.y, _unwrapped(tried.x, way.period)
    with np.errstate(invalid="ignore"):
        off = np.maximum(np.abs(y - _surface(y)), np.abs(x - _surface(x)))
        # Nothing compares with NaN: a point that is nowhere fails its cell.
        serves = (off.max(axis=(1, 2)) <= AROUND) & _narrow(y) & _narrow(x)
        beyond = _outside(y, way.source.shape[0], 0.0) | _outside(x, way.source.shape[1], way.period)
    if tried.size == LEAF:
        beyond |= ~np.isfinite(tried.y).any(axis=(1, 2))
    return np.where(beyond, BEYOND, np.where(serves, SERVES, FAILS))


def _unwrapped(x: F64, period: float) -> F64:
    """Columns of a world that repeats itself, those nearest to a cell's middle, which lies in the first such world."""
    if not period:
        return x
    with np.errstate(invalid="ignore"):
        middle = x[:, 2, 2] - period * np.floor((x[:, 2, 2] + 0.5) / period)
        away = x - middle[:, None, None]
        return x - period * np.rint(away / period)


def _surface(values: F64) -> F64:
    """Quadratic surfaces through the nodes of cells, at their 5 x 5 points."""
    nodes = values[:, 1:4, 1:4]
    middle = nodes[:, 1:2, 1:2]
    found: F64 = LAGRANGE.T @ (nodes - middle) @ LAGRANGE + middle
    return found


def _narrow(values: F64) -> NDArray[np.bool_]:
    """True if whole numbers hold the surface; False if one is not finite."""
    middle = values[:, 2, 2]
    away = np.abs(values - middle[:, None, None]).max(axis=(1, 2))
    found: NDArray[np.bool_] = (away < WIDEST) & (np.abs(middle) < FARTHEST)
    return found


def _outside(values: F64, size: int, period: float) -> NDArray[np.bool_]:
    """True where cells lie beyond 0 to `size` along one axis by more than their own size; False where one is not finite."""
    low, high = values.min(axis=(1, 2)), values.max(axis=(1, 2))
    beside = high - low + BESIDE
    low, high = low - beside, high + beside
    if not period:
        return (high < 0) | (low > size)
    start = low - period * np.floor(low / period)
    return (start > size) & (start + high - low < period)


def _joined(way: Way, found: list[_Tried]) -> Cells:
    """Cells of all sizes together, their nodes in fixed point."""
    y = np.concatenate([one.y[:, 1:4, 1:4] for one in found])
    x = np.concatenate([_unwrapped(one.x, way.period)[:, 1:4, 1:4] for one in found])
    return Cells(
        top=np.concatenate([one.top for one in found]),
        left=np.concatenate([one.left for one in found]),
        size=np.concatenate([np.full(one.top.size, one.size) for one in found]),
        y=np.rint(y * ONE).astype(np.int64),
        x=np.rint(x * ONE).astype(np.int64),
    )


def _fill_exactly(way: Way, cells: _Tried, window: Window, offset: float, out: Positions) -> None:
    """Positions of cells in which nothing can be interpolated."""
    step = np.arange(cells.size)
    shape = cells.top.size, cells.size, cells.size
    rows = np.broadcast_to(cells.top[:, None, None] + step[:, None], shape)
    columns = np.broadcast_to(cells.left[:, None, None] + step, shape)
    asked = (rows >= window.top) & (rows < window.bottom) & (columns >= window.left) & (columns < window.right)
    rows, columns = rows[asked], columns[asked]
    place = rows - window.top, columns - window.left
    out.y[place], out.x[place] = way.fixed(rows + offset, columns + offset)
