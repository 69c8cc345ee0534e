"""Normalised difference vegetation index: how green the land is.

(NIR - red) / (NIR + red); Rouse, Haas, Schell and Deering (1974).
"""

from __future__ import annotations

import numpy as np

from gigascene.kernels.indices import normalized_difference
from gigascene.model.look import Limits, Look
from gigascene.model.product import Bands, Field, Maxima, Product


def make(bands: Bands, maxima: Maxima) -> Field:
    """(near infrared - red) / (near infrared + red): (1, y, x), not clipped.

    Examples
    --------
    >>> make({"nir": np.float32([[0.75]]), "red": np.float32([[0.25]])}, {}).tolist()
    [[[0.5]]]
    """
    return normalized_difference(bands["nir"], bands["red"])[np.newaxis]


PRODUCT = Product(
    name="ndvi",
    title="Normalised difference vegetation index (NDVI)",
    needs=("nir|nir08", "red"),
    make=make,
    channels=("ndvi",),
    range=(-1.0, 1.0),
    # Fixed, so that two dates compare: from water and snow below 0 to closed forest near 0.9.
    look=Look(limits=(Limits(low=-0.2, high=0.9),), palette="ndvi"),
)
