"""PNG's row filters (PNG 3rd edition, section 9), on bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel

SUB, AVERAGE = 1, 3


def average_numpy(rows: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Filter a strip: its first row by Sub, all others by Average. The specification of `average`.

    Parameters
    ----------
    rows : (y, bytes of a row) uint8
        Raw bytes, 16-bit samples big-endian.
    step : int
        Bytes of one pixel.

    Returns
    -------
    (y, 1 + bytes of a row) uint8
        Each row led by its filter type. The first row needs no neighbour above, so strips are independent.
    """
    left = np.zeros_like(rows)
    left[:, step:] = rows[:, :-step]
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    out[0, 0], out[1:, 0] = SUB, AVERAGE
    out[0, 1:] = rows[0] - left[0]
    out[1:, 1:] = rows[1:] - ((left[1:].astype(np.uint16) + rows[:-1]) >> 1).astype(np.uint8)
    return out


@kernel
def _average(rows, step, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    height, width = rows.shape
    out[0, 0] = SUB
    for x in range(min(step, width)):
        out[0, 1 + x] = rows[0, x]
    for x in range(step, width):
        out[0, 1 + x] = rows[0, x] - rows[0, x - step]
    for y in range(1, height):
        out[y, 0] = AVERAGE
        here, above, to = rows[y], rows[y - 1], out[y, 1:]
        for x in range(min(step, width)):
            to[x] = here[x] - (above[x] >> 1)
        # Slices, for no index may seem negative: so a vector at a time, 25 times as fast as one sample.
        rest, now, over, left = to[step:], here[step:], above[step:], here[: width - step]
        for x in range(width - step):
            a, b = over[x], left[x]
            rest[x] = now[x] - ((a & b) + ((a ^ b) >> 1))  # their mean, rounded down, in 8 bits


def average(rows: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Compiled twin of `average_numpy`."""
    out = np.empty((rows.shape[0], rows.shape[1] + 1), np.uint8)
    _average(rows, step, out)
    return out


def big_endian(levels: NDArray[Any]) -> NDArray[np.uint8]:
    """Levels (y, x, band) as rows of bytes, 16-bit samples big-endian: (y, bytes of a row) uint8."""
    ordered = np.ascontiguousarray(levels if levels.dtype.itemsize == 1 else levels.astype(">u2"))
    return ordered.view(np.uint8).reshape(levels.shape[0], -1)
