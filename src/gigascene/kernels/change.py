"""How two dates differ: the difference of each pixel, and what it counts as."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
