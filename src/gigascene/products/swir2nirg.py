"""SWIR 2, near infrared and coastal blue (Landsat 8: bands 7-5-1): ice in light blue and cyan.

The name keeps the green of its first version, 7-5-3, which is `swir-color`; the
`eros` library of "Mastering matplotlib" (chapter on the cloud) later took the
coastal band for the blue channel and kept the name. So do we.
"""

from __future__ import annotations

from gigascene.model.look import Look
from gigascene.model.product import Product

PRODUCT = Product(
    name="swir2nirg",
    title="False colour: SWIR 2, near infrared, coastal",
    needs=("swir22", "nir|nir08", "coastal"),
    channels=("swir22", "nir", "coastal"),
    # Limits measured per channel: ice is dark in SWIR and bright in coastal blue, so no pair of limits fits all three.
    # Land is dark beside clouds and snow; gamma shows both.
    look=Look(gamma=(2.0,)),
)
