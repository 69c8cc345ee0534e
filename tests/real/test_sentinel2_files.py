"""Real Sentinel-2 products: every pixel against rasterio and NumPy, the agency's own picture, checksums, the date line."""

import json
import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import rasterio
from shapely.geometry import shape

import gigascene
from gigascene.api.describe import describe
from where import DATA, needs_data

pytestmark = needs_data

IRELAND = DATA / "sentinel2" / "S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE"
BERING = DATA / "sentinel2" / "S2A_MSIL2A_20230625T234621_N0509_R073_T01WCP_20230626T022157.SAFE"
RGB = ("B04", "B03", "B02")


def read(name):
    [path] = IRELAND.rglob(f"*_{name}_60m.jp2")
    with rasterio.open(path) as source:
        return source.read(), source.transform, source.crs


@pytest.fixture(scope="module")
def stored():
    """Stored numbers of red, green, blue, and where all are there."""
    numbers = np.stack([read(band)[0][0] for band in RGB])
    return numbers, (numbers > 0).all(axis=0)


@pytest.fixture(scope="module")
def offset():
    """Of red, green and blue, by ElementTree and the order of bands in the same file."""
    root = ET.parse(IRELAND / "MTD_MSIL2A.xml")
    ids = {one.get("physicalBand"): one.get("bandId") for one in root.iter("Spectral_Information")}
    offsets = {one.get("band_id"): float(one.text) for one in root.iter("BOA_ADD_OFFSET")}
    return np.array([offsets[ids[band]] for band in ("B4", "B3", "B2")])[:, None, None]


def made(target, product="true-color", **wishes):
    gigascene.compose(product, IRELAND, target, **wishes)
    with rasterio.open(target) as picture:
        return picture.read(), picture.transform, picture.crs


def test_true_color_pixel_by_pixel(stored, offset, tmp_path):
    numbers, valid = stored
    values = ((numbers.astype(float) + offset) / 10000).astype("f4")
    found, transform, crs = made(tmp_path / "a.tif", stretch="0.01:0.4", gamma=1.8)
    share = ((values.astype(float) - 0.01) / (0.4 - 0.01)).clip(0, 1) ** (1 / 1.8)
    expected = np.where(valid, 1 + np.rint(254 * share), 0)
    assert np.array_equal(found, expected)
    assert (transform, crs) == read("B04")[1:]


def test_values_pixel_by_pixel(stored, offset):
    numbers, valid = stored
    expected = np.where(valid, ((numbers.astype(float) + offset) / 10000).astype("f4"), np.nan)
    assert np.array_equal(gigascene.load("true-color", IRELAND).values, expected.astype("f4"), equal_nan=True)
    assert numbers[:, valid].min() < 1000  # reflectance below 0 is no error, and 1000 no minimum


def test_percentiles_are_those_of_all_pixels(stored, offset, tmp_path):
    numbers, valid = stored
    plan = gigascene.plan_compose("true-color", IRELAND, tmp_path / "a.png", stretch="2%:98%", survey="exact")
    for band, term, limits in zip(numbers, offset.ravel(), plan.recipe.look.limits, strict=True):
        low, high = np.quantile(band[valid], [0.02, 0.98], method="inverted_cdf")
        assert limits.low == np.float32((float(low) + term) / 10000)
        assert limits.high == np.float32((float(high) + term) / 10000)


def test_tci_is_the_agencys_within_one_count(stored, tmp_path):
    numbers, valid = stored
    found, _, _ = made(tmp_path / "a.tif", look="tci")
    printed = ((numbers.astype(float) - 1000) * 255 / 2500).clip(0, 255)
    assert np.abs(found[:3] - np.where(valid, printed, 0)).max() <= 0.5 + 1e-4  # halves go where float32 puts them
    assert np.array_equal(found[3] == 255, valid)
    agency = read("TCI")[0]
    away = np.abs(found[:3].astype(int) - agency)
    assert away.max() == 1
    exact = [float((channel[valid] == 0).mean()) for channel in away]
    assert exact == pytest.approx([0.8304, 0.8636, 0.8376], abs=2e-3)
    assert (agency[:, valid] == 0).any(axis=0).sum() > 5000  # dark, not missing


