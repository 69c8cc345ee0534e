"""Items of every version and archive, real ones among them; and what no item is."""

import json

import pytest

import stac_scene
from gigascene.metadata.stac_items import kind_of, read_item
from gigascene.model.errors import BadInput
from where import DATA, needs_data


def real(name):
    return json.loads((DATA / "stac" / name).read_text())


def by_key(item):
    return {asset.key: asset for asset in item.assets}


@pytest.mark.parametrize("style", ["v0", "v1", "pc", "1.1"])
def test_every_archive_tells_the_same(style):
    item = read_item(stac_scene.item(style=style), "x.json")
    asset = by_key(item)["red" if style in {"v1", "1.1"} else "B04"]
    assert asset.bands[0].common_name == "red"
    assert tuple(asset.geobox.shape) == (512, 512)
    assert asset.geobox.crs.epsg == 32632
    assert list(asset.geobox.affine)[:6] == [10, 0, 499980, 0, -10, 5100000]
    assert item.datetime == "2024-06-07T10:26:05.123000Z"
    if style in {"v1", "1.1"}:
        assert (asset.bands[0].dtype, asset.bands[0].nodata, asset.bands[0].scale, asset.bands[0].offset) == (
            "uint16",
            0,
            0.0001,
            -0.1,
        )


def test_bands_as_numbers_into_the_items_own():
    document = stac_scene.item(style="pc")
    document["stac_version"] = "0.9.0"
    document["properties"]["eo:bands"] = [{"name": "B02", "common_name": "blue"}, {"name": "B04", "common_name": "red"}]
    for key, number in (("B02", 0), ("B04", 1), ("B03", 7), ("B08", "x")):
        document["assets"][key]["eo:bands"] = [number]
    found = {key: asset.bands[0].common_name for key, asset in by_key(read_item(document, "x")).items()}
    assert (found["B02"], found["B04"], found["B03"], found["B08"]) == ("blue", "red", "", "")


def test_what_the_collection_says_of_all_assets():
    shared = {"B04": {"raster:bands": [{"data_type": "uint16", "nodata": 0}], "title": "red"}}
    document = stac_scene.item(style="pc")
    assert by_key(read_item(document, "x", shared))["B04"].bands[0].dtype == "uint16"
    assert by_key(read_item(document, "x"))["B04"].bands[0].dtype is None


@pytest.mark.parametrize(
    "crs",
    [
        {"proj:epsg": 32632},
        {"proj:code": "EPSG:32632"},
        {"proj:epsg": None, "proj:wkt2": "WKT"},
        {"proj:epsg": None, "proj:code": None, "proj:projjson": "JSON"},
    ],
)
def test_every_way_to_say_a_crs(crs):
    from pyproj import CRS

    words = {"WKT": CRS(32632).to_wkt(), "JSON": CRS(32632).to_json_dict()}
    document = stac_scene.item()
    del document["properties"]["proj:epsg"]
    document["properties"] |= {key: words.get(value, value) for key, value in crs.items()}
    assert by_key(read_item(document, "x"))["red"].geobox.crs == CRS(32632)


def test_an_incomplete_grid_is_none():
    document = stac_scene.item()
    del document["assets"]["red"]["proj:transform"]
    assert by_key(read_item(document, "x"))["red"].geobox is None


def changed(path, value):
    document = stac_scene.item()
    here = document
    for key in path[:-1]:
        here = here[key]
    if value is ...:
        del here[path[-1]]
    else:
        here[path[-1]] = value
    return document


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "no JSON object"),
        ("item", "no JSON object"),
        (changed(["id"], ...), "has no id"),
        (changed(["id"], ""), "has no id"),
        (changed(["id"], 7), "has no id"),
        (changed(["id"], "a\nb"), "its id"),
        (changed(["id"], "x" * 5000), "its id"),
        (changed(["stac_version"], ...), "stac_version"),
        (changed(["stac_version"], "2.0.0"), "stac_version"),
        (changed(["geometry"], None), "footprint"),
        (changed(["geometry"], ...), "footprint"),
        (changed(["geometry"], "POINT(1 1)"), "geometry"),
        (changed(["assets"], ...), "no assets"),
        (changed(["assets"], {}), "no assets"),
        (changed(["assets"], ["a"]), "assets"),
        (changed(["assets", "red"], "B04.tif"), "asset 'red'"),
        (changed(["assets", "red", "href"], 5), "href of asset 'red'"),
        (changed(["assets", "red", "href"], ""), "href of asset 'red'"),
        (changed(["assets", "red", "href"], "https://a/b\nHost: c"), "control character"),
        (changed(["assets", "red", "proj:shape"], [0, 5]), "proj:shape"),
        (changed(["assets", "red", "proj:shape"], [1e30, 5]), "proj:shape"),
        (changed(["assets", "red", "proj:shape"], ["5", 5]), "proj:shape"),
        (changed(["assets", "red", "proj:shape"], [float("nan"), 5]), "proj:shape"),
        (changed(["assets", "red", "proj:transform"], [1, 2]), "proj:transform"),
        (changed(["assets", "red", "proj:transform"], [0] * 6), "no extent"),
        (changed(["assets", "red", "raster:bands"], [{"scale": "big"}]), "scale"),
        (changed(["assets", "red", "gsd"], [10]), "gsd"),
        (changed(["properties"], []), "properties"),
        (changed(["properties", "datetime"], None), "time"),
        (changed(["properties", "datetime"], "yesterday"), "datetime"),
        (changed(["properties", "datetime"], 20240607), "time"),
        (changed(["properties", "proj:epsg"], 99999999), "CRS"),
        (changed(["properties", "proj:epsg"], True), "CRS"),
        (changed(["properties", "proj:epsg"], "nonsense"), "CRS"),
        (changed(["bbox"], [1, 2]), "bbox"),
        (changed(["bbox"], [1, 2, 3, None]), "bbox"),
    ],
)
def test_what_cannot_be_is_named(document, words):
    with pytest.raises(BadInput, match=words) as caught:
        read_item(document, "x.json")
    assert str(caught.value).startswith("x.json")
    assert "\n" not in str(caught.value)


@needs_data
def test_real_files_are_recognised():
    kinds = {path.name: kind_of(json.loads(path.read_text())) for path in (DATA / "stac").rglob("*.json")}
    assert kinds["earth_search_search.json"] == "items"
    assert kinds["catalog.json"] == kinds["collection.json"] == "catalog"
    assert all(kinds.values())


@needs_data
def test_every_real_item_is_read():
    found = [
        read_item(one, path.name)
        for path in (DATA / "stac").rglob("*.json")
        for document in [json.loads(path.read_text())]
        for one in ([document] if kind_of(document) == "item" else document.get("features", []))
    ]
    assert len(found) >= 20


@needs_data
def test_a_real_item_with_numbered_bands():
    item = read_item(real("other/LC08_L2SR_081119_20200101_20200823_02_T2.json"), "x")
    assert by_key(item)["SR_B4.TIF"].bands[0].common_name == "red"
