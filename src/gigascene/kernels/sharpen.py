"""Colour from coarse bands, detail from a fine one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]


def brovey(pan: F32, colours: Sequence[F32], pan_maximum: float, maxima: Sequence[float]) -> F32:
    """Brovey transform: each colour's share of the sum, times the panchromatic band.

    With every band divided by its maximum over the whole scene, ``out = P * C / (R + G + B)``
    (Gillespie, Kahle and Walker 1987, channel ratios; normalised as in Miljkovic,
    "Analyzing Satellite Images With Python Scientific Stack", PyData 2014).

    Parameters
    ----------
    pan : (y, x) float32
        Panchromatic band; NaN marks missing pixels.
    colours : sequence of (y, x) float32
        Red, green and blue, already on the grid of `pan`.
    pan_maximum, maxima : float, sequence of float
        Largest value of each over the scene, never over the window: a tile must look like its neighbour.

    Returns
    -------
    (band, y, x) float32
        Dimensionless, at most 1 where no band is negative; the pixel's bands sum to
        P. NaN in all bands where any input is missing or the sum is not positive,
        for then there are no shares.

    Examples
    --------
    >>> one = np.float32([[1.0]])
    >>> brovey(one, [one, 2 * one, one], 2.0, [2.0, 2.0, 2.0]).ravel().tolist()
    [0.125, 0.25, 0.125]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.stack([band / np.float32(most) for band, most in zip(colours, maxima, strict=True)])
        total = out[0].copy()
        # One by one: the order of a floating-point sum is part of the result.
        for band in out[1:]:
            total += band
        out *= pan / np.float32(pan_maximum)
        out /= total
    out[:, ~(total > 0)] = np.nan
    return out
