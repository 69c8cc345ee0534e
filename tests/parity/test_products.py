"""Every product that the real scenes can give, pixel for pixel, against rasterio and NumPy."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from skimage.exposure import adjust_gamma, rescale_intensity

import gigascene
from gigascene.api.describe import describe
from gigascene.kernels.palette import colours
from parity import truth
from where import DATA, needs_data

pytestmark = needs_data

LANDSAT = DATA / "landsat"
SCENES = {
    "oregon": (LANDSAT / "LC80460282016177LGN00_L1_150m", 1),
    "carolina": (LANDSAT / "LC08_L1TP_016037_20170813_C1_900m", 1),
    "greenland": (LANDSAT / "LC08_L2SP_005009_20150710_20200908_02_T2_C2L2_512px", 2),
}
COMPOSITES = {
    "true-color": ("red", "green", "blue"),
    "swir2nirg": ("swir22", "nir", "coastal"),
    "swir-color": ("swir22", "nir", "green"),
    "color-infrared": ("nir", "red", "green"),
    "natural-color-swir": ("swir16", "nir", "red"),
    "temperature": ("lwir11",),
}
RATIOS = {"ndvi": ("nir", "red"), "nbr": ("nir", "swir22"), "ndsi": ("green", "swir16")}
FIXED = {
    "ndvi": ((-0.2, 0.9), "ndvi"),
    "nbr": ((-0.5, 0.8), "burn"),
    "ndsi": ((0.0, 1.0), "snow"),
    "normalized-difference": ((-1.0, 1.0), "diverging"),
}
"""Limits and palette of the products whose dates should compare; the others are measured."""

ANY = {"rgb": {"bands": ("blue", "red", "green")}, "normalized-difference": {"bands": ("green", "blue")}}
GIVES = {
    "oregon": {"true-color", "rgb", "normalized-difference"},
    "carolina": {*COMPOSITES, *RATIOS, *ANY, "pan-sharpened"},
    "greenland": ({*COMPOSITES, *RATIOS, *ANY} - {"swir2nirg"}),
}
PAIRS = [(scene, product) for scene in SCENES for product in sorted(GIVES[scene])]
LARGE = [("carolina", "pan-sharpened"), ("oregon", "rgb"), ("oregon", "normalized-difference")]
"""Tested elsewhere, or too large to be worth its seconds twice."""


@pytest.fixture(scope="module")
def scenes():
    return {name: truth.Truth(*where) for name, where in SCENES.items()}


def made(product, scene, target, **wishes):
    """The picture's samples and the plan's limits, as (low, high) pairs."""
    plan = gigascene.plan_compose(product, SCENES[scene][0], target, survey="exact", workers=2, **wishes)
    gigascene.run(plan)
    return truth.pixels(target), [(pair.low, pair.high) for pair in plan.recipe.look.limits]


def bands_of(product):
    return COMPOSITES.get(product) or RATIOS.get(product) or ANY[product]["bands"]


def values_of(scene, product):
    """Physical values (channel, y, x) float32, NaN where any band is missing."""
    quantity = "temperature" if product == "temperature" else "reflectance"
    bands = [scene.physical(name, quantity) for name in bands_of(product)]
    if product in RATIOS or product == "normalized-difference":
        a, b = bands
        total = a + b
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = (a - b) / total
        ratio[total == 0] = np.nan
        return ratio[None]
    values = np.stack(bands)
    values[:, np.isnan(values).any(axis=0)] = np.nan
    return values


def limits_of(product, values):
    """Those the product fixes, else 1 % and 99 % of the valid values of each channel."""
    if product in FIXED:
        return [FIXED[product][0]]
    return [tuple(truth.percentile(v[~np.isnan(v)], p) for p in (1, 99)) for v in values]


def gamma_of(product):
    return 2.0 if product in {*COMPOSITES, "pan-sharpened"} - {"temperature"} else 1.0


def shown(product, values, limits, steps=254):
    planes = [truth.levels(v, *pair, gamma_of(product), steps) for v, pair in zip(values, limits, strict=True)]
    return np.stack(planes, axis=-1)


@pytest.mark.parametrize("scene", SCENES)
def test_the_scene_gives_these_products_and_no_others(scene, scenes):
    facts = describe(SCENES[scene][0])
    assert set(facts["products"]) == GIVES[scene]
    assert {band["name"] for band in facts["bands"]} - {"QA_PIXEL", "BQA"} == set(scenes[scene].bands)


@pytest.mark.parametrize("scene", SCENES)
def test_every_grid_is_that_of_its_file(scene, scenes):
    found = gigascene.open_scene(SCENES[scene][0])
    for asset in found.assets.values():
        with rasterio.open(asset.href) as source:
            assert tuple(asset.geobox.affine)[:6] == tuple(source.transform)[:6]
            assert tuple(asset.geobox.shape) == source.shape
            assert asset.geobox.crs.to_epsg() == source.crs.to_epsg()


@pytest.mark.parametrize(("scene", "product"), [pair for pair in PAIRS if pair[1] != "pan-sharpened"])
def test_png_and_cog_of_8_bits(scene, product, scenes, tmp_path):
    values = values_of(scenes[scene], product)
    limits = limits_of(product, values)
    want = shown(product, values, limits)
    if want.shape[-1] == 1:
        want = colours(FIXED[product][1] if product in FIXED else "thermal")[want[..., 0]]
    assert (want > 0).mean() > 0.2, "nothing would be compared"
    for suffix in (".png", ".tif"):
        found, measured = made(product, scene, tmp_path / f"picture{suffix}", **ANY.get(product, {}))
        assert found.dtype == np.uint8
        assert measured == limits
        np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize(("scene", "product"), [pair for pair in PAIRS if pair not in LARGE])
def test_png_and_cog_of_16_bits(scene, product, scenes, tmp_path):
    values = values_of(scenes[scene], product)
    want = shown(product, values, limits_of(product, values), steps=65_534)
    single = {"palette": "grey"} if want.shape[-1] == 1 else {}
    for suffix in (".png", ".tif"):
        target = tmp_path / f"picture{suffix}"
        found, _ = made(product, scene, target, depth=16, **single, **ANY.get(product, {}))
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, want)


@pytest.fixture(scope="module")
def sharpened(scenes):
    """Pan-sharpened values by an interpolation of our own."""
    scene = scenes["carolina"]
    pan = scene.physical("pan")
    output, _ = scene.georeferencing("pan")
    colour = []
    for name in ("red", "green", "blue"):
        values = scene.physical(name)
        transform, _ = scene.georeferencing(name)
        colour.append(truth.bilinear(values, transform, output, pan.shape) / np.float32(np.nanmax(values)))
    stack = np.stack(colour)
    total = stack.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = stack * (pan / np.nanmax(pan)) / total
    values[:, ~(total > 0)] = np.nan
    return values.astype(np.float32)


@pytest.mark.parametrize(("depth", "steps", "near"), [(8, 254, 1), (16, 65_534, 8)])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_pan_sharpened(sharpened, depth, steps, near, suffix, tmp_path):
    good = ~np.isnan(sharpened).any(axis=0)
    found, limits = made("pan-sharpened", "carolina", tmp_path / f"p{suffix}", depth=depth)
    for pair, channel in zip(limits, sharpened, strict=True):
        for got, percent in zip(pair, (1, 99), strict=True):
            assert abs(got - truth.binned(channel[good], percent, (0.0, 1.0))) <= 1 / 65_536
    want = shown("pan-sharpened", sharpened, limits, steps)
    np.testing.assert_array_equal((found > 0).all(axis=-1), good)
    away = np.abs(found.astype(int) - want)
    assert away.max() <= near
    assert (away > 0).mean() < 0.01 * near


def test_pan_sharpened_is_not_shifted(sharpened, scenes):
    """The interpolation of the test itself: a plane must come out as a plane at the pan's pixel centres."""
    scene = scenes["carolina"]
    transform, _ = scene.georeferencing("red")
    output, _ = scene.georeferencing("pan")
    rows, columns = scene.dn("red").shape
    x = transform.c + (np.arange(columns) + 0.5) * transform.a
    y = transform.f + (np.arange(rows) + 0.5) * transform.e
    plane = (x[None, :] - 471585 + 3 * (y[:, None] - 3787515)).astype(np.float64)
    shape = scene.dn("pan").shape
    found = truth.bilinear(plane, transform, output, shape)
    px = output.c + (np.arange(shape[1]) + 0.5) * output.a
    py = output.f + (np.arange(shape[0]) + 0.5) * output.e
    want = px[None, :] - 471585 + 3 * (py[:, None] - 3787515)
    inner = np.s_[2:-4, 2:-4]
    np.testing.assert_allclose(found[inner], want[inner], rtol=1e-5)


