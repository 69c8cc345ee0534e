"""Landsat 4 to 8 before collections: keys before and after August 2012, radiance from limits, ESUN, old quality bits."""

import math
from datetime import date, time

import numpy as np
import pytest

from gigascene.kernels.calibrate import physical
from gigascene.kernels.flags import masked
from gigascene.model.errors import BadInput
from gigascene.sensors import open_scene
from tiny_landsat import odl, write_band

L5, L7 = "L5035032_03220080922", "L71092085_08520100315"
LIMITS_5 = {"1": (-1.52, 193.0), "3": (-1.17, 264.0), "4": (-1.51, 221.0), "6": (1.2378, 15.3032)}
LIMITS_7 = {"1": (-6.2, 191.6), "3": (-5.0, 152.9), "61": (0.0, 17.04), "62": (3.2, 12.65), "8": (-4.7, 243.1)}


def old_keys(satellite, name, acquired, clock, limits, files, elevation=45.5):
    """MTL as written before August 2012."""
    return odl(
        {
            "METADATA_FILE_INFO": {
                "ORIGIN": "Image courtesy of the U.S. Geological Survey",
                "REQUEST_ID": "0501103244567_00010",
                "STATION_ID": "EDC",
            },
            "PRODUCT_METADATA": {
                "PRODUCT_TYPE": "L1T",
                "SPACECRAFT_ID": f"Landsat{satellite}",
                "SENSOR_ID": "ETM+" if satellite == 7 else "TM",
                "ACQUISITION_DATE": acquired,
                "SCENE_CENTER_SCAN_TIME": f"{clock}Z".replace("+00:00", ""),
                "WRS_PATH": 35,
                "STARTING_ROW": 32,
            }
            | {f"BAND{band}_FILE_NAME": file for band, file in files.items()}
            | {"METADATA_L1_FILE_NAME": f"{name}_MTL.txt"},
            "MIN_MAX_RADIANCE": {f"LMAX_BAND{band}": high for band, (_, high) in limits.items()}
            | {f"LMIN_BAND{band}": low for band, (low, _) in limits.items()},
            "MIN_MAX_PIXEL_VALUE": {f"QCALMAX_BAND{band}": 255.0 for band in limits}
            | {f"QCALMIN_BAND{band}": 1.0 for band in limits},
            "PRODUCT_PARAMETERS": {
                "BAND1_GAIN": "H",
                "SUN_AZIMUTH": 144.2,
                "SUN_ELEVATION": elevation,
                "OUTPUT_FORMAT": "GEOTIFF",
            },
            "PROJECTION_PARAMETERS": {"MAP_PROJECTION": "UTM"},
        },
        "L1_METADATA_FILE",
    )


def new_keys(satellite, id, bands, image, elevation=45.5, **groups):
    """MTL as written from August 2012 to Collection 1, without rescaling factors unless given."""
    return odl(
        {
            "METADATA_FILE_INFO": {"LANDSAT_SCENE_ID": id, "STATION_ID": id[16:19]},
            "PRODUCT_METADATA": {
                "DATA_TYPE": "L1T",
                "SPACECRAFT_ID": f"LANDSAT_{satellite}",
                "DATE_ACQUIRED": date(2008, 9, 22),
                "SCENE_CENTER_TIME": "17:21:12.3920310Z",
            }
            | {f"FILE_NAME_BAND_{band}": f"{id}_B{band}.TIF" for band in bands},
            "IMAGE_ATTRIBUTES": {"CLOUD_COVER": 3.0, "SUN_AZIMUTH": 144.2, "SUN_ELEVATION": elevation} | image,
            **groups,
        },
        "L1_METADATA_FILE",
    )


def limits_new(bands):
    radiance = {f"RADIANCE_MAXIMUM_BAND_{band}": 193.0 for band in bands}
    pixels = {f"QUANTIZE_CAL_MAX_BAND_{band}": 255 for band in bands}
    return {
        "MIN_MAX_RADIANCE": radiance | {f"RADIANCE_MINIMUM_BAND_{band}": -1.52 for band in bands},
        "MIN_MAX_PIXEL_VALUE": pixels | {f"QUANTIZE_CAL_MIN_BAND_{band}": 1 for band in bands},
    }


