"""`gigascene.load`: lazy, georeferenced, and the values that rasterio and NumPy give."""

import math
import os
import re
import shutil
from pathlib import Path

import dask
import numpy as np
import pytest
import rasterio
from odc.geo.geobox import GeoBox

import gigascene


@pytest.fixture(scope="module")
def truth(scene):
    """Physical values by rasterio, regular expressions and NumPy."""
    text = next(scene.glob("*_MTL.txt")).read_text()

    def number(group, key):
        block = re.search(rf"GROUP = {group}\s*\n(.*?)END_GROUP = {group}\s*\n", text, re.DOTALL)[1]
        return float(re.search(rf"^\s*{key} = (\S+)$", block, re.MULTILINE)[1])

    sine = math.sin(math.radians(number("IMAGE_ATTRIBUTES", "SUN_ELEVATION")))
    rescaling = "LEVEL1_RADIOMETRIC_RESCALING"

    def values(token, quantity):
        with rasterio.open(next(scene.glob(f"*_B{token}.TIF"))) as source:
            dn = source.read(1)
        if quantity == "dn":
            found = dn.astype(np.float64)
        elif quantity == "reflectance":
            factor, term = (number(rescaling, f"REFLECTANCE_{part}_BAND_{token}") for part in ("MULT", "ADD"))
            found = (factor * dn + term) / sine
        else:
            found = number(rescaling, f"RADIANCE_MULT_BAND_{token}") * dn + number(
                rescaling, f"RADIANCE_ADD_BAND_{token}"
            )
        if quantity == "temperature":
            k1, k2 = (number("LEVEL1_THERMAL_CONSTANTS", f"K{n}_CONSTANT_BAND_{token}") for n in (1, 2))
            found = k2 / np.log(k1 / found + 1)
        return np.where(dn == 0, np.nan, found)

    return values


def together(bands):
    found = np.stack(bands)
    found[:, np.isnan(found).any(axis=0)] = np.nan
    return found


@pytest.mark.parametrize("units", ["default", "dn", "radiance"])
def test_true_color(scene, truth, units):
    quantity = {"default": "reflectance"}.get(units, units)
    found = gigascene.load("true-color", scene, units=units)
    want = together([truth(token, quantity) for token in (4, 3, 2)])
    assert found.dtype == np.float32
    assert found.dims == ("band", "y", "x")
    assert found.band.values.tolist() == ["red", "green", "blue"]
    np.testing.assert_allclose(found.values, want, rtol=2e-7, atol=1e-8)
    assert np.isnan(want).any(), "nothing is missing here: the test sees less than it should"


def test_temperature(scene, truth):
    found = gigascene.load("temperature", scene)
    np.testing.assert_allclose(found.values[0], truth(10, "temperature"), rtol=2e-7)
    assert found.attrs["units"] == "K"


def test_ndvi(scene, truth):
    found = gigascene.load("ndvi", scene)
    nir, red = (truth(token, "reflectance") for token in (5, 4))
    np.testing.assert_allclose(found.values[0], (nir - red) / (nir + red), rtol=1e-4, atol=1e-6)
    assert found.attrs["units"] == "1"
    assert found.name == "ndvi"


def test_nothing_is_read_before_it_is_computed(scene, monkeypatch):
    from gigascene.works import gather

    def never(*args):
        raise AssertionError("a pixel was read")

    monkeypatch.setattr(gather, "read", never)
    found = gigascene.load("true-color", scene)
    assert dask.is_dask_collection(found)
    with pytest.raises(AssertionError, match="a pixel was read"):
        found.compute(scheduler="synchronous")


