"""Of scenes elsewhere only the bands that are wanted; what was copied opens without the rest."""

import json
import shutil

import pytest

import gigascene
import stac_scene
import tiny_safe
from cli.shell import spoken
from gigascene.model.errors import BadInput
from range_server import forget, serving

ID = "S2A_32TMS_20240607_0_L2A"


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Bands behind HTTP, and the search result that names them."""
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    forget()
    stac_scene.write_bands(tmp_path / "bands", {"forest": 1, "water": 1}, raw=True, side=256)
    with serving() as (address, files):
        for path in (tmp_path / "bands").iterdir():
            files.files[f"/{path.name}"] = path.read_bytes()
        items = {"type": "FeatureCollection", "features": [stac_scene.item(side=256, base=f"{address}/")]}
        (tmp_path / "scenes.json").write_text(json.dumps(items))
        yield tmp_path / "scenes.json", files
    forget()


def copied(folder):
    return sorted(path.name for path in folder.rglob("*.tif"))


@pytest.mark.parametrize(
    ("wishes", "names"),
    [
        ({}, ["B02.tif", "B03.tif", "B04.tif"]),
        ({"product": "ndvi"}, ["B04.tif", "B08.tif"]),
        ({"product": "ndvi", "masks": ["clouds"]}, ["B04.tif", "B08.tif", "SCL.tif"]),
        ({"bands": ["swir16"]}, ["B11.tif"]),
        ({"product": "rgb", "bands": ["nir", "red", "B03"]}, ["B03.tif", "B04.tif", "B08.tif"]),
    ],
)
def test_only_what_is_needed(archive, tmp_path, wishes, names):
    source, files = archive
    files.reset()
    gigascene.fetch_scenes(source, tmp_path / "near", **wishes)
    assert copied(tmp_path / "near") == names
    assert {path for path, _ in files.asked} == {f"/{name}" for name in names}


def test_the_copy_makes_the_same_picture_without_the_archive(archive, tmp_path):
    source, files = archive
    gigascene.compose("ndvi", source, tmp_path / "far.png", mask=["clouds"], offset="raw")
    gigascene.fetch_scenes(source, tmp_path / "near", product="ndvi", masks=["clouds"])
    files.files.clear()
    gigascene.compose("ndvi", tmp_path / "near", tmp_path / "near.png", mask=["clouds"], offset="raw")
    assert (tmp_path / "near.png").read_bytes() == (tmp_path / "far.png").read_bytes()


def test_in_words(archive, tmp_path, capsys, monkeypatch):
    source, _ = archive
    near = tmp_path / "near"
    said = spoken(capsys, monkeypatch, "plan", "fetch", f"{source}#{ID}", "--bands", "red", "--to", near)
    assert said.code == 0
    assert said.out.startswith(f"{ID}  red  ")
    assert not near.exists()
    said = spoken(capsys, monkeypatch, "fetch", f"{source}#{ID}", "--bands", "red", "--to", near, "--json")
    assert json.loads(said.out)["files"] == 1
    assert spoken(capsys, monkeypatch, "fetch", f"{source}#other", "--to", near).code == 2
    said = spoken(capsys, monkeypatch, "fetch", source, "--product", "temperature", "--to", near)
    assert said.code == 4
    assert "needs lwir" in said.err


def test_a_login_is_asked_for_in_one_line(archive, tmp_path, capsys, monkeypatch):
    source, files = archive
    files.failing["/B04.tif"] = [401]
    said = spoken(capsys, monkeypatch, "fetch", source, "--bands", "red", "--to", tmp_path / "near")
    assert said.code == 4
    [line] = [line for line in said.err.splitlines() if "401" in line]
    assert "B04.tif: may not be read (HTTP 401)" in line
    assert "credentials" in line


def test_another_href_is_taken_where_the_first_leads_to_a_bucket(archive, tmp_path):
    source, files = archive
    items = json.loads(source.read_text())
    red = items["features"][0]["assets"]["red"]
    red |= {"href": "s3://bucket/B04.tif", "alternate": {"http": {"href": f"{red['href']}?sig=TOPSECRET"}}}
    source.write_text(json.dumps(items))
    files.reset()
    gigascene.fetch_scenes(source, tmp_path / "near", bands=["red"])
    assert {path for path, _ in files.asked} == {"/B04.tif?sig=TOPSECRET"}
    assert not any(b"TOPSECRET" in path.read_bytes() for path in (tmp_path / "near").rglob("*") if path.is_file())
    assert copied(tmp_path / "near") == ["B04.tif"]


@pytest.mark.parametrize("kind", ["landsat", "safe", "zip"])
def test_scenes_of_a_built_catalogue_open_as_products(small_scene, tmp_path, kind):
    if kind == "landsat":
        shutil.copytree(small_scene, tmp_path / "scenes" / small_scene.name)
    else:
        root = tiny_safe.write_l2a(tmp_path / "scenes")
        if kind == "zip":
            tiny_safe.zipped(root)
            shutil.rmtree(root)
    gigascene.build_catalog(tmp_path / "scenes", tmp_path / "catalog")
    gigascene.compose("true-color", tmp_path / "catalog", tmp_path / "far.png")
    gigascene.fetch_scenes(tmp_path / "catalog", tmp_path / "near")
    (tmp_path / "scenes").rename(tmp_path / "gone")
    scene = gigascene.open_scene(tmp_path / "near")
    assert str(tmp_path / "near") in scene.asset("red").href
    gigascene.compose("true-color", scene, tmp_path / "near.png")
    assert (tmp_path / "near.png").read_bytes() == (tmp_path / "far.png").read_bytes()


def test_what_is_no_catalogue(small_scene, tmp_path):
    with pytest.raises(BadInput, match=r"is no STAC item.*search"):
        gigascene.fetch_scenes(small_scene, tmp_path / "near")


@pytest.mark.parametrize(
    "place", ["../../out.tif", "/out.tif", "a/../../../out.tif", "-rf/x", "a/.hidden/x", "a//b", "x/" * 40]
)
def test_hostile_places_inside_a_product_stay_inside(tmp_path, place):
    item = stac_scene.item("scene", side=256)
    item["assets"] = {"x": {"href": "./x.tif", "file:local_path": place}}
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.tif").write_bytes(b"pixels")
    (tmp_path / "a" / "scene.json").write_text(json.dumps(item))
    gigascene.fetch_assets(tmp_path / "a" / "scene.json", ["x"], tmp_path / "near")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "near"}
    found = [path for path in (tmp_path / "near" / "scene").rglob("*") if path.is_file()]
    assert len(found) == 2
    assert not any(part.startswith(("-", ".")) for path in found for part in path.relative_to(tmp_path).parts)
