"""A warp against GDAL's, with its approximation of the way switched off.

rasterio's `reproject` takes no notice of `tolerance`, and `WarpedVRT` refuses 0, so it gets one that is next to nothing. GDAL
stretches its filters by a ratio of rectangles that depends on how it cuts the work; here it is told ours.
"""

from functools import lru_cache

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from scipy.ndimage import maximum_filter, minimum_filter

from gigascene.kernels._fixed import ONE
from gigascene.model.grid import Window
from gigascene.works._projection import way
from gigascene.works._warp import Warp

GOODE = "+proj=igh +datum=WGS84 +type=crs"
NONE = -9999.0
PAD = 40
"""Columns of the other side that GDAL gets beyond both edges of a world, which does not close for it."""

WORLD = GeoBox((450, 900), Affine(0.4, 0, -180, 0, -0.4, 90), "EPSG:4326")
SENTINEL = GeoBox((549, 549), Affine(20, 0, 499980, 0, -20, 5300040), "EPSG:32632")
TURNED = GeoBox((500, 560), Affine.translation(6e5, 5.3e6) @ Affine.rotation(33) @ Affine.scale(30, -30), "EPSG:32632")
ZONE_1 = GeoBox((500, 500), Affine(120, 0, 399960, 0, -120, 7400040), "EPSG:32601")

CASES = {
    "next zone": (SENTINEL, GeoBox((500, 500), Affine(20, 0, 48000, 0, -20, 5316000), "EPSG:32633")),
    "mercator": (SENTINEL, GeoBox((500, 500), Affine(30, 0, 1001000, 0, -30, 6083000), "EPSG:3857")),
    "degrees": (SENTINEL, GeoBox((480, 700), Affine(2e-4, 0, 9.0, 0, -2e-4, 47.85), "EPSG:4326")),
    "larger": (SENTINEL, GeoBox((400, 400), Affine(7, 0, 1003000, 0, -7, 6072000), "EPSG:3857")),
    "smaller": (SENTINEL, GeoBox((140, 140), Affine(100, 0, 1001000, 0, -100, 6083000), "EPSG:3857")),
    "north pole": (WORLD, GeoBox((401, 401), Affine(2e4, 0, -4.0e6, 0, -2e4, 4.0e6), "EPSG:3413")),
    "south pole": (WORLD, GeoBox((400, 400), Affine(2e4, 0, -4.0e6, 0, -2e4, 4.0e6), "EPSG:3031")),
    "outline": (WORLD, GeoBox((430, 860), Affine(4e4, 0, -1.72e7, 0, -4e4, 8.6e6), "ESRI:54030")),
    "cuts": (WORLD, GeoBox((440, 1010), Affine(4e4, 0, -2.02e7, 0, -4e4, 8.8e6), GOODE)),
    "antimeridian": (WORLD, GeoBox((400, 400), Affine(1e4, 0, -1.5e6, 0, -1e4, 7.4e6), "EPSG:32601")),
    "zones 1 and 60": (ZONE_1, GeoBox((500, 500), Affine(120, 0, 655000, 0, -120, 7430040), "EPSG:32660")),
    "turned": (TURNED, GeoBox((500, 500), Affine(30, 0, 154600, 0, -30, 5314600), "EPSG:32633")),
    "one CRS": (TURNED, GeoBox((500, 500), Affine(33, 0, 602900, 0, -31, 5306035), "EPSG:32632")),
}


@lru_cache
def picture(shape, holes):
    """A smooth field with noise, as pictures are; `holes`: scattered pixels and a disc without data."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[: shape[0], : shape[1]]
    values = 120 + 60 * np.sin(2 * np.pi * 9 * x / shape[1]) + 50 * np.cos(y / 23) + rng.normal(0, 12, shape)
    valid = np.ones(shape, bool)
    if holes:
        valid = ((y - shape[0] / 3) ** 2 + (x - shape[1] / 3) ** 2 > 40**2) & (rng.random(shape) > 0.003)
    return values.astype(np.float32), valid


def gdal(source, values, valid, output, resampling, stretch=(1.0, 1.0)):
    """GDAL's answer, NaN where it has none."""
    values, affine = np.where(valid, values, np.float32(NONE)), source.affine
    if way(output, source).around:
        values = np.pad(values, ((0, 0), (PAD, PAD)), mode="wrap")
        affine = affine @ Affine.translation(-PAD, 0)
    profile = {
        "driver": "GTiff",
        "count": 1,
        "dtype": "float32",
        "height": values.shape[0],
        "width": values.shape[1],
        "crs": str(source.crs),
        "transform": affine,
        "nodata": NONE,
    }
    warp = {
        "crs": str(output.crs),
        "transform": output.affine,
        "height": output.shape[0],
        "width": output.shape[1],
        "resampling": Resampling[resampling],
        "nodata": NONE,
        "tolerance": 1e-9,
        "YSCALE": 1 / stretch[0],
        "XSCALE": 1 / stretch[1],
    }
    with rasterio.Env(CHECK_WITH_INVERT_PROJ="YES"), MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(values, 1)
        with memory.open() as file, WarpedVRT(file, **warp) as vrt:
            found = vrt.read(1)
    return np.where(found == NONE, np.float32(np.nan), found)


def ours(source, values, valid, output, resampling):
    window = Window(top=0, left=0, height=output.shape[0], width=output.shape[1])
    warp = Warp(output, source, resampling)
    at = warp.window(window)
    cut = np.s_[at.top : at.bottom, at.left : at.right]
    found, good = warp.apply(values[None][:, *cut], valid[cut], at, window)
    return found[0], good


def exact(source, output):
    """Source rows and columns of every output pixel's centre."""
    rows, columns = np.mgrid[: output.shape[0], : output.shape[1]] + 0.5
    there = way(output, source)
    y, x = there.places(rows, columns)
    return y, (x + 0.5) % there.period - 0.5 if there.period else x


