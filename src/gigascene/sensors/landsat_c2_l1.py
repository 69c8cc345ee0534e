"""Landsat 4 to 9, Collection 2, level 1: top-of-atmosphere reflectance, radiance, brightness temperature."""

from __future__ import annotations

from collections.abc import Iterator

from gigascene.model.scene import Calibration, Scene
from gigascene.model.sensor import Archive, Sensor
from gigascene.sensors._landsat import Part, scene
from gigascene.sensors._landsat_bands import OLI_TIRS, bands
from gigascene.sensors._landsat_files import Source, band_file, knows, lacks, source
from gigascene.sensors._landsat_level1 import calibrations
from gigascene.sensors._landsat_masks import QUALITY, collection2
from gigascene.sensors._landsat_mtl import group

_NAME = "landsat-c2-l1"
_ANGLES = ("SAA", "SZA", "VAA", "VZA")
"""Azimuth and zenith of sun (S) and view (V), of band 4."""


def _knows(archive: Archive) -> bool:
    return knows(archive, _NAME)


def _lacks(archive: Archive) -> str:
    return lacks(archive, _NAME)


def _open(archive: Archive) -> Scene:
    found = source(archive, _NAME)
    masks = collection2(found.id.satellite, found.id.sensor)
    return scene(found, sensor=_NAME, bands=bands(found.id.satellite), parts=_parts(found), masks=masks)


def _parts(found: Source) -> Iterator[Part]:
    contents = group(found.metadata, "PRODUCT_CONTENTS")
    for band in bands(found.id.satellite):
        file = band_file(found, band.key, contents.get(f"FILE_NAME_BAND_{band.key.removeprefix('B')}"))
        if file:
            yield Part(key=band.key, file=file, nodata=0, calibrations=calibrations(found, band), band=band)
    for key, nodata in QUALITY.items():
        file = band_file(found, key)
        if file:
            yield Part(key=key, file=file, nodata=nodata)
    for key in _ANGLES:
        file = band_file(found, key)
        if file:
            yield Part(key=key, file=file, nodata=0, calibrations={"angle": Calibration(scale=0.01, unit="degree")})


SENSOR = Sensor(
    name=_NAME,
    title="Landsat 4-9 Collection 2 level 1 (L1TP, L1GT, L1GS)",
    bands=OLI_TIRS,
    knows=_knows,
    open=_open,
    lacks=_lacks,
)
