"""Counting values, and what follows from the counts: percentiles and suggested limits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 65_536
"""Bins for float values over a product's range; integers have one bin a stored number."""


def count_stored(stored: NDArray[Any], valid: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Pixels of each stored number: (2**bits,) int64.

    >>> count_stored(np.uint8([[1, 1, 7]]), np.array([[True, False, True]]))[[1, 7]].tolist()
    [1, 1]
    """
    size = 1 << (8 * stored.dtype.itemsize)
    return np.bincount(stored[valid], minlength=size)


def count_values(values: NDArray[np.float32], span: tuple[float, float]) -> NDArray[np.int64]:
    """Pixels in each of 65,536 equal bins over `span`; those outside count in the end bins, NaN nowhere.

    >>> count_values(np.float32([0.0, 2.0, np.nan]), (0.0, 1.0))[[0, -1]].tolist()
    [1, 1]
    """
    low, high = span
    position = (values[~np.isnan(values)].astype(np.float64) - low) * (BINS / (high - low))
    return np.bincount(position.clip(0, BINS - 1).astype(np.int64), minlength=BINS)


def bin_starts(span: tuple[float, float]) -> NDArray[np.float64]:
    """Smallest value of each bin of `count_values`."""
    low, high = span
    return low + (high - low) * np.arange(BINS) / BINS


def percentile(counts: NDArray[np.int64], share: float) -> int:
    """Index of the first bin whose cumulative share reaches `share` (0 to 1).

    A share of 0 is the first bin with any pixel. Raises ValueError where nothing was counted.

    >>> percentile(np.int64([0, 1, 1, 2]), 0.5)
    2
    """
    total = int(counts.sum())
    if total == 0:
        raise ValueError("no valid pixel was counted")
    need = max(share * total, 0.5)
    return int(np.searchsorted(np.cumsum(counts), need, side="left"))
