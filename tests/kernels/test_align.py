"""Alignment against scipy, GDAL and itself cut in pieces."""

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from rasterio.warp import Resampling, reproject
from scipy.ndimage import map_coordinates

from gigascene.kernels import align
from gigascene.kernels.align import (
    BILINEAR,
    NEAREST,
    Axes,
    Axis,
    averaged,
    averaged_numpy,
    bilinear,
    bilinear_numpy,
    covered_window,
    nearest,
    source_window,
)
from gigascene.model.errors import UsageError
from gigascene.model.grid import Window

UTM = "EPSG:32622"
SCALES = (0.1, 1 / 3, 0.5, 2 / 3, 0.75, 1.0, 1.5, 2.0, 3.0)


def landsat(rows, columns):
    """Grids of a 30 m band and of its panchromatic band, as the USGS cuts them."""
    red = GeoBox((rows, columns), Affine(30, 0, 471585, 0, -30, 8014815), UTM)
    pan = GeoBox((2 * rows - 1, 2 * columns - 1), Affine(15, 0, 471592.5, 0, -15, 8014807.5), UTM)
    return red, pan


def whole(shape):
    return Window(top=0, left=0, height=shape[0], width=shape[1])


def cut(values, window):
    return values[window.top : window.bottom, window.left : window.right]


def ramp(rows, columns):
    y, x = np.mgrid[:rows, :columns]
    return (100 * y + 4 * x + 1000).astype(np.float32)


@st.composite
def cases(draw, missing=True):
    """A source, the way to it, and an output window that may reach beyond it."""
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    values = np.random.default_rng(draw(st.integers(0, 2**32))).uniform(-0.2, 1.6, shape).astype(np.float32)
    if missing:
        holes = draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
        values[np.random.default_rng(draw(st.integers(0, 99))).random(shape) < holes] = np.nan
    ways = [
        Axis(offset=draw(st.sampled_from([0.0, 0.5, -0.25, 1 / 3, -2.0]) | st.floats(-3, 3)), scale=scale)
        for scale in draw(st.tuples(st.sampled_from(SCALES), st.sampled_from(SCALES)))
    ]
    window = Window(
        top=draw(st.integers(-5, 15)),
        left=draw(st.integers(-5, 15)),
        height=draw(st.integers(1, 20)),
        width=draw(st.integers(1, 20)),
    )
    return values, Axes(y=ways[0], x=ways[1]), window


def test_pan_pixel_2i_has_the_centre_of_pixel_i():
    red, pan = landsat(7731, 7591)
    axes = align.axes(red, pan)
    assert axes == Axes(y=Axis(offset=0.0, scale=0.5), x=Axis(offset=0.0, scale=0.5))
    last = axes.x.positions(0, pan.shape[1])[-1]
    assert last == red.shape[1] - 1


def test_pan_sharpening_grid_has_no_shift():
    red, pan = landsat(9, 11)
    values = ramp(9, 11)
    got = bilinear(values, whole(red.shape), align.axes(red, pan), whole(pan.shape))
    assert np.array_equal(got[::2, ::2], values)
    y, x = np.mgrid[: pan.shape[0], : pan.shape[1]]
    assert np.array_equal(got, 50 * y + 2 * x + 1000)


def test_sentinel_grids_share_corners():
    fine = GeoBox((8, 8), Affine(10, 0, 399960, 0, -10, 4500000), UTM)
    coarse = GeoBox((4, 4), Affine(20, 0, 399960, 0, -20, 4500000), UTM)
    assert align.axes(coarse, fine).y == Axis(offset=-0.25, scale=0.5)
    assert align.axes(fine, coarse).x == Axis(offset=0.5, scale=2.0)


def test_grids_that_need_a_warp_are_refused():
    red, pan = landsat(9, 11)
    with pytest.raises(UsageError, match="one CRS"):
        align.axes(red, GeoBox(pan.shape, pan.affine, "EPSG:32623"))
    with pytest.raises(UsageError, match="rotated"):
        align.axes(red, GeoBox(pan.shape, Affine(15, 2, 471592.5, 2, -15, 8014807.5), UTM))


def test_an_array_that_is_not_the_window_is_refused():
    axes = Axes(y=Axis(offset=0, scale=1), x=Axis(offset=0, scale=1))
    for interpolate in (bilinear, bilinear_numpy, nearest):
        with pytest.raises(ValueError, match="3 x 4 pixels"):
            interpolate(np.zeros((4, 3), np.float32), whole((3, 4)), axes, whole((3, 4)))


