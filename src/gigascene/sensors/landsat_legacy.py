"""Landsat 4 to 8, level 1, Collection 1 and before: other names, other keys, other quality bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gigascene.model.scene import Mask, Scene
from gigascene.model.sensor import Archive, Sensor
from gigascene.sensors._landsat import Part, facts, scene
from gigascene.sensors._landsat_bands import OLD_TOKENS, OLI_TIRS, bands
from gigascene.sensors._landsat_files import Source, band_file, knows, lacks, source
from gigascene.sensors._landsat_level1 import calibrations
from gigascene.sensors._landsat_masks import collection1, precollection
from gigascene.sensors._landsat_mtl import first, group

_NAME = "landsat-legacy"


def _knows(archive: Archive) -> bool:
    return knows(archive, _NAME)


def _lacks(archive: Archive) -> str:
    return lacks(archive, _NAME)


def _open(archive: Archive) -> Scene:
    found = source(archive, _NAME)
    return scene(found, sensor=_NAME, bands=bands(found.id.satellite), parts=_parts(found), masks=_masks(found))


def _parts(found: Source) -> Iterator[Part]:
    contents = group(found.metadata, "PRODUCT_METADATA")
    for band in bands(found.id.satellite):
        token = band.key.removeprefix("B")
        keys = f"FILE_NAME_BAND_{token}", f"BAND{OLD_TOKENS.get(token, token)}_FILE_NAME"
        file = band_file(found, band.key, first(contents, *keys))
        if file:
            yield Part(key=band.key, file=file, nodata=0, calibrations=calibrations(found, band), band=band)
    file = band_file(found, "BQA", contents.get("FILE_NAME_BAND_QUALITY"))
    if file:
        yield Part(key="BQA", file=file, nodata=1)


def _masks(found: Source) -> Mapping[str, Mask]:
    """Of Collection 1 where the metadata has a collection number, whatever the file name says."""
    if first(facts(found), "COLLECTION_NUMBER") == 1 or found.id.collection == 1:
        return collection1(found.id.satellite, found.id.sensor)
    return precollection()


SENSOR = Sensor(
    name=_NAME,
    title="Landsat 4-8 level 1, Collection 1 and before",
    bands=OLI_TIRS,
    knows=_knows,
    open=_open,
    lacks=_lacks,
)
