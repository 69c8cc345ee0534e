"""Catalogues built of folders and described; pystac is the judge of what is written."""

import hashlib
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import pystac
import pytest
from pystac.extensions.eo import EOExtension
from pystac.extensions.file import FileExtension
from pystac.extensions.projection import ProjectionExtension
from pystac.extensions.view import ViewExtension
from pystac.validation import JsonSchemaSTACValidator

import daymet
import gigascene
import stac_scene
import tiny_landsat
import tiny_safe
from cli.shell import spoken
from gigascene.model.errors import BadInput, UnknownName, WriteFailed
from where import DATA, needs_data


@pytest.fixture(scope="module")
def archive(tmp_path_factory, small_scene):
    """A folder of scenes as they come: folders, a tar and a zip file, deeper folders, a picture of ours, and other things."""
    folder = tmp_path_factory.mktemp("archive")
    shutil.copytree(small_scene, folder / "2014" / small_scene.name)
    level2 = tiny_safe.write_l2a(folder)
    level1 = tiny_safe.write_l1c(folder)
    tiny_safe.zipped(level1)
    shutil.rmtree(level1)
    tiny_landsat.write_collection2(folder / "packed")
    with tarfile.open(folder / "LC08_L1TP_016037_20170813_20200903_02_T1.tar", "w") as tar:
        for path in sorted((folder / "packed").rglob("*.*")):
            tar.add(path, path.name)
    shutil.rmtree(folder / "packed")
    gigascene.compose("true-color", folder / "2014" / small_scene.name, folder / "fjord.tif")
    (folder / "notes.txt").write_text("bring coffee")
    (folder / "outlines").mkdir()
    (folder / "outlines" / "coast.json").write_text("{}")
    with zipfile.ZipFile(folder / "outlines" / "coast.zip", "w") as file:
        file.writestr("coast.shp", b"no scene")
    assert level2.is_dir()
    return folder


def built(archive, target, **wishes):
    return gigascene.build_catalog(archive, target, **wishes)


def bytes_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def items(folder):
    """As pystac finds them, each held to the schemas of STAC 1.1."""
    judge = JsonSchemaSTACValidator()
    catalog = pystac.Catalog.from_file(str(folder / "catalog.json"))
    found = {}
    for root, _, its in catalog.walk():
        judge.validate_core(root.to_dict(), pystac.STACObjectType.CATALOG, "1.1.0")
        for item in its:
            raw = json.loads(Path(item.self_href).read_text())
            assert raw["stac_version"] == "1.1.0"
            judge.validate_core(raw, pystac.STACObjectType.ITEM, "1.1.0")
            found[item.id] = item
    return found


def test_every_scene_is_an_item_and_valid(archive, tmp_path, small_scene):
    done = built(archive, tmp_path / "catalog")
    found = items(tmp_path / "catalog")
    assert done.items == len(found) == 5
    assert done.gaps == done.twice == ()
    assert {small_scene.name, "fjord", "LC08_L1TP_016037_20170813_20200903_02_T1"} < set(found)
    for item in found.values():
        assert item.bbox[0] < item.bbox[2]
        for asset in item.assets.values():
            path = Path(asset.get_absolute_href())
            assert path.is_file()
            assert not Path(asset.href).is_absolute()
            assert FileExtension.ext(asset).size == path.stat().st_size
            assert FileExtension.ext(asset).checksum == f"1220{hashlib.sha256(path.read_bytes()).hexdigest()}"


