"""From the files of a SAFE product to a `Scene`: what both levels share."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from affine import Affine
from odc.geo.geobox import GeoBox

from gigascene.metadata.footprint import footprint_of_ring
from gigascene.model.errors import BadInput
from gigascene.model.scene import Asset, Calibration, Scene
from gigascene.model.sensor import Archive, Band
from gigascene.readers import jpeg2000
from gigascene.sensors._sentinel2_bands import BAND_IDS, NODATA, PLATFORMS
from gigascene.sensors._sentinel2_files import TILE_ID, Source, plain_bands
from gigascene.sensors._sentinel2_masks import CLASSES, Layer, cloud_layers, masks
from gigascene.sensors._sentinel2_radiometry import baseline, other, reflectances, wavelengths_um
from gigascene.sensors._sentinel2_xml import deep, each, first, number, text

_IMAGE = re.compile(r".+_(?P<band>B\d[\dA]|AOT|WVP|SCL)(?:_(?P<m>[126]0)m)?")
"""Names of images that become bands; the agency's own pictures (TCI, PVI) do not."""

_MAPS = ("AOT", "WVP", "SCL")
_MASK_GRID_M = 60
"""The pixel size at which level 1C's vector cloud masks were made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file that becomes an asset."""

    key: str
    file: str
    """Empty where the product lists it and it is not there."""

    said: str
    """What the product calls it, for messages."""

    name: str
    gsd_m: float
    nodata: float | None = None
    index: int = 1
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    wavelength_um: float | None = None


def scene(found: Source, *, sensor: str, bands: tuple[Band, ...]) -> Scene:
    """The scene with an asset for every image of the product's own list whose file is there."""
    order = (*BAND_IDS, *_MAPS)
    parts = sorted(_bands(found, bands), key=lambda part: (order.index(part.key.split("_")[0]), part.gsd_m))
    layers = [] if found.level == "2A" else list(cloud_layers(found))
    assets, absent = _assets(found, [*parts, *(_mask_part(layer) for layer in layers)])
    classes = next((key for key in CLASSES if key in assets), None)
    return Scene(
        id=_id(found),
        sensor=sensor,
        platform=_platform(found),
        datetime=_moment(found),
        assets=assets,
        absent=_by_name(parts, assets, absent),
        masks=masks({layer.name: layer.key for layer in layers if layer.key in assets}, classes),
        properties=_properties(found),
        footprint=_footprint(found),
        checksums=_checksums(found, assets),
    )


def plain_scene(archive: Archive, level: str) -> Scene:
    """Bands without product metadata, as plain rasters: nobody knows their offset, so nobody knows reflectance."""
    missing = f"{archive.name}: has no MTD_MSIL{level}.xml, which says offset and quantification of every band."
    assets = {}
    for key, file in sorted(plain_bands(archive).items()):
        href = archive.href(file)
        header = jpeg2000.describe(href, band=key)
        assets[key] = Asset(
            key=key,
            name=key,
            href=href,
            geobox=header.geobox,
            dtype=header.dtype,
            nodata=NODATA if header.nodata is None else header.nodata,
            blocks=header.blocks,
            calibrations={"value": Calibration()},
            identity=archive.identity(file),
            gsd_m=abs(header.geobox.affine.a),
        )
    hint = f"{missing} Fetch it, or name bands as they are: gigascene compose rgb … --bands {','.join([*assets][:3])}"
    names = ("red", "green", "blue", "nir", "swir16", "swir22", "coastal", "cirrus")
    return Scene(
        id=PurePosixPath(archive.name).name or archive.name,
        sensor="raster",
        platform="",
        datetime="",
        assets=assets,
        absent=dict.fromkeys(names, hint),
        properties={"missing": missing},
    )


