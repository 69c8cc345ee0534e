"""Weights that fall off towards the edge of a scene's valid area, so that no seam is sharp.

Distances are whole numbers squared until their root is taken, weights whole numbers: a window's are those of the whole.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.model.grid import Window
from gigascene.model.mosaic import ONE

Mask = NDArray[np.bool_]
Weights = NDArray[np.uint16]


def halo(reach: float) -> int:
    """Pixels beyond a window that its weights depend on.

    >>> halo(6.7)
    8
    """
    return math.ceil(reach) + 1


def ramp_numpy(valid: Mask, reach: float) -> Weights:
    """Weight of every pixel but those of the halo; the specification of `ramp`.

    Parameters
    ----------
    valid : (y, x) bool
        With `halo(reach)` more pixels on every side, False beyond the scene.
    reach : float
        Width of the ramp, pixels; above 0.

    Returns
    -------
    (y - 2 halo, x - 2 halo) uint16
        ``ONE * min((d - 1/2) / reach, 1)``, rounded, with d the distance to the nearest pixel that is not valid,
        centre to centre; at least 1 where the pixel is valid, 0 where it is not.

    Examples
    --------
    >>> valid = np.zeros((7, 11), bool)
    >>> valid[:, 3:] = True
    >>> (ramp_numpy(valid, 2.0) / ONE).tolist()
    [[0.25, 0.75, 1.0, 1.0, 1.0]]
    """
    edge, (rows, columns) = halo(reach), valid.shape
    least = np.full((rows - 2 * edge, columns - 2 * edge), edge * edge, np.int64)
    for dy in range(-edge, edge + 1):
        for dx in range(-edge, edge + 1):
            part = valid[edge + dy : rows - edge + dy, edge + dx : columns - edge + dx]
            least = np.where(part, least, np.minimum(least, dy * dy + dx * dx))
    share = np.minimum((np.sqrt(least.astype(np.float64)) - 0.5) / reach, 1.0)
    weights = np.maximum(np.floor(share * ONE + 0.5), 1)
    return np.where(valid[edge : rows - edge, edge : columns - edge], weights, 0).astype(np.uint16)


@kernel
def _columns(valid, edge, down):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Distance to the nearest invalid pixel of the same column, `edge` at most."""
    rows, columns = valid.shape
    for x in range(columns):
        down[0, x] = edge if valid[0, x] else 0
    for y in range(1, rows):
        for x in range(columns):
            down[y, x] = min(down[y - 1, x] + 1, edge) if valid[y, x] else 0
    for y in range(rows - 2, -1, -1):
        for x in range(columns):
            down[y, x] = min(down[y, x], down[y + 1, x] + 1)


@kernel
def _ramp(down, edge, reach, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(out.shape[0]):
        row = down[y + edge]
        lowest = edge
        for x in range(row.shape[0]):
            lowest = min(lowest, row[x])
        for x in range(out.shape[1]):
            here = row[x + edge]
            if here == 0:
                out[y, x] = 0
                continue
            least = here * here
            if lowest < edge:
                for dx in range(1, edge + 1):
                    if dx * dx >= least:
                        break
                    near = min(row[x + edge - dx], row[x + edge + dx])
                    least = min(least, dx * dx + near * near)
            share = min((np.sqrt(np.float64(least)) - 0.5) / reach, 1.0)
            out[y, x] = np.uint16(max(np.floor(share * ONE + 0.5), 1.0))


def ramp(valid: Mask, reach: float) -> Weights:
    """Compiled twin of `ramp_numpy`: along the columns, then along the rows."""
    edge = halo(reach)
    down = np.empty(valid.shape, np.int32)
    out = np.empty((valid.shape[0] - 2 * edge, valid.shape[1] - 2 * edge), np.uint16)
    _columns(valid, edge, down)
    _ramp(down, edge, reach, out)
    return out


def spread(cells: Weights, cell: int, window: Window) -> Weights:
    """Weights of pixels, interpolated between the centres of cells.

    Parameters
    ----------
    cells : (y, x) uint16
        Weight at the centre of each cell; beyond them it is 0.
    cell : int
        Pixels along a side of a cell.
    window : Window
        Pixels of the scene; cell 0, 0 begins at pixel 0, 0.

    Returns
    -------
    (y, x) uint16
        In whole numbers, rounded down.

    Examples
    --------
    >>> spread(np.uint16([[80, 160]]), 2, Window(top=0, left=0, height=1, width=4)).tolist()
    [[45, 75, 105, 90]]
    """
    framed = np.pad(cells.astype(np.int64), 1)
    y, fy = _between(window.top, window.height, cell, cells.shape[0])
    x, fx = _between(window.left, window.width, cell, cells.shape[1])
    whole = 2 * cell
    upper = framed[y][:, x] * (whole - fx) + framed[y][:, x + 1] * fx
    lower = framed[y + 1][:, x] * (whole - fx) + framed[y + 1][:, x + 1] * fx
    found = (upper * (whole - fy)[:, None] + lower * fy[:, None]) // (whole * whole)
    return found.astype(np.uint16)


def _between(first: int, count: int, cell: int, cells: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The framed cell before each pixel's centre, and how far behind its centre it is, in halves of a pixel."""
    place = 2 * np.arange(first, first + count, dtype=np.int64) + 1 - cell
    before, part = np.divmod(place, 2 * cell)
    return (before + 1).clip(0, cells), part
