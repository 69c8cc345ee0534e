"""What a picture is and where it lies, as a STAC 1.1 item (SpatioTemporal Asset Catalog specification)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

EXTENSIONS = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
)
SIDE_POINTS = 16
"""Points of the footprint along one side: edges that are straight on the map are curves in longitude and latitude."""

MEDIA_TYPES = {
    ".tif": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".tiff": "image/tiff; application=geotiff; profile=cloud-optimized",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".pam": "image/x-portable-arbitrarymap",
    ".ppm": "image/x-portable-pixmap",
    ".pgm": "image/x-portable-graymap",
}


def item(
    name: str,
    suffix: str,
    size: int,
    geobox: GeoBox,
    bands: Sequence[Mapping[str, Any]],
    times: Sequence[str],
    properties: Mapping[str, Any],
) -> dict[str, Any]:
    """An item with one asset, the picture beside it.

    Parameters
    ----------
    name : str
        File name of the picture.
    suffix : str
        Its suffix, lower case, with the dot.
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
    footprint = _footprint(geobox)
    first, last = min(times), max(times)
    when = {"datetime": first} if first == last else {"datetime": None, "start_datetime": first, "end_datetime": last}
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(EXTENSIONS),
        "id": name.removesuffix(suffix),
        "geometry": footprint,
        "bbox": _bbox(footprint),
        "properties": {**when, **properties, **_projection(geobox)},
        "links": [],
        "assets": {
            "data": {
                "href": f"./{name}",
                "type": MEDIA_TYPES.get(suffix, "application/octet-stream"),
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


def _footprint(geobox: GeoBox) -> dict[str, Any]:
    """Outline in longitude and latitude, degrees, cut at the date line; counter-clockwise where north is up."""
    outline = Polygon(_outline(geobox))
    return {key: _lists(value) for key, value in mapping(_within_the_world(outline)).items()}


def _outline(geobox: GeoBox) -> list[tuple[float, float]]:
    """Longitude and latitude along the edge, without a step at the date line: some may lie beyond 180 degrees."""
    assert geobox.crs is not None
    edge = list(_edge(geobox))
    to_degrees = Transformer.from_crs(geobox.crs.to_wkt(), "EPSG:4326", always_xy=True).transform
    xs, ys = to_degrees([x for x, _ in edge], [y for _, y in edge])
    lons = np.unwrap([*xs, xs[0]], period=360)
    points = list(zip(np.round(lons, 7).tolist(), np.round([*ys, ys[0]], 7).tolist(), strict=True))
    if abs(lons[-1] - lons[0]) < 180:
        return points
    pole = 90.0 if np.mean(ys) > 0 else -90.0  # it lies inside: all longitudes do
    return [*points, (points[-1][0], pole), (points[0][0], pole)]


def _within_the_world(footprint: BaseGeometry) -> BaseGeometry:
    """What reaches beyond 180 degrees (a geographic grid may) lies on the other side."""
    west, _, east, _ = footprint.bounds
    if west >= -180 and east <= 180:
        return orient(footprint) if footprint.geom_type == "Polygon" else footprint
    turns = (translate(footprint, turn) for turn in (-360, 0, 360))
    parts = [part for turn in turns if (part := turn.intersection(box(-180, -90, 180, 90))).area > 0]
    return MultiPolygon([orient(part) for part in parts])


def _edge(geobox: GeoBox) -> Iterable[tuple[float, float]]:
    height, width = geobox.shape
    steps = [step / SIDE_POINTS for step in range(SIDE_POINTS)]
    for column, row in (
        *((0.0, height * step) for step in steps),
        *((width * step, float(height)) for step in steps),
        *((float(width), height * (1 - step)) for step in steps),
        *((width * (1 - step), 0.0) for step in steps),
    ):
        yield geobox.affine @ (column, row)


def _lists(values: Any) -> Any:
    return [_lists(value) for value in values] if isinstance(values, list | tuple) else values


def _bbox(footprint: Mapping[str, Any]) -> list[float]:
    """West, south, east, north; west is the greater where it crosses the date line."""
    rings = footprint["coordinates"] if footprint["type"] == "Polygon" else [p[0] for p in footprint["coordinates"]]
    points = [point for ring in rings for point in ring]
    south, north = min(y for _, y, *_ in points), max(y for _, y, *_ in points)
    spans = [(min(x for x, *_ in ring), max(x for x, *_ in ring)) for ring in rings]
    west, east = min(low for low, _ in spans), max(high for _, high in spans)
    if len(spans) > 1 and west == -180 and east == 180:
        west, east = min(low for low, high in spans if high >= 180), max(high for low, high in spans if low <= -180)
    return [west, south, east, north]