def _bands(found: Source, bands: tuple[Band, ...]) -> Iterator[Part]:
    """Every image that is a band, or a map beside the bands."""
    known = {band.key: band for band in bands}
    calibrations, wavelengths = reflectances(found, bands), wavelengths_um(found)
    for stem, file in found.images.items():
        match = _IMAGE.fullmatch(stem)
        if match is None:
            continue
        code = match["band"]
        band = known.get(code)
        key = f"{code}_{match['m']}m" if match["m"] else code
        if band is None and code.startswith("B"):  # a band that this level does not have
            continue
        yield Part(
            key=key,
            file=file,
            said=f"{stem}.jp2",
            name=band.name if band else code.lower(),
            gsd_m=float(match["m"] or (band.gsd_m if band else 0)),
            nodata=None if code == "SCL" else NODATA,
            calibrations={"reflectance": calibrations[code]} if band else other(found, code),
            wavelength_um=wavelengths.get(code, band.wavelength_um) if band else None,
        )


def _mask_part(layer: Layer) -> Part:
    return Part(
        key=layer.key,
        file=layer.file,
        said=PurePosixPath(layer.file).name,
        name=layer.key.lower().replace("_", "-"),
        gsd_m=_MASK_GRID_M,
        index=layer.index,
    )


def _assets(found: Source, parts: list[Part]) -> tuple[dict[str, Asset], dict[str, str]]:
    """Assets by key, and by key what is wrong with those whose file is missing or broken."""
    assets: dict[str, Asset] = {}
    absent: dict[str, str] = {}
    for part in parts:
        if not part.file:
            absent[part.key] = f"{part.said}, band {part.key}: the product lists it, and it is not there. Fetch it."
            continue
        try:
            assets[part.key] = _asset(found, part)
        except BadInput as error:
            absent[part.key] = str(error)
    return assets, absent


def _asset(found: Source, part: Part) -> Asset:
    href = found.archive.href(part.file)
    vector = part.file.lower().endswith(".gml")
    header = None if vector else jpeg2000.describe(href, band=part.key, index=part.index)
    geobox = _grid(found, _MASK_GRID_M) if header is None else header.geobox
    if geobox.crs is None:
        raise BadInput("has no coordinate system.", href, part.key, hint="Is the file whole? Fetch it again.")
    return Asset(
        key=part.key,
        name=part.name,
        href=href,
        geobox=geobox,
        dtype="uint8" if header is None else header.dtype,
        nodata=part.nodata,
        blocks=tuple(geobox.shape) if header is None else header.blocks,
        calibrations=part.calibrations,
        index=part.index,
        identity=found.archive.identity(part.file),
        wavelength_um=part.wavelength_um,
        gsd_m=part.gsd_m,
    )


def _by_name(parts: list[Part], assets: Mapping[str, Asset], absent: Mapping[str, str]) -> dict[str, str]:
    """What is missing: by common name where nothing of a band is there, else by key."""
    there = {asset.name for asset in assets.values()}
    names = {part.key: part.name for part in parts}
    whole: dict[str, list[str]] = {}
    for key, why in absent.items():
        name = names.get(key, key)
        whole.setdefault(key if name in there else name, []).append(why)
    return {name: reasons[0] for name, reasons in whole.items()}


def _grid(found: Source, size_m: int) -> GeoBox:
    """The tile's grid of one pixel size, as its metadata gives it."""
    place = f"{found.archive.name}: {found.tile_file}"
    sizes = {text(one.get("@resolution")): one for one in each(list(deep(found.tile, "Size")))}
    origins = {text(one.get("@resolution")): one for one in each(list(deep(found.tile, "Geoposition")))}
    size, origin, code = sizes.get(str(size_m)), origins.get(str(size_m)), first(found.tile, "HORIZONTAL_CS_CODE")
    if size is None or origin is None or code is None:
        raise BadInput(f"does not say where the grid of {size_m} m lies", place)
    rows, columns, x, y, dx, dy = (
        number(values.get(name), name, place)
        for values, name in (
            (size, "NROWS"), (size, "NCOLS"), (origin, "ULX"), (origin, "ULY"), (origin, "XDIM"), (origin, "YDIM"),
        )
    )  # fmt: skip
    return GeoBox((int(rows), int(columns)), Affine(dx, 0, x, 0, dy, y), text(code))


