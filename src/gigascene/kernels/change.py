"""How two dates differ: the difference of each pixel, and what it counts as."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.model.grid import Window

KINDS = ("decrease", "stable", "increase")
"""What `kinds` calls 1, 2 and 3; 0 cannot be compared."""


def kinds(difference: NDArray[np.float32], threshold: float) -> NDArray[np.uint8]:
    """What each pixel counts as.

    Parameters
    ----------
    difference : (y, x) float32
        Later less earlier value; NaN where either is missing.
    threshold : float
        Differences of at most this much, either way, are none. Taken as the nearest float32, as the differences are.

    Returns
    -------
    (y, x) uint8
        0 missing, 1 decrease, 2 stable, 3 increase.

    Examples
    --------
    >>> kinds(np.float32([[-0.5, -0.1, 0.0, 0.1, 0.2, np.nan]]), 0.1).tolist()
    [[1, 2, 2, 2, 3, 0]]
    """
    limit = np.float32(threshold)
    found = np.full(difference.shape, 2, np.uint8)
    found[difference < -limit] = 1
    found[difference > limit] = 3
    found[np.isnan(difference)] = 0
    return found


def areas_numpy(
    kinds: NDArray[np.uint8], window: Window, nodes: NDArray[np.float64], shape: tuple[int, int], width: int
) -> NDArray[np.int64]:
    """Ground of each kind of pixel in every piece of a row of pieces; the specification of `areas`.

    Parameters
    ----------
    kinds : (y, x) uint8
        As `kinds` tells them.
    window : Window
        Where they lie in the picture; pieces begin at its left edge.
    nodes : (n, m) float64
        Ground of a pixel at nodes spread evenly over the picture, from edge to edge; at least 2 along either side.
    shape : (rows, columns)
        Of the picture.
    width : int
        Columns of a piece.

    Returns
    -------
    (pieces, 4) int64
        Sums of the ground of each pixel, rounded to a whole number: missing, decrease, stable, increase.

    Examples
    --------
    >>> found = np.array([[0, 1, 1, 3]], np.uint8)
    >>> at = Window(top=0, left=0, height=1, width=4)
    >>> areas_numpy(found, at, np.full((2, 2), 10.0), (1, 4), 2).tolist()
    [[10, 10, 0, 0], [0, 10, 0, 10]]
    """
    y, down = _between(np.arange(window.top, window.bottom), shape[0], nodes.shape[0])
    x, right = _between(np.arange(window.left, window.right), shape[1], nodes.shape[1])
    y, down = y[:, None], down[:, None]
    above = nodes[y, x] * (1 - right) + nodes[y, x + 1] * right
    below = nodes[y + 1, x] * (1 - right) + nodes[y + 1, x + 1] * right
    ground = np.floor(above * (1 - down) + below * down + 0.5).astype(np.int64)
    starts = np.arange(0, window.width, width)
    sums = [np.add.reduceat(np.where(kinds == kind, ground, 0).sum(axis=0), starts) for kind in range(len(KINDS) + 1)]
    return np.stack(sums, axis=1)


def _between(pixels: NDArray[np.int64], size: int, nodes: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Node before each pixel's centre, and the share of the way to the next."""
    place = (pixels + 0.5) * (nodes - 1) / size
    before = place.astype(np.int64)
    return before, place - before


@kernel
def _areas(kinds, y, down, x, right, nodes, width, found):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for row in range(kinds.shape[0]):
        i, v = y[row], down[row]
        for column in range(kinds.shape[1]):
            j, u = x[column], right[column]
            above = nodes[i, j] * (1 - u) + nodes[i, j + 1] * u
            below = nodes[i + 1, j] * (1 - u) + nodes[i + 1, j + 1] * u
            found[column // width, kinds[row, column]] += np.int64(np.floor(above * (1 - v) + below * v + 0.5))


def areas(
    kinds: NDArray[np.uint8], window: Window, nodes: NDArray[np.float64], shape: tuple[int, int], width: int
) -> NDArray[np.int64]:
    """Compiled twin of `areas_numpy`."""
    y, down = _between(np.arange(window.top, window.bottom), shape[0], nodes.shape[0])
    x, right = _between(np.arange(window.left, window.right), shape[1], nodes.shape[1])
    found = np.zeros((-(-window.width // width), len(KINDS) + 1), np.int64)
    _areas(kinds, y, down, x, right, nodes, width, found)
    return found
