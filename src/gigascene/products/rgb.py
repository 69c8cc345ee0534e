"""Any three bands as red, green and blue, each in its own calibration."""

from __future__ import annotations

from gigascene.model.look import Look
from gigascene.model.product import Product

PRODUCT = Product(
    name="rgb",
    title="Three bands as red, green and blue",
    choose=3,
    channels=("red", "green", "blue"),
    quantity="",
    # Limits measured per channel: the three need not even share a unit.
    look=Look(),
)
