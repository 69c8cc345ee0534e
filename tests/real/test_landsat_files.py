"""Real Landsat files against rasterio and arithmetic that shares nothing with ours."""

import math
import re
import shutil

import numpy as np
import pytest
import rasterio

from gigascene.archives import identity
from gigascene.kernels.calibrate import physical, table
from gigascene.kernels.flags import masked
from gigascene.sensors import _landsat_mtl as mtl
from gigascene.sensors import open_scene
from where import DATA, needs_data

pytestmark = needs_data

LANDSAT = DATA / "landsat"
OLD = LANDSAT / "LC80460282016177LGN00_L1_150m"
C1 = LANDSAT / "LC08_L1TP_016037_20170813_C1_900m"
L2 = LANDSAT / "LC08_L2SP_005009_20150710_20200908_02_T2_C2L2_512px"
SCENES = {OLD: "landsat-legacy", C1: "landsat-legacy", L2: "landsat-c2-l2"}
every_scene = pytest.mark.parametrize("folder", SCENES, ids=lambda folder: folder.name)


def stored(asset):
    with rasterio.open(asset.href) as source:
        return source.read(1)


def mtl_number(folder, group, key):
    """A number of an MTL text, by regular expressions."""
    text = next(folder.glob("*_MTL.*t")).read_text() if folder != OLD else (next(folder.glob("*.json"))).read_text()
    if folder == OLD:
        return float(re.search(rf'"{key}": ([-\d.e]+)', text)[1])
    block = re.search(rf"GROUP = {group}\n(.*?)END_GROUP = {group}\n", text, re.DOTALL)[1]
    return float(re.search(rf"^ *{key} = (\S+)$", block, re.MULTILINE)[1])


@every_scene
def test_geoboxes_are_those_of_the_files(folder):
    scene = open_scene(folder)
    assert scene.sensor == SCENES[folder]
    assert len(scene.assets) == len(list(folder.glob("*.TIF")))
    for asset in scene.assets.values():
        with rasterio.open(asset.href) as source:
            assert asset.geobox.shape == source.shape
            assert asset.geobox.affine == source.transform
            assert asset.geobox.crs.epsg == source.crs.to_epsg()
            assert (asset.dtype, asset.blocks) == (source.dtypes[0], source.block_shapes[0])
        assert asset.identity == identity(asset.href)


def test_corners_of_the_metadata_are_pixel_centres():
    box = open_scene(C1).asset("blue").geobox
    assert (box.affine.c, box.affine.f) == (471600 - 15, 3787500 + 15)
    pan = open_scene(C1).asset("pan").geobox
    assert (pan.affine.c - box.affine.c, pan.affine.f - box.affine.f) == (7.5, -7.5)


@pytest.mark.parametrize("band", range(1, 10))
def test_collection_1_reflectance_and_radiance(band):
    asset = open_scene(C1).assets[f"B{band}"]
    dn = stored(asset)
    for quantity, sine in [("RADIANCE", 1.0), ("REFLECTANCE", math.sin(math.radians(62.17310472)))]:
        factor = mtl_number(C1, "RADIOMETRIC_RESCALING", f"{quantity}_MULT_BAND_{band}")
        term = mtl_number(C1, "RADIOMETRIC_RESCALING", f"{quantity}_ADD_BAND_{band}")
        expected = (factor * dn.astype(np.float64) + term) / sine
        found = physical(dn, asset.calibrations[quantity.lower()])
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)
    assert list(asset.calibrations) == ["reflectance", "radiance"]


@pytest.mark.parametrize("band", [10, 11])
def test_collection_1_temperature(band):
    asset = open_scene(C1).assets[f"B{band}"]
    dn = stored(asset)
    k1, k2 = (mtl_number(C1, "TIRS_THERMAL_CONSTANTS", f"K{n}_CONSTANT_BAND_{band}") for n in (1, 2))
    scale = mtl_number(C1, "RADIOMETRIC_RESCALING", f"RADIANCE_MULT_BAND_{band}")
    expected = k2 / np.log(k1 / (scale * dn.astype(np.float64) + 0.1) + 1)
    assert next(iter(asset.calibrations)) == "temperature"
    np.testing.assert_allclose(table(asset.calibrations["temperature"], "uint16")[dn], expected, rtol=1e-6)
    assert 250 < np.median(expected[dn > 0]) < 310


