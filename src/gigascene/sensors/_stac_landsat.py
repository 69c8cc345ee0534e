"""Landsat Collection 2 from STAC items: USGS landsatlook, Planetary Computer, earth-search, and what stactools makes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from gigascene.archives.item_files import ItemFiles
from gigascene.metadata.stac_items import Item, ItemAsset
from gigascene.model.errors import BadInput
from gigascene.model.scene import Calibration, Scene
from gigascene.model.sensor import Band
from gigascene.sensors import _stac, landsat_c2_l1
from gigascene.sensors._landsat_bands import THERMAL
from gigascene.sensors._landsat_masks import QUALITY, collection2
from gigascene.sensors._stac_file import Located
from gigascene.sensors.landsat_c2_l2 import bands_of
from gigascene.storage.hrefs import is_remote

_ID = re.compile(
    r"L(?P<sensor>[CEOT])0(?P<satellite>[4-9])_(?P<level>L[12][A-Z]{2})_\d{6}_\d{8}_(?:\d{8}_)?(?P<collection>\d\d)"
)

METADATA = re.compile(r"_MTL\.(txt|xml|json)$", re.IGNORECASE)
"""Names of metadata files, any of which tells all of level 1."""

REFLECTANCE = Calibration(scale=2.75e-05, offset=-0.2)
TEMPERATURE = Calibration(scale=0.00341802, offset=149.0, unit="K")
"""Of all level 2 products (USGS, LSDS-1618 and LSDS-1619); an item that says otherwise goes first."""

_COMMON = {"nir08": "nir", "coastal_aerosol": "coastal"}
"""Common names of the extension that are others here: one near infrared band is ``nir`` in every instrument."""

_ALIAS = {
    "QA_PIXEL": "QA_PIXEL",
    "QA_RADSAT": "QA_RADSAT",
    "QA_AEROSOL": "SR_QA_AEROSOL",
    "SR_QA_AEROSOL": "SR_QA_AEROSOL",
}


def knows(item: Item) -> bool:
    """True for an item of Landsat 4 to 9."""
    return bool(_ID.match(item.id))


def scene_of(located: Located) -> Scene:
    """The scene of an item."""
    item = located.item
    part = _ID.match(item.id)
    assert part is not None
    if part["collection"] != "02":
        raise BadInput(
            f"is Landsat {part['level']} of Collection {part['collection']}; from STAC items only Collection 2 is read.",
            located.named,
            hint="Fetch the scene's files and give their folder.",
        )
    if part["level"].startswith("L1"):
        return _level1(located)
    satellite = int(part["satellite"])
    bands = bands_of(satellite)
    chosen = _stac.best(item.assets, lambda asset: _key_of(asset, bands))
    return _stac.scene(
        located,
        list(_wanted(chosen, bands)),
        sensor="landsat-c2-l2",
        platform=f"landsat-{satellite}",
        bands=bands,
        masks=collection2(satellite, part["sensor"]),
        properties={"landsat:correction": part["level"]},
    )


def _level1(located: Located) -> Scene:
    """As its own metadata file tells it, for items do not tell its calibration; of a copy only what was copied."""
    files = dict(_stac.files(located))
    here = {name: href for name, href in files.items() if not is_remote(href)}
    if any(METADATA.search(name) for name in here):
        files = here
    if not any(METADATA.search(name) for name in files):
        raise BadInput("names no MTL file, which says what its bands mean.", located.named)
    return landsat_c2_l1.SENSOR.open(ItemFiles(located.named, files))


def _key_of(asset: ItemAsset, bands: tuple[Band, ...]) -> str | None:
    """The band an asset holds: by its common name, else by the archive's own name for it."""
    told = asset.bands[0]
    names = {band.name: band.key for band in bands}
    for name in (told.common_name, asset.key, told.name):
        plain = _COMMON.get(name, name)
        if plain in names:
            return names[plain]
        alias = name.upper().removesuffix(".TIF")
        if alias in _ALIAS:
            return _ALIAS[alias]
        if alias in names.values():
            return alias
    return None


def _wanted(chosen: Mapping[str, ItemAsset], bands: tuple[Band, ...]) -> Iterator[_stac.Wanted]:
    for band in bands:
        if band.key in chosen:
            asset = chosen[band.key]
            quantity = "temperature" if band.name in THERMAL else "reflectance"
            usual = TEMPERATURE if band.name in THERMAL else REFLECTANCE
            calibrations = {quantity: _calibration(asset, usual)}
            yield _stac.Wanted(
                key=band.key, asset=asset, dtype="uint16", nodata=0, calibrations=calibrations, band=band
            )
    for key, nodata in {**QUALITY, "SR_QA_AEROSOL": 1}.items():
        if key in chosen:
            yield _stac.Wanted(
                key=key, asset=chosen[key], dtype="uint8" if key == "SR_QA_AEROSOL" else "uint16", nodata=nodata
            )


def _calibration(asset: ItemAsset, usual: Calibration) -> Calibration:
    told = asset.bands[0]
    if told.scale is None or told.offset is None:
        return usual
    return replace(usual, scale=told.scale, offset=told.offset)
