"""A simulated Landsat scene is what the agency would send: names, grids, metadata, flags, and the same every time."""

from __future__ import annotations

import hashlib
import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from gigascene.model.errors import UnknownName, UsageError, WriteFailed
from gigascene.simulate import parse_size, simulator
from gigascene.simulate.landsat import simulate

ID = "LC08_L1TP_226010_20140820_20200911_02_T1"
ROWS, COLUMNS = 600, 560  # more than one tile each way, the last ones partial
IMAGES = [*(f"B{n}" for n in range(1, 12)), "QA_PIXEL", "QA_RADSAT"]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return simulate(tmp_path_factory.mktemp("scenes"), size=(ROWS, COLUMNS), seed=0)


def read(scene: Path, name: str) -> NDArray[np.uint16]:
    with rasterio.open(scene / f"{scene.name}_{name}.TIF") as file:
        return file.read(1)


def digests(scene: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(scene.iterdir())}


def metadata(scene: Path) -> dict[str, dict[str, str]]:
    groups: dict[str, dict[str, str]] = {}
    for line in (scene / f"{scene.name}_MTL.txt").read_text().splitlines():
        key, _, value = line.strip().partition(" = ")
        if key == "GROUP":
            groups[name := value] = {}
        elif value and key != "END_GROUP":
            groups[name][key] = value.strip('"')
    return groups


def test_folder_holds_what_the_metadata_names(scene: Path) -> None:
    expected = {f"{ID}_{name}.TIF" for name in IMAGES} | {f"{ID}_MTL.{suffix}" for suffix in ("txt", "xml", "json")}
    assert scene.name == ID
    assert {path.name for path in scene.iterdir()} == expected
    assert [path.name for path in scene.parent.iterdir()] == [ID]
    contents = metadata(scene)["PRODUCT_CONTENTS"]
    named = {value for key, value in contents.items() if key.startswith("FILE_NAME")}
    assert named == expected - {f"{ID}_MTL.json"}


@pytest.mark.parametrize("name", IMAGES)
def test_gdal_reads_every_image(scene: Path, name: str) -> None:
    with rasterio.open(scene / f"{ID}_{name}.TIF") as file:
        pan = name == "B8"
        assert file.driver == "GTiff"
        assert file.dtypes == ("uint16",)
        assert file.crs.to_epsg() == 32626
        assert file.tags()["AREA_OR_POINT"] == "Point"
        assert file.nodata == (1 if name == "QA_PIXEL" else 0)
        assert file.shape == ((2 * ROWS - 1, 2 * COLUMNS - 1) if pan else (ROWS, COLUMNS))
        assert file.block_shapes == [(512, 512)]
        assert file.profile["compress"] == "deflate"
        assert file.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"
        step = 15 if pan else 30
        assert file.transform[:6] == (step, 0, file.bounds.left, 0, -step, file.bounds.top)


def test_pan_shares_pixel_centres(scene: Path) -> None:
    with rasterio.open(scene / f"{ID}_B8.TIF") as pan, rasterio.open(scene / f"{ID}_B4.TIF") as red:
        assert pan.transform.c - red.transform.c == 7.5
        assert pan.transform.f - red.transform.f == -7.5
        assert pan.xy(2 * ROWS - 2, 2 * COLUMNS - 2) == red.xy(ROWS - 1, COLUMNS - 1)


def test_pan_agrees_with_colours(scene: Path) -> None:
    pan, green, red = (read(scene, name).astype(float) for name in ("B8", "B3", "B4"))
    good = (green > 0) & (pan[::2, ::2] > 0)
    assert np.corrcoef(pan[::2, ::2][good], (green + red)[good])[0, 1] > 0.99


