"""Where every pixel of an output lies in a source, from 3 x 3 nodes of square cells.

Cells are squares of an output's lattice of points (its pixels' centres, or their corners) whose sides are powers of two.
Inside a cell positions follow the quadratic surface through its nodes, computed in whole numbers, so neither the machine nor
the window that is asked for can change a bit. Which cells serve is decided by `gigascene.works._control_grid`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gigascene.kernels._compiled import kernel
from gigascene.kernels._fixed import I64, NOWHERE, ONE, Positions
from gigascene.model.grid import Window

WIDEST = 1 << 12
"""Largest distance of a cell's nodes from its middle, source pixels: 36 bits, and 24 more for a cell of 64 x 64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Squares of an output's lattice of points, in any order; no two of them share a point."""

    top: I64
    """First row of each, (cell,)."""

    left: I64
    """First column of each, (cell,)."""

    size: I64
    """Rows and columns of each, powers of two from 2 to 64, (cell,)."""

    y: I64
    """Source rows of the nodes, in units of 1 / `ONE`, (cell, 3, 3): at the first row and column of points, half way to
    those of the next cell, and at these. None is farther than `WIDEST` source pixels from the middle one."""

    x: I64
    """Source columns of the nodes, as `y`."""


def blank(window: Window) -> Positions:
    """Positions of a window, all of them `NOWHERE` yet."""
    shape = window.height, window.width
    return Positions(y=np.full(shape, NOWHERE, np.int64), x=np.full(shape, NOWHERE, np.int64))


def wrapped(x: I64, period: int) -> I64:
    """Source columns of a world that repeats itself after `period`, brought into the first one, which begins at -1/2.

    >>> wrapped(np.int64([-ONE, 0, 360 * ONE]), 360 * ONE) // ONE
    array([359,   0,   0])
    """
    half = ONE // 2
    return (x + half) % period - half if period else x


def fill_numpy(cells: Cells, period: int, window: Window, out: Positions) -> None:
    """The specification of `fill`, with the same arguments."""
    for top, left, size, y, x in zip(cells.top, cells.left, cells.size, cells.y, cells.x, strict=True):
        rows = np.arange(max(top, window.top), min(top + size, window.bottom))
        columns = np.arange(max(left, window.left), min(left + size, window.right))
        place = np.ix_(rows - window.top, columns - window.left)
        weights = _weights_numpy(rows - top, size), _weights_numpy(columns - left, size)
        out.y[place] = _surface_numpy(y, size, *weights)
        out.x[place] = wrapped(_surface_numpy(x, size, *weights), period)


def _weights_numpy(at: I64, size: int) -> I64:
    """Lagrange's polynomials of three nodes, (3, point); they add up to size**2 / 2."""
    half = size // 2
    return np.stack([(at - half) * (at - size), 2 * at * (size - at), at * (at - half)])