@given(cases())
def test_compiled_twin_is_equal_to_the_last_bit(case):
    values, axes, window = case
    source = source_window(axes, window, values.shape)
    got = bilinear(cut(values, source), source, axes, window)
    want = bilinear_numpy(cut(values, source), source, axes, window)
    assert got.dtype == want.dtype == np.float32
    assert np.array_equal(got, want, equal_nan=True)
    there = ~np.isnan(got)
    assert np.array_equal(np.signbit(got[there]), np.signbit(want[there]))


@given(cases(), st.data())
def test_a_window_is_the_crop_of_the_whole(case, data):
    values, axes, window = case
    top = data.draw(st.integers(0, window.height - 1))
    left = data.draw(st.integers(0, window.width - 1))
    height = data.draw(st.integers(1, window.height - top))
    width = data.draw(st.integers(1, window.width - left))
    part = Window(top=window.top + top, left=window.left + left, height=height, width=width)
    flags = np.nan_to_num(values * 100 + 100, nan=7).astype(np.uint16)
    for interpolate, array, reach in ((bilinear, values, BILINEAR), (nearest, flags, NEAREST)):
        full = interpolate(array, whole(array.shape), axes, window)
        source = source_window(axes, part, array.shape, reach)
        got = interpolate(cut(array, source), source, axes, part)
        assert np.array_equal(got, full[top : top + height, left : left + width], equal_nan=got.dtype.kind == "f")


@given(cases())
def test_equal_grids_change_nothing(case):
    values, _, _ = case
    same = Axes(y=Axis(offset=0.0, scale=1.0), x=Axis(offset=0.0, scale=1.0))
    source = whole(values.shape)
    assert source_window(same, source, values.shape) == source
    assert np.array_equal(bilinear(values, source, same, source), values, equal_nan=True)
    assert np.array_equal(nearest(values, source, same, source), values, equal_nan=True)


@given(cases(missing=False))
def test_agrees_with_scipy(case):
    values, axes, window = case
    y = axes.y.positions(window.top, window.height)
    x = axes.x.positions(window.left, window.width)
    got = bilinear(values, whole(values.shape), axes, window)
    want = map_coordinates(values.astype(float), np.meshgrid(y, x, indexing="ij"), order=1, mode="nearest")
    there = ~np.isnan(got)
    np.testing.assert_allclose(got[there], want[there], atol=5e-7)
    inside_y = (y >= -0.5 + 1e-6) & (y <= values.shape[0] - 0.5 - 1e-6)
    inside_x = (x >= -0.5 + 1e-6) & (x <= values.shape[1] - 0.5 - 1e-6)
    assert there[np.ix_(inside_y, inside_x)].all()


@given(cases())
def test_missing_neighbours_are_left_out(case):
    values, axes, window = case
    got = bilinear(values, whole(values.shape), axes, window)
    y, x = np.meshgrid(
        axes.y.positions(window.top, window.height), axes.x.positions(window.left, window.width), indexing="ij"
    )
    valid = (~np.isnan(values)).astype(float)
    weight = map_coordinates(valid, (y, x), order=1, mode="nearest")
    total = map_coordinates(np.nan_to_num(values).astype(float), (y, x), order=1, mode="nearest")
    there = ~np.isnan(got)
    assert (weight[there] > 0.24).all()
    np.testing.assert_allclose(got[there], total[there] / weight[there], atol=2e-6)


@given(cases())
def test_outline_is_that_of_the_nearest_pixel(case):
    values, axes, window = case
    source = whole(values.shape)
    closest = nearest(values, source, axes, window, fill=np.nan)
    assert np.array_equal(np.isnan(bilinear(values, source, axes, window)), np.isnan(closest))


@given(cases(), st.floats(-100, 1000, width=32))
def test_a_level_field_stays_level(case, level):
    values, axes, window = case
    field = np.where(np.isnan(values), values, np.float32(level))
    got = bilinear(field, whole(values.shape), axes, window)
    np.testing.assert_allclose(got[~np.isnan(got)], np.float32(level), rtol=2e-7, atol=1e-37)
    got = bilinear(np.full_like(values, level), whole(values.shape), axes, window)
    assert (got[~np.isnan(got)] == np.float32(level)).all()


def test_noise_in_an_affine_does_not_decide_a_tie():
    axis = Axis(offset=1 / 3 - 1, scale=1 / 3)
    flags = np.arange(10, dtype=np.uint8)[None]
    flat = Axis(offset=0.0, scale=1.0)
    for offset in (1 / 6, 1 / 6 + 1e-13, 1 / 6 - 1e-13):
        axes = Axes(y=flat, x=Axis(offset=offset, scale=axis.scale))
        got = nearest(flags, whole(flags.shape), axes, Window(top=0, left=0, height=1, width=28))
        assert got[0].tolist() == [0, *np.repeat(np.arange(1, 10), 3)]


