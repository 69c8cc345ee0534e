"""Identifiers, file names as people change them, folders with several scenes, and files that are not what they claim."""

from datetime import date

import numpy as np
import pytest

from gigascene.model.errors import BadInput, UnknownName
from gigascene.registry import Registry
from gigascene.sensors import SENSORS, open_scene
from gigascene.sensors._landsat_id import parse_id
from gigascene.sensors._landsat_masks import collection1
from gigascene.sensors.raster import scene_of_rasters
from tiny_landsat import collection2, odl, write_band, write_collection2

ID = "LC08_L1TP_016037_20170813_20200903_02_T1"
OTHER = "LC08_L1TP_016037_20170829_20200903_02_T1"
VRT = '<VRTDataset rasterXSize="1" rasterYSize="1"><SourceFilename>/etc/passwd</SourceFilename></VRTDataset>'


@pytest.mark.parametrize(
    ("text", "family", "expected"),
    [
        (ID, "landsat-c2-l1", ("C", 8, "L1TP", 16, 37, date(2017, 8, 13), date(2020, 9, 3), 2, "T1", "", "")),
        ("LC09_L2SR_001002_20220101_20220103_02_RT", "landsat-c2-l2", ("C", 9, "L2SR", 1, 2, date(2022, 1, 1))),
        ("LO08_L1GT_001002_20220101_20220103_02_T2_B4.TIF", "landsat-c2-l1", ("O", 8, "L1GT")),
        ("LT08_L1GS_001002_20220101_20220103_02_T2_MTL.json", "landsat-c2-l1", ("T", 8, "L1GS")),
        ("LE07_L1TP_022033_20010420_20200917_02_T1", "landsat-c2-l1", ("E", 7, "L1TP")),
        ("LT04_L2SP_002026_19830110_20210101_02_T1", "landsat-c2-l2", ("T", 4, "L2SP")),
        ("LC08_L1TP_016037_20170813_20170814_01_RT", "landsat-legacy", ("C", 8, "L1TP")),
        (
            "LC82260102014232LGN00",
            "landsat-legacy",
            ("C", 8, "", 226, 10, date(2014, 8, 20), None, None, "", "LGN", "00"),
        ),
        ("tiny_LT50350322008266PAC01_B4_CLIP.TIF", "landsat-legacy", ("T", 5, "", 35, 32, date(2008, 9, 22))),
        ("L5035032_03220080922", "landsat-legacy", ("T", 5, "", 35, 32, date(2008, 9, 22))),
        ("L71092085_08520100315_MTL.txt", "landsat-legacy", ("E", 7, "", 92, 85, date(2010, 3, 15))),
        ("LM05_L1TP_016037_20120813_20200903_02_T1", "", ("M", 5)),
    ],
)
def test_identifiers_of_every_generation(text, family, expected):
    found = parse_id(text)
    fields = [
        "sensor",
        "satellite",
        "level",
        "path",
        "row",
        "date",
        "processed",
        "collection",
        "tier",
        "station",
        "version",
    ]
    assert tuple(getattr(found, name) for name in fields)[: len(expected)] == expected
    assert found.family == family


@pytest.mark.parametrize("text", ["", "S2A_MSIL1C_20200717", "XLC82260102014232LGN00", "LC08_L1TP_016037", "LC8226"])
def test_what_is_no_identifier(text):
    with pytest.raises(BadInput, match="is no Landsat scene id"):
        parse_id(text)


@pytest.mark.parametrize("text", ["LC82260102014399LGN00", "LC08_L1TP_016037_20171313_20200903_02_T1"])
def test_impossible_dates(text):
    with pytest.raises(BadInput, match="impossible date"):
        parse_id(text)


def test_common_names_and_what_a_band_can_become(tmp_path):
    scene = open_scene(write_collection2(tmp_path / ID, bands=range(1, 12)))
    names = "coastal blue green red nir swir16 swir22 pan cirrus lwir11 lwir12"
    assert scene.names == tuple(names.split())
    defaults = [next(iter(asset.calibrations)) for asset in scene.assets.values()]
    assert defaults == ["reflectance"] * 9 + ["temperature"] * 2
    assert {asset.nodata for asset in scene.assets.values()} == {0}
    assert "eo:cloud_cover" not in scene.properties  # -1 in the metadata: not assessed
    assert scene.asset("lwir11").calibrations["temperature"].k2 == 1321.0789
    assert scene.sensor == "landsat-c2-l1"