@pytest.fixture
def landsat5(tmp_path):
    files = {band: f"{L5}_B{band}0.TIF" for band in LIMITS_5}
    text = old_keys(5, L5, date(2008, 9, 22), time(17, 21, 12, 392031), LIMITS_5, files)
    (tmp_path / f"{L5}_MTL.txt").write_text(text.replace('"17:21:12.392031Z"', "17:21:12.3920310Z"))
    for file in files.values():
        write_band(tmp_path / file, dtype="uint8")
    return tmp_path


@pytest.fixture
def landsat7(tmp_path):
    files = {band: f"L7{'2' if band in {'62', '8'} else '1'}{L7[3:]}_B{band:0<2}.TIF" for band in LIMITS_7}
    (tmp_path / f"{L7}_MTL.txt").write_text(
        old_keys(7, L7, date(2010, 3, 15), "23:55:11.6634891", LIMITS_7, files, elevation=41.5610274)
    )
    for file in files.values():
        write_band(tmp_path / file, dtype="uint8")
    return tmp_path


def test_landsat_5_with_old_keys(landsat5):
    scene = open_scene(landsat5)
    assert (scene.id, scene.platform, scene.sensor) == (L5, "landsat-5", "landsat-legacy")
    assert scene.datetime == "2008-09-22T17:21:12.392031Z"
    assert scene.names == ("blue", "red", "nir", "lwir")
    assert scene.properties["landsat:correction"] == "L1T"
    assert scene.properties["landsat:wrs_path"] == "035"
    assert scene.properties["view:sun_elevation"] == 45.5
    assert not scene.masks
    assert {asset.nodata for asset in scene.assets.values()} == {0}


@pytest.mark.parametrize(("band", "esun"), [("1", 1958), ("3", 1551), ("4", 1036)])
def test_landsat_5_reflectance_from_limits(landsat5, band, esun):
    low, high = LIMITS_5[band]
    asset = open_scene(landsat5).assets[f"B{band}"]
    dn = np.arange(1, 256, dtype="uint8")
    radiance = (high - low) / 254 * dn.astype(float) + (255 * low - high) / 254
    np.testing.assert_allclose(physical(dn, asset.calibrations["radiance"]), radiance, rtol=1e-6, atol=1e-6)
    distance = 1 - 0.01672 * math.cos(math.radians(0.9856 * (266 - 4)))
    expected = math.pi * radiance * distance**2 / (esun * math.sin(math.radians(45.5)))
    np.testing.assert_allclose(physical(dn, asset.calibrations["reflectance"]), expected, rtol=1e-6, atol=1e-7)
    assert next(iter(asset.calibrations)) == "reflectance"


def test_landsat_5_temperature(landsat5):
    asset = open_scene(landsat5).asset("lwir")
    radiance = (15.3032 - 1.2378) / 254 * (131 - 1) + 1.2378
    expected = 1260.56 / math.log(607.76 / radiance + 1)
    assert physical(np.uint8([131]), asset.calibrations["temperature"])[0] == pytest.approx(expected, rel=1e-6)


def test_landsat_7_with_old_keys(landsat7):
    scene = open_scene(landsat7)
    assert scene.names == ("blue", "red", "lwir", "lwir_high", "pan")
    assert scene.assets["B6_VCID_2"].href.endswith("L72092085_08520100315_B62.TIF")
    assert scene.datetime == "2010-03-15T23:55:11.663489Z"
    high = scene.assets["B6_VCID_2"].calibrations["temperature"]
    assert (high.k1, high.k2) == (666.09, 1282.71)
    assert high.scale == pytest.approx((12.65 - 3.2) / 254)
    pan = scene.asset("pan").calibrations
    factor = pan["reflectance"].scale / pan["radiance"].scale
    distance = 1 - 0.01672 * math.cos(math.radians(0.9856 * (74 - 4)))
    assert factor == pytest.approx(math.pi * distance**2 / (1369 * math.sin(math.radians(41.5610274))))


