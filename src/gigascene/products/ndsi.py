"""Normalised difference snow index: high on snow and ice, low on cloud.

(green - SWIR 1) / (green + SWIR 1); Hall, Riggs and Salomonson (1995), who call snow what is above 0.4.
"""

from __future__ import annotations

import numpy as np

from gigascene.kernels.indices import normalized_difference
from gigascene.model.look import Limits, Look
from gigascene.model.product import Bands, Field, Maxima, Product


def make(bands: Bands, maxima: Maxima) -> Field:
    """(green - SWIR 1) / (green + SWIR 1): (1, y, x), not clipped.

    Examples
    --------
    >>> make({"green": np.float32([[0.75]]), "swir16": np.float32([[0.25]])}, {}).tolist()
    [[[0.5]]]
    """
    return normalized_difference(bands["green"], bands["swir16"])[np.newaxis]


PRODUCT = Product(
    name="ndsi",
    title="Normalised difference snow index (NDSI)",
    needs=("green", "swir16"),
    make=make,
    channels=("ndsi",),
    range=(-1.0, 1.0),
    # Fixed, so that two dates compare: below 0 there is no snow to tell apart.
    look=Look(limits=(Limits(low=0.0, high=1.0),), palette="snow"),
)
