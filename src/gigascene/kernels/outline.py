"""Which pixels lie inside a polygon: exactly, in whole numbers, the same for every window."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.model.grid import Window

UNIT = 256
"""Parts of a pixel that corners are rounded to."""


def inside_numpy(rings: Sequence[Sequence[int]], window: Window) -> NDArray[np.bool_]:
    """Pixels whose centre lies inside, by the even-odd rule; the specification of `inside`.

    Parameters
    ----------
    rings : sequences of x, y, x, y …
        Corners in 1 / `UNIT` of a pixel, from the upper left corner of pixel 0, 0. Closed or not.
    window : Window
        Of the picture in whose pixels the corners are.

    Returns
    -------
    (y, x) bool
        A centre on an edge that rises to the right or left is inside on one of its sides and not on the other, so
        that polygons with a common edge share no pixel and leave none between them.

    Examples
    --------
    >>> square = (256, 0, 768, 0, 768, 512, 256, 512)
    >>> inside_numpy([square], Window(top=0, left=0, height=1, width=4)).tolist()
    [[False, True, True, False]]
    """
    found = np.zeros((window.height, window.width), np.bool_)
    x = np.arange(window.left, window.right, dtype=np.int64) * UNIT + UNIT // 2
    for start, end in _edges(rings):
        (x0, y0), (x1, y1) = start, end
        for row in range(window.height):
            y = (window.top + row) * UNIT + UNIT // 2
            if (y0 <= y) != (y1 <= y):
                found[row] ^= x < x0 + ((y - y0) * (x1 - x0)) // (y1 - y0)
    return found


def _edges(rings: Sequence[Sequence[int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Edges that are not level."""
    corners = [list(zip(ring[::2], ring[1::2], strict=True)) for ring in rings]
    pairs = [pair for ring in corners for pair in zip(ring, ring[1:] + ring[:1], strict=True)]
    return [(start, end) for start, end in pairs if start[1] != end[1]]


def edges(rings: Sequence[Sequence[int]]) -> NDArray[np.int64]:
    """Edges that are not level, (n, 4): x0, y0, x1, y1."""
    found = [(*start, *end) for start, end in _edges(rings)]
    return np.array(found, np.int64).reshape(-1, 4)


@kernel
def _inside(lines, top, left, found):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    half = UNIT // 2
    for line in range(lines.shape[0]):
        x0, y0, x1, y1 = lines[line]
        low, high = min(y0, y1), max(y0, y1)
        first = max(-((half - low) // UNIT) - top, 0)  # the first row whose centre is at or below `low`
        for row in range(first, found.shape[0]):
            y = (top + row) * UNIT + half
            if y >= high:
                break
            if y < low:
                continue
            crossing = x0 + ((y - y0) * (x1 - x0)) // (y1 - y0)
            last = min(max(-((half - crossing) // UNIT) - left, 0), found.shape[1])
            for column in range(last):
                found[row, column] = not found[row, column]


def inside(lines: NDArray[np.int64], window: Window) -> NDArray[np.bool_]:
    """Compiled twin of `inside_numpy`, of what `edges` made of the rings."""
    found = np.zeros((window.height, window.width), np.bool_)
    _inside(lines, window.top, window.left, found)
    return found