def test_landsat_7_has_two_gains_of_band_6(tmp_path):
    id = "LE07_L1TP_022033_20010420_20200917_02_T1"
    tokens = ["1", "2", "3", "4", "5", "6_VCID_1", "6_VCID_2", "7", "8"]
    folder = write_collection2(tmp_path / id, id, tokens, satellite=7, tokens=tokens)
    write_band(folder / f"{id}_QA_PIXEL.TIF")
    scene = open_scene(folder)
    assert scene.names[:9] == ("blue", "green", "red", "nir", "swir16", "lwir", "lwir_high", "swir22", "pan")
    assert "temperature" in scene.assets["B6_VCID_2"].calibrations
    assert "cirrus" not in scene.masks


def test_level_2_of_landsat_7(tmp_path):
    id = "LE07_L2SP_022033_20010420_20200917_02_T1"
    groups = collection2(id, satellite=7, tokens=[1]) | {
        "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": {"REFLECTANCE_MULT_BAND_4": 2.75e-05, "REFLECTANCE_ADD_BAND_4": -0.2},
        "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS": {
            "TEMPERATURE_MULT_BAND_ST_B6": 0.00341802,
            "TEMPERATURE_ADD_BAND_ST_B6": 149.0,
        },
    }
    (tmp_path / f"{id}_MTL.txt").write_text(odl(groups, "LANDSAT_METADATA_FILE"))
    for key in ("SR_B4", "ST_B6", "ST_EMIS", "SR_CLOUD_QA"):
        write_band(tmp_path / f"{id}_{key}.TIF")
    scene = open_scene(tmp_path)
    assert scene.names == ("nir", "lwir", "SR_CLOUD_QA", "ST_EMIS")
    assert scene.calibration(scene.assets["ST_B6"], "temperature").offset == 149.0
    assert scene.calibration(scene.assets["ST_EMIS"], "emissivity").scale == 0.0001
    assert scene.assets["ST_EMIS"].nodata == -9999
    write_band(tmp_path / f"{id}_SR_B3.TIF")
    with pytest.raises(BadInput, match="band SR_B3: has no REFLECTANCE_MULT_BAND_3 of level 2"):
        open_scene(tmp_path)


def test_only_files_that_are_there_become_assets(tmp_path):
    scene = open_scene(write_collection2(tmp_path / ID, bands=["5"]))
    assert scene.names == ("nir",)
    assert scene.asset("red") is None
    assert not scene.masks
    with pytest.raises(BadInput, match="none of the files that"):
        open_scene(write_collection2(tmp_path / OTHER, OTHER, bands=[]))


@pytest.mark.parametrize(
    "name", [f"tiny_{ID}_B4.TIF", f"{ID}_B4_CLIP.TIF", f"{ID}_CLIP_B4.TIF", f"{ID}_B4.tif", f"my-{ID}_b4.tiff"]
)
def test_files_as_people_rename_them(tmp_path, name):
    folder = write_collection2(tmp_path / "any", bands=["2"])
    write_band(folder / name)
    write_band(folder / f"x{ID}_B8.TIF")
    write_band(folder / f"{ID}_GM_B9.TIF")
    assert open_scene(folder).names == ("blue", "red")


def test_the_plain_name_goes_before_a_changed_one(tmp_path):
    folder = write_collection2(tmp_path / ID, bands=["4"])
    write_band(folder / f"a_{ID}_B4.TIF")
    assert open_scene(folder).asset("red").href == str(folder / f"{ID}_B4.TIF")


def test_of_several_scenes_the_one_the_folder_is_named_after(tmp_path):
    folder = tmp_path / f"{OTHER}_subset"
    write_collection2(folder, ID)
    write_collection2(folder, OTHER)
    assert open_scene(folder).id == OTHER
    assert open_scene(folder / f"{ID}_MTL.txt").id == ID
    mixed = write_collection2(tmp_path / "mixed", ID)
    write_collection2(mixed, OTHER)
    with pytest.raises(BadInput, match=r"holds 2 scenes: .*Give the path of one MTL file"):
        open_scene(mixed)


