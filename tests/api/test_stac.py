"""STAC items beside outputs: where they lie, when they were taken, and never those of another picture."""

import json

import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry import Polygon, shape

import gigascene
from gigascene.metadata import stac


def test_beside_a_picture_of_a_scene(small_scene, tmp_path):
    gigascene.compose("true-color", small_scene, tmp_path / "fjord.tif")
    item = json.loads((tmp_path / "fjord.tif.stac.json").read_text())
    scene = gigascene.open_scene(small_scene)
    assert (item["type"], item["stac_version"], item["id"]) == ("Feature", "1.1.0", "fjord")
    assert item["properties"]["datetime"] == scene.datetime
    assert item["properties"]["platform"] == "landsat-8"
    assert item["properties"]["proj:code"] == "EPSG:32626"
    assert item["properties"]["proj:shape"] == [300, 260]
    data = item["assets"]["data"]
    assert (tmp_path / data["href"]).stat().st_size == data["file:size"]
    assert [band["name"] for band in data["bands"]] == ["red", "green", "blue"]
    footprint = shape(item["geometry"])
    assert footprint.is_valid
    assert footprint.exterior.is_ccw
    assert footprint.bounds == pytest.approx(item["bbox"])
    to_degrees = Transformer.from_crs("EPSG:32626", "EPSG:4326", always_xy=True).transform
    affine = scene.asset("red").geobox.affine
    lonlat = Polygon([to_degrees(*(affine @ corner)) for corner in ((0, 0), (260, 0), (260, 300), (0, 300))])
    assert footprint.symmetric_difference(lonlat).area < 1e-3 * lonlat.area


def test_none_where_the_place_is_unknown_and_an_old_one_goes(small_scene, tmp_path):
    target = tmp_path / "a.png"
    gigascene.compose("true-color", small_scene, target)
    assert (tmp_path / "a.png.stac.json").exists()
    (tmp_path / "b.pgm").write_bytes(b"P5\n2 2\n255\n\1\2\3\4")
    gigascene.convert(tmp_path / "b.pgm", target)
    assert not (tmp_path / "a.png.stac.json").exists()


def test_across_the_date_line():
    geobox = GeoBox((100, 200), Affine(0.01, 0, 179.0, 0, -0.01, 66.0), "EPSG:4326")
    item = stac.item("a.tif", ".tif", 1, geobox, [], ["2024-01-01T00:00:00Z"], {})
    assert item["geometry"]["type"] == "MultiPolygon"
    assert item["bbox"] == pytest.approx([179.0, 65.0, -179.0, 66.0])
    assert shape(item["geometry"]).area == pytest.approx(2.0)


def test_several_times_are_a_span():
    geobox = GeoBox((10, 10), Affine(1, 0, 0, 0, -1, 10), "EPSG:4326")
    item = stac.item("a.tif", ".tif", 1, geobox, [], ["2024-02-01T00:00:00Z", "2024-01-01T00:00:00Z"], {})
    assert item["properties"]["datetime"] is None
    assert item["properties"]["start_datetime"] == "2024-01-01T00:00:00Z"
    assert item["properties"]["end_datetime"] == "2024-02-01T00:00:00Z"


def test_around_the_pole():
    geobox = GeoBox((100, 100), Affine(20_000, 0, -1_000_000, 0, -20_000, 1_000_000), "EPSG:3413")
    item = stac.item("a.tif", ".tif", 1, geobox, [], ["2024-01-01T00:00:00Z"], {})
    footprint = shape(item["geometry"])
    assert footprint.is_valid
    assert footprint.bounds[0] == pytest.approx(-180)
    assert footprint.bounds[2] == pytest.approx(180)
    assert footprint.bounds[3] == 90