def test_what_an_item_tells(archive, tmp_path, small_scene):
    built(archive, tmp_path / "catalog")
    item = items(tmp_path / "catalog")[small_scene.name]
    scene = gigascene.open_scene(small_scene)
    assert item.properties["platform"] == "landsat-8"
    assert item.properties["datetime"] == scene.datetime
    assert ViewExtension.ext(item).sun_elevation == scene.properties["view:sun_elevation"]
    assert EOExtension.ext(item).cloud_cover == scene.properties["eo:cloud_cover"]
    assert ProjectionExtension.ext(item).code == "EPSG:32626"
    red, asset = item.assets["B4"], scene.asset("red")
    assert ProjectionExtension.ext(red).shape == list(asset.geobox.shape)
    assert ProjectionExtension.ext(red).transform == list(asset.geobox.affine)[:6]
    [band] = red.extra_fields["bands"] if "bands" in red.extra_fields else [red.to_dict()["bands"][0]]
    how = asset.calibrations["reflectance"]
    assert band["eo:common_name"] == "red"
    assert band["eo:center_wavelength"] == asset.wavelength_um
    assert (band["raster:scale"], band["raster:offset"]) == (how.scale, how.offset)
    assert (band["data_type"], band["nodata"], band["gsd"]) == ("uint16", 0, 30)
    assert item.assets["MTL.txt"].roles == ["metadata"]
    prefixes = ("eo", "file", "projection", "raster", "view")
    assert [name for name in prefixes if not any(f"/{name}/v" in one for one in item.stac_extensions)] == []


def test_packed_scenes_are_one_file(archive, tmp_path):
    built(archive, tmp_path / "catalog")
    found = items(tmp_path / "catalog")
    tar = found["LC08_L1TP_016037_20170813_20200903_02_T1"].assets
    assert [*tar] == ["product"]
    assert tar["product"].media_type == "application/x-tar"
    assert {band["name"] for band in tar["product"].to_dict()["bands"]} >= {"B2", "B3", "B4"}
    assert {one.assets["product"].media_type for one in found.values() if "product" in one.assets} == {
        "application/x-tar",
        "application/zip",
    }


def test_the_same_bytes_again_and_elsewhere(archive, tmp_path):
    shutil.copytree(archive, tmp_path / archive.name)
    for place in (archive, tmp_path / archive.name):
        built(place, place / "catalog", workers=1 + (place == archive))
    assert bytes_of(archive / "catalog") == bytes_of(tmp_path / archive.name / "catalog")
    first = bytes_of(archive / "catalog")
    built(archive, archive / "catalog")  # its own catalogue is no part of the folder
    assert bytes_of(archive / "catalog") == first
    shutil.rmtree(archive / "catalog")


@pytest.mark.parametrize(
    ("by", "folders"),
    [
        ((), 0),
        (("sensor",), {"landsat-c2-l1", "sentinel2-l1c", "sentinel2-l2a", "pictures"}),
        (("month",), {"2014-08", "2017-08", "2023-08"}),
        (("path-row",), {"226-010", "016-037", "MGRS-32TMT"}),
    ],
)
def test_groups(archive, tmp_path, by, folders):
    done = built(archive, tmp_path / "catalog", by=by)
    assert len(items(tmp_path / "catalog")) == 5
    heads = {path.parent.name for path in (tmp_path / "catalog").glob("*/catalog.json")}
    assert heads == (folders or set())
    assert done.groups == len(heads)


def test_scenes_open_from_it_as_they_lie(archive, tmp_path, small_scene):
    built(archive, tmp_path / "catalog")
    scene = gigascene.open_scene(f"{tmp_path / 'catalog'}#{small_scene.name}")
    there = gigascene.open_scene(archive / "2014" / small_scene.name)
    assert scene == there
    tar = gigascene.open_scene(f"{tmp_path / 'catalog'}#LC08_L1TP_016037_20170813_20200903_02_T1")
    assert tar.asset("red").href.startswith("/vsisubfile/")


def test_gaps_are_told_or_refused(archive, tmp_path, capsys, monkeypatch, small_scene):
    folder = tmp_path / "scenes"
    shutil.copytree(archive / "2014" / small_scene.name, folder / small_scene.name)
    (folder / "broken.tar").write_bytes(b"no tar at all")
    shutil.copytree(folder / small_scene.name, folder / "unnamed")
    for path in (folder / "unnamed").glob("*MTL*"):
        path.unlink()
    with pytest.raises(BadInput, match="cannot be read") as caught:
        built(folder, tmp_path / "catalog")
    assert "broken.tar" in str(caught.value)
    assert "unnamed" in str(caught.value)
    assert not (tmp_path / "catalog").exists()
    said = spoken(capsys, monkeypatch, "stac", "build", folder, "-o", tmp_path / "catalog", "--allow-gaps")
    assert said.code == 3
    assert "broken.tar" in said.err
    assert said.out == f"{tmp_path / 'catalog'}: 1 item in 2 sub-catalogues\n"
    assert spoken(capsys, monkeypatch, "stac", "build", folder, "-o", tmp_path / "other").code == 4


