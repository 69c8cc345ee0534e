"""From items to pictures: every archive's words give the same scene, from disk and over HTTP."""

import json
import shutil

import numpy as np
import pytest
import rasterio
from PIL import Image

import gigascene
import stac_scene
from gigascene.model import wire
from gigascene.model.errors import BadInput, MissingBands, UsageError
from gigascene.sensors import open_items, settled
from gigascene.settings import settings
from range_server import serving
from tiny_safe import write_jp2
from where import DATA, needs_data

MIXED = {"water": 1, "forest": 3, "crop": 2, "soil": 1, "cloud": 1}
STYLES = ["v0", "v1", "pc", "1.1"]
OFFSET = "gigascene:offset"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Bands in both states, and their items in the words of every archive."""
    root = tmp_path_factory.mktemp("stac")
    for state in ("raw", "applied"):
        stac_scene.write_bands(root / state, MIXED, raw=state == "raw")
        for style in STYLES:
            stac_scene.write_item(root / state, f"{style}.json", style=style)
    return root


@pytest.fixture
def server(monkeypatch, folders):
    """The same files over HTTP."""
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    settings.cache_clear()
    with serving() as (url, files):
        for path in folders.rglob("*.*"):
            files.files[f"/{path.relative_to(folders)}"] = path.read_bytes()
        yield url, files
    settings.cache_clear()


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("state", ["raw", "applied"])
def test_the_pixels_decide_and_every_archive_gives_the_same_reflectance(folders, state, style):
    values = gigascene.load("true-color", folders / state / f"{style}.json").compute()
    truth, _ = stac_scene.reflectance(MIXED, 512)
    for band, key in zip(("red", "green", "blue"), ("B04", "B03", "B02"), strict=True):
        expected = np.clip(truth[key], 0.0001, None) if state == "applied" else truth[key]
        assert np.abs(values.sel(band=band) - expected).max() <= 0.00006


def test_a_folder_is_known_by_the_item_of_its_name(folders, tmp_path):
    folder = shutil.copytree(folders / "raw", tmp_path / "many" / "S2A_x")
    for style in STYLES:
        (folder / f"{style}.json").rename(folder / ("S2A_x.json" if style == STYLES[0] else f"{style}.txt"))
    assert gigascene.open_scene(folder).sensor == "sentinel2-l2a"
    [scene] = gigascene.open_scenes(folder.parent, offset="raw")
    assert scene.properties[OFFSET]["why"] == "the user said so"


@pytest.mark.parametrize("style", STYLES)
def test_scenes_have_the_sensors_own_names(folders, style):
    scene = gigascene.open_scene(folders / "raw" / f"{style}.json")
    assert scene.sensor == "sentinel2-l2a"
    assert scene.platform == "sentinel-2a"
    assert list(scene.assets) == ["B02", "B03", "B04", "B08", "B11", "B12", "SCL"]
    assert scene.names == ("blue", "green", "red", "nir", "swir16", "swir22", "SCL")
    assert scene.asset("red").geobox.shape == (512, 512)
    assert "clouds" in scene.masks
    assert scene.properties[OFFSET]["state"] == "open"
    assert scene.asset("red").calibrations == {}


def test_no_file_is_opened_where_the_item_tells_the_grid(tmp_path):
    path = stac_scene.write_item(tmp_path, base="https://archive.invalid/")
    assert gigascene.open_scene(path).asset("red").href == "https://archive.invalid/B04.tif"


def test_over_http_the_picture_is_the_same(folders, server, tmp_path):
    url, _files = server
    here, there = tmp_path / "here.png", tmp_path / "there.png"
    gigascene.compose("true-color", folders / "raw" / "v1.json", here, mask=["clouds"])
    gigascene.compose("true-color", f"{url}/raw/v1.json", there, mask=["clouds"])
    assert here.read_bytes() == there.read_bytes()
    receipt = json.loads((tmp_path / "there.png.receipt.json").read_text())
    assert receipt["offsets"]["S2A_32TMS_20240607_0_L2A"]["state"] == "raw"
    assert all(one["href"].startswith(url) and one["identity"] for one in receipt["inputs"])


@pytest.mark.slow
def test_secrets_reach_workers_and_nothing_else(folders, server, tmp_path):
    url, files = server
    document = stac_scene.item(base=f"{url.replace('//', '//me:SECRET@')}/raw/")
    for asset in document["assets"].values():
        asset["href"] += "?sig=SECRET&se=2030-01-01"
    source = tmp_path / "in" / "scenes.json"
    source.parent.mkdir()
    source.write_text(json.dumps({"type": "FeatureCollection", "features": [document]}))
    plan = gigascene.plan_compose("true-color", source, tmp_path / "a.png", engine="processes", workers=2)
    gigascene.save_plan(plan, tmp_path / "plan.json")
    gigascene.run(plan)
    assert all("sig=SECRET" in path for path, _ in files.asked)
    for path in tmp_path.glob("*"):
        assert path.is_dir() or b"SECRET" not in path.read_bytes()
    del files.files["/raw/B04.tif"]
    with pytest.raises(BadInput, match=r"S2A_32TMS.*B04\.tif, band B04.*is gone") as caught:
        gigascene.compose("true-color", source, tmp_path / "b.png")
    assert "SECRET" not in str(caught.value)


def test_a_local_file_that_is_gone_is_named(folders, tmp_path):
    folder = shutil.copytree(folders / "raw", tmp_path / "x")
    (folder / "B04.tif").unlink()
    with pytest.raises(BadInput, match=r"S2A_32TMS_20240607_0_L2A.*B04\.tif, band B04"):
        gigascene.plan_compose("true-color", folder / "v1.json", tmp_path / "a.png")


def test_a_file_that_is_not_what_the_item_says_is_refused(folders, tmp_path):
    folder = shutil.copytree(folders / "raw", tmp_path / "x")
    stac_scene.write_item(folder, "other.json", side=500)
    with pytest.raises(BadInput, match=r"512 x 512.*its STAC item says 500 x 500"):
        gigascene.plan_compose("true-color", folder / "other.json", tmp_path / "a.png")


def test_a_band_that_is_not_there_is_named(folders, tmp_path):
    folder = shutil.copytree(folders / "raw", tmp_path / "x")
    stac_scene.write_item(folder, "few.json", keys=("B02", "B03", "B08"))
    with pytest.raises(MissingBands, match="no asset of band B04"):
        gigascene.plan_compose("true-color", folder / "few.json", tmp_path / "a.png")


def test_the_user_goes_before_the_pixels(folders):
    one = gigascene.open_scene(folders / "raw" / "v1.json", offset="applied")
    assert one.asset("red").calibrations["reflectance"].offset == 0
    assert one.properties[OFFSET]["why"] == "the user said so"
    with pytest.raises(UsageError, match="--offset is applied or raw"):
        gigascene.open_scene(folders / "raw" / "v1.json", offset="maybe")


@pytest.mark.parametrize(
    ("wishes", "state"),
    [
        ({"baseline": "02.12"}, "none"),
        ({"baseline": "03.01", "properties": {"earthsearch:boa_offset_applied": True}}, "none"),
        ({"baseline": "05.10"}, "open"),
        ({"baseline": "02.12", "properties": {"s2:product_uri": "S2A_MSIL2A_20200101T1_N0500_R1_T32TMS_2"}}, "open"),
        ({"baseline": None}, "open"),
        ({"baseline": None, "properties": {"sentinel:product_id": "S2A_MSIL2A_2020_N0214_R123_T28QCH_2020"}}, "none"),
        ({"baseline": "04.00", "properties": {"s2:product_type": "S2MSI1C"}}, "raw"),
    ],
)
def test_when_there_is_a_question(tmp_path, wishes, state):
    path = stac_scene.write_item(tmp_path, base="https://archive.invalid/", **wishes)
    scene = gigascene.open_scene(path)
    assert scene.properties[OFFSET]["state"] == state
    expected = {"none": 0.0, "raw": -0.1}.get(state)
    found = scene.asset("red").calibrations
    assert (found["reflectance"].offset if found else None) == expected


def test_wrong_flags_change_nothing(folders, tmp_path):
    for state, flag, offset in (("raw", True, 0.0), ("applied", False, -0.1)):
        folder = shutil.copytree(folders / state, tmp_path / state)
        told = {"earthsearch:boa_offset_applied": flag}
        path = stac_scene.write_item(folder, "lie.json", offset=offset, properties=told)
        scene = settled(gigascene.open_scene(path), ["B04"])
        assert scene.properties[OFFSET]["state"] == state
        assert f"boa_offset_applied {str(flag).lower()}" in scene.properties[OFFSET]["catalogue"]
        assert scene.asset("red").calibrations["reflectance"].offset == (-0.1 if state == "raw" else 0)


@pytest.mark.parametrize("cover", [{"snow": 1}, {"cloud": 1}, {"desert": 1}])
@pytest.mark.parametrize("raw", [True, False])
def test_what_nobody_can_tell_stops_and_says_how_to_go_on(tmp_path, cover, raw):
    stac_scene.write_bands(tmp_path, cover, raw=raw, side=256)
    path = stac_scene.write_item(tmp_path, side=256)
    with pytest.raises(BadInput, match=r"--offset applied.*--offset raw") as caught:
        gigascene.plan_compose("true-color", path, tmp_path / "a.png")
    assert caught.value.exit_code == 4
    gigascene.plan_compose("true-color", path, tmp_path / "a.png", offset="raw" if raw else "applied")


def test_a_plan_keeps_the_verdict(folders, tmp_path):
    plan = gigascene.plan_compose("true-color", folders / "raw" / "v1.json", tmp_path / "a.png")
    again = wire.loads(type(plan), wire.dumps(plan))
    assert again.scenes[0].properties[OFFSET]["state"] == "raw"
    assert "vegetation" in again.scenes[0].properties[OFFSET]["why"]


def test_several_scenes_must_be_told_apart(tmp_path):
    items = [stac_scene.item(name, base="https://archive.invalid/") for name in ("one", "two")]
    path = tmp_path / "scenes.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    with pytest.raises(UsageError, match=r"one, two.*scenes\.json#one"):
        gigascene.open_scene(path)
    assert gigascene.open_scene(f"{path}#two").id == "two"
    assert [scene.id for scene in open_items(str(path))] == ["one", "two"]


@needs_data
@pytest.mark.parametrize(
    ("name", "sensor", "state"),
    [
        ("sentinel2/s2-catalog/S2A_5VNK_20180324_0_L2A/S2A_5VNK_20180324_0_L2A.json", "sentinel2-l2a", "none"),
        ("other/S2A_28QCH_20200714_0_L2A.json", "sentinel2-l2a", "none"),
        ("other/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json", "sentinel2-l2a", "none"),
        (
            "sentinel2/examples/sentinel2-l2a-example/S2A_T07HFE_20190212T192646_L2A/S2A_T07HFE_20190212T192646_L2A.json",
            "sentinel2-l2a",
            "none",
        ),
    ],
)
def test_real_items_of_sentinel2(name, sensor, state):
    scene = gigascene.open_scene(DATA / "stac" / name)
    assert scene.sensor == sensor
    assert scene.properties[OFFSET]["state"] == state
    shapes = {key: scene.assets[key].geobox.shape[0] for key in ("B01", "B02", "B04", "B08", "B05", "B12", "SCL")}
    assert shapes == {"B01": 1830, "B02": 10980, "B04": 10980, "B08": 10980, "B05": 5490, "B12": 5490, "SCL": 5490}
    assert {"B06", "B07", "B8A", "B09", "B11"} <= set(scene.assets)
    assert scene.asset("nir08").key == "B8A"


@needs_data
@pytest.mark.parametrize(
    ("name", "bands"),
    [
        ("landsat/examples/landsat-c2-l2/LC08_L2SP_047027_20201204_02_T1/LC08_L2SP_047027_20201204_02_T1.json", 8),
        ("landsat/examples/landsat-c2-l2/LC09_L2SP_010065_20220129_02_T1/LC09_L2SP_010065_20220129_02_T1.json", 8),
        ("landsat/examples/landsat-c2-l2/LE07_L2SP_021030_20100109_02_T1/LE07_L2SP_021030_20100109_02_T1.json", 7),
        ("landsat/examples/landsat-c2-l2/LT05_L2SP_010067_19860424_02_T2/LT05_L2SP_010067_19860424_02_T2.json", 7),
        ("other/LC08_L2SP_028030_20200114_20200824_02_T1_SR.json", 7),
        ("other/LE07_L2SP_044033_20210329_20210424_02_T1_SR.json", 6),
        ("other/LC08_L2SR_081119_20200101_20200823_02_T2.json", 7),
    ],
)
def test_real_items_of_landsat(name, bands):
    scene = gigascene.open_scene(DATA / "stac" / name)
    assert scene.sensor == "landsat-c2-l2"
    assert sum(key.startswith(("SR_B", "ST_B")) for key in scene.assets) == bands
    red = scene.asset("red").calibrations["reflectance"]
    assert (red.scale, red.offset) == (2.75e-05, -0.2)
    assert scene.asset("nir").key == ("SR_B5" if scene.platform in {"landsat-8", "landsat-9"} else "SR_B4")
    assert {"clouds", "snow", "water"} <= set(scene.masks)


def packed(folder, *, keys=stac_scene.KEYS, name="jp2.json", **wishes):
    """The bands of a folder once more as JPEG 2000, and an item of them in the words of earth-search."""
    item = stac_scene.item(**wishes)
    for key in (*keys, "SCL"):
        with rasterio.open(folder / f"{key}.tif") as source:
            write_jp2(folder / f"{key}.jp2", source.read(1), stac_scene.GSD[key], stac_scene.ORIGIN, stac_scene.CRS)
        asset = item["assets"].pop(stac_scene.NAMES[key])
        item["assets"][f"{stac_scene.NAMES[key]}-jp2"] = asset | {"href": f"./{key}.jp2", "type": "image/jp2"}
    (folder / name).write_text(json.dumps(item))
    return folder / name


@pytest.mark.parametrize(
    ("baseline", "offset", "state"), [("05.10", None, "raw"), ("02.14", None, "none"), ("05.10", "applied", "applied")]
)
def test_jpeg_2000_is_read_as_the_agency_packed_it(folders, tmp_path, baseline, offset, state):
    """Its offset is known, even where pixels would not tell: this is snow and cloud."""
    stac_scene.write_bands(tmp_path, {"snow": 1, "cloud": 1}, raw=state == "raw", side=256)
    path = packed(tmp_path, baseline=baseline, side=256)
    scene = gigascene.open_scene(path, offset=offset)
    assert scene.properties[OFFSET]["state"] == state
    values = gigascene.load("true-color", scene).compute()
    truth, _ = stac_scene.reflectance({"snow": 1, "cloud": 1}, 256)
    for band, key in zip(("red", "green", "blue"), ("B04", "B03", "B02"), strict=True):
        assert np.abs(values.sel(band=band) - truth[key]).max() <= 0.00006


def test_bands_that_are_there_only_as_jpeg_2000_stand_beside_others(folders, tmp_path):
    """GeoTIFFs from which the offset has been subtracted, and one JPEG 2000 in which it is."""
    folder = shutil.copytree(folders / "applied", tmp_path / "mixed")
    raw = folders / "raw" / "B02.tif"
    (folder / "B02.tif").write_bytes(raw.read_bytes())
    path = packed(folder, keys=("B02",))
    values = gigascene.load("true-color", path).compute()
    truth, _ = stac_scene.reflectance(MIXED, 512)
    for band, key in zip(("red", "green", "blue"), ("B04", "B03", "B02"), strict=True):
        assert np.abs(values.sel(band=band) - np.clip(truth[key], 0.0001, None)).max() <= 0.004  # B02 may be below 0


def test_jpeg_2000_over_http_by_ranges(server, tmp_path):
    url, files = server
    stac_scene.write_bands(tmp_path, MIXED, raw=True, side=1024)
    path = packed(tmp_path, side=1024)
    gigascene.compose("true-color", path, tmp_path / "here.png")
    for file in tmp_path.glob("*.j*"):
        files.files[f"/far/{file.name}"] = file.read_bytes()
    files.reset()
    gigascene.compose("true-color", f"{url}/far/jp2.json", tmp_path / "there.png")
    assert (tmp_path / "there.png").read_bytes() == (tmp_path / "here.png").read_bytes()
    assert all("Range" in headers for name, headers in files.asked if name.endswith(".jp2"))
    (tmp_path / "B03.jp2").unlink()
    with pytest.raises(BadInput, match=r"B03\.jp2, band B03: cannot be opened"):
        gigascene.compose("true-color", path, tmp_path / "gone.png")


@needs_data
def test_a_real_item_of_the_agencys_jpeg_2000(tmp_path):
    """T29UNU as a catalogue lists it, against the SAFE product itself."""
    safe = next((DATA / "sentinel2").glob("*T29UNU*.SAFE"))
    item = stac_scene.item("S2A_29UNU_20221005_0_L2A", baseline="04.00", keys=("B02", "B03", "B04"))
    for key, name in (("B02", "blue"), ("B03", "green"), ("B04", "red")):
        file = next(safe.rglob(f"*_{key}_60m.jp2"))
        item["assets"][name] |= {"href": str(file), "type": "image/jp2", "proj:shape": [1830, 1830]}
        item["assets"][name]["proj:transform"] = [60, 0, 499980, 0, -60, 5900040]
    item["properties"] |= {"proj:epsg": 32629}
    (tmp_path / "item.json").write_text(json.dumps(item))
    gigascene.compose("true-color", safe, tmp_path / "safe.png", resolution=60, stretch="0:0.3")
    gigascene.compose("true-color", tmp_path / "item.json", tmp_path / "item.png", stretch="0:0.3")
    here, there = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("safe", "item"))
    assert np.array_equal(here, there)


@needs_data
def test_real_items_with_what_cannot_be_read():
    scene = gigascene.open_scene(DATA / "stac" / "sentinel2" / "earth_search_search.json#S2B_27VWK_20240206_0_L1C")
    assert scene.sensor == "sentinel2-l1c"
    assert scene.asset("red").href == "s3://sentinel-s2-l1c/tiles/27/V/WK/2024/2/6/0/B04.jp2"
    assert scene.properties[OFFSET]["state"] == "raw"
    with pytest.raises(BadInput, match="of no sensor"):
        gigascene.open_scene(DATA / "stac" / "other" / "lidar_dem.json")


@pytest.mark.parametrize("web", [True, False])
def test_an_address_goes_before_a_bucket(tmp_path, web):
    item = stac_scene.item(base="s3://bucket/a/")
    for key, asset in item["assets"].items():
        asset["alternate"] = {"https": {"href": f"https://example.org/{key}.tif"}} if web else {}
    (tmp_path / "item.json").write_text(json.dumps(item))
    red = gigascene.open_scene(tmp_path / "item.json").asset("red")
    assert red.href == ("https://example.org/red.tif" if web else "s3://bucket/a/B04.tif")