def test_precollection_reflectance():
    scene = open_scene(OLD)
    assert scene.names == ("blue", "green", "red")
    assert not scene.masks
    asset = scene.asset("red")
    dn = stored(asset)
    factor, term = (mtl_number(OLD, "", f"REFLECTANCE_{key}_BAND_4") for key in ("MULT", "ADD"))
    expected = (factor * dn.astype(np.float64) + term) / math.sin(math.radians(mtl_number(OLD, "", "SUN_ELEVATION")))
    np.testing.assert_allclose(physical(dn, asset.calibrations["reflectance"]), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("band", range(2, 8))
def test_level_2_is_not_calibrated_with_level_1_factors(band):
    asset = open_scene(L2).assets[f"SR_B{band}"]
    dn = stored(asset)
    np.testing.assert_allclose(
        physical(dn, asset.calibrations["reflectance"]), 2.75e-05 * dn.astype(np.float64) - 0.2, rtol=1e-6, atol=1e-7
    )
    level1 = mtl_number(L2, "LEVEL1_RADIOMETRIC_RESCALING", f"REFLECTANCE_MULT_BAND_{band}")
    assert asset.calibrations["reflectance"].scale != level1
    assert asset.nodata == 0


def test_level_2_surface_temperature():
    asset = open_scene(L2).asset("lwir11")
    dn = stored(asset)
    expected = 0.00341802 * dn.astype(np.float64) + 149.0
    np.testing.assert_allclose(physical(dn, asset.calibrations["temperature"]), expected, rtol=1e-6)
    assert asset.key == "ST_B10"


def test_the_three_forms_of_the_real_mtl_agree():
    forms = [mtl.parse(path.name, path.read_bytes()) for path in sorted(L2.glob("*_MTL.*"))]
    assert len(forms) == 3
    assert forms[0] == forms[1] == forms[2]
    assert forms[0]["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"]["REFLECTANCE_MULT_BAND_4"] == 2.75e-05
    assert forms[0]["LEVEL1_RADIOMETRIC_RESCALING"]["REFLECTANCE_MULT_BAND_4"] == 2.0e-05


@pytest.mark.parametrize("form", ["txt", "json", "xml"])
def test_a_scene_opens_by_any_form_of_its_mtl(tmp_path, form):
    for file in [*L2.glob("*.TIF"), *L2.glob(f"*_MTL.{form}")]:
        shutil.copyfile(file, tmp_path / file.name)
    found, wanted = open_scene(tmp_path), open_scene(L2)
    assert (found.datetime, found.properties) == (wanted.datetime, wanted.properties)
    assert [a.calibrations for a in found.assets.values()] == [a.calibrations for a in wanted.assets.values()]


def test_collection_2_masks():
    scene = open_scene(L2)
    qa = stored(scene.assets["QA_PIXEL"]).astype(int)
    bits = {
        "fill": 0,
        "dilated-cloud": 1,
        "cirrus": 2,
        "cloud": 3,
        "cloud-shadow": 4,
        "snow": 5,
        "clear": 6,
        "water": 7,
    }
    for name, bit in bits.items():
        assert (masked(qa.astype("uint16"), scene.masks[name].flags) == (qa // 2**bit % 2 == 1)).all()
    clouds = sum(qa // 2**bit % 2 for bit in (1, 2, 3, 4)) > 0
    assert (masked(qa.astype("uint16"), scene.masks["clouds"].flags) == clouds).all()
    assert 0.2 < clouds[qa != 1].mean() < 0.9
    assert scene.masks.keys() == bits.keys() | {"clouds"}  # QA_RADSAT is not in the folder
    assert scene.assets["QA_PIXEL"].nodata == 1


def test_collection_1_masks():
    scene = open_scene(C1)
    qa = stored(scene.assets["BQA"])
    value = qa.astype(int)
    shadow, snow, cirrus, sure = (value // 2**bit % 4 == 3 for bit in (7, 9, 11, 5))
    cloud = value // 16 % 2 == 1
    expected = {
        "fill": value % 2 == 1,
        "terrain-occlusion": value // 2 % 2 == 1,
        "saturation": value // 4 % 4 > 0,
        "cloud": cloud,
        "cloud-shadow": shadow,
        "snow": snow,
        "cirrus": cirrus,
        "clouds": cloud | sure | shadow | cirrus,
    }
    assert scene.masks.keys() == expected.keys()  # and no water
    for name, wanted in expected.items():
        assert (masked(qa, scene.masks[name].flags) == wanted).all(), name
    assert 0 < cloud.mean() < 0.6


def test_what_the_metadata_says_of_the_scene():
    scene = open_scene(L2)
    assert scene.id == "LC08_L2SP_005009_20150710_20200908_02_T2"
    assert scene.platform == "landsat-8"
    assert scene.datetime == "2015-07-10T14:34:35.978399Z"
    assert scene.properties == {
        "view:sun_elevation": 40.00159030,
        "view:sun_azimuth": 177.88460070,
        "eo:cloud_cover": 54.65,
        "landsat:wrs_path": "005",
        "landsat:wrs_row": "009",
        "landsat:collection_category": "T2",
        "landsat:collection_number": "02",
        "landsat:correction": "L2SP",
        "landsat:scene_id": "LC80050092015191LGN01",
    }
