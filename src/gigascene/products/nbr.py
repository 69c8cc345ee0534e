"""Normalised burn ratio: low where a fire has been.

(NIR - SWIR 2) / (NIR + SWIR 2); Key and Benson (2006), FIREMON.
"""

from __future__ import annotations

import numpy as np

from gigascene.kernels.indices import normalized_difference
from gigascene.model.look import Limits, Look
from gigascene.model.product import Bands, Field, Maxima, Product


def make(bands: Bands, maxima: Maxima) -> Field:
    """(near infrared - SWIR 2) / (near infrared + SWIR 2): (1, y, x), not clipped.

    Examples
    --------
    >>> make({"nir": np.float32([[0.75]]), "swir22": np.float32([[0.25]])}, {}).tolist()
    [[[0.5]]]
    """
    return normalized_difference(bands["nir"], bands["swir22"])[np.newaxis]


PRODUCT = Product(
    name="nbr",
    title="Normalised burn ratio (NBR)",
    needs=("nir|nir08", "swir22"),
    make=make,
    channels=("nbr",),
    range=(-1.0, 1.0),
    # Fixed, so that before and after a fire compare: from fresh scars to dense forest.
    look=Look(limits=(Limits(low=-0.5, high=0.8),), palette="burn"),
)
