"""Named masks that Landsat's quality bands can give: the bits mean other things in every generation.

Confidences are two bits: 0 not determined, 1 low, 2 medium, 3 high. A mask made
from a confidence takes the high ones. ``clouds`` is all that hides the ground:
dilated cloud, cirrus, cloud and cloud shadow, as far as the file tells them
apart. A mask that a file cannot give is not in the table: Collection 1 has no
water, Landsat 4 to 7 have no cirrus.
"""

from __future__ import annotations

from gigascene.model.scene import Flag, Mask

_HIGH = 3

QUALITY: dict[str, float | None] = {"QA_PIXEL": 1, "QA_RADSAT": None}
"""Quality bands of Collection 2 and what they hold outside the picture. In ``QA_RADSAT`` 1 is a saturated band 1."""


def collection2(satellite: int, sensor: str) -> dict[str, Mask]:
    """Masks of ``QA_PIXEL`` and ``QA_RADSAT``.

    USGS, Collection 2 Level 2 Science Product Guides of Landsat 8 and 9 (LSDS-1619) and
    4 to 7 (LSDS-1618); level 1 has the same two files.
    """
    if _thermal_only(satellite, sensor):
        return _masks("QA_PIXEL", fill=[Flag(bit=0)])
    oli = satellite >= 8
    cirrus = [Flag(bit=2)] if oli else []
    dilated, cloud, shadow = Flag(bit=1), Flag(bit=3), Flag(bit=4)
    pixel = _masks(
        "QA_PIXEL",
        fill=[Flag(bit=0)],
        dilated_cloud=[dilated],
        cirrus=cirrus,
        cloud=[cloud],
        cloud_shadow=[shadow],
        snow=[Flag(bit=5)],
        clear=[Flag(bit=6)],
        water=[Flag(bit=7)],
        clouds=[dilated, *cirrus, cloud, shadow],
    )
    saturation = [Flag(bit=0, width=7), Flag(bit=8)]  # bands 1 to 7, and 9 (8, 9) or 6 in high gain (7)
    if oli:
        return pixel | _masks("QA_RADSAT", saturation=saturation, terrain_occlusion=[Flag(bit=11)])
    return pixel | _masks("QA_RADSAT", saturation=saturation, dropped_pixel=[Flag(bit=9)])


def collection1(satellite: int, sensor: str) -> dict[str, Mask]:
    """Masks of ``BQA`` in Collection 1 (USGS, "Landsat Collection 1 Level-1 Quality Assessment Band")."""
    if _thermal_only(satellite, sensor):
        return _masks("BQA", fill=[Flag(bit=0)])
    oli = satellite >= 8
    cloud, sure = Flag(bit=4), Flag(bit=5, width=2, at_least=_HIGH)
    shadow = Flag(bit=7, width=2, at_least=_HIGH)
    cirrus = [Flag(bit=11, width=2, at_least=_HIGH)] if oli else []
    return _masks(
        "BQA",
        fill=[Flag(bit=0)],
        terrain_occlusion=[Flag(bit=1)] if oli else [],
        dropped_pixel=[] if oli else [Flag(bit=1)],
        saturation=[Flag(bit=2, width=2)],
        cloud=[cloud],
        cloud_shadow=[shadow],
        snow=[Flag(bit=9, width=2, at_least=_HIGH)],
        cirrus=cirrus,
        clouds=[cloud, sure, shadow, *cirrus],
    )


def precollection() -> dict[str, Mask]:
    """Masks of ``BQA`` before Collection 1: Landsat 8 only (USGS, "Landsat 8 Quality Assessment Band", 2014)."""
    cirrus, cloud = (Flag(bit=bit, width=2, at_least=_HIGH) for bit in (12, 14))
    return _masks(
        "BQA",
        fill=[Flag(bit=0)],
        dropped_frame=[Flag(bit=1)],
        terrain_occlusion=[Flag(bit=2)],
        water=[Flag(bit=4, width=2, at_least=_HIGH)],
        snow=[Flag(bit=10, width=2, at_least=_HIGH)],
        cirrus=[cirrus],
        cloud=[cloud],
        clouds=[cirrus, cloud],
    )


def _masks(asset: str, **flags: list[Flag]) -> dict[str, Mask]:
    return {name.replace("_", "-"): Mask(asset=asset, flags=tuple(tests)) for name, tests in flags.items() if tests}


def _thermal_only(satellite: int, sensor: str) -> bool:
    """TIRS without OLI: nothing but fill is flagged."""
    return satellite >= 8 and sensor == "T"
