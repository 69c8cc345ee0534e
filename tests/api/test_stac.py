"""STAC items beside outputs: where they lie, when they were taken, and never those of another picture."""

import json
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.validation import JsonSchemaSTACValidator
from shapely.geometry import Polygon, shape

import gigascene
from gigascene.metadata import stac
from gigascene.model.errors import UsageError

NORTH = Affine(30, 0, 500_000, 0, -30, 7_800_000)


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


@pytest.mark.parametrize(("name", "asset"), [("world.dzi", "world.dzi"), ("world/", "world/tilejson.json")])
@pytest.mark.parametrize("tiles", ["png", "jpg"])
def test_beside_tiles(small_scene, tmp_path, name, asset, tiles):
    """pystac is the judge."""
    wishes = {"grid": "web-mercator"} if name.endswith("/") else {}
    make = gigascene.mosaic if wishes else gigascene.compose
    make("true-color", small_scene, f"{tmp_path}/{name}", options={"tiles": tiles})
    path = tmp_path / f"{name.rstrip('/')}.stac.json"
    document = json.loads(path.read_text())
    JsonSchemaSTACValidator().validate_core(document, pystac.STACObjectType.ITEM, "1.1.0")
    item = pystac.Item.from_file(str(path))
    assert item.id == "world"
    data, projection = item.assets["data"], ProjectionExtension.ext(item)
    file = Path(data.get_absolute_href())
    assert file == tmp_path / asset
    assert FileExtension.ext(data).size == file.stat().st_size
    assert data.media_type == ("application/json" if name.endswith("/") else "application/xml")
    assert projection.code == ("EPSG:3857" if name.endswith("/") else "EPSG:32626")
    assert ["nodata" in band for band in document["assets"]["data"]["bands"]] == [tiles == "png"] * 3
    if name.endswith("/"):
        outline, said = shape(document["geometry"]).bounds, json.loads(file.read_text())["bounds"]
        assert outline == pytest.approx(said, abs=1e-6)
    receipt = json.loads(path.with_name(f"{name.rstrip('/')}.receipt.json").read_text())
    assert projection.shape == receipt["grid"]["shape"]


def test_none_where_the_place_is_unknown_and_an_old_one_goes(small_scene, tmp_path):
    target = tmp_path / "a.png"
    gigascene.compose("true-color", small_scene, target)
    assert (tmp_path / "a.png.stac.json").exists()
    (tmp_path / "b.pgm").write_bytes(b"P5\n2 2\n255\n\1\2\3\4")
    gigascene.convert(tmp_path / "b.pgm", target)
    assert not (tmp_path / "a.png.stac.json").exists()


@pytest.mark.parametrize("kind", ["tif", "png", "pgm"])
def test_beside_a_converted_picture_where_its_time_is_said(tmp_path, kind):
    if kind == "tif":
        profile = {"driver": "GTiff", "height": 20, "width": 30, "count": 1, "dtype": "uint8"}
        with rasterio.open(tmp_path / "in.tif", "w", crs="EPSG:32626", transform=NORTH, **profile) as file:
            file.write(np.ones((1, 20, 30), np.uint8))
    else:
        (tmp_path / "plain.pgm").write_bytes(b"P5\n30 20\n255\n" + bytes(600))
        gigascene.convert(tmp_path / "plain.pgm", tmp_path / f"in.{kind}")
        wkt = rasterio.crs.CRS.from_epsg(32626).to_wkt()
        place = ", ".join(map(str, NORTH.to_gdal()))
        text = f"<PAMDataset><SRS>{escape(wkt)}</SRS><GeoTransform>{place}</GeoTransform></PAMDataset>"
        (tmp_path / f"in.{kind}.aux.xml").write_text(text)
    gigascene.convert(tmp_path / f"in.{kind}", tmp_path / "out.png", datetime="2020-07-01T12:00:00+02:00")
    item = json.loads((tmp_path / "out.png.stac.json").read_text())
    assert item["properties"]["datetime"] == "2020-07-01T10:00:00Z"
    assert item["properties"]["proj:code"] == "EPSG:32626"
    assert item["properties"]["title"] == "picture, in"
    assert item["assets"]["data"]["bands"] == [{"name": "grey", "data_type": "uint8"}]
    gigascene.convert(tmp_path / f"in.{kind}", tmp_path / "out.png")
    assert not (tmp_path / "out.png.stac.json").exists()


@pytest.mark.parametrize(
    "said", ["yesterday", "2020-07-01", "2020-07-01T10:00:00", "2021-01-01T00:00Z/2020-01-01T00:00Z"]
)
def test_a_time_must_be_one(tmp_path, said):
    (tmp_path / "a.pgm").write_bytes(b"P5\n2 2\n255\n\1\2\3\4")
    with pytest.raises(UsageError, match="time"):
        gigascene.plan_convert(tmp_path / "a.pgm", tmp_path / "a.png", datetime=said)


def test_across_the_date_line():
    geobox = GeoBox((100, 200), Affine(0.01, 0, 179.0, 0, -0.01, 66.0), "EPSG:4326")
    item = stac.item("a", "./a.tif", 1, geobox, [], ["2024-01-01T00:00:00Z"], {})
    assert item["geometry"]["type"] == "MultiPolygon"
    assert item["bbox"] == pytest.approx([179.0, 65.0, -179.0, 66.0])
    assert shape(item["geometry"]).area == pytest.approx(2.0)


def test_several_times_are_a_span():
    geobox = GeoBox((10, 10), Affine(1, 0, 0, 0, -1, 10), "EPSG:4326")
    item = stac.item("a", "./a.tif", 1, geobox, [], ["2024-02-01T00:00:00Z", "2024-01-01T00:00:00Z"], {})
    assert item["properties"]["datetime"] is None
    assert item["properties"]["start_datetime"] == "2024-01-01T00:00:00Z"
    assert item["properties"]["end_datetime"] == "2024-02-01T00:00:00Z"


def test_around_the_pole():
    geobox = GeoBox((100, 100), Affine(20_000, 0, -1_000_000, 0, -20_000, 1_000_000), "EPSG:3413")
    item = stac.item("a", "./a.tif", 1, geobox, [], ["2024-01-01T00:00:00Z"], {})
    footprint = shape(item["geometry"])
    assert footprint.is_valid
    assert footprint.bounds[0] == pytest.approx(-180)
    assert footprint.bounds[2] == pytest.approx(180)
    assert footprint.bounds[3] == 90