def exo_para_proc(x):
    """The exercise's own code: fixed bounds, the exponent 0.6, cut off, 0 stays 0."""
    n = np.clip((x.astype(np.float64) - 200) / 9600, 0, 1)
    return np.where(x == 0, 0, np.trunc(255 * n**0.6))


def clamp_10000(x):
    """The exercise's text, with the exponent of its code."""
    return np.trunc(255 * (np.clip(x.astype(np.float64), 0, 10000) / 10000) ** 0.6)


@pytest.mark.slow
@pytest.mark.parametrize(("look", "printed"), [("exoparaproc", exo_para_proc), ("reflectance-10000", clamp_10000)])
@pytest.mark.parametrize("units", ["default", "dn"])
def test_looks_of_the_exercise(look, printed, units, stored, offset, tmp_path):
    numbers, valid = stored
    found, _, _ = made(tmp_path / "a.tif", look=look, units=units, packing="document")
    x = numbers if units == "dn" else numbers.astype(float) + offset
    assert np.array_equal(found[:3], printed(x))  # alpha alone tells what is missing
    assert np.array_equal(found[3] > 0, valid)
    apart, _, _ = made(tmp_path / "b.tif", look=look, units=units)
    assert np.array_equal((apart > 0).all(axis=0), valid)  # dark is 1, missing is 0
    more = apart[:, valid].astype(int) - found[:3, valid]  # 1 + rint(254 s) for trunc(255 s)
    assert more.min() == 0
    assert more.max() == 2


def test_clouds(stored, tmp_path):
    _, valid = stored
    classes = read("SCL")[0][0]
    found, _, _ = made(tmp_path / "a.tif", mask=["clouds", "cloud_shadow"], stretch="0:0.3")
    assert np.array_equal((found > 0).all(axis=0), valid & ~np.isin(classes, (3, 8, 9, 10)))


def test_the_other_near_infrared_serves(tmp_path):
    nir, red = (read(band)[0][0].astype(float) for band in ("B8A", "B04"))
    valid = (nir > 0) & (red > 0)
    a, b = (((band - 1000) / 10000).astype("f4") for band in (nir, red))
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.where(valid & (a + b != 0), (a - b) / (a + b), np.nan).astype("f4")
    found = gigascene.load("ndvi", IRELAND).values[0]
    assert np.array_equal(found, expected, equal_nan=True)
    plan = gigascene.plan_compose("ndvi", IRELAND, tmp_path / "a.png")
    assert "B8A_60m (nir08) serves as nir." in plan.notes
    assert "Made at 60 m from B8A_60m, B04_60m." in plan.notes


def test_the_product_is_what_its_manifest_says(tmp_path):
    plan = gigascene.plan_compose("true-color", IRELAND, tmp_path / "a.png", stretch="0:0.3", verify_inputs=True)
    assert len(plan.scenes[0].checksums) == 5
    assert all(re.fullmatch(r"sha3-256:[0-9a-f]{64}", said) for said in plan.scenes[0].checksums.values())


def test_a_tile_on_the_date_line():
    facts = describe(BERING)
    expected = json.loads((BERING / "expected_output.json").read_text())
    assert facts["footprint"]["type"] == "MultiPolygon"
    found, wanted = shape(facts["footprint"]), shape(expected["geometry"])
    assert found.is_valid
    assert found.symmetric_difference(wanted).area < 1e-5
    assert all(-180 <= x <= 180 for part in facts["footprint"]["coordinates"] for ring in part for x, _ in ring)
    assert facts["crs"] == "EPSG:32601"
    assert facts["bands"] == []
    assert "_B04_10m.jp2, band B04_10m: the product lists it, and it is not there" in facts["absent"]["red"]
    same = ("datetime", "platform", "eo:cloud_cover", "grid:code", "view:sun_elevation", "sat:relative_orbit")
    said = {**facts["properties"], "datetime": facts["datetime"], "platform": facts["platform"]}
    for name in same[1:]:
        assert said[name] == pytest.approx(expected["properties"][name])
    assert said["datetime"][:23] == expected["properties"]["datetime"][:23]
