"""How much ground a pixel covers: on the ellipsoid, whatever the map does to areas."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

F64 = NDArray[np.float64]

M2_PER_KM2 = 1e6
QUARTER = 0.25
"""Pixels to either side by which the map's scale is measured."""


def ground_km2(geobox: GeoBox, rows: F64, columns: F64) -> F64 | None:
    """Ground under one pixel at places of a grid, km²; None on grids in degrees and without a CRS.

    Parameters
    ----------
    geobox : GeoBox
    rows, columns : float64 of one shape
        Places in pixels, from the upper left corner of pixel 0, 0.

    Returns
    -------
    float64 of the same shape
        Area on the CRS's ellipsoid (radii of curvature: Snyder 1987, chapter 4); 0 where the map shows no ground.

    Examples
    --------
    >>> from affine import Affine
    >>> at = np.array([1.0])
    >>> mercator = GeoBox((2, 2), Affine(30, 0, 0, 0, -30, 8_399_738), "EPSG:3857")
    >>> ground_km2(mercator, at, at).round(7).tolist()  # a quarter of the map's 0.0009, at 60 degrees north
    [0.0002258]
    >>> ground_km2(GeoBox((2, 2), Affine(0.1, 0, 0, 0, -0.1, 0), "EPSG:4326"), at, at) is None
    True
    """
    if geobox.crs is None or not geobox.crs.projected:
        return None
    crs = CRS(geobox.crs.to_wkt())
    turn = Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    a = geobox.affine

    def degrees(down: float, right: float) -> tuple[F64, F64]:
        x, y = columns + right, rows + down
        lon, lat = turn.transform(a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f)
        return np.asarray(lon), np.asarray(lat)

    with np.errstate(invalid="ignore"):
        (north, south), (west, east) = (
            (degrees(-QUARTER, 0), degrees(QUARTER, 0)),
            (degrees(0, -QUARTER), degrees(0, QUARTER)),
        )
        down = _around(south[0] - north[0]), south[1] - north[1]
        right = _around(east[0] - west[0]), east[1] - west[1]
        turned = np.deg2rad(1) ** 2 * abs(right[0] * down[1] - right[1] * down[0]) / (4 * QUARTER**2)
        area = turned * _square_radian(crs, np.deg2rad(degrees(0, 0)[1])) / M2_PER_KM2
    return np.where(np.isfinite(area), area, 0.0)


def _around(degrees: F64) -> F64:
    """Differences of longitude, the short way."""
    return (degrees + 180) % 360 - 180


def _square_radian(crs: CRS, lat: F64) -> F64:
    """Ground of one radian of longitude by one of latitude, m²."""
    ellipsoid = crs.ellipsoid
    flat = 1 / ellipsoid.inverse_flattening if ellipsoid.inverse_flattening else 0.0
    e2 = flat * (2 - flat)
    found: F64 = ellipsoid.semi_major_metre**2 * (1 - e2) * np.cos(lat) / (1 - e2 * np.sin(lat) ** 2) ** 2
    return found
