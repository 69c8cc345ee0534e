"""The normalised difference of any two bands: (first - second) / (first + second)."""

from __future__ import annotations

import numpy as np

from gigascene.kernels.indices import normalized_difference
from gigascene.model.look import Limits, Look
from gigascene.model.product import Bands, Field, Maxima, Product


def make(bands: Bands, maxima: Maxima) -> Field:
    """(first - second) / (first + second): (1, y, x), not clipped.

    Examples
    --------
    >>> make({"nir": np.float32([[0.75]]), "red": np.float32([[0.25]])}, {}).tolist()
    [[[0.5]]]
    """
    first, second = bands.values()
    return normalized_difference(first, second)[np.newaxis]


PRODUCT = Product(
    name="normalized-difference",
    title="Normalised difference of two bands",
    choose=2,
    make=make,
    channels=("normalized_difference",),
    quantity="",
    range=(-1.0, 1.0),
    # Fixed and even about 0, where the palette turns: near white where the bands are equal.
    look=Look(limits=(Limits(low=-1.0, high=1.0),), palette="diverging"),
)