def test_a_file_that_was_replaced_meanwhile_is_not_read_as_the_old_one(scene, tmp_path):
    copy = Path(shutil.copytree(scene, tmp_path / scene.name))
    found = gigascene.load("true-color", copy)
    band = next(copy.glob("*_B4.TIF"))
    with rasterio.open(band, "r+") as file:
        file.write(file.read() // 2)
    os.utime(band, (0, 0))
    with pytest.raises(gigascene.BadInput, match=r"_B4\.TIF.*has changed since the scene was opened"):
        found.compute(scheduler="synchronous")


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # inside odc-geo
@pytest.mark.parametrize(("product", "token"), [("true-color", 4), ("pan-sharpened", 8), ("temperature", 10)])
def test_the_grid_is_that_of_the_file(scene, product, token):
    found = gigascene.load(product, scene)
    with rasterio.open(next(scene.glob(f"*_B{token}.TIF"))) as source:
        want = GeoBox(source.shape, source.transform, source.crs)
    assert found.odc.geobox == want
    assert found.odc.crs.to_epsg() == want.crs.to_epsg()
    a = want.affine
    assert float(found.x[0]) == pytest.approx(a.c + a.a / 2, abs=1e-6)
    assert float(found.y[0]) == pytest.approx(a.f + a.e / 2, abs=1e-6)
    assert float(found.y[1] - found.y[0]) == pytest.approx(a.e)


@pytest.mark.parametrize("product", ["true-color", "pan-sharpened"])
def test_any_part_is_the_same_part_of_the_whole(scene, product):
    found = gigascene.load(product, scene)
    whole = found.values
    rows, columns = found.shape[1:]
    rng = np.random.default_rng(5)
    for _ in range(4):
        top, left = int(rng.integers(rows - 60)), int(rng.integers(columns - 60))
        part = np.s_[:, top : top + 57, left : left + 43]
        assert np.array_equal(found[part].values, whole[part], equal_nan=True)
        small = found.chunk({"y": 101, "x": 77})[part]
        assert np.array_equal(small.values, whole[part], equal_nan=True)


def test_bands_and_masks(scene, truth):
    found = gigascene.load("rgb", scene, bands=("nir", "B3", "cirrus"))
    np.testing.assert_allclose(
        found.values, together([truth(token, "reflectance") for token in (5, 3, 9)]), rtol=2e-7, atol=1e-8
    )
    with rasterio.open(next(scene.glob("*_QA_PIXEL.TIF"))) as source:
        hidden = source.read(1) & 0b11110 > 0
    assert hidden.any()
    masked = gigascene.load("ndvi", scene, mask=("clouds",))
    whole = gigascene.load("ndvi", scene)
    assert np.array_equal(np.isnan(masked.values[0]), np.isnan(whole.values[0]) | hidden)


def test_what_it_is_stands_in_the_attributes(scene):
    found = gigascene.load("temperature", scene)
    assert found.attrs["scene"] == scene.name
    assert found.attrs["platform"] == "landsat-8"
    assert found.attrs["datetime"].startswith("2014-08-20T")
    assert gigascene.load("true-color", scene, units="radiance").attrs["units"] == "W m-2 sr-1 um-1"
    assert gigascene.load("true-color", scene).attrs["units"] == "1"


def test_it_can_be_saved_and_opened_again(scene, tmp_path):
    """Attributes must be what netCDF and zarr can hold; here: a round trip through a dictionary of plain values."""
    import xarray

    found = gigascene.load("ndvi", scene)[:, :20, :20].compute()
    again = xarray.DataArray.from_dict(found.to_dict())
    assert np.array_equal(again.values.astype(np.float32), found.values, equal_nan=True)
    assert all(isinstance(value, str | int | float) for value in found.attrs.values())


@pytest.mark.parametrize(
    ("product", "wishes", "error"),
    [
        ("true-colour", {}, "Did you mean 'true-color'"),
        ("rgb", {"bands": ("red", "green")}, "3 bands"),
        ("true-color", {"units": "temperature"}, "temperature"),
        ("true-color", {"mask": ("fog",)}, "no mask 'fog'"),
    ],
)
def test_mistakes_are_told_at_once(scene, product, wishes, error):
    with pytest.raises(gigascene.GigasceneError, match=error):
        gigascene.load(product, scene, **wishes)