def local_range(source, values, valid, output, reach):
    """Largest minus smallest source value within reach of every output pixel."""
    y, x = exact(source, output)
    size = (2 * reach[0] + 1, 2 * reach[1] + 1)
    mode = ("nearest", "wrap") if way(output, source).around else "nearest"
    high = maximum_filter(np.where(valid, values, -1e9), size, mode=mode)
    low = minimum_filter(np.where(valid, values, 1e9), size, mode=mode)
    inside = (y > -0.5) & (y < source.shape[0] - 0.5) & (x > -0.5) & (x < source.shape[1] - 0.5)
    place = np.where(inside, np.rint(y), 0).astype(int), np.where(inside, np.rint(x), 0).astype(int)
    return np.where(inside, np.maximum(high[place] - low[place], 0), 0)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_nearest(name, holes):
    source, output = CASES[name]
    values, valid = picture(tuple(source.shape), holes)
    got, good = ours(source, values, valid, output, "nearest")
    want = gdal(source, values, valid, output, "nearest")
    equal = (got == want) | (np.isnan(got) & np.isnan(want))
    assert good.mean() > 0.25
    assert equal.mean() >= 0.999
    # Every other one lies at the border of a source pixel.
    y, x = (of[~equal] for of in exact(source, output))
    beside = np.minimum(*(np.abs(of + 0.5 - np.rint(of + 0.5)) for of in (y, x)))
    assert (beside < 1e-6).all()


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("resampling", ["bilinear", "cubic"])
@pytest.mark.parametrize("name", CASES)
def test_interpolated(name, resampling, holes):
    source, output = CASES[name]
    values, valid = picture(tuple(source.shape), holes)
    by = Warp(output, source, resampling).filter
    stretch = by.y / ONE, by.x / ONE
    got, good = ours(source, values, valid, output, resampling)
    want = gdal(source, values, valid, output, resampling, stretch)
    both = good & ~np.isnan(want)
    assert both.sum() >= good.sum() * 0.9999
    reach = [int(np.ceil(by.kind * of)) for of in stretch]
    allowed = 0.05 * local_range(source, values, valid, output, reach) + 0.5
    off = np.abs(got - want)[both]
    # Next to a hole GDAL's cubic filter gives way also where a pixel has no weight, to 24 bits, for ours.
    assert (off > allowed[both]).mean() <= (1e-4 if holes and resampling == "cubic" else 0)
    assert np.median(off) < 1e-3


@pytest.mark.parametrize("name", ["mercator", "degrees", "larger", "smaller"])
def test_average(name):
    """GDAL takes the rectangle between two opposite corners of a pixel: nearly the same where the map is hardly turned."""
    source, output = CASES[name]
    values, valid = picture(tuple(source.shape), holes=False)
    got, good = ours(source, values, valid, output, "average")
    want = gdal(source, values, valid, output, "average")
    both = good & ~np.isnan(want)
    assert both.sum() >= good.sum() * 0.99
    reach = (5, 5) if name == "smaller" else (2, 2)
    allowed = 0.05 * local_range(source, values, valid, output, reach) + 0.5
    y, x = exact(source, output)
    inner = (y > 5) & (y < source.shape[0] - 6) & (x > 5) & (x < source.shape[1] - 6)
    assert (both & inner).sum() > 0.9 * good.sum()
    assert (np.abs(got - want) <= allowed)[both & inner].all()


@pytest.mark.parametrize("name", ["turned", "smaller", "south pole"])
def test_average_is_that_of_many_points(name):
    """Where GDAL's rectangle is wrong: the mean of 24 x 24 exact points in each pixel."""
    source, output = CASES[name]
    values, valid = picture(tuple(source.shape), holes=True)
    got, good = ours(source, values, valid, output, "average")
    there, points = way(output, source), (np.arange(24) + 0.5) / 24
    rng = np.random.default_rng(3)
    away = np.hypot(*(np.array(output.shape)[:, None, None] / 2 - np.mgrid[: output.shape[0], : output.shape[1]]))
    rows, columns = np.nonzero(good & (away > 8))  # around the pole, points make no quadrilateral
    some = rng.choice(rows.size, 2000, replace=False)
    rows, columns = rows[some], columns[some]
    y, x = there.places(
        rows[:, None, None] + points[:, None] + np.zeros(24), columns[:, None, None] + points + np.zeros((24, 1))
    )
    if there.period:
        x = (x + 0.5) % there.period - 0.5
    y, x = np.rint(y).astype(int), np.rint(x).astype(int)
    inside = (y >= 0) & (y < source.shape[0]) & (x >= 0) & (x < source.shape[1])
    inside &= valid[np.where(inside, y, 0), np.where(inside, x, 0)]
    most = inside.mean(axis=(1, 2)) > 0.2
    sums = np.where(inside, values[np.where(inside, y, 0), np.where(inside, x, 0)], 0).sum(axis=(1, 2))
    off = np.abs(got[rows, columns] - sums / np.maximum(inside.sum(axis=(1, 2)), 1))[most]
    assert np.percentile(off, 99) < 1.5
    assert np.median(off) < 0.3


def test_between_zones_everything_is_gdals():
    """Between projected maps the surfaces are exact to 24 bits, and so is all that follows."""
    source, output = CASES["next zone"]
    values, valid = picture(tuple(source.shape), holes=True)
    for resampling in ("nearest", "bilinear"):
        got, good = ours(source, values, valid, output, resampling)
        want = gdal(source, values, valid, output, resampling)
        assert np.array_equal(good, ~np.isnan(want))
        np.testing.assert_allclose(got[good], want[good], atol=2e-4)