MASKS = {
    "carolina": (
        "BQA",
        {
            "fill": lambda q: q & 1 > 0,
            "terrain-occlusion": lambda q: q >> 1 & 1 > 0,
            "saturation": lambda q: (q >> 2) & 3 > 0,
            "cloud": lambda q: (q >> 4) & 1 > 0,
            "cloud-shadow": lambda q: (q >> 7) & 3 == 3,
            "snow": lambda q: (q >> 9) & 3 == 3,
            "cirrus": lambda q: (q >> 11) & 3 == 3,
            "clouds": lambda q: ((q >> 4) & 1 > 0) | ((q >> 5) & 3 == 3) | ((q >> 7) & 3 == 3) | ((q >> 11) & 3 == 3),
        },
    ),
    "greenland": (
        "QA_PIXEL",
        {
            name: (lambda q, bit=bit: (q >> bit) & 1 > 0)
            for bit, name in enumerate(
                ("fill", "dilated-cloud", "cirrus", "cloud", "cloud-shadow", "snow", "clear", "water")
            )
        }
        | {"clouds": lambda q: q & 0b11110 > 0},
    ),
}


@pytest.mark.parametrize(("scene", "mask"), [(scene, mask) for scene, (_, masks) in MASKS.items() for mask in masks])
def test_masks(scene, mask, scenes, tmp_path):
    band, tests = MASKS[scene]
    hidden = tests[mask](scenes[scene].dn(band).astype(np.int64))
    whole, limits = made("true-color", scene, tmp_path / "whole.png", stretch="0:1")
    found, _ = made("true-color", scene, tmp_path / "masked.png", stretch="0:1", mask=(mask,))
    assert limits == [(0.0, 1.0)] * 3
    want = np.where(hidden[..., None], 0, whole)
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("scene", MASKS)
def test_these_are_all_masks(scene):
    expected = set(MASKS[scene][1])
    assert {name for name in describe(SCENES[scene][0])["masks"] if name != "dropped-pixel"} == expected


