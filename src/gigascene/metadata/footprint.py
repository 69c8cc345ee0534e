"""Outlines in longitude and latitude as GeoJSON (RFC 7946) wants them: cut at the date line, around a pole where need be."""

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

SIDE_POINTS = 16
"""Points of the footprint along one side: edges that are straight on the map are curves in longitude and latitude."""


def footprint(geobox: GeoBox) -> dict[str, Any]:
    """Outline of a grid with a CRS as a GeoJSON geometry: longitude and latitude, degrees, cut at the date line;
    counter-clockwise where north is up.
    """  # noqa: D205
    return _geojson(_within_the_world(Polygon(_outline(geobox))))


def footprint_of_ring(points: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """The area inside a ring of (longitude, latitude), degrees, as a GeoJSON geometry, cut at the date line.

    Two points lie less than half the Earth apart, whichever side of the date line each is told on. The ring need not
    be closed. Raises ValueError where it encloses nothing.

    Examples
    --------
    >>> footprint_of_ring([(179.0, 0.0), (-179.0, 0.0), (-179.0, 1.0), (179.0, 1.0)])["type"]
    'MultiPolygon'
    """
    lons = np.unwrap([lon for lon, _ in points], period=360)
    outline = Polygon(list(zip(lons.tolist(), [lat for _, lat in points], strict=True)))
    if not outline.is_valid or outline.area == 0:
        raise ValueError("the ring crosses itself or encloses nothing")
    return _geojson(_within_the_world(outline))


def _geojson(shape: BaseGeometry) -> dict[str, Any]:
    return {key: _lists(value) for key, value in mapping(shape).items()}


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


def bbox(footprint: Mapping[str, Any]) -> list[float]:
    """West, south, east, north of a GeoJSON polygon; west is the greater where it crosses the date line."""
    rings = footprint["coordinates"] if footprint["type"] == "Polygon" else [p[0] for p in footprint["coordinates"]]
    points = [point for ring in rings for point in ring]
    south, north = min(y for _, y, *_ in points), max(y for _, y, *_ in points)
    spans = [(min(x for x, *_ in ring), max(x for x, *_ in ring)) for ring in rings]
    west, east = min(low for low, _ in spans), max(high for _, high in spans)
    if len(spans) > 1 and west == -180 and east == 180:
        west, east = min(low for low, high in spans if high >= 180), max(high for low, high in spans if low <= -180)
    return [west, south, east, north]