def test_metadata_tells_of_the_pixels(scene: Path) -> None:
    groups = metadata(scene)
    projection = groups["PROJECTION_ATTRIBUTES"]
    with rasterio.open(scene / f"{ID}_B4.TIF") as file:
        first, last = file.xy(0, 0), file.xy(ROWS - 1, COLUMNS - 1)
    assert first == tuple(float(projection[f"CORNER_UL_PROJECTION_{axis}_PRODUCT"]) for axis in "XY")
    assert last == tuple(float(projection[f"CORNER_LR_PROJECTION_{axis}_PRODUCT"]) for axis in "XY")
    assert (projection["REFLECTIVE_LINES"], projection["PANCHROMATIC_SAMPLES"]) == (str(ROWS), str(2 * COLUMNS - 1))
    quality = read(scene, "QA_PIXEL")
    cloudy = 100 * ((quality & 8) > 0).sum() / (quality != 1).sum()
    assert float(groups["IMAGE_ATTRIBUTES"]["CLOUD_COVER"]) == pytest.approx(cloudy, abs=0.005)
    scaling = groups["LEVEL1_RADIOMETRIC_RESCALING"]
    assert (scaling["REFLECTANCE_MULT_BAND_4"], scaling["REFLECTANCE_ADD_BAND_4"]) == ("2.0000E-05", "-0.100000")
    assert (scaling["RADIANCE_MULT_BAND_10"], scaling["RADIANCE_ADD_BAND_10"]) == ("3.3420E-04", "0.10000")


def test_metadata_spellings_agree(scene: Path) -> None:
    groups = metadata(scene)
    root = groups.pop("LANDSAT_METADATA_FILE")
    assert root == {}
    spelled = json.loads((scene / f"{ID}_MTL.json").read_text())["LANDSAT_METADATA_FILE"]
    tree = ET.parse(scene / f"{ID}_MTL.xml").getroot()
    assert spelled == groups
    assert {group.tag: {item.tag: item.text for item in group} for group in tree} == groups


def test_radiance_and_reflectance_are_one_light(scene: Path) -> None:
    """Radiance and reflectance of one number differ by ESUN / (pi d^2); ESUN of the red band is about 1550 W m-2 um-1."""
    groups = metadata(scene)
    scaling, distance = groups["LEVEL1_RADIOMETRIC_RESCALING"], groups["IMAGE_ATTRIBUTES"]["EARTH_SUN_DISTANCE"]
    ratio = float(scaling["RADIANCE_MULT_BAND_4"]) / float(scaling["REFLECTANCE_MULT_BAND_4"])
    assert math.pi * float(distance) ** 2 * ratio == pytest.approx(1570, rel=0.03)


def test_fill_is_fill_everywhere(scene: Path) -> None:
    quality = read(scene, "QA_PIXEL")
    outside = quality == 1
    assert 0.28 < outside.mean() < 0.40
    assert not (quality[~outside] & 1).any()
    for name in (*(f"B{n}" for n in range(1, 12) if n != 8),):
        assert np.array_equal(read(scene, name) == 0, outside), name
    assert np.array_equal(read(scene, "B8")[::2, ::2] == 0, outside)


def test_flags_follow_collection_2(scene: Path) -> None:
    quality = read(scene, "QA_PIXEL")
    bits = {name: (quality >> bit) & 1 == 1 for bit, name in enumerate(FLAGS)}
    good = quality != 1
    assert np.array_equal(bits["clear"][good], ~(bits["cloud"] | bits["dilated"])[good])
    for name, shift in CONFIDENCE.items():
        confidence = (quality >> shift) & 3
        assert np.array_equal(bits[name][good], confidence[good] == 3), name
        assert (confidence[good] > 0).all()
    assert not (bits["cloud"] & (bits["water"] | bits["snow"])).any()


FLAGS = ("fill", "dilated", "cirrus", "cloud", "shadow", "snow", "clear", "water")
CONFIDENCE = {"cloud": 8, "shadow": 10, "snow": 12, "cirrus": 14}


def test_flags_follow_the_pixels(scene: Path) -> None:
    quality, red, nir, swir = (read(scene, name).astype(int) for name in ("QA_PIXEL", "B4", "B5", "B6"))
    clear = (quality & 0b1010110) == 0b1000000  # clear, no shadow, no cirrus
    snow, water = clear & (quality & 32 > 0), clear & (quality & 128 > 0)
    assert snow.sum() > 1000
    assert water.sum() > 1000
    assert np.median(red[snow]) > 15000 > 7000 > np.median(red[water])
    assert np.median(swir[snow]) < 8000
    assert np.median(nir[water]) < 6000


