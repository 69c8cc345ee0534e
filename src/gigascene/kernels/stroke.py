"""Which pixels a drawn line covers: exactly, in whole numbers, the same for every window."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.kernels.outline import UNIT
from gigascene.model.grid import Window

LONGEST = 32 * UNIT
"""Of one piece, along either axis: so that no product below exceeds 64 bits."""

WIDEST = 512 * UNIT
"""The largest reach, for the same reason."""


def covered_numpy(pieces: NDArray[np.int64], reach: int, window: Window) -> NDArray[np.bool_]:
    """Pixels whose centre is no further than `reach` from any piece of line; the specification of `covered`.

    Parameters
    ----------
    pieces : (n, 4) int64
        Ends x0, y0, x1, y1 in 1 / `UNIT` of a pixel, from the upper left corner of pixel 0, 0; at most `LONGEST`
        apart along either axis. Where both ends are one, the piece is a point.
    reach : int
        Half the width of the line, 1 / `UNIT` of a pixel; at most `WIDEST`.
    window : Window
        Of the picture in whose pixels the ends are.

    Returns
    -------
    (y, x) bool

    Examples
    --------
    >>> level = np.array([[0, 128, 512, 128]])
    >>> covered_numpy(level, 128, Window(top=0, left=0, height=2, width=4)).tolist()
    [[True, True, True, False], [False, False, False, False]]
    """
    y = np.arange(window.top, window.bottom, dtype=np.int64)[:, None] * UNIT + UNIT // 2
    x = np.arange(window.left, window.right, dtype=np.int64)[None, :] * UNIT + UNIT // 2
    found = np.zeros((window.height, window.width), np.bool_)
    for x0, y0, x1, y1 in pieces.tolist():
        dx, dy = x1 - x0, y1 - y0
        box = (abs(2 * y - y0 - y1) <= abs(dy) + 2 * reach) & (abs(2 * x - x0 - x1) <= abs(dx) + 2 * reach)
        along = np.where(box, (x - x0) * dx + (y - y0) * dy, 0)
        aside = np.where(box, (x - x0) * dy - (y - y0) * dx, 0)
        length = dx * dx + dy * dy
        beside = (along > 0) & (along < length) & (aside * aside <= reach * reach * length)
        ends = ((x - x0) ** 2 + (y - y0) ** 2 <= reach * reach) | ((x - x1) ** 2 + (y - y1) ** 2 <= reach * reach)
        found |= box & (beside | ends)
    return found


@kernel
def _covered(pieces, reach, top, left, found):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    half, near = UNIT // 2, reach * reach
    for piece in range(pieces.shape[0]):
        x0, y0, x1, y1 = pieces[piece]
        dx, dy = x1 - x0, y1 - y0
        length = dx * dx + dy * dy
        # Rows and columns whose centres lie within the box around the piece: rounded up, and down.
        first = max(-((half - (min(y0, y1) - reach)) // UNIT) - top, 0)
        last = min((max(y0, y1) + reach - half) // UNIT - top, found.shape[0] - 1)
        start = max(-((half - (min(x0, x1) - reach)) // UNIT) - left, 0)
        stop = min((max(x0, x1) + reach - half) // UNIT - left, found.shape[1] - 1)
        for row in range(first, last + 1):
            py = (top + row) * UNIT + half - y0
            for column in range(start, stop + 1):
                px = (left + column) * UNIT + half - x0
                along = px * dx + py * dy
                if along <= 0:
                    hit = px * px + py * py <= near
                elif along >= length:
                    hit = (px - dx) * (px - dx) + (py - dy) * (py - dy) <= near
                else:
                    aside = px * dy - py * dx
                    hit = aside * aside <= near * length
                if hit:
                    found[row, column] = True


def covered(pieces: NDArray[np.int64], reach: int, window: Window) -> NDArray[np.bool_]:
    """Compiled twin of `covered_numpy`."""
    found = np.zeros((window.height, window.width), np.bool_)
    if len(pieces):
        _covered(pieces, reach, window.top, window.left, found)
    return found