def _surface_numpy(nodes: I64, size: int, weights_y: I64, weights_x: I64) -> I64:
    total = weights_y.T @ (nodes - nodes[1, 1]) @ weights_x
    unit = (size * size // 2) ** 2
    found: I64 = (total + unit // 2) // unit + nodes[1, 1]
    return found


def fill(cells: Cells, period: int, window: Window, out: Positions) -> None:
    """Interpolate the positions of a window that lie in `cells`, and leave the others; compiled twin of `fill_numpy`.

    Parameters
    ----------
    cells : Cells
        They may reach beyond the window.
    period : int
        Source columns after which the world repeats itself, in units of 1 / `ONE`, or 0. Positions are brought into the
        first such world.
    window : Window
        Of the output's lattice.
    out : Positions
        Of this window.

    Examples
    --------
    >>> y, x = (at[None] for at in np.mgrid[:6:2, :6:2])
    >>> one = Cells(top=np.int64([0]), left=np.int64([0]), size=np.int64([4]), y=y * ONE, x=x * x * ONE)
    >>> window = Window(top=1, left=2, height=1, width=2)
    >>> found = blank(window)
    >>> fill(one, 0, window, found)
    >>> (found.y / ONE).tolist(), (found.x / ONE).tolist()
    ([[1.0, 1.0]], [[4.0, 9.0]])
    """
    _fill(cells.top, cells.left, cells.size, cells.y, 0, window.top, window.left, out.y)
    _fill(cells.top, cells.left, cells.size, cells.x, period, window.top, window.left, out.x)


@kernel
def _along(nodes, row, size):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Values of the surface at the three columns of nodes, in one row of points, times size**2 / 2."""
    half, middle = size // 2, nodes[1, 1]
    a, b, c = (row - half) * (row - size), 2 * row * (size - row), row * (row - half)
    first = a * (nodes[0, 0] - middle) + b * (nodes[1, 0] - middle) + c * (nodes[2, 0] - middle)
    second = a * (nodes[0, 1] - middle) + c * (nodes[2, 1] - middle)
    third = a * (nodes[0, 2] - middle) + b * (nodes[1, 2] - middle) + c * (nodes[2, 2] - middle)
    return first, second, third


@kernel
def _fill(tops, lefts, sizes, nodes, period, window_top, window_left, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    edge = ONE // 2
    for cell in range(tops.shape[0]):
        size, top, left, middle = sizes[cell], tops[cell], lefts[cell], nodes[cell, 1, 1]
        half, unit, shift = size // 2, (size * size // 2) ** 2, 0
        while 1 << shift < unit:
            shift += 1
        start, end = max(left, window_left), min(left + size, window_left + out.shape[1])
        u = start - left
        for row in range(max(top, window_top), min(top + size, window_top + out.shape[0])):
            p, q, r = _along(nodes[cell], row - top, size)
            total = (u - half) * (u - size) * p + 2 * u * (size - u) * q + u * (u - half) * r + unit // 2
            # The second difference of a quadratic is constant, and the first follows by addition.
            bend = 2 * (p - 2 * q + r)
            step = (2 * u + 1 - half - size) * p + 2 * (size - 2 * u - 1) * q + (2 * u + 1 - half) * r
            for column in range(start, end):
                position = (total >> shift) + middle
                if period and (position < -edge or position >= period - edge):
                    position = (position + edge) % period - edge
                out[row - window_top, column - window_left] = position
                total += step
                step += bend


def at_borders_numpy(at: Positions, margin: int) -> tuple[I64, I64]:
    """The specification of `at_borders`, with the same arguments."""
    half = ONE // 2
    near = [(of + half + margin) % ONE <= 2 * margin for of in (at.y, at.x)]
    rows, columns = np.nonzero((near[0] | near[1]) & (at.y != NOWHERE))
    return rows.astype(np.int64), columns.astype(np.int64)


def at_borders(at: Positions, margin: int) -> tuple[I64, I64]:
    """Rows and columns, within the window, of positions that lie near the border of a source pixel; twin of `at_borders_numpy`.

    Parameters
    ----------
    at : Positions
    margin : int
        What near is, in units of 1 / `ONE`.

    Examples
    --------
    >>> at = Positions(y=np.int64([[0, 0, 0]]), x=np.int64([[0, ONE // 2 - 3, ONE]]))
    >>> [of.tolist() for of in at_borders(at, 3)]
    [[0], [1]]
    """
    count = _count_borders(at.y, at.x, margin)
    rows, columns = np.empty(count, np.int64), np.empty(count, np.int64)
    _find_borders(at.y, at.x, margin, rows, columns)
    return rows, columns


@kernel
def _at_border(y, x, margin):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    reach, last = ONE // 2 + margin, ONE - 1
    return ((y + reach) & last <= 2 * margin or (x + reach) & last <= 2 * margin) and y != NOWHERE


@kernel
def _count_borders(ys, xs, margin):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    count = 0
    for i in range(ys.shape[0]):
        for j in range(ys.shape[1]):
            count += _at_border(ys[i, j], xs[i, j], margin)
    return count


@kernel
def _find_borders(ys, xs, margin, rows, columns):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    count = 0
    for i in range(ys.shape[0]):
        for j in range(ys.shape[1]):
            if _at_border(ys[i, j], xs[i, j], margin):
                rows[count], columns[count] = i, j
                count += 1