def test_temperatures_make_sense(scene: Path) -> None:
    numbers = read(scene, "B10").astype(float)
    radiance = 3.342e-4 * numbers[numbers > 0] + 0.1
    kelvin = 1321.0789 / np.log(774.8853 / radiance + 1)
    assert 225 < kelvin.min() < kelvin.max() < 300
    assert 262 < np.median(kelvin) < 284


def test_compresses_as_real_scenes_do(scene: Path) -> None:
    """Real bands at 30 m deflate to about 0.6 to 0.95 of their valid pixels."""
    valid = (read(scene, "QA_PIXEL") != 1).sum()
    for name in ("B2", "B4", "B5", "B7", "B10"):
        assert 0.5 < (scene / f"{ID}_{name}.TIF").stat().st_size / (2 * valid) < 0.95, name


def test_same_seed_same_bytes(scene: Path, tmp_path: Path) -> None:
    again = simulate(tmp_path / "again", size=(ROWS, COLUMNS), seed=0, workers=1)
    assert digests(again) == digests(scene)


def test_other_seed_other_earth(tmp_path: Path) -> None:
    one, other = (simulate(tmp_path / str(seed), size=(64, 60), seed=seed) for seed in (1, 2))
    assert not np.array_equal(read(one, "B4"), read(other, "B4"))


def test_smaller_scenes_show_the_middle(scene: Path, tmp_path: Path) -> None:
    small = simulate(tmp_path, size=(200, 180), seed=0)
    top, left = (ROWS - 200) // 2, (COLUMNS - 180) // 2
    for name in ("B1", "B5", "B9", "B11", "QA_PIXEL"):
        part, whole = read(small, name), read(scene, name)[top : top + 200, left : left + 180]
        both = (part > 1) & (whole > 1)
        assert both.sum() > 10_000
        assert np.array_equal(part[both], whole[both]), name
    part, whole = read(small, "B8"), read(scene, "B8")[2 * top : 2 * top + 399, 2 * left : 2 * left + 359]
    both = (part > 0) & (whole > 0)
    assert np.array_equal(part[both], whole[both])


def test_level_2(tmp_path: Path) -> None:
    scene = simulate(tmp_path, size=(64, 60), level="l2")
    groups = metadata(scene)
    assert scene.name == "LC08_L2SP_226010_20140820_20200911_02_T1"
    assert groups["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"]["REFLECTANCE_MULT_BAND_4"] == "2.75e-05"
    assert groups["LEVEL1_RADIOMETRIC_RESCALING"]["REFLECTANCE_MULT_BAND_4"] == "2.0000E-05"
    names = {re.sub(r".*_T1_", "", path.name) for path in scene.glob("*.TIF")}
    assert names == {*(f"SR_B{n}.TIF" for n in range(1, 8)), "ST_B10.TIF", "QA_PIXEL.TIF", "QA_RADSAT.TIF"}
    kelvin = 0.00341802 * read(scene, "ST_B10").astype(float) + 149.0
    assert 235 < np.median(kelvin[kelvin > 149]) < 290


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    simulate(tmp_path, size=(40, 600), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 2), (2, 2)]


def test_refuses_what_is_there(scene: Path) -> None:
    before = digests(scene)
    with pytest.raises(WriteFailed, match="exists already"):
        simulate(scene.parent, size=(64, 60))
    assert digests(scene) == before


def test_leaves_nothing_half_done(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(tmp_path, size=(64, 60), progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_makes_no_sense(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="huge"):
        simulate(tmp_path, size="huge")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="16 to 20000"):
        simulate(tmp_path, size=(8, 100))
    with pytest.raises(UsageError, match="l9"):
        simulate(tmp_path, level="l9")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="ROWSxCOLUMNS"):
        parse_size("3xmany")
    with pytest.raises(UnknownName, match="sputnik"):
        simulator("sputnik")
    assert simulator("landsat") is simulate