def _id(found: Source) -> str:
    """The product's, with that of the tile where there are several."""
    product = text(first(found.product, "PRODUCT_URI", "PRODUCT_URI_2A"))
    product = product.removesuffix(".SAFE") or PurePosixPath(found.archive.name).name.split(".")[0]
    return product if found.alone else f"{product}_{_tile(found)}"


def _tile(found: Source) -> str:
    """Such as ``"T29UNU"``."""
    said = text(first(found.tile, "TILE_ID", "TILE_ID_2A"))
    match = TILE_ID.search(said.replace("_", " "))
    return match[0] if match else ""


def _platform(found: Source) -> str:
    said = text(first(found.product, "SPACECRAFT_NAME"))
    match = re.fullmatch(r"Sentinel-2([A-D])", said.strip(), re.IGNORECASE)
    if match is None:
        raise BadInput(f"SPACECRAFT_NAME is {said!r}, which is no Sentinel-2", found.place)
    return PLATFORMS[f"S2{match[1].upper()}"]


def _moment(found: Source) -> str:
    """Start of the data take over the tile, as STAC's catalogues of Sentinel-2 have it."""
    said = text(first(found.product, "PRODUCT_START_TIME", "DATATAKE_SENSING_START"))
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", said):
        raise BadInput(f"the time of acquisition is {said!r}", found.place)
    return said


def _properties(found: Source) -> dict[str, Any]:
    """STAC's names (extensions eo, view, sat, grid, projection and sentinel-2); what is not said is left out."""
    tile, cloud = _tile(found), first(found.product, "Cloud_Coverage_Assessment")
    sun = first(found.tile, "Mean_Sun_Angle")
    zenith, azimuth = first(sun, "ZENITH_ANGLE"), first(sun, "AZIMUTH_ANGLE")
    orbit = text(first(found.product, "SENSING_ORBIT_NUMBER"))
    properties = {
        "view:sun_elevation": None if zenith is None else 90 - number(zenith, "ZENITH_ANGLE", found.tile_file),
        "view:sun_azimuth": None if azimuth is None else number(azimuth, "AZIMUTH_ANGLE", found.tile_file),
        "eo:cloud_cover": None if cloud is None else number(cloud, "Cloud_Coverage_Assessment", found.place),
        "grid:code": f"MGRS-{tile[1:]}" if tile else None,
        "proj:code": text(first(found.tile, "HORIZONTAL_CS_CODE")) or None,
        "sat:relative_orbit": int(orbit) if orbit.isdigit() else None,
        "sat:orbit_state": text(first(found.product, "SENSING_ORBIT_DIRECTION")).lower() or None,
        "s2:processing_baseline": baseline(found) or None,
        "s2:product_uri": text(first(found.product, "PRODUCT_URI", "PRODUCT_URI_2A")) or None,
    }
    return {name: value for name, value in properties.items() if value is not None}


def _footprint(found: Source) -> dict[str, Any] | None:
    """Where the tile has pixels, as the product says; None where it says it of several tiles, or nothing that closes."""
    said = text(first(found.product, "EXT_POS_LIST")).split()
    try:
        numbers = [float(part) for part in said]
        return footprint_of_ring(list(zip(numbers[1::2], numbers[::2], strict=True))) if found.alone else None
    except ValueError:
        return None


def _checksums(found: Source, assets: Mapping[str, Asset]) -> dict[str, str]:
    """Of the metadata and of every image, by href."""
    if not found.checksums:
        return {}
    files = {found.archive.href(name): name for name in found.archive.names()}
    used = [found.archive.href(found.product_file), found.archive.href(found.tile_file)]
    hrefs = dict.fromkeys([*used, *(asset.href for asset in assets.values())])
    return {href: found.checksums.get(files[href], "") for href in hrefs}