def test_a_scene_that_lies_there_twice_is_one_item(tmp_path, small_scene):
    for name in ("a", "b"):
        shutil.copytree(small_scene, tmp_path / "scenes" / name / small_scene.name)
    done = built(tmp_path / "scenes", tmp_path / "catalog")
    assert done.items == 1
    assert len(done.twice) == 1


def test_pictures_that_are_called_the_same_are_all_there(small_scene, tmp_path):
    for name in ("a/fjord.png", "a/fjord.tif", "b/fjord.png"):
        (tmp_path / "made" / name).parent.mkdir(parents=True, exist_ok=True)
        gigascene.compose("true-color", small_scene, tmp_path / "made" / name)
    done = built(tmp_path / "made", tmp_path / "catalog")
    assert sorted(items(tmp_path / "catalog")) == ["fjord", "fjord-2", "fjord-3"]
    assert done.twice == ()


def test_items_of_others_stay_what_they_are(tmp_path):
    folder = tmp_path / "scenes" / "S2A_32TMS_20240607_0_L2A"
    stac_scene.write_bands(folder, {"forest": 1}, raw=True, side=64)
    stac_scene.write_item(folder, "S2A_32TMS_20240607_0_L2A.json", side=64, style="1.1")
    built(tmp_path / "scenes", tmp_path / "catalog", by=())
    [item] = items(tmp_path / "catalog").values()
    assert Path(item.assets["red"].get_absolute_href()) == folder / "B04.tif"
    assert item.properties["collection"] == "sentinel-2-l2a"
    scene = gigascene.open_scene(tmp_path / "catalog")
    assert scene.sensor == "sentinel2-l2a"
    (folder / "B04.tif").unlink()
    with pytest.raises(BadInput, match=r"not there \(.*B04\.tif"):
        built(tmp_path / "scenes", tmp_path / "again", by=())


def test_hostile_ids_stay_inside(tmp_path):
    for number, id in enumerate(("../../../out", "-rf", "a/b", "$(touch x)", "..")):
        folder = tmp_path / "scenes" / f"{number}"
        folder.mkdir(parents=True)
        (folder / "picture.tif").write_bytes(b"pixels")
        item = stac_scene.item(id, style="1.1", keys=())
        item["assets"] = {"../x": {"href": "./picture.tif"}}
        (folder / "picture.tif.stac.json").write_text(json.dumps(item))
    built(tmp_path / "scenes", tmp_path / "catalog", by=("sensor",))
    assert {path.name for path in tmp_path.iterdir()} == {"scenes", "catalog"}
    assert len(items(tmp_path / "catalog")) == 5
    assert all(path.resolve().is_relative_to(tmp_path / "catalog") for path in (tmp_path / "catalog").rglob("*"))


def test_nothing_of_others_is_replaced(archive, tmp_path):
    (tmp_path / "catalog").mkdir()
    (tmp_path / "catalog" / "precious").touch()
    with pytest.raises(WriteFailed, match="precious"):
        built(archive, tmp_path / "catalog")


def test_what_makes_no_sense(archive, tmp_path):
    with pytest.raises(UnknownName, match="colour"):
        built(archive, tmp_path / "catalog", by=("colour",))
    with pytest.raises(BadInput, match="is no folder"):
        built(tmp_path / "nowhere", tmp_path / "catalog")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="holds no scene"):
        built(tmp_path / "empty", tmp_path / "catalog")


@needs_data
def test_real_scenes_of_every_collection(tmp_path):
    done = built(DATA / "landsat", tmp_path / "landsat")
    assert done.items == 3
    found = items(tmp_path / "landsat")
    assert {item.properties["gigascene:sensor"] for item in found.values()} == {"landsat-legacy", "landsat-c2-l2"}
    done = built(DATA / "sentinel2", tmp_path / "sentinel2", by=("path-row",), allow_gaps=True)
    assert done.items == len(items(tmp_path / "sentinel2")) == 1
    assert "has no file of any band" in done.gaps[0]


