"""Bands and constants of the Landsat instruments.

Wavelengths are centres of the ranges in "What are the band designations for the
Landsat satellites?" (USGS FAQ); sample distances are native, at nadir (thermal
bands are delivered at 30 m). Common names are STAC's (eo extension), with ``nir`` for
the near infrared band of every instrument.
"""

from __future__ import annotations

from gigascene.model.sensor import Band


def _band(token: str, name: str, wavelength_um: float, gsd_m: float = 30.0) -> Band:
    return Band(key=f"B{token}", name=name, wavelength_um=wavelength_um, gsd_m=float(gsd_m))


OLI_TIRS = (
    _band("1", "coastal", 0.443),
    _band("2", "blue", 0.482),
    _band("3", "green", 0.5615),
    _band("4", "red", 0.6545),
    _band("5", "nir", 0.865),
    _band("6", "swir16", 1.6085),
    _band("7", "swir22", 2.2005),
    _band("8", "pan", 0.5895, 15),
    _band("9", "cirrus", 1.3735),
    _band("10", "lwir11", 10.895, 100),
    _band("11", "lwir12", 12.005, 100),
)
"""Landsat 8 and 9."""

ETM = (
    _band("1", "blue", 0.485),
    _band("2", "green", 0.56),
    _band("3", "red", 0.66),
    _band("4", "nir", 0.835),
    _band("5", "swir16", 1.65),
    _band("6_VCID_1", "lwir", 11.45, 60),
    _band("6_VCID_2", "lwir_high", 11.45, 60),
    _band("7", "swir22", 2.215),
    _band("8", "pan", 0.71, 15),
)
"""Landsat 7. Band 6 comes in low gain (VCID 1) and high gain (VCID 2)."""

TM = (
    _band("1", "blue", 0.485),
    _band("2", "green", 0.56),
    _band("3", "red", 0.66),
    _band("4", "nir", 0.83),
    _band("5", "swir16", 1.65),
    _band("6", "lwir", 11.45, 120),
    _band("7", "swir22", 2.215),
)
"""Landsat 4 and 5."""

THERMAL = frozenset({"lwir", "lwir_high", "lwir11", "lwir12"})
"""Names of the bands that measure temperature."""

OLD_TOKENS = {"6_VCID_1": "61", "6_VCID_2": "62"}
"""How MTL files before August 2012 number band 6 of Landsat 7."""

ESUN = {
    4: {"1": 1958, "2": 1826, "3": 1554, "4": 1033, "5": 214.7, "7": 80.70},
    5: {"1": 1958, "2": 1827, "3": 1551, "4": 1036, "5": 214.9, "7": 80.65},
    7: {"1": 1970, "2": 1842, "3": 1547, "4": 1044, "5": 225.7, "7": 82.06, "8": 1369},
}
"""Mean solar irradiance outside the atmosphere by satellite and band, W m-2 um-1.

Landsat 4 and 5: USGS, CHKUR spectrum. Landsat 7: Landsat 7 Science Data Users Handbook, table 11.3.
"""

PLANCK = {4: (671.62, 1284.30), 5: (607.76, 1260.56), 7: (666.09, 1282.71)}
"""K1 (W m-2 sr-1 um-1) and K2 (K) of the thermal band by satellite (Chander et al. 2009, table 7)."""


def bands(satellite: int) -> tuple[Band, ...]:
    """All bands of one satellite's instruments."""
    return OLI_TIRS if satellite >= 8 else ETM if satellite == 7 else TM
