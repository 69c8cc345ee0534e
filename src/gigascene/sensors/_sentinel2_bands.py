"""Bands, resolutions, classes and masks of Sentinel-2's MultiSpectral Instrument, whichever way a scene is archived.

Wavelengths are the centres for Sentinel-2A from its own product metadata
(``Spectral_Information``); those of the others lie within 17 nm, and a SAFE
product states its own. Common names are STAC's (eo extension 2.0).
"""

from __future__ import annotations

from collections.abc import Iterable

from gigascene.model.scene import Flag, Mask
from gigascene.model.sensor import Band

LEVEL1C = (
    Band(key="B01", name="coastal", wavelength_um=0.4427, gsd_m=60.0),
    Band(key="B02", name="blue", wavelength_um=0.4927, gsd_m=10.0),
    Band(key="B03", name="green", wavelength_um=0.5598, gsd_m=10.0),
    Band(key="B04", name="red", wavelength_um=0.6646, gsd_m=10.0),
    Band(key="B05", name="rededge071", wavelength_um=0.7041, gsd_m=20.0),
    Band(key="B06", name="rededge075", wavelength_um=0.7405, gsd_m=20.0),
    Band(key="B07", name="rededge078", wavelength_um=0.7828, gsd_m=20.0),
    Band(key="B08", name="nir", wavelength_um=0.8328, gsd_m=10.0),
    Band(key="B8A", name="nir08", wavelength_um=0.8647, gsd_m=20.0),
    Band(key="B09", name="nir09", wavelength_um=0.9451, gsd_m=60.0),
    Band(key="B10", name="cirrus", wavelength_um=1.3735, gsd_m=60.0),
    Band(key="B11", name="swir16", wavelength_um=1.6137, gsd_m=20.0),
    Band(key="B12", name="swir22", wavelength_um=2.2024, gsd_m=20.0),
)
"""All bands, in the order of ``band_id`` 0 to 12 in the metadata, at their native sample distance."""

LEVEL2A = tuple(band for band in LEVEL1C if band.key != "B10")
"""Those of level 2A: the cirrus band sees no ground."""

BAND_IDS = {band.key: str(number) for number, band in enumerate(LEVEL1C)}
"""``band_id`` in the metadata by band; it counts the bands as the instrument has them, B10 included, on both levels."""

RESOLUTIONS_M: dict[str, tuple[int, ...]] = {
    "B01": (20, 60),
    "B02": (10, 20, 60),
    "B03": (10, 20, 60),
    "B04": (10, 20, 60),
    "B05": (20, 60),
    "B06": (20, 60),
    "B07": (20, 60),
    "B08": (10,),
    "B8A": (20, 60),
    "B09": (60,),
    "B11": (20, 60),
    "B12": (20, 60),
}
"""At which pixel sizes, metres, level 2A delivers a band; B01 at 20 m from baseline 04.00 on."""

NODATA = 0
SATURATED = 65535
"""Stored numbers that are none: ``Special_Values`` in the metadata."""

PLATFORMS = {"S2A": "sentinel-2a", "S2B": "sentinel-2b", "S2C": "sentinel-2c", "S2D": "sentinel-2d"}
"""STAC's names by how identifiers begin."""

SCENE_CLASSES: dict[str, tuple[int, ...]] = {
    "nodata": (0,),
    "saturated": (1,),
    "dark": (2,),
    "cloud-shadow": (3,),
    "vegetation": (4,),
    "bare": (5,),
    "not-vegetated": (5,),
    "water": (6,),
    "unclassified": (7,),
    "cloud-medium": (8,),
    "cloud-high": (9,),
    "cirrus": (10,),
    "snow": (11,),
    "clouds": (3, 8, 9, 10),
}
"""Named masks by numbers of the scene classification (SCL) of level 2A (``Scene_Classification_List`` in the metadata)."""

_SATURATED_BAND = Mask(asset="", flags=(Flag(bit=0, width=16, at_least=SATURATED),))
_EMPTY_BAND = Mask(asset="", flags=(Flag(bit=0, width=16, at_least=NODATA, at_most=NODATA),))


def scene_class_masks(asset: str) -> dict[str, Mask]:
    """Masks that a scene classification gives.

    Parameters
    ----------
    asset : str
        Key of the SCL asset, such as ``"SCL_20m"``.

    Returns
    -------
    dict of name to Mask
        Those of `SCENE_CLASSES`. ``saturated`` also takes pixels that one of the bands read stores as 65535.

    Examples
    --------
    >>> [flag.at_least for flag in scene_class_masks("SCL_20m")["clouds"].flags]
    [3, 8, 9, 10]
    """
    masks = {name: Mask(asset=asset, flags=_classes(numbers)) for name, numbers in SCENE_CLASSES.items()}
    return masks | {"saturated": Mask(asset=asset, flags=masks["saturated"].flags, also=(_SATURATED_BAND,))}


def band_masks() -> dict[str, Mask]:
    """Masks that the bands themselves give, without a quality band: stored numbers 0 and 65535."""
    return {"nodata": _EMPTY_BAND, "saturated": _SATURATED_BAND}


def _classes(numbers: Iterable[int]) -> tuple[Flag, ...]:
    return tuple(Flag(bit=0, width=8, at_least=number, at_most=number) for number in numbers)
