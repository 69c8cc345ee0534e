"""From coarse lattice nodes to pixels: cubic, so that slopes are smooth too; local, so that windows agree."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel

F32 = NDArray[np.float32]

BEFORE, AFTER = 1, 2
"""Nodes needed before and behind the cell a pixel lies in."""


@kernel
def _weights(t: float, out: F32) -> None:
    """Cubic convolution with a = -1/2 (Keys 1981, equation 15)."""
    out[0] = ((-0.5 * t + 1.0) * t - 0.5) * t
    out[1] = (1.5 * t - 2.5) * t * t + 1.0
    out[2] = ((-1.5 * t + 2.0) * t + 0.5) * t
    out[3] = (0.5 * t - 0.5) * t * t


@kernel
def _cell(metres: float, spacing: float, weights: F32) -> int:
    """Index of the node before a place; its weights depend on the place alone, never on where a window starts."""
    index = math.floor(metres / spacing)
    _weights((metres - index * spacing) / spacing, weights)
    return int(index)


@kernel
def upsample(
    nodes: F32, top: int, left: int, spacing: float, y: float, x: float, step: float, rows: int, columns: int
) -> F32:
    """Values at pixels.

    Parameters
    ----------
    nodes : (y, x, field) float32
        Lattice values, `spacing` metres apart, rows going down.
    top, left : int
        Index of the first node: it lies `top` steps down and `left` steps right of the origin.
    y, x : float
        Place of the first pixel, metres down and right of the origin.
    step : float
        Size of a pixel, metres.

    Returns
    -------
    (rows, columns, field) float32
    """
    fields = nodes.shape[2]
    out = np.empty((rows, columns, fields), np.float32)
    line = np.empty(nodes.shape[1:], np.float32)
    w = np.empty(4, np.float32)
    for row in range(rows):
        i = _cell(y + row * step, spacing, w) - top
        for j in range(nodes.shape[1]):
            for k in range(fields):
                up = w[0] * nodes[i - 1, j, k] + w[1] * nodes[i, j, k]
                line[j, k] = up + w[2] * nodes[i + 1, j, k] + w[3] * nodes[i + 2, j, k]
        for column in range(columns):
            j = _cell(x + column * step, spacing, w) - left
            for k in range(fields):
                near = w[0] * line[j - 1, k] + w[1] * line[j, k]
                out[row, column, k] = near + w[2] * line[j + 1, k] + w[3] * line[j + 2, k]
    return out


def cover(first: float, step: float, count: int, spacing: float) -> tuple[int, int]:
    """First lattice node and number of nodes that `count` pixels from `first` need, all in metres along one axis.

    >>> cover(500.0, 30.0, 10, 240.0)
    (1, 5)
    """
    low = math.floor(first / spacing) - BEFORE
    high = math.floor((first + step * (count - 1)) / spacing) + AFTER
    return low, high - low + 1
