"""What a picture is and where it lies, as a STAC 1.1 item (SpatioTemporal Asset Catalog specification)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from odc.geo.geobox import GeoBox

from gigascene.metadata.footprint import bbox, footprint

EXTENSIONS = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
)

MEDIA_TYPES = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".tiff": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".dzi": "application/xml",
    ".json": "application/json",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".pam": "image/x-portable-arbitrarymap",
    ".ppm": "image/x-portable-pixmap",
    ".pgm": "image/x-portable-graymap",
}


def item(
    id: str,
    href: str,
    size: int,
    geobox: GeoBox,
    bands: Sequence[Mapping[str, Any]],
    times: Sequence[str],
    properties: Mapping[str, Any],
) -> dict[str, Any]:
    """An item with one asset, the picture.

    Parameters
    ----------
    id : str
        Name of the picture.
    href : str
        Where its file lies, from the item; of map tiles that is their TileJSON. Its suffix tells its media type.
    size : int
        Its bytes.
    geobox : GeoBox
        With a CRS.
    bands : sequence of mappings
        Of the picture, in order: ``name``, ``data_type``, ``nodata``.
    times : sequence of str
        Acquisition times of what it is made of, RFC 3339, at least one.
    properties : mapping
        More of them, such as ``platform`` and ``processing:software``.

    Returns
    -------
    dict
        JSON values. The footprint follows GeoJSON (RFC 7946): cut at the date line, where its bbox runs from west to
        east across it.
    """
    outline = footprint(geobox)
    first, last = min(times), max(times)
    when = {"datetime": first} if first == last else {"datetime": None, "start_datetime": first, "end_datetime": last}
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(EXTENSIONS),
        "id": id,
        "geometry": outline,
        "bbox": bbox(outline),
        "properties": {**when, **properties, **_projection(geobox)},
        "links": [],
        "assets": {
            "data": {
                "href": href,
                "type": MEDIA_TYPES.get(PurePosixPath(href).suffix.lower(), "application/octet-stream"),
                "roles": ["data", "visual"],
                "file:size": size,
                "bands": [dict(band) for band in bands],
            }
        },
    }


def _projection(geobox: GeoBox) -> dict[str, Any]:
    crs = geobox.crs
    assert crs is not None
    code = {"proj:code": f"EPSG:{crs.epsg}"} if crs.epsg else {"proj:code": None, "proj:wkt2": crs.to_wkt()}
    return {**code, "proj:shape": list(geobox.shape), "proj:transform": [float(v) for v in list(geobox.affine)[:6]]}