def test_masks_on_the_pan_grid_and_together(scenes, tmp_path):
    """Quality pixels are taken from the pixel that holds the centre, never mixed; several masks are a union."""
    scene = scenes["carolina"]
    output, _ = scene.georeferencing("pan")
    transform, _ = scene.georeferencing("BQA")
    rows, columns = scene.dn("pan").shape
    x = np.floor((output.c + (np.arange(columns) + 0.5) * output.a - transform.c) / transform.a).astype(int)
    y = np.floor((output.f + (np.arange(rows) + 0.5) * output.e - transform.f) / transform.e).astype(int)
    bqa = scene.dn("BQA").astype(np.int64)
    inside = ((y >= 0) & (y < bqa.shape[0]))[:, None] & ((x >= 0) & (x < bqa.shape[1]))
    q = np.where(inside, bqa[y.clip(0, bqa.shape[0] - 1)[:, None], x.clip(0, bqa.shape[1] - 1)], 0)
    tests = MASKS["carolina"][1]
    hidden = tests["cloud"](q) | tests["cirrus"](q)
    assert hidden.any()
    whole, _ = made("pan-sharpened", "carolina", tmp_path / "w.png", stretch="0:0.4")
    found, _ = made("pan-sharpened", "carolina", tmp_path / "m.png", stretch="0:0.4", mask=("cloud", "cirrus"))
    np.testing.assert_array_equal(found, np.where(hidden[..., None], 0, whole))


def test_percentiles_are_of_what_the_mask_leaves(scenes, tmp_path):
    scene = scenes["greenland"]
    hidden = scene.dn("QA_PIXEL") & 0b11110 > 0
    values = values_of(scene, "true-color")
    good = ~np.isnan(values[0]) & ~hidden
    want = [tuple(truth.percentile(v[good], p) for p in (2, 98)) for v in values]
    _, limits = made("true-color", "greenland", tmp_path / "p.png", stretch="2%:98%", mask=("clouds",))
    assert limits == want


@pytest.mark.parametrize("percents", [(0, 100), (0.5, 99.5), (25, 75)])
def test_any_percentile(percents, scenes, tmp_path):
    values = values_of(scenes["oregon"], "true-color")
    good = ~np.isnan(values[0])
    want = [tuple(truth.percentile(v[good], p) for p in percents) for v in values]
    stretch = f"{percents[0]}%:{percents[1]}%"
    _, limits = made("true-color", "oregon", tmp_path / "p.png", stretch=stretch)
    assert limits == want