def test_a_scene_across_the_date_line(tmp_path):
    tiny_safe.write_l2a(tmp_path / "scenes", footprint="66 179 66 -179 65 -179 65 179 66 179")
    built(tmp_path / "scenes", tmp_path / "catalog")
    [item] = items(tmp_path / "catalog").values()
    assert item.bbox == [179, 65, -179, 66]
    assert gigascene.describe_catalog(tmp_path / "catalog").bbox == (179, 65, -179, 66)


# Describe


@pytest.fixture
def climate(tmp_path):
    for path, document in daymet.documents().items():
        (tmp_path / "daymet" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "daymet" / path).write_text(json.dumps(document))
    return tmp_path / "daymet"


def test_describe_a_tree(climate):
    found = gigascene.describe_catalog(climate)
    assert (found.id, found.items) == ("daymet-daily-v4.5", 159)
    assert sum(asset.items for asset in found.assets.values()) == 1113
    assert {child.id: child.items for child in found.children} == {"na": 43, "hi": 43, "pr": 73}
    assert (found.first, found.last) == ("1950-01-01T00:00:00Z", "2022-01-01T00:00:00Z")
    assert found.bbox == (-178.1333, 14.0749, -53.0567, 82.9143)
    assert found.assets["tmin"].media_type == "application/netcdf"
    assert found.assets["tmin"].bytes is None


def test_describe_in_words(climate, capsys, monkeypatch):
    said = spoken(capsys, monkeypatch, "stac", "describe", climate)
    assert said.code == 0
    first, *rest = said.out.splitlines()
    assert first == "daymet-daily-v4.5: 159 items, 1950-01-01 to 2022-01-01, bbox -178.1,14.07,-53.06,82.91"
    assert "└─ pr: 73 items" in said.out
    assert "dayl prcp srad swe tmax tmin vp" in rest[1]
    told = json.loads(spoken(capsys, monkeypatch, "stac", "describe", climate, "--json").out)
    assert told["children"][2]["assets"]["vp"]["items"] == 73


def test_describe_across_the_date_line(tmp_path):
    features = [stac_scene.item(f"scene{number}") for number in range(2)]
    features[0]["bbox"], features[1]["bbox"] = [178.0, -20.0, -179.0, -10.0], [-175.0, -15.0, -174.0, -5.0]
    (tmp_path / "scenes.json").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    found = gigascene.describe_catalog(tmp_path / "scenes.json")
    assert found.bbox == (178.0, -20.0, -174.0, -5.0)
    assert found.type == "Items"
    assert found.items == 2


def test_describe_what_is_none(tmp_path):
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(BadInput, match="holds no STAC"):
        gigascene.describe_catalog(tmp_path / "a.json")
    landing = {"type": "Catalog", "stac_version": "1.0.0", "id": "api", "conformsTo": []}
    landing["links"] = [{"rel": "search", "href": "https://example.org/search"}]
    (tmp_path / "a.json").write_text(json.dumps(landing))
    with pytest.raises(BadInput, match="is a STAC API"):
        gigascene.describe_catalog(tmp_path / "a.json")


def test_a_terminal_is_not_steered(tmp_path, capsys, monkeypatch):
    item = stac_scene.item("scene")
    item["assets"] = {"a\u202eb": {"href": "./x.tif"}}
    (tmp_path / "a.json").write_text(json.dumps(item))
    assert "\u202e" not in spoken(capsys, monkeypatch, "stac", "describe", tmp_path / "a.json").out


@needs_data
def test_describe_real_catalogues():
    landsat = gigascene.describe_catalog(DATA / "stac" / "landsat" / "examples" / "landsat-c2-l2")
    assert landsat.items == 5
    assert landsat.type == "Collection"
    found = gigascene.describe_catalog(DATA / "stac" / "sentinel2" / "examples")
    assert found.items >= 2
