"""Calibration of Landsat level 1 bands from the MTL metadata, of every generation."""

from __future__ import annotations

from gigascene.kernels.calibrate import (
    RADIANCE_UNIT,
    earth_sun_distance,
    radiance_of_limits,
    reflectance_of_radiance,
    sun_corrected,
)
from gigascene.model.errors import BadInput
from gigascene.model.scene import Calibration
from gigascene.model.sensor import Band
from gigascene.sensors._landsat_bands import ESUN, OLD_TOKENS, PLANCK, THERMAL
from gigascene.sensors._landsat_files import Source, number, sun_elevation_deg
from gigascene.sensors._landsat_mtl import group


def calibrations(source: Source, band: Band) -> dict[str, Calibration]:
    """What the stored numbers of one band can become, the default first.

    Reflective bands: reflectance, radiance; by night radiance alone. Thermal
    bands: temperature, radiance. Rescaling factors are taken where the metadata
    has them; older ones give limits of radiance instead, and reflectance follows
    from the sun's irradiance.
    """
    radiance = _radiance(source, band)
    if band.name in THERMAL:
        return {"temperature": _temperature(source, band, radiance), "radiance": radiance}
    if sun_elevation_deg(source) <= 0:
        return {"radiance": radiance}
    return {"reflectance": _reflectance(source, band, radiance), "radiance": radiance}


def _radiance(source: Source, band: Band) -> Calibration:
    token, old = _tokens(band)
    rescaling = group(source.metadata, "LEVEL1_RADIOMETRIC_RESCALING", "RADIOMETRIC_RESCALING")
    scale = number(source, rescaling, f"RADIANCE_MULT_BAND_{token}")
    offset = number(source, rescaling, f"RADIANCE_ADD_BAND_{token}")
    if scale is not None and offset is not None:
        return Calibration(scale=scale, offset=offset, unit=RADIANCE_UNIT)
    values = group(source.metadata, "LEVEL1_MIN_MAX_RADIANCE", "MIN_MAX_RADIANCE")
    pixels = group(source.metadata, "LEVEL1_MIN_MAX_PIXEL_VALUE", "MIN_MAX_PIXEL_VALUE")
    limits = [
        number(source, values, f"RADIANCE_MINIMUM_BAND_{token}", f"LMIN_BAND{old}"),
        number(source, values, f"RADIANCE_MAXIMUM_BAND_{token}", f"LMAX_BAND{old}"),
        number(source, pixels, f"QUANTIZE_CAL_MIN_BAND_{token}", f"QCALMIN_BAND{old}"),
        number(source, pixels, f"QUANTIZE_CAL_MAX_BAND_{token}", f"QCALMAX_BAND{old}"),
    ]
    known = [limit for limit in limits if limit is not None]
    if len(known) < len(limits):
        raise BadInput("has neither rescaling factors nor limits of radiance", source.place, band.key)
    try:
        return radiance_of_limits(*known)
    except ValueError as error:
        raise BadInput(f"{error}", source.place, band.key) from error


def _reflectance(source: Source, band: Band, radiance: Calibration) -> Calibration:
    token, _ = _tokens(band)
    rescaling = group(source.metadata, "LEVEL1_RADIOMETRIC_RESCALING", "RADIOMETRIC_RESCALING")
    scale = number(source, rescaling, f"REFLECTANCE_MULT_BAND_{token}")
    offset = number(source, rescaling, f"REFLECTANCE_ADD_BAND_{token}")
    if scale is not None and offset is not None:
        return sun_corrected(scale, offset, sun_elevation_deg(source))
    esun = ESUN.get(source.id.satellite, {}).get(token)
    if esun is None:
        raise BadInput(f"has no REFLECTANCE_MULT_BAND_{token}", source.place, band.key)
    distance = number(source, group(source.metadata, "IMAGE_ATTRIBUTES"), "EARTH_SUN_DISTANCE")
    return reflectance_of_radiance(
        radiance,
        esun=esun,
        distance_au=distance or earth_sun_distance(source.id.date.timetuple().tm_yday),
        sun_elevation_deg=sun_elevation_deg(source),
    )


def _temperature(source: Source, band: Band, radiance: Calibration) -> Calibration:
    token, _ = _tokens(band)
    thermal = group(source.metadata, "LEVEL1_THERMAL_CONSTANTS", "TIRS_THERMAL_CONSTANTS", "THERMAL_CONSTANTS")
    k1 = number(source, thermal, f"K1_CONSTANT_BAND_{token}")
    k2 = number(source, thermal, f"K2_CONSTANT_BAND_{token}")
    if k1 is None or k2 is None:
        if source.id.satellite not in PLANCK:
            raise BadInput(f"has no K1_CONSTANT_BAND_{token} and K2_CONSTANT_BAND_{token}", source.place, band.key)
        k1, k2 = PLANCK[source.id.satellite]
    return Calibration(scale=radiance.scale, offset=radiance.offset, unit="K", k1=k1, k2=k2)


def _tokens(band: Band) -> tuple[str, str]:
    """The band's number in MTL keys since August 2012, and before."""
    token = band.key.removeprefix("B")
    return token, OLD_TOKENS.get(token, token)