def test_levels_of_one_scene_side_by_side_are_told_apart(tmp_path):
    folder = write_collection2(tmp_path / "both", ID)
    level2 = ID.replace("L1TP", "L2SP")
    groups = collection2(level2) | {
        "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": {"REFLECTANCE_MULT_BAND_4": 2.75e-05, "REFLECTANCE_ADD_BAND_4": -0.2}
    }
    (folder / f"{level2}_MTL.txt").write_text(odl(groups, "LANDSAT_METADATA_FILE"))
    write_band(folder / f"{level2}_SR_B4.TIF")
    assert open_scene(folder / f"{level2}_MTL.txt").names == ("red",)
    assert open_scene(folder / f"{ID}_MTL.txt").sensor == "landsat-c2-l1"
    with pytest.raises(BadInput, match="holds 2 scenes"):
        open_scene(folder)


@pytest.mark.parametrize("content", [VRT.encode(), b"", b"\x89HDF\r\n\x1a\n", b"II*\0", b"II*\0\x08\0\0\0\xff\xff"])
def test_a_tif_that_is_none_is_named_with_its_band(tmp_path, content):
    folder = write_collection2(tmp_path / ID)
    (folder / f"{ID}_B3.TIF").write_bytes(content)
    scene = open_scene(folder)
    assert "green" not in scene.names
    assert f"{ID}_B3.TIF, band B3" in scene.absent["green"]


