"""Red, green and blue as the eye would see them (Landsat 8: bands 4-3-2)."""

from __future__ import annotations

from gigascene.model.look import Look
from gigascene.model.product import Product

PRODUCT = Product(
    name="true-color",
    title="True colour: red, green, blue",
    needs=("red", "green", "blue"),
    channels=("red", "green", "blue"),
    # Limits measured per channel: haze lifts blue most, and a limit of its own for each takes the veil away.
    # Land is dark beside clouds and snow; gamma shows both.
    look=Look(gamma=(2.0,)),
)
