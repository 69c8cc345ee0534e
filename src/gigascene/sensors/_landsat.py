"""From the files of a Landsat scene to a `Scene`: what all generations share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from pathlib import PurePath
from typing import Any

from gigascene.model.errors import BadInput
from gigascene.model.scene import Asset, Calibration, Mask, Scene
from gigascene.model.sensor import Band
from gigascene.readers.geotiff import describe
from gigascene.sensors._landsat_files import Source, number, sun_elevation_deg
from gigascene.sensors._landsat_mtl import first, group


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file that becomes an asset."""

    key: str
    file: str
    nodata: float | None
    """Where the file itself declares none."""

    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    band: Band | None = None
    """Of the instrument, for spectral bands."""


def scene(
    source: Source, *, sensor: str, bands: Iterable[Band], parts: Iterable[Part], masks: Mapping[str, Mask]
) -> Scene:
    """The scene with an asset for every part, and those masks whose quality band is there."""
    parts = tuple(parts)
    if not parts:
        raise BadInput(f"has none of the files that {source.mtl} names", source.archive.name)
    assets, broken = _assets(source, parts)
    if not assets:
        raise BadInput("has no band that can be read.", source.archive.name, hint="\n".join(broken.values()))
    return Scene(
        id=_id(source),
        sensor=sensor,
        platform=f"landsat-{source.id.satellite}",
        datetime=_moment(source),
        assets=assets,
        absent=_absent(source, bands, assets) | broken,
        masks={name: mask for name, mask in masks.items() if mask.asset in assets},
        properties=_properties(source),
    )


def facts(source: Source) -> dict[str, Any]:
    """Keys of all the groups that say what the scene is, old and new."""
    names = ("METADATA_FILE_INFO", "PRODUCT_METADATA", "PRODUCT_PARAMETERS", "LEVEL1_PROCESSING_RECORD")
    return {
        key: value
        for name in (*names, "IMAGE_ATTRIBUTES", "PRODUCT_CONTENTS")
        for key, value in group(source.metadata, name).items()
    }


def _assets(source: Source, parts: tuple[Part, ...]) -> tuple[dict[str, Asset], dict[str, str]]:
    """Assets by key, and by name what is wrong with those whose file is broken: the others are good without them."""
    wanted = {part.file for part in parts}
    hrefs = {name: source.archive.href(name) for name in source.archive.names() if name in wanted}
    assets, broken = {}, {}
    for part in parts:
        try:
            assets[part.key] = _asset(source, part, hrefs[part.file])
        except BadInput as error:
            broken[part.band.name if part.band else part.key] = str(error)
    return assets, broken


def _absent(source: Source, bands: Iterable[Band], assets: Mapping[str, Asset]) -> dict[str, str]:
    """Files of the instrument's bands that are not there."""
    folder = PurePath(source.archive.name)
    return {
        band.name: f"{folder / f'{source.stem}_{band.key}.TIF'}, band {band.key}: is not there. Fetch it."
        for band in bands
        if band.key not in assets
    }


def _asset(source: Source, part: Part, href: str) -> Asset:
    header = describe(href, band=part.key)
    if header.geobox.crs is None:
        raise BadInput("has no coordinate system.", href, part.key, hint="Is the file whole? Fetch it again.")
    return Asset(
        key=part.key,
        name=part.band.name if part.band else part.key,
        href=href,
        geobox=header.geobox,
        dtype=header.dtype,
        nodata=part.nodata if header.nodata is None else header.nodata,
        blocks=header.blocks,
        calibrations=part.calibrations,
        identity=source.archive.identity(part.file),
        wavelength_um=part.band.wavelength_um if part.band else None,
        gsd_m=part.band.gsd_m if part.band else None,
    )


def _id(source: Source) -> str:
    known = facts(source)
    return str(first(known, "LANDSAT_PRODUCT_ID", "LANDSAT_SCENE_ID") or source.id.text)


def _moment(source: Source) -> str:
    known = facts(source)
    day = first(known, "DATE_ACQUIRED", "ACQUISITION_DATE")
    clock = first(known, "SCENE_CENTER_TIME", "SCENE_CENTER_SCAN_TIME")
    if not isinstance(day, date) or not isinstance(clock, time):
        missing = "day (DATE_ACQUIRED)" if not isinstance(day, date) else "time (SCENE_CENTER_TIME)"
        raise BadInput(
            f"its metadata tell no {missing} of acquisition.", source.place, hint="Fetch its MTL file again."
        )
    return datetime.combine(day, clock, tzinfo=UTC).isoformat().replace("+00:00", "Z")


def _properties(source: Source) -> dict[str, Any]:
    """STAC's names (extensions eo, view and landsat); what the metadata does not say is left out."""
    known = facts(source)
    cloud = number(source, known, "CLOUD_COVER")
    collection = source.id.collection
    found = {
        "view:sun_elevation": sun_elevation_deg(source),
        "view:sun_azimuth": number(source, known, "SUN_AZIMUTH"),
        "eo:cloud_cover": cloud if cloud is not None and cloud >= 0 else None,  # -1: not assessed
        "landsat:wrs_path": f"{source.id.path:03}",
        "landsat:wrs_row": f"{source.id.row:03}",
        "landsat:collection_category": first(known, "COLLECTION_CATEGORY") or source.id.tier or None,
        "landsat:collection_number": None if collection is None else f"{collection:02}",
        "landsat:correction": first(known, "PROCESSING_LEVEL", "DATA_TYPE", "PRODUCT_TYPE") or source.id.level or None,
        "landsat:scene_id": first(known, "LANDSAT_SCENE_ID"),
    }
    return {name: value for name, value in found.items() if value is not None}