def test_new_keys_with_limits_and_the_distance_they_give(tmp_path):
    id = "LT50350322008266PAC01"
    text = new_keys(5, id, ["4"], {"EARTH_SUN_DISTANCE": 1.0034}, **limits_new(["4"]))
    (tmp_path / f"{id}_MTL.txt").write_text(text)
    write_band(tmp_path / f"{id}_B4.TIF", dtype="uint8")
    scene = open_scene(tmp_path)
    asset = scene.asset("nir")
    factor = asset.calibrations["reflectance"].scale / asset.calibrations["radiance"].scale
    assert factor == pytest.approx(math.pi * 1.0034**2 / (1036 * math.sin(math.radians(45.5))))
    assert scene.id == id


def test_rescaling_factors_go_before_limits_and_esun(tmp_path):
    id = "LE70350322008266EDC00"
    factors = {
        "RADIANCE_MULT_BAND_4": 0.9693,
        "RADIANCE_ADD_BAND_4": -6.07,
        "REFLECTANCE_MULT_BAND_4": 0.0028,
        "REFLECTANCE_ADD_BAND_4": -0.0175,
    }
    text = new_keys(7, id, ["4"], {}, RADIOMETRIC_RESCALING=factors, **limits_new(["4"]))
    (tmp_path / f"{id}_MTL.txt").write_text(text)
    write_band(tmp_path / f"{id}_B4.TIF", dtype="uint8")
    found = open_scene(tmp_path).asset("nir").calibrations
    assert found["radiance"].scale == 0.9693
    assert found["reflectance"].scale == pytest.approx(0.0028 / math.sin(math.radians(45.5)))


def test_thermal_constants_of_the_file_go_before_the_table(tmp_path):
    id = "LT40350321988266XXX01"
    constants = {"K1_CONSTANT_BAND_6": 671.0, "K2_CONSTANT_BAND_6": 1284.0}
    text = new_keys(4, id, ["6"], {}, THERMAL_CONSTANTS=constants, **limits_new(["6"]))
    (tmp_path / f"{id}_MTL.txt").write_text(text)
    write_band(tmp_path / f"{id}_B6.TIF", dtype="uint8")
    found = open_scene(tmp_path).asset("lwir").calibrations["temperature"]
    assert (found.k1, found.k2) == (671.0, 1284.0)


def test_precollection_quality_bits(tmp_path):
    id = "LC80460282016177LGN00"
    factors = {
        "RADIANCE_MULT_BAND_4": 0.0096687,
        "RADIANCE_ADD_BAND_4": -48.34,
        "REFLECTANCE_MULT_BAND_4": 2.0e-05,
        "REFLECTANCE_ADD_BAND_4": -0.1,
    }
    text = new_keys(8, id, ["4"], {}, RADIOMETRIC_RESCALING=factors)
    (tmp_path / f"{id}_MTL.txt").write_text(text)
    write_band(tmp_path / f"{id}_B4.TIF")
    write_band(tmp_path / f"{id}_BQA.TIF")
    scene = open_scene(tmp_path)
    every = np.arange(65536, dtype="uint16")
    value = every.astype(int)
    for name, bit in {"water": 4, "snow": 10, "cirrus": 12, "cloud": 14}.items():
        assert (masked(every, scene.masks[name].flags) == (value // 2**bit % 4 == 3)).all()
    expected = (value // 2**12 % 4 == 3) | (value // 2**14 % 4 == 3)
    assert (masked(every, scene.masks["clouds"].flags) == expected).all()
    assert "cloud-shadow" not in scene.masks
    assert scene.assets["BQA"].nodata == 1


def test_limits_that_are_missing_are_told(landsat5):
    path = landsat5 / f"{L5}_MTL.txt"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "LMIN_BAND4" not in line))
    with pytest.raises(BadInput, match="band B4: has neither rescaling factors nor limits of radiance"):
        open_scene(landsat5)
