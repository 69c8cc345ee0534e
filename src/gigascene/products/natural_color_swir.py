"""SWIR 1, near infrared and red (Landsat 8: bands 6-5-4): plants green, soil brown, snow cyan.

Weather satellites call this "natural colour"; the USGS means true colour by the same words.
"""

from __future__ import annotations

from gigascene.model.look import Look
from gigascene.model.product import Product

PRODUCT = Product(
    name="natural-color-swir",
    title="Natural colour with SWIR: SWIR 1, near infrared, red",
    needs=("swir16", "nir|nir08", "red"),
    channels=("swir16", "nir", "red"),
    # Limits measured per channel: snow is nearly black in SWIR, and must not set the limits of red.
    # Land is dark beside clouds and snow; gamma shows both.
    look=Look(gamma=(2.0,)),
)
