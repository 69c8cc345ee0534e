"""True colour with the detail of the panchromatic band (Landsat 7 to 9: 15 m), by the Brovey transform."""

from __future__ import annotations

from gigascene.kernels.sharpen import brovey
from gigascene.model.look import Look
from gigascene.model.product import Bands, Field, Maxima, Product

COLOURS = ("red", "green", "blue")


def make(bands: Bands, maxima: Maxima) -> Field:
    """Red, green and blue, sharpened: (3, y, x), 0 to 1 where no band is negative.

    Examples
    --------
    >>> import numpy as np
    >>> bands = {name: np.float32([[0.5]]) for name in ("pan", *COLOURS)}
    >>> maxima = {"pan": 1.0, "red": 0.5, "green": 1.0, "blue": 1.0}
    >>> make(bands, maxima).ravel().tolist()
    [0.25, 0.125, 0.125]
    """
    return brovey(bands["pan"], [bands[name] for name in COLOURS], maxima["pan"], [maxima[name] for name in COLOURS])


PRODUCT = Product(
    name="pan-sharpened",
    title="True colour, pan-sharpened",
    needs=("pan", *COLOURS),
    make=make,
    channels=COLOURS,
    # Neither the brightness, P over its maximum, nor a colour's share of it exceeds 1.
    range=(0.0, 1.0),
    # Limits measured per channel, as for true colour: shares of a maximum have no natural white.
    look=Look(gamma=(2.0,)),
    grid="pan",
    maxima=True,
)
