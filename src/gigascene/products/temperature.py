"""Temperature from the thermal band: brightness temperature at Level 1, of the surface at Level 2."""

from __future__ import annotations

from gigascene.model.look import Look
from gigascene.model.product import Product

PRODUCT = Product(
    name="temperature",
    title="Temperature",
    # Landsat 8 and 9 split the thermal window in two; 4 to 7 have one band.
    needs=("lwir11|lwir",),
    channels=("temperature",),
    quantity="temperature",
    unit="K",
    range=(150.0, 350.0),
    # Contrast before comparability: the sea spans 5 K and the Earth 100, so limits that fit
    # every scene show most scenes in one colour. To compare dates, ask for --stretch 240:320.
    look=Look(palette="thermal"),
)