@pytest.mark.parametrize("scene", ["carolina", "greenland"])
@pytest.mark.parametrize("units", ["dn", "radiance"])
def test_other_units(scene, units, scenes, tmp_path):
    if units == "radiance" and scene == "greenland":
        with pytest.raises(gigascene.BadInput, match="radiance"):
            made("true-color", scene, tmp_path / "p.png", units=units, gamma=2)
        return
    values = np.stack([scenes[scene].physical(name, units) for name in COMPOSITES["true-color"]])
    values[:, np.isnan(values).any(axis=0)] = np.nan
    found, limits = made("true-color", scene, tmp_path / "p.png", units=units, gamma=2)
    assert limits == limits_of("true-color", values)
    np.testing.assert_array_equal(found, shown("true-color", values, limits))


@pytest.mark.parametrize(("depth", "steps", "high"), [(8, 254, 8000 + 2 * 254), (16, 65_534, 8000 + 65_534 // 4)])
@pytest.mark.parametrize("gamma", [1.0, 2.0])
def test_ties_go_to_even(depth, steps, high, gamma, scenes, tmp_path):
    """Limits at which many stored numbers lie right between two levels: NumPy's rint, and no tolerance."""
    values = np.stack([scenes["carolina"].physical(name, "dn") for name in COMPOSITES["true-color"]])
    values[:, np.isnan(values).any(axis=0)] = np.nan
    wishes = {"units": "dn", "stretch": f"8000:{high}", "gamma": gamma, "depth": depth}
    found, _ = made("true-color", "carolina", tmp_path / "p.png", **wishes)
    want = np.stack([truth.levels(plane, 8000, high, gamma, steps) for plane in values], axis=-1)
    np.testing.assert_array_equal(found, want)
    inside = values[(values > 8000) & (values < high)]
    if depth == 8 and gamma == 1:
        assert (steps * ((inside.astype(np.float64) - 8000) / (high - 8000)) % 1 == 0.5).mean() > 0.1


# The limits published for the tutorial's scene; they clip the same way in any other.
RGB = ((5900, 11000), (6200, 11000), (7600, 11000))
FALSE_COLOUR = ((5000, 14000), (5200, 14000), (8000, 14000))
TALK = ((7100, 14500), (8200, 14000), (9200, 13500))


def stretch_of(limits):
    return ",".join(f"{low}:{high}" for low, high in limits)


@pytest.mark.parametrize(
    ("scene", "product", "limits"),
    [
        ("carolina", "true-color", RGB),
        ("carolina", "swir2nirg", FALSE_COLOUR),
        ("greenland", "true-color", RGB),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_document_packing_is_rescale_intensity(scene, product, limits, suffix, scenes, tmp_path):
    bands = [scenes[scene].dn(name) for name in COMPOSITES[product]]
    valid = np.logical_and.reduce([band != 0 for band in bands])
    wishes = {"units": "dn", "packing": "document", "stretch": stretch_of(limits)}
    found, _ = made(product, scene, tmp_path / f"p{suffix}", depth=16, **wishes)
    want = np.stack([rescale_intensity(b, in_range=pair) for b, pair in zip(bands, limits, strict=True)], axis=-1)
    assert want.dtype == np.uint16
    np.testing.assert_array_equal(found[..., 3], np.where(valid, 65535, 0))
    # Where one band is missing the document shows the others.
    assert (scene == "carolina") == bool(want[~valid].any())
    np.testing.assert_array_equal(found[..., :3], want)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 1 / 0.65])
def test_document_packing_of_8_bits_cuts_fractions_off(gamma, scenes, tmp_path):
    bands = [scenes["carolina"].dn(name) for name in COMPOSITES["true-color"]]
    valid = np.logical_and.reduce([band != 0 for band in bands])
    wishes = {"units": "dn", "packing": "document", "stretch": stretch_of(RGB), "gamma": gamma}
    found, _ = made("true-color", "carolina", tmp_path / "p.png", **wishes)
    for channel, (band, (low, high)) in enumerate(zip(bands, RGB, strict=True)):
        n = (band.astype(np.float64).clip(low, high) - low) / (high - low)
        want = np.trunc(255 * n ** (1 / gamma)).astype(np.uint8)
        np.testing.assert_array_equal(found[..., channel], want)
    np.testing.assert_array_equal(found[..., 3], np.where(valid, 255, 0))


def test_the_gamma_of_the_talk_on_the_16_bit_picture(scenes, tmp_path):
    """R as it is, G to the power of 0.65, B to that of 0.75, taken of the stretched 16-bit numbers."""
    exponents = (1.0, 0.65, 0.75)
    bands = [scenes["carolina"].dn(name) for name in COMPOSITES["true-color"]]
    valid = np.logical_and.reduce([band != 0 for band in bands])
    wishes = {"units": "dn", "packing": "document", "stretch": stretch_of(TALK)}
    gammas = tuple(1 / exponent for exponent in exponents)
    found, _ = made("true-color", "carolina", tmp_path / "p.png", depth=16, gamma=gammas, **wishes)
    for channel, (band, pair, exponent) in enumerate(zip(bands, TALK, exponents, strict=True)):
        want = adjust_gamma(rescale_intensity(band, in_range=pair), exponent)
        np.testing.assert_array_equal(found[..., channel][valid], want[valid])


@pytest.mark.parametrize("scene", ["carolina", "greenland"])
def test_both_packings_show_the_same_value(scene, tmp_path):
    """Level L of one and D of the other: some v in [0, 1] has rint(254 v) = L - 1 and trunc(255 v) = D."""
    wishes = {"stretch": "0.05:0.30", "gamma": 1.7}
    ours, _ = made("true-color", scene, tmp_path / "n.png", **wishes)
    theirs, _ = made("true-color", scene, tmp_path / "d.png", packing="document", **wishes)
    valid = theirs[..., 3] == 255
    np.testing.assert_array_equal((ours > 0).all(axis=-1), valid)
    level, document = ours[valid].astype(np.float64), theirs[valid][:, :3].astype(np.float64)
    lowest = np.maximum((level - 1.5) / 254, document / 255)
    highest = np.minimum((level - 0.5) / 254, (document + 1) / 255)
    assert (lowest <= highest + 1e-6).all()


@pytest.mark.parametrize(
    ("scene", "product"),
    [("carolina", "true-color"), ("carolina", "pan-sharpened"), ("greenland", "ndvi"), ("oregon", "true-color")],
)
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".ppm"])
def test_georeferencing_survives(scene, product, suffix, scenes, tmp_path):
    target = tmp_path / f"picture{suffix}"
    made(product, scene, target)
    band = "pan" if product == "pan-sharpened" else "red"
    transform, crs = scenes[scene].georeferencing(band)
    shape = scenes[scene].dn(band).shape
    with rasterio.open(target) as picture:
        assert picture.shape == shape
        assert picture.crs.to_epsg() == crs.to_epsg()
        assert tuple(picture.transform)[:6] == tuple(transform)[:6]
        mask = picture.dataset_mask()
    assert 0 < (mask > 0).mean() <= 1
    if suffix == ".tif":
        return
    world = target.with_suffix({".png": ".pgw", ".jpg": ".jgw", ".ppm": ".wld"}[suffix])
    a, d, b, e, x, y = (float(line) for line in world.read_text().split())
    assert (a, d, b, e) == (transform.a, 0, 0, transform.e)
    assert math.isclose(x, transform.c + transform.a / 2, rel_tol=1e-15)
    assert math.isclose(y, transform.f + transform.e / 2, rel_tol=1e-15)
    aux = Path(f"{target}.aux.xml").read_text()
    numbers = [float(part) for part in re.search(r"<GeoTransform>(.*?)</GeoTransform>", aux)[1].split(",")]
    assert numbers == list(transform.to_gdal())


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_without_its_side_files_a_world_file_alone_has_the_right_corner(suffix, scenes, tmp_path):
    """GDAL reads .pgw where there is no .aux.xml: centre of the first pixel, not its corner."""
    target = tmp_path / f"picture{suffix}"
    made("true-color", "carolina", target)
    Path(f"{target}.aux.xml").unlink(missing_ok=True)
    transform, _ = scenes["carolina"].georeferencing("red")
    with rasterio.open(target) as picture:
        np.testing.assert_allclose(tuple(picture.transform)[:6], tuple(transform)[:6], rtol=0, atol=1e-6)


def test_a_mask_that_the_file_does_not_carry_is_named(tmp_path):
    with pytest.raises(gigascene.BadInput, match=r"no mask 'water'.*cloud"):
        made("true-color", "carolina", tmp_path / "p.png", mask=("water",))
    with pytest.raises(gigascene.BadInput, match=r"no mask 'clouds'"):
        made("true-color", "oregon", tmp_path / "p.png", mask=("clouds",))
