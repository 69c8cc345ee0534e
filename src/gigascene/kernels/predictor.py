"""TIFF's horizontal differencing undone (TIFF 6.0, section 14): each sample was stored as the step from its left neighbour."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel


def summed_numpy(rows: NDArray[Any]) -> None:
    """Replace steps by values, in place, wrapping around. The specification of `summed`.

    Parameters
    ----------
    rows : (y, x) uint8 or uint16
        Differences along x; the first of each row is its value.
    """
    np.add.accumulate(rows, axis=1, out=rows)


@kernel
def _summed(rows):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    height, width = rows.shape
    for y in range(height):
        for x in range(1, width):
            rows[y, x] += rows[y, x - 1]


def summed(rows: NDArray[Any]) -> None:
    """Compiled twin of `summed_numpy`.

    >>> rows = np.uint8([[250, 10, 1]])
    >>> summed(rows); rows.tolist()
    [[250, 4, 5]]
    """
    _summed(rows)
