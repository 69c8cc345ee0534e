"""Landsat 4 to 9, Collection 2, level 2: surface reflectance and surface temperature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gigascene.kernels.calibrate import RADIANCE_UNIT
from gigascene.model.errors import BadInput
from gigascene.model.scene import Calibration, Scene
from gigascene.model.sensor import Archive, Band, Sensor
from gigascene.sensors._landsat import Part, scene
from gigascene.sensors._landsat_bands import THERMAL, bands
from gigascene.sensors._landsat_files import Source, band_file, knows, lacks, number, source
from gigascene.sensors._landsat_masks import QUALITY, collection2
from gigascene.sensors._landsat_mtl import group

_NAME = "landsat-c2-l2"

# USGS, Landsat 8-9 and 4-7 Collection 2 Level 2 Science Product Guides (LSDS-1619, LSDS-1618), tables of scale factors.
_QUALITY: dict[str, float | None] = {"SR_QA_AEROSOL": 1, "SR_CLOUD_QA": None}
_INTERMEDIATE = {
    "ST_QA": ("uncertainty", Calibration(scale=0.01, unit="K")),
    "ST_TRAD": ("radiance", Calibration(scale=0.001, unit=RADIANCE_UNIT)),
    "ST_URAD": ("radiance", Calibration(scale=0.001, unit=RADIANCE_UNIT)),
    "ST_DRAD": ("radiance", Calibration(scale=0.001, unit=RADIANCE_UNIT)),
    "ST_ATRAN": ("transmittance", Calibration(scale=0.0001)),
    "ST_EMIS": ("emissivity", Calibration(scale=0.0001)),
    "ST_EMSD": ("emissivity", Calibration(scale=0.0001)),
    "ST_CDIST": ("distance", Calibration(scale=0.01, unit="km")),
    "SR_ATMOS_OPACITY": ("opacity", Calibration(scale=0.001)),
}


def _knows(archive: Archive) -> bool:
    return knows(archive, _NAME)


def _lacks(archive: Archive) -> str:
    return lacks(archive, _NAME)


def _open(archive: Archive) -> Scene:
    found = source(archive, _NAME)
    masks = collection2(found.id.satellite, found.id.sensor)
    return scene(found, sensor=_NAME, bands=bands_of(found.id.satellite), parts=_parts(found), masks=masks)


def _parts(found: Source) -> Iterator[Part]:
    contents = group(found.metadata, "PRODUCT_CONTENTS")
    for band in bands_of(found.id.satellite):
        token = band.key if band.name in THERMAL else band.key.removeprefix("SR_B")
        file = band_file(found, band.key, contents.get(f"FILE_NAME_BAND_{token}"))
        if file:
            yield Part(key=band.key, file=file, nodata=0, calibrations=_calibrations(found, band, token), band=band)
    for key, nodata in (QUALITY | _QUALITY).items():
        file = band_file(found, key)
        if file:
            yield Part(key=key, file=file, nodata=nodata)
    for key, (quantity, calibration) in _INTERMEDIATE.items():
        file = band_file(found, key)
        if file:
            yield Part(key=key, file=file, nodata=-9999, calibrations={quantity: calibration})


def bands_of(satellite: int) -> tuple[Band, ...]:
    """Those that level 2 has: seven or six reflective ones, one thermal."""
    left_out = {"pan", "cirrus", "lwir12", "lwir_high"}
    kept = (band for band in bands(satellite) if band.name not in left_out)
    return tuple(replace(band, key=_key(band)) for band in kept)


def _key(band: Band) -> str:
    return f"ST_{band.key.partition('_')[0]}" if band.name in THERMAL else f"SR_{band.key}"


def _calibrations(found: Source, band: Band, token: str) -> dict[str, Calibration]:
    """Addressed by group: the level 1 factors of the same band stand in the same file under the same keys."""
    quantity = "temperature" if band.name in THERMAL else "reflectance"
    values = group(found.metadata, f"LEVEL2_SURFACE_{quantity.upper()}_PARAMETERS")
    scale = number(found, values, f"{quantity.upper()}_MULT_BAND_{token}")
    offset = number(found, values, f"{quantity.upper()}_ADD_BAND_{token}")
    if scale is None or offset is None:
        raise BadInput(f"has no {quantity.upper()}_MULT_BAND_{token} of level 2", found.place, band.key)
    return {quantity: Calibration(scale=scale, offset=offset, unit="K" if quantity == "temperature" else "1")}


SENSOR = Sensor(
    name=_NAME,
    title="Landsat 4-9 Collection 2 level 2 (L2SP, L2SR)",
    bands=bands_of(9),
    knows=_knows,
    open=_open,
    lacks=_lacks,
)
