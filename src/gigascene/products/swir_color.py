"""SWIR 2, near infrared and green (Landsat 8: bands 7-5-3): through haze and smoke, for any Landsat."""

from __future__ import annotations

from gigascene.model.look import Look
from gigascene.model.product import Product

PRODUCT = Product(
    name="swir-color",
    title="False colour: SWIR 2, near infrared, green",
    needs=("swir22", "nir|nir08", "green"),
    channels=("swir22", "nir", "green"),
    # Limits measured per channel: plants are several times brighter in near infrared than in green.
    # Land is dark beside clouds and snow; gamma shows both.
    look=Look(gamma=(2.0,)),
)
