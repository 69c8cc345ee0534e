"""STAC items in the layout of Earth Search version 1, its collection ``sentinel-2-l2a``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gigascene.simulate import _sentinel2_facts as facts
from gigascene.simulate._sentinel2_facts import Band
from gigascene.simulate._sentinel2_scene import Counts, Scene

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
COLLECTION = "sentinel-2-l2a"

EXTENSIONS = {
    "1.0.0": (
        "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
        "https://stac-extensions.github.io/file/v2.1.0/schema.json",
        "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
        "https://stac-extensions.github.io/mgrs/v1.0.0/schema.json",
        "https://stac-extensions.github.io/processing/v1.1.0/schema.json",
        "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
        "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
        "https://stac-extensions.github.io/sentinel-2/v1.0.0/schema.json",
        "https://stac-extensions.github.io/view/v1.0.0/schema.json",
    ),
    "1.1.0": (
        "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
        "https://stac-extensions.github.io/file/v2.1.0/schema.json",
        "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
        "https://stac-extensions.github.io/mgrs/v1.0.0/schema.json",
        "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
        "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
        "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
        "https://stac-extensions.github.io/sentinel-2/v1.0.0/schema.json",
        "https://stac-extensions.github.io/view/v1.0.0/schema.json",
    ),
}
"""By version of the specification."""

IMAGES = {
    **{band.key: f"{band.name}_{band.gsd_m}m" for band in facts.SURFACE},
    "scl": "SCL_20m",
    "aot": "AOT_20m",
    "wvp": "WVP_20m",
    "visual": "TCI_10m",
}
"""Image of every asset."""

_OTHERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "scl": ("Scene classification map (SCL)", "uint8", {}),
    "aot": ("Aerosol optical thickness (AOT)", "uint16", {"scale": 0.001, "offset": 0}),
    "wvp": ("Water vapour (WVP)", "uint16", {"scale": 0.001, "offset": 0, "unit": "cm"}),
}

_S2_PERCENT = {
    "s2:dark_features_percentage": 2,
    "s2:cloud_shadow_percentage": 3,
    "s2:vegetation_percentage": 4,
    "s2:not_vegetated_percentage": 5,
    "s2:water_percentage": 6,
    "s2:unclassified_percentage": 7,
    "s2:medium_proba_clouds_percentage": 8,
    "s2:high_proba_clouds_percentage": 9,
    "s2:thin_cirrus_percentage": 10,
    "s2:snow_ice_percentage": 11,
    "s2:saturated_defective_pixel_percentage": 1,
    "s2:nodata_pixel_percentage": 0,
}


def file_name(key: str) -> str:
    """File of an asset, beside its item.

    >>> file_name("red"), file_name("visual")
    ('B04.tif', 'TCI.tif')
    """
    return f"{IMAGES[key].split('_')[0]}.tif"


def gsd(key: str) -> int:
    """Metres."""
    return int(IMAGES[key].split("_")[1].removesuffix("m"))


def item(scene: Scene, counts: Counts, sizes: dict[str, int], version: str, *, applied: bool) -> dict[str, Any]:
    """One item.

    Parameters
    ----------
    scene, counts
        The tile on its date, and what was counted in it.
    sizes : asset key → bytes
    version : "1.0.0" or "1.1.0"
        Of the specification: ``eo:bands`` and ``raster:bands``, or common ``bands``.
    applied : bool
        The offset was added to the pixels. Then the catalogue says so and still has the offset beside it, as the real one has.
    """
    ring = [[round(x, 7), round(y, 7)] for x, y in scene.outline]
    lons, lats = [x for x, _ in ring], [y for _, y in ring]
    return {
        "type": "Feature",
        "stac_version": version,
        "id": scene.item,
        "properties": _properties(scene, counts, version, applied=applied),
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "links": [{"rel": "self", "type": "application/geo+json", "href": f"./{scene.item}.json"}],
        "assets": {key: _asset(key, scene, size, version) for key, size in sizes.items()},
        "bbox": [min(lons), min(lats), max(lons), max(lats)],
        "stac_extensions": list(EXTENSIONS[version]),
        "collection": COLLECTION,
    }


def moved(content: dict[str, Any], folder: str) -> dict[str, Any]:
    """The same item, with its relative references seen from the folder above."""
    assets = {
        key: {**asset, "href": f"./{folder}/{asset['href'].removeprefix('./')}"}
        for key, asset in content["assets"].items()
    }
    links = [{**link, "href": f"./{folder}/{link['href'].removeprefix('./')}"} for link in content["links"]]
    return {**content, "assets": assets, "links": links}


def collection_of(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """An ItemCollection, as a search answers."""
    return {"type": "FeatureCollection", "features": list(items), "links": [], "numberReturned": len(items)}


def _properties(scene: Scene, counts: Counts, version: str, *, applied: bool) -> dict[str, Any]:
    frame, flown, name = scene.tile.frame, scene.flown, scene.tile.name
    azimuth, elevation = scene.sun
    stamp = f"{scene.generated:%Y-%m-%dT%H:%M:%S}.000Z"
    number = flown.satellite[-1].lower()
    return {
        "datetime": f"{scene.sensed:%Y-%m-%dT%H:%M:%S.%f}Z",
        "created": stamp,
        "updated": stamp,
        "platform": f"sentinel-2{number}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": counts.clouds,
        **({"proj:epsg": frame.epsg} if version == "1.0.0" else {"proj:code": f"EPSG:{frame.epsg}"}),
        "mgrs:utm_zone": frame.zone,
        "mgrs:latitude_band": name[2],
        "mgrs:grid_square": name[3:],
        "grid:code": f"MGRS-{name.lstrip('0')}",
        "view:sun_azimuth": round(azimuth, 6),
        "view:sun_elevation": round(elevation, 6),
        "s2:degraded_msi_data_percentage": 0,
        **{key: counts.percent(number) for key, number in _S2_PERCENT.items()},
        "s2:processing_baseline": facts.BASELINE,
        "s2:product_type": "S2MSI2A",
        "s2:product_uri": scene.product,
        "s2:generation_time": stamp,
        "s2:datatake_id": scene.datatake_id,
        "s2:datatake_type": "INS-NOBS",
        "s2:datastrip_id": scene.datastrip_id,
        "s2:granule_id": scene.granule_id,
        "s2:reflectance_conversion_factor": round(flown.sun_factor, 9),
        "s2:sequence": "0",
        "earthsearch:boa_offset_applied": applied,
        "processing:software": {"gigascene simulate": facts.BASELINE},
    }


def _asset(key: str, scene: Scene, size: int, version: str) -> dict[str, Any]:
    frame, metres = scene.tile.frame, gsd(key)
    bands = [band for band in facts.SURFACE if band.key == key]
    if key == "visual":
        bands = [band for name in ("B04", "B03", "B02") for band in facts.SURFACE if band.name == name]
    title, kind, numbers = _OTHERS.get(key) or (
        ("True color image", "uint8", {})
        if key == "visual"
        else (f"{bands[0].title} - {metres}m", "uint16", {"scale": 0.0001, "offset": -0.1})
    )
    stored = {"nodata": 0, "data_type": kind, "spatial_resolution": metres, **numbers}
    asset: dict[str, Any] = {"href": f"./{file_name(key)}", "type": COG, "title": title}
    asset |= _spectral(bands, stored, visual=key == "visual", version=version)
    return asset | {
        "gsd": metres,
        "proj:shape": list(frame.shape(metres)),
        "proj:transform": [metres, 0, frame.x, 0, -metres, frame.y],
        "file:size": size,
        "roles": ["visual"] if key == "visual" else ["data", "reflectance"] if bands else ["data"],
    }


def _spectral(bands: Sequence[Band], stored: dict[str, Any], *, visual: bool, version: str) -> dict[str, Any]:
    """Bands and their numbers, in either spelling."""
    if version == "1.0.0":
        spectra = {"eo:bands": [_eo(band) for band in bands]} if bands else {}
        return spectra if visual else spectra | {"raster:bands": [stored]}
    numbers = {f"raster:{key}" if key in _RASTER else key: value for key, value in stored.items()}
    if not bands:
        return {"bands": [numbers]}
    eo = ("common_name", "center_wavelength", "full_width_half_max")
    said = [{f"eo:{key}" if key in eo else key: value for key, value in _eo(band).items()} for band in bands]
    return {"bands": said if visual else [one | numbers for one in said]}


_RASTER = ("scale", "offset", "spatial_resolution")


def _eo(band: Band) -> dict[str, Any]:
    low, high = band.range_nm
    return {
        "name": band.key,
        "common_name": band.common,
        "description": band.title,
        "center_wavelength": round(band.center_nm / 1000.0, 4),
        "full_width_half_max": round((high - low) / 1000.0, 4),
    }
