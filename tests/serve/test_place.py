"""Interpolated positions against pyproj, at the awkward places: date line, pole, a whole world, off the Earth."""

import json

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS, Transformer

from gigascene.serve.place import TOLERANCE, from_json, place

WORLD = Affine(360 / 43200, 0, -180, 0, -360 / 43200, 90)
PLACES = {
    "utm": (Affine(30, 0, 534_285, 0, -30, 7_867_515), 32626, (7900, 7800)),
    "date line": (Affine(30, 0, 700_000, 0, -30, 8_000_000), 32701, (8000, 8000)),
    "pole": (Affine(1000, 0, -4_000_000, 0, -1000, 4_000_000), 3413, (8000, 8000)),
    "world": (WORLD, 4326, (21600, 43200)),
    "0 to 360": (Affine(0.25, 0, 0, 0, -0.25, 90), 4326, (720, 1440)),
    "turned": (Affine(20, 10, 400_000, 10, -20, 5_000_000), 32633, (5000, 300)),
    "wide": (Affine(10, 0, 200_000, 0, -10, 8_867_515), 32633, (100_000, 60_000)),
    "one pixel": (Affine(30, 0, 534_285, 0, -30, 7_867_515), 32626, (1, 1)),
}


def truth(affine, crs, shape, down, across):
    """Longitude and latitude by pyproj, and the ground's metres for a pixel."""
    transformer = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)

    def at(column, row):
        x = affine.a * column + affine.b * row + affine.c
        y = affine.d * column + affine.e * row + affine.f
        return np.stack(transformer.transform(x, y))

    column, row = across * shape[1], down * shape[0]
    return at(column, row), metres(at(column, row), at(column + 1, row))


def metres(one, other):
    """Distance on a sphere, haversine."""
    a, b = np.radians(one), np.radians(other)
    h = np.sin((b[1] - a[1]) / 2) ** 2 + np.cos(a[1]) * np.cos(b[1]) * np.sin((b[0] - a[0]) / 2) ** 2
    return 2 * 6_371_008.8 * np.arcsin(np.sqrt(h))


@pytest.mark.parametrize("name", PLACES)
def test_positions(name):
    affine, code, shape = PLACES[name]
    nodes = place(affine, CRS.from_epsg(code), shape).nodes
    down, across = np.random.default_rng(7).uniform(0, 1, (2, 500))
    wanted, pixel = truth(affine, CRS.from_epsg(code), shape, down, across)
    missed = metres(np.stack(nodes.at(down, across)), wanted) / pixel
    assert missed.max() < 2 * TOLERANCE
    assert nodes.lon.size <= 17 * 17


def test_corners_are_nodes():
    affine, code, shape = PLACES["utm"]
    nodes = place(affine, CRS.from_epsg(code), shape).nodes
    (lon, lat), _ = truth(affine, CRS.from_epsg(code), shape, np.array([0.0, 1.0]), np.array([0.0, 1.0]))
    np.testing.assert_allclose([nodes.lon[0, 0], nodes.lon[-1, -1]], lon, rtol=0, atol=1e-9)
    np.testing.assert_allclose([nodes.lat[0, 0], nodes.lat[-1, -1]], lat, rtol=0, atol=1e-9)


def test_off_the_earth():
    crs = CRS.from_user_input("+proj=geos +h=35785831 +lon_0=0 +datum=WGS84")
    found = place(Affine(3000, 0, -5_568_000, 0, -3000, 5_568_000), crs, (3712, 3712))
    lon, lat = found.nodes.at(np.array([0.5, 0.01]), np.array([0.5, 0.01]))
    assert abs(lon[0]) < 1e-4 and abs(lat[0]) < 1e-4
    assert np.isnan(lon[1]) and np.isnan(lat[1])
    assert found.to_json()["nodes"]["lon"][0][0] is None


def test_another_planet():
    found = place(Affine(100, 0, 0, 0, -100, 0), CRS.from_user_input("IAU_2015:30100"), (100, 100))
    assert found.nodes is None
    assert from_json(json.loads(json.dumps(found.to_json()))).nodes is None


@pytest.mark.parametrize("name", ["utm", "pole", "world"])
def test_json(name):
    affine, code, shape = PLACES[name]
    found = place(affine, CRS.from_epsg(code), shape)
    again = from_json(json.loads(json.dumps(found.to_json())))
    assert again.affine == affine
    assert again.crs.equals(found.crs)
    assert again.nodes.method == found.nodes.method
    np.testing.assert_allclose(again.nodes.lon, found.nodes.lon, rtol=0, atol=1e-9)
