"""Near infrared, red and green (Landsat 8: bands 5-4-3), as on infrared film: plants in red."""

from __future__ import annotations

from gigascene.model.look import Look
from gigascene.model.product import Product

PRODUCT = Product(
    name="color-infrared",
    title="Colour infrared: near infrared, red, green",
    needs=("nir|nir08", "red", "green"),
    channels=("nir", "red", "green"),
    # Limits measured per channel: plants are several times brighter in near infrared than in red and green.
    # Land is dark beside clouds and snow; gamma shows both.
    look=Look(gamma=(2.0,)),
)
