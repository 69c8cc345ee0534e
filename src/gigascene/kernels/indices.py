"""Ratios of bands."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


def normalized_difference(a: F32, b: F32) -> F32:
    """How much brighter `a` is than `b`: (a - b) / (a + b), as in NDVI (Rouse et al. 1974), NBR and NDSI.

    Not clipped. Between two positive reflectances it lies in [-1, 1]; surface
    reflectance may be slightly negative over dark water, and then the index
    leaves that range and grows without bound as the sum nears zero. To clip here
    would turn such pixels into plausible extremes; limits belong to the display.

    Parameters
    ----------
    a, b : (...) float32
        One quantity, any unit. NaN marks missing pixels.

    Returns
    -------
    (...) float32
        Dimensionless. NaN where either is missing or the sum is 0.

    Examples
    --------
    >>> normalized_difference(np.float32([0.5, 0, 0.75]), np.float32([0.25, 0, -0.25])).tolist()
    [0.3333333432674408, nan, 2.0]
    """
    total = a + b
    with np.errstate(divide="ignore", invalid="ignore"):
        index = (a - b) / total
    # A sum of 0 from values that are not both 0 divides to infinity, which is no index either.
    index[total == 0] = np.nan
    return index
