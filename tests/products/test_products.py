"""Every product in the folder: its form, and its arithmetic against NumPy in float64."""

import pkgutil
from importlib import import_module

import numpy as np
import pytest

import gigascene.products
from gigascene.kernels import palette
from gigascene.model.product import Product, stack

FILES = sorted(module.name for module in pkgutil.iter_modules(gigascene.products.__path__))
PRODUCTS = {name: import_module(f"gigascene.products.{name}").PRODUCT for name in FILES}
EXPECTED = {
    "true-color": ("red", "green", "blue"),
    "swir2nirg": ("swir22", "nir", "coastal"),
    "swir-color": ("swir22", "nir", "green"),
    "color-infrared": ("nir", "red", "green"),
    "natural-color-swir": ("swir16", "nir", "red"),
}
INDICES = {"ndvi": ("nir", "red"), "nbr": ("nir", "swir22"), "ndsi": ("green", "swir16")}


def named(name):
    return PRODUCTS[name.replace("-", "_")]


def bands_of(product, seed=3):
    """Random reflectances under the names that plan would hand over, one pixel missing in each band."""
    rng = np.random.default_rng(seed)
    needs = product.needs or tuple(f"band{i}" for i in range(product.choose))
    bands = {need.split("|")[0]: rng.uniform(0.01, 1.2, (5, 7)).astype(np.float32) for need in needs}
    for place, band in enumerate(bands.values()):
        band[0, place] = np.nan
    return bands


def made(product, bands):
    return product.make(bands, {name: float(np.nanmax(band)) for name, band in bands.items()})


@pytest.fixture(params=FILES)
def product(request):
    return PRODUCTS[request.param]


@pytest.mark.parametrize("file", FILES)
def test_the_file_name_is_the_name(file):
    assert isinstance(PRODUCTS[file], Product)
    assert PRODUCTS[file].name == file.replace("_", "-")


def test_names_and_titles_are_unique():
    assert len({p.name for p in PRODUCTS.values()}) == len(PRODUCTS)
    assert len({p.title for p in PRODUCTS.values()}) == len(PRODUCTS)


def test_title_fits_above_a_figure(product):
    assert 0 < len(product.title) <= 60
    assert product.title[0].isupper()
    assert not product.title.endswith(".")


def test_bands_are_named_or_chosen(product):
    assert bool(product.needs) != bool(product.choose)
    assert product.grid is None or product.grid in product.needs


def test_make_fills_its_channels(product):
    bands = bands_of(product)
    got = made(product, bands)
    assert got.dtype == np.float32
    assert got.shape == (len(product.channels), 5, 7)
    assert len(set(product.channels)) == len(product.channels)


def test_missing_pixels_stay_missing_and_no_others(product):
    bands = bands_of(product)
    got = made(product, bands)
    missing = np.stack([np.isnan(band) for band in bands.values()])
    want = missing if product.make is stack else np.broadcast_to(missing.any(axis=0), got.shape)
    assert np.array_equal(np.isnan(got), want)


def test_make_leaves_its_bands_alone(product):
    bands = bands_of(product)
    before = {name: band.copy() for name, band in bands.items()}
    for band in bands.values():
        band.flags.writeable = False
    made(product, bands)
    assert all(np.array_equal(bands[name], before[name], equal_nan=True) for name in bands)


def test_make_gives_a_tile_what_it_gives_the_whole(product):
    bands = bands_of(product)
    maxima = {name: float(np.nanmax(band)) for name, band in bands.items()}
    full = product.make(bands, maxima)
    part = product.make({name: band[1:4, 2:6] for name, band in bands.items()}, maxima)
    assert np.array_equal(part, full[:, 1:4, 2:6], equal_nan=True)


@pytest.mark.parametrize("product", [p for p in PRODUCTS.values() if p.quantity == "reflectance"], ids=lambda p: p.name)
def test_values_lie_in_the_range(product):
    bands = {name: band.clip(0, 1) for name, band in bands_of(product).items()}
    got = made(product, bands)
    low, high = product.range
    assert low < high
    assert low <= np.nanmin(got)
    assert np.nanmax(got) <= high * 1.000001


def test_look_is_possible(product):
    look = product.look
    assert len(look.limits) in (1, len(product.channels))
    assert len(look.gamma) in (1, len(product.channels))
    if look.palette is not None:
        assert len(product.channels) == 1
        assert look.palette in palette.names()
    for limits in look.limits:
        if not limits.percent:
            assert product.range[0] <= limits.low < limits.high <= product.range[1]


@pytest.mark.parametrize(("name", "needs"), EXPECTED.items())
def test_composites_are_their_bands(name, needs):
    product = named(name)
    assert tuple(need.partition("|")[0] for need in product.needs) == product.channels == needs
    # The display of products that only stack may be read from a table.
    assert product.make is stack
    bands = bands_of(product)
    assert np.array_equal(made(product, bands), np.stack([bands[need] for need in needs]), equal_nan=True)


def test_rgb_takes_any_three_in_the_order_named():
    product = named("rgb")
    assert (product.choose, product.quantity, product.make) == (3, "", stack)
    bands = {name: np.full((1, 1), value, np.float32) for name, value in (("swir22", 3), ("B1", 1), ("pan", 2))}
    assert made(product, bands).ravel().tolist() == [3, 1, 2]


@pytest.mark.parametrize(("name", "needs"), INDICES.items())
def test_indices(name, needs):
    product = named(name)
    assert tuple(need.partition("|")[0] for need in product.needs) == needs
    assert product.look.palette
    assert not product.look.needs_survey
    bands = bands_of(product)
    a, b = (bands[need].astype(float) for need in needs)
    np.testing.assert_allclose(made(product, bands)[0], (a - b) / (a + b), rtol=1e-6, atol=1e-7)


def test_normalized_difference_takes_any_two_in_the_order_named():
    product = named("normalized-difference")
    assert product.choose == 2
    bands = {"z": np.float32([[0.75, 0.0]]), "a": np.float32([[0.25, 0.0]])}
    assert np.array_equal(product.make(bands, {}), np.float32([[[0.5, np.nan]]]), equal_nan=True)


@pytest.mark.parametrize("name", ["lwir11", "lwir"])
def test_temperature_takes_whichever_thermal_band_there_is(name):
    product = named("temperature")
    assert product.needs == ("lwir11|lwir",)
    assert (product.quantity, product.unit) == ("temperature", "K")
    assert product.make({name: np.float32([[280, np.nan]])}, {}).shape == (1, 1, 2)


def test_pan_sharpened_is_the_brovey_formula():
    product = named("pan-sharpened")
    assert (product.grid, product.maxima, product.needs[0]) == ("pan", True, "pan")
    bands = bands_of(product)
    maxima = {"pan": 1.5, "red": 1.25, "green": 1.0, "blue": 0.75}
    pan, red, green, blue = (bands[name].astype(float) / maxima[name] for name in product.needs)
    want = pan * np.stack([red, green, blue]) / (red + green + blue)
    np.testing.assert_allclose(product.make(bands, maxima), want, rtol=1e-6)