def test_a_scene_by_night_has_radiance_and_says_why_no_reflectance(tmp_path):
    scene = open_scene(write_collection2(tmp_path / ID, elevation=-12.5))
    red = scene.asset("red")
    assert list(red.calibrations) == ["radiance"]
    assert "temperature" in scene.asset("lwir11").calibrations
    assert scene.calibration(red, "dn").scale == 1
    assert scene.calibration(red, "radiance").scale == 0.01
    with pytest.raises(BadInput, match=r"band B4: was taken at night, with the sun 12\.5 degrees below the horizon"):
        scene.calibration(red, "reflectance")
    with pytest.raises(BadInput, match="cannot give reflectance; it has temperature, radiance, dn"):
        scene.calibration(scene.asset("lwir11"), "reflectance")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "LANDSAT_9"}}, "named for Landsat 8"),
        ({"LEVEL1_RADIOMETRIC_RESCALING": {}}, "band B2: has neither"),
        ({"LEVEL1_RADIOMETRIC_RESCALING": {"RADIANCE_MULT_BAND_2": "much"}}, "'much', which is no number"),
        ({"LEVEL1_THERMAL_CONSTANTS": {}}, "has no K1_CONSTANT_BAND_10"),
        ({"IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "LANDSAT_8"}}, "SUN_ELEVATION is None"),
        ({"IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "LANDSAT_8", "SUN_ELEVATION": 162.0}}, "no angle of the sun"),
        (
            {"IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "LANDSAT_8", "SUN_ELEVATION": 62.0}},
            "no day .DATE_ACQUIRED. of acquisition",
        ),
    ],
)
def test_metadata_that_lies_is_named(tmp_path, change, words):
    folder = write_collection2(tmp_path / ID)
    (folder / f"{ID}_MTL.txt").write_text(odl(collection2(ID) | change, "LANDSAT_METADATA_FILE"))
    with pytest.raises(BadInput, match=words) as caught:
        open_scene(folder)
    assert f"{ID}_MTL.txt" in str(caught.value)


def test_masks_need_their_file(tmp_path):
    folder = write_collection2(tmp_path / ID)
    write_band(folder / f"{ID}_QA_RADSAT.TIF")
    scene = open_scene(folder)
    assert set(scene.masks) == {"saturation", "terrain-occlusion"}
    assert scene.assets["QA_RADSAT"].nodata is None
    assert set(collection1(8, "T")) == {"fill"}
    assert "dropped-pixel" in collection1(5, "T")


def test_plain_rasters_become_bands(tmp_path):
    for name in ("red", "green"):
        write_band(tmp_path / f"{name}.tif", nodata=0)
    (tmp_path / "other").mkdir()
    write_band(tmp_path / "other" / "red.tif", np.ones((2, 3), "float32"))
    scene = scene_of_rasters([tmp_path / "red.tif", tmp_path / "green.tif", tmp_path / "other" / "red.tif"])
    assert scene.names == ("red", "green", "red-2")
    assert scene.id == "red+green"
    assert scene.assets["red"].nodata == 0
    assert scene.assets["red-2"].nodata is None
    assert scene.calibration(scene.assets["red"], "value").scale == 1
    assert scene.assets["green"].identity


def test_bands_of_one_raster_and_what_it_says_of_them(tmp_path):
    import rasterio

    with rasterio.open(
        tmp_path / "rgb.tif", "w", driver="GTiff", width=4, height=3, count=3, dtype="int16", crs="EPSG:4326",
        transform=rasterio.Affine(0.1, 0, 7, 0, -0.1, 47), nodata=-9999,
    ) as target:  # fmt: skip
        target.scales, target.offsets, target.units = (0.1, 0.2, 1.0), (0.0, 5.0, 0.0), ("K", "K", "")
    scene = scene_of_rasters([tmp_path / "rgb.tif"])
    assert [(asset.key, asset.index) for asset in scene.assets.values()] == [("rgb_1", 1), ("rgb_2", 2), ("rgb_3", 3)]
    value = scene.assets["rgb_2"].calibrations["value"]
    assert (value.scale, value.offset, value.unit) == (0.2, 5.0, "K")
    assert scene.assets["rgb_1"].nodata == -9999


def test_a_raster_without_georeference_is_still_a_picture(tmp_path):
    import tifffile

    tifffile.imwrite(tmp_path / "plain.tif", np.zeros((4, 5), "uint8"))
    asset = scene_of_rasters([tmp_path / "plain.tif"]).assets["plain"]
    assert asset.geobox.crs is None
    assert asset.geobox.shape == (4, 5)


def test_rasters_that_are_none(tmp_path):
    (tmp_path / "x.tif").write_text(VRT)
    with pytest.raises(BadInput, match=r"x\.tif, band x: is no TIFF"):
        scene_of_rasters([tmp_path / "x.tif"])
    with pytest.raises(BadInput, match="cannot be opened"):
        scene_of_rasters([tmp_path / "gone.tif"])
    with pytest.raises(BadInput, match="no file"):
        scene_of_rasters([])


def test_the_folder_is_the_registry():
    assert SENSORS.names() == tuple(sorted(SENSORS.names()))
    assert {"landsat-c2-l1", "landsat-c2-l2", "landsat-legacy", "raster"} <= set(SENSORS.names())
    assert not any("mtl" in name or name.startswith("-") for name in SENSORS.names())
    for name in SENSORS.names():
        assert SENSORS[name].name == name
    assert "landsat-c2-l1" in SENSORS
    with pytest.raises(UnknownName, match=r"No sensor is called 'landsat_c2_L1'. Did you mean 'landsat-c2-l1'\?"):
        SENSORS["landsat_c2_L1"]


def test_other_packages_add_by_entry_point(monkeypatch):
    from importlib.metadata import EntryPoint

    points = [EntryPoint(name, "math:pi", "gigascene.sensors") for name in ("moon", "raster")]
    monkeypatch.setattr("gigascene.registry.entry_points", lambda group: points if group == "gigascene.sensors" else [])
    registry = Registry("gigascene.sensors", "SENSOR", "sensor")
    assert registry["moon"] == pytest.approx(3.14159, abs=1e-5)
    assert registry["raster"].name == "raster"  # what is in the folder cannot be replaced


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([f"{ID}_B4.TIF", f"{ID}_B3.TIF"], f"{ID}_MTL.txt"),
        ([f"{ID}_QA_PIXEL.TIF"], f"{ID}_MTL.txt"),
        (["LC08_L2SP_005009_20150710_20200908_02_T2_SR_B4.TIF"], "LC08_L2SP_005009_20150710_20200908_02_T2_MTL.txt"),
        (["LC80460282016177LGN00_B4.TIF", "README.txt"], "LC80460282016177LGN00_MTL.txt"),
        (["L71092085_08520100315_B10.TIF", "L71092085_08520100315_B61.TIF"], "L71092085_08520100315_MTL.txt"),
        (
            ["LE07_L1TP_022033_20010420_20200917_02_T1_B6_VCID_1.tif"],
            "LE07_L1TP_022033_20010420_20200917_02_T1_MTL.txt",
        ),
    ],
)
def test_bands_without_metadata_say_which_file_is_missing(names, expected, tmp_path):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(BadInput, match="holds bands of") as told:
        open_scene(tmp_path)
    assert expected in str(told.value)
    assert "Fetch it too" in str(told.value)


@pytest.mark.parametrize("name", ["B4.TIF", f"{ID}.jpg", f"{ID}_B4.TIF.aux.xml", "L1C_T32TMT_B04.TIF"])
def test_other_files_are_no_scene(name, tmp_path):
    (tmp_path / name).touch()
    with pytest.raises(BadInput, match="not a scene of any known sensor"):
        open_scene(tmp_path)
