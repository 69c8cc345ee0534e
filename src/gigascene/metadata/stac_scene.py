"""A scene as a STAC 1.1 item: its bands, their grids, what their numbers mean, and the files behind them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from odc.geo.geobox import GeoBox

from gigascene.metadata.footprint import bbox
from gigascene.model.scene import SENSOR, Asset, Scene

EXTENSIONS: Mapping[str, str] = {
    "eo": "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "file": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "grid": "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "proj": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "raster": "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "sat": "https://stac-extensions.github.io/sat/v1.0.0/schema.json",
    "view": "https://stac-extensions.github.io/view/v1.0.0/schema.json",
}
"""By the prefix of their fields."""

COMMON_NAMES = frozenset(
    [
        "pan",
        "coastal",
        "blue",
        "green",
        "green05",
        "yellow",
        "red",
        "rededge",
        "rededge071",
        "rededge075",
        "rededge078",
        "nir",
        "nir08",
        "nir09",
        "cirrus",
        "swir16",
        "swir22",
        "lwir",
        "lwir11",
        "lwir12",
    ]
)
"""Those that eo 2.0 knows; other names of bands are only names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One file of the scene."""

    key: str
    href: str
    media_type: str
    roles: tuple[str, ...]
    bands: tuple[Asset, ...] = ()
    """Those that it holds; none for metadata."""

    local_path: str = ""
    """Where it lies in the product, with ``/``: a copy that keeps this opens like the product."""


def item(scene: Scene, outline: Mapping[str, Any], files: Sequence[Listed]) -> dict[str, Any]:
    """The item of a scene.

    Parameters
    ----------
    scene : Scene
        With a time.
    outline : mapping
        GeoJSON geometry of what was measured, longitude and latitude, cut at the date line.
    files : sequence of Listed
        At least one; keys are unique.

    Returns
    -------
    dict
        JSON values; no links, and hrefs as they are in `files`. Sizes and checksums are for who has looked at the files.
    """
    bands = [band for one in files for band in one.bands]
    shared = _shared_code(bands)
    document = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": scene.id,
        "geometry": dict(outline),
        "bbox": bbox(outline),
        "properties": {
            "datetime": scene.datetime,
            **({"platform": scene.platform} if scene.platform else {}),
            **scene.properties,
            **shared,
            SENSOR: scene.sensor,
        },
        "links": [],
        "assets": {one.key: _asset(scene, one, shared) for one in files},
    }
    return {**document, "stac_extensions": extensions(document)}


def extensions(document: Mapping[str, Any]) -> list[str]:
    """Schemas of the fields that an item uses, and of those it named already."""
    assets = document["assets"].values()
    bands = [band for asset in assets for band in asset.get("bands", ())]
    used = {key.partition(":")[0] for found in (document["properties"], *assets, *bands) for key in found if ":" in key}
    named = list(document.get("stac_extensions") or ())
    known = {_stem(one) for one in named}
    return [*named, *(href for prefix, href in EXTENSIONS.items() if prefix in used and _stem(href) not in known)]


def _stem(schema: str) -> str:
    """Of its address, without the version."""
    return schema.rpartition("/v")[0]


def _asset(scene: Scene, file: Listed, shared: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"href": file.href, "type": file.media_type, "roles": list(file.roles)}
    told |= {"file:local_path": file.local_path} if file.local_path else {}
    if not file.bands:
        return told
    grid = _grid(file.bands[0].geobox, shared) if len(file.bands) == 1 else {}
    return {**told, **grid, "bands": [_band(scene, band) for band in file.bands]}


def _grid(geobox: GeoBox, shared: Mapping[str, Any]) -> dict[str, Any]:
    code = {} if shared else _code(geobox)
    return {**code, "proj:shape": list(geobox.shape), "proj:transform": [float(v) for v in list(geobox.affine)[:6]]}


def _shared_code(bands: Iterable[Asset]) -> dict[str, Any]:
    """The CRS, where all bands have the same."""
    codes = [_code(band.geobox) for band in bands]
    return codes[0] if codes and all(one == codes[0] for one in codes) else {}


def _code(geobox: GeoBox) -> dict[str, Any]:
    if geobox.crs is None:
        return {}
    epsg = geobox.crs.epsg
    return {"proj:code": f"EPSG:{epsg}"} if epsg else {"proj:code": None, "proj:wkt2": geobox.crs.to_wkt()}


def _band(scene: Scene, band: Asset) -> dict[str, Any]:
    """What is not known is left out."""
    how = scene.calibration(band, "")
    linear = bool(band.calibrations)
    said = {
        "name": band.key,
        "eo:common_name": band.name if band.name in COMMON_NAMES else None,
        "eo:center_wavelength": band.wavelength_um,
        "gsd": band.gsd_m,
        "data_type": band.dtype,
        "nodata": _whole(band.nodata),
        "unit": how.unit if linear and how.k1 is None else None,
        "raster:scale": how.scale if linear else None,
        "raster:offset": how.offset if linear else None,
        "raster:spatial_resolution": abs(float(band.geobox.affine.a)),
    }
    return {key: value for key, value in said.items() if value is not None}


def _whole(value: float | None) -> float | str | None:
    """As JSON can hold it: the word ``nan`` for what is no number."""
    if value is None:
        return None
    if math.isnan(value):
        return "nan"
    return int(value) if float(value).is_integer() else float(value)