def test_flipped_grids_read_the_right_rows():
    axis, flat = Axis(offset=4.0, scale=-1.0), Axis(offset=0.0, scale=1.0)
    axes, window = Axes(y=axis, x=flat), Window(top=0, left=0, height=2, width=3)
    source = source_window(axes, window, (5, 3))
    assert source == Window(top=3, left=0, height=2, width=3)
    values = ramp(5, 3)
    assert np.array_equal(bilinear(cut(values, source), source, axes, window), values[:2:-1])


def test_beyond_the_source_is_missing():
    values = ramp(3, 3)
    axes = Axes(y=Axis(offset=0.0, scale=0.5), x=Axis(offset=0.0, scale=0.5))
    window = Window(top=0, left=40, height=4, width=4)
    source = source_window(axes, window, values.shape)
    assert source == Window(top=0, left=2, height=3, width=1)
    assert np.isnan(bilinear(cut(values, source), source, axes, window)).all()
    assert (nearest(cut(values, source), source, axes, window, fill=9) == 9).all()


def test_agrees_with_gdal_on_landsat_grids():
    red, pan = landsat(40, 50)
    values = np.random.default_rng(8).uniform(0, 1, red.shape).astype(np.float32)
    want = np.empty(pan.shape, np.float32)
    reproject(
        values,
        want,
        src_transform=red.affine,
        dst_transform=pan.affine,
        src_crs=UTM,
        dst_crs=UTM,
        resampling=Resampling.bilinear,
    )
    got = bilinear(values, whole(red.shape), align.axes(red, pan), whole(pan.shape))
    np.testing.assert_allclose(got, want, atol=2e-7)


def test_read_only_and_strided_arrays_are_accepted():
    values = np.repeat(ramp(4, 4), 2, axis=1)[:, ::2]
    values.flags.writeable = False
    same = Axes(y=Axis(offset=0.0, scale=1.0), x=Axis(offset=0.0, scale=1.0))
    assert np.array_equal(bilinear(values, whole((4, 4)), same, whole((4, 4))), values)


# Means


def covered(size, factor, missing=0.2, seed=4):
    """A fine grid with holes and a grid of whole multiples of its pixels."""
    fine = GeoBox((size * factor, size * factor), Affine(10, 0, 600000, 0, -10, 5200020), UTM)
    coarse = GeoBox((size, size), Affine(10 * factor, 0, 600000, 0, -10 * factor, 5200020), UTM)
    rng = np.random.default_rng(seed)
    values = rng.normal(0.2, 0.3, tuple(fine.shape)).astype(np.float32)
    values[rng.random(values.shape) < missing] = np.nan
    values[: 2 * factor, :factor] = np.nan
    return fine, coarse, values


@pytest.mark.parametrize("factor", [2, 3, 6])
def test_a_mean_is_that_of_the_pixels_inside(factor):
    fine, coarse, values = covered(11, factor)
    found = averaged(values, whole(fine.shape), align.axes(fine, coarse), whole(coarse.shape))
    expected = np.full(found.shape, np.nan)
    reproject(
        values.astype(np.float64), expected, src_transform=fine.affine, dst_transform=coarse.affine, src_crs=UTM,
        dst_crs=UTM, src_nodata=np.nan, dst_nodata=np.nan, resampling=Resampling.average,
    )  # fmt: skip
    assert np.isnan(found[:2, 0]).all()
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-7, equal_nan=True)


@pytest.mark.parametrize("scale", [1.5, 2.0, 3.7, 6.0])
@pytest.mark.parametrize("offset", [0.5, -0.8, 2.25])
def test_means_of_the_twins_are_equal_for_every_part(scale, offset):
    values = covered(10, 4)[2]
    axes = Axes(y=Axis(offset=offset, scale=scale), x=Axis(offset=offset / 2, scale=scale))
    output = whole((12, 13))
    source = covered_window(axes, output, values.shape)
    part = values[source.top : source.bottom, source.left : source.right]
    found = averaged(part, source, axes, output)
    assert np.array_equal(found, averaged_numpy(part, source, axes, output), equal_nan=True)
    assert np.array_equal(found, averaged(values, whole(values.shape), axes, output), equal_nan=True)
    for window in (Window(top=3, left=2, height=4, width=5), Window(top=11, left=12, height=1, width=1)):
        source = covered_window(axes, window, values.shape)
        part = values[source.top : source.bottom, source.left : source.right]
        cut = found[window.top : window.bottom, window.left : window.right]
        assert np.array_equal(averaged(part, source, axes, window), cut, equal_nan=True)


def test_only_a_larger_pixel_is_a_mean():
    fine, coarse, _ = covered(3, 2)
    assert align.coarser(align.axes(fine, coarse))
    assert not align.coarser(align.axes(coarse, fine))
    assert not align.coarser(align.axes(fine, fine))
