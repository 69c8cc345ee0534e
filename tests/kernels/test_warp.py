"""Compiled kernels of a warp against their NumPy twins, scipy, shapely and arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import map_coordinates
from shapely.geometry import Polygon, box

from gigascene.kernels import align, control_grid, footprint, warp
from gigascene.kernels._fixed import NOWHERE, ONE, Positions
from gigascene.kernels._part import Part
from gigascene.kernels.control_grid import Cells, at_borders, at_borders_numpy, blank, fill, fill_numpy
from gigascene.kernels.warp import CUBIC, TRIANGLE, Filter
from gigascene.model.grid import Window

DTYPES = ("uint8", "int16", "float32")
STRETCHES = (ONE, ONE * 5 // 4, ONE * 3, ONE * 7 // 2)


def whole(shape):
    return Window(top=0, left=0, height=shape[0], width=shape[1])


def part_of(values, valid=None, around=0):
    values = np.asarray(values)
    values = values[None] if values.ndim == 2 else values
    valid = np.ones(values.shape[1:], bool) if valid is None else valid
    return Part(stored=values, valid=valid, at=whole(valid.shape), columns=valid.shape[1], around=around)


def places(y, x):
    """Positions from pixels, 0 the centre of the first."""
    fixed = [np.rint(np.asarray(of, float) * ONE).astype(np.int64) for of in (y, x)]
    return Positions(y=fixed[0], x=fixed[1])


@st.composite
def parts(draw):
    """A part of a source, of any type, with holes."""
    height, width, bands = draw(st.integers(1, 9)), draw(st.integers(1, 9)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = rng.uniform(0, 120, (bands, height, width)).astype(draw(st.sampled_from(DTYPES)))
    valid = rng.random((height, width)) >= draw(st.sampled_from([0.0, 0.1, 0.6]))
    if draw(st.booleans()):  # the source closes; all its columns are in hand
        at = Window(top=draw(st.integers(0, 5)), left=0, height=height, width=width)
        return Part(stored=values, valid=valid, at=at, columns=width, around=width)
    at = Window(top=draw(st.integers(0, 5)), left=draw(st.integers(0, 5)), height=height, width=width)
    return Part(stored=values, valid=valid, at=at, columns=at.right + draw(st.integers(0, 3)))


@st.composite
def positions(draw, shape=None):
    """Positions around a part, on centres and borders of pixels too, some of them nowhere."""
    shape = shape or (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    one = st.integers(-3 * ONE, 18 * ONE) | st.integers(-6, 36).map(lambda n: n * ONE // 2)
    y, x = (draw(arrays(np.int64, shape, elements=one)) for _ in range(2))
    lost = draw(arrays(bool, shape, elements=st.sampled_from([False, False, False, True])))
    return Positions(y=np.where(lost, NOWHERE, y), x=np.where(lost, NOWHERE, x))


def same(got, want):
    assert len(got) == len(want)
    for one, other in zip(got, want, strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


@st.composite
def cells(draw):
    """Cells of several sizes that touch a window, with surfaces as wild as whole numbers hold."""
    window = Window(top=draw(st.integers(-70, 70)), left=draw(st.integers(-70, 70)), height=23, width=31)
    found = []
    free = np.ones((window.height + 256, window.width + 256), bool)
    for _ in range(draw(st.integers(1, 6))):
        size = draw(st.sampled_from([2, 8, 16, 64]))
        top, left = (draw(st.integers(at - size + 1, at + 22)) // size * size for at in (window.top, window.left))
        taken = np.s_[top - window.top + 64 :, left - window.left + 64 :]
        if not free[taken][:size, :size].all():
            continue
        free[taken][:size, :size] = False
        most = control_grid.WIDEST * ONE - 1
        nodes = [
            draw(arrays(np.int64, (3, 3), elements=st.integers(-most, most) | st.sampled_from([-most, most])))
            for _ in range(2)
        ]
        middles = [draw(st.integers(-(1 << 24), 1 << 24)) * ONE for _ in range(2)]
        for of in nodes:
            of[1, 1] = 0
        found.append((top, left, size, nodes[0] + middles[0], nodes[1] + middles[1]))
    top, left, size, y, x = (np.array(of) for of in zip(*found, strict=True))
    return Cells(top=top, left=left, size=size, y=y, x=x), window


@given(cells(), st.sampled_from([0, 360 * ONE, 1800 * ONE + 77]))
def test_positions_in_cells(case, period):
    grid, window = case
    got, want = blank(window), blank(window)
    fill(grid, period, window, got)
    fill_numpy(grid, period, window, want)
    same((got.y, got.x), (want.y, want.x))
    if period:
        there = got.x != NOWHERE
        assert (got.x[there] >= -ONE // 2).all()
        assert (got.x[there] < period - ONE // 2).all()


@given(st.data())
def test_a_surface_passes_through_its_nodes_and_follows_a_quadratic(data):
    size = data.draw(st.sampled_from([8, 16, 64]))
    a, b, c, d, e, f = (data.draw(st.integers(-12, 12)) for _ in range(6))

    def exact(v, u):
        return (a + b * u + c * v) * ONE + (d * u * v + e * u * u + f * v * v) * (ONE // 64)

    v, u = np.mgrid[: size + 1 : size // 2, : size + 1 : size // 2]
    at = np.array([0])
    grid = Cells(top=at, left=at, size=np.array([size]), y=exact(v, u)[None], x=exact(u, v)[None])
    found = blank(whole((size, size)))
    fill(grid, 0, whole((size, size)), found)
    v, u = np.mgrid[:size, :size]
    assert np.array_equal(found.y, exact(v, u))
    assert np.array_equal(found.x, exact(u, v))


@given(positions(), st.integers(0, ONE // 4))
def test_borders(at, margin):
    got = at_borders(at, margin)
    same(got, at_borders_numpy(at, margin))
    near = np.zeros(at.y.shape, bool)
    near[got] = True
    for y, x, found in zip(at.y.flat, at.x.flat, near.flat, strict=True):
        beside = [abs((int(of) + ONE // 2 + ONE // 2) % ONE - ONE // 2) <= margin for of in (y, x)]
        assert found == (y != NOWHERE and any(beside))


@given(positions(), st.integers(1, 15), st.integers(1, 15))
def test_extent(at, height, width):
    assert warp.extent(at, (height, width)) == warp.extent_numpy(at, (height, width))


@given(parts(), positions())
def test_nearest(part, at):
    got = warp.nearest(part, at)
    same(got, warp.nearest_numpy(part, at))
    assert got[0].dtype == part.stored.dtype


@given(parts(), positions(), st.sampled_from([TRIANGLE, CUBIC]), st.sampled_from(STRETCHES), st.sampled_from(STRETCHES))
@settings(max_examples=300)
def test_interpolation(part, at, kind, y, x):
    by = Filter(kind=kind, y=y, x=x)
    got = warp.interpolate(part, at, by)
    same(got, warp.interpolate_numpy(part, at, by))
    assert got[0].dtype == np.float32
    assert np.array_equal(got[1], warp.nearest(part, at)[1])
    assert np.array_equal(np.isnan(got[0]).any(axis=0), ~got[1])
    if kind == TRIANGLE and got[1].any():
        good = part.stored[:, part.valid].astype(np.float32)
        assert got[0][:, got[1]].min() >= good.min() * (1 - 1e-6)
        assert got[0][:, got[1]].max() <= good.max() * (1 + 1e-6)


@given(parts(), st.data())
@settings(max_examples=200)
def test_average(part, data):
    centres = data.draw(positions())
    corners = data.draw(positions((centres.y.shape[0] + 1, centres.y.shape[1] + 1)))
    period = part.around * ONE
    same(footprint.average(part, centres, corners, period), footprint.average_numpy(part, centres, corners, period))
    shape = part.at.bottom, part.columns
    assert footprint.extent(centres, corners, shape, period) == footprint.extent_numpy(centres, corners, shape, period)


@st.composite
def quads(draw):
    """One footprint that is in one piece: a turned, sheared pixel, small or large."""
    turn, size = draw(st.floats(0, 6.28)), draw(st.sampled_from([0.01, 0.3, 1.0, 2.5, 6.0]))
    shear, tall = draw(st.floats(-0.5, 0.5)), draw(st.floats(0.3, 2))
    y, x = draw(st.floats(2, 10)), draw(st.floats(2, 10))
    v, u = np.mgrid[-0.5:1:1, -0.5:1:1] * size
    u, v = u + shear * v, v * tall
    return places([[y]], [[x]]), places(
        y + u * np.sin(turn) + v * np.cos(turn), x + u * np.cos(turn) - v * np.sin(turn)
    )


@given(quads(), st.integers(0, 2**32))
@settings(max_examples=300)
def test_average_is_that_of_a_polygon(quad, seed):
    centre, corners = quad
    rng = np.random.default_rng(seed)
    values, valid = rng.integers(0, 255, (12, 12)).astype(np.uint8), rng.random((12, 12)) > 0.2
    got, good = footprint.average(part_of(values, valid), centre, corners)
    ring = [(corners.x[i, j] / ONE + 0.5, corners.y[i, j] / ONE + 0.5) for i, j in footprint.AROUND]
    shape = Polygon(ring)
    shares = (
        np.array([[shape.intersection(box(x, y, x + 1, y + 1)).area for x in range(12)] for y in range(12)]) * valid
    )
    if shares.sum() > 1e-4 * shape.area:
        assert good.all()
        np.testing.assert_allclose(got[0, 0, 0], (shares * values).sum() / shares.sum(), atol=0.02, rtol=1e-3)
    extent = footprint.extent(centre, corners, (12, 12))
    west, north, east, south = (shape.bounds[n] for n in range(4))
    assert extent == (np.floor(north), np.ceil(south) - 1, np.floor(west), np.ceil(east) - 1)


def test_average_of_whole_numbers_is_exact():
    values = np.random.default_rng(1).integers(0, 65536, (60, 60)).astype(np.uint16)
    centres = places(*np.mgrid[4.5:60:10, 4.5:60:10])
    corners = places(*np.mgrid[-0.5:60:10, -0.5:60:10])
    got, good = footprint.average(part_of(values), centres, corners)
    assert good.all()
    sums = values.astype(int).reshape(6, 10, 6, 10).sum(axis=(1, 3))
    assert [[float(np.float32(Fraction(int(n), 100))) for n in row] for row in sums] == got[0].tolist()


def test_average_counts_what_is_valid():
    valid = np.zeros((4, 4), bool)
    valid[0, 0] = True
    values = np.full((4, 4), 9, np.uint8)
    got, good = footprint.average(
        part_of(values, valid), places([[1.5]], [[1.5]]), places(*np.mgrid[-0.5:4:4, -0.5:4:4])
    )
    assert good.all()
    assert got[0, 0, 0] == 9


def test_a_torn_footprint_is_the_nearest_pixel():
    values = np.arange(400, dtype=np.float32).reshape(20, 20)
    torn = places([[0, 0], [1, 1]], [[3, 17], [3, 17]])
    got, good = footprint.average(part_of(values), places([[0.5]], [[3.4]]), torn)
    assert good.all()
    assert got[0, 0, 0] == values[1, 3]
    pole = places([[0, 0], [0, 0]], [[2, 7], [17, 12]])
    got, _ = footprint.average(part_of(values, around=20), places([[0]], [[5]]), pole, 20 * ONE)
    assert got[0, 0, 0] == values[0, 5]


def test_a_footprint_across_the_seam():
    values = np.arange(20, dtype=np.float32)[None].repeat(3, axis=0)
    corners = places([[0.5, 0.5], [1.5, 1.5]], [[18.5, 0.5], [18.5, 0.5]])
    got, _ = footprint.average(part_of(values, around=20), places([[1]], [[-0.5]]), corners, 20 * ONE)
    assert got[0, 0, 0] == (19 + 0) / 2


@given(st.integers(0, 2**32), st.floats(-0.4, 0.4), st.sampled_from([0.1, 0.37, 0.5, 1.0]))
def test_bilinear_is_that_of_aligned_grids(seed, offset, scale):
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 1, (9, 11)).astype(np.float32)
    values[rng.random(values.shape) < 0.2] = np.nan
    axes = align.Axes(y=align.Axis(offset=offset, scale=scale), x=align.Axis(offset=-offset, scale=scale))
    window = Window(top=-2, left=-1, height=20, width=25)
    want = align.bilinear(values, whole(values.shape), axes, window)
    fixed = np.meshgrid(axes.y.fixed(-2, 20), axes.x.fixed(-1, 25), indexing="ij")
    part = part_of(values, ~np.isnan(values))
    got, _ = warp.interpolate(part, Positions(y=fixed[0], x=fixed[1]), Filter(kind=TRIANGLE))
    np.testing.assert_allclose(got[0], want, rtol=3e-7)
    inside = (fixed[0] >= 0) & (fixed[0] <= 8 * ONE) & (fixed[1] >= 0) & (fixed[1] <= 10 * ONE)
    assert np.array_equal(got[0][inside], want[inside], equal_nan=True)


@given(st.integers(0, 2**32))
def test_bilinear_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    values = rng.uniform(0, 1, (9, 11))
    y, x = rng.uniform(0, 8, (5, 5)), rng.uniform(0, 10, (5, 5))
    got, _ = warp.interpolate(part_of(values), places(y, x), Filter(kind=TRIANGLE))
    np.testing.assert_allclose(got[0], map_coordinates(values, [y, x], order=1), atol=1e-6)


def test_cubic_follows_a_quadratic():
    y, x = np.mgrid[:12, :12].astype(float)
    rng = np.random.default_rng(1)
    at_y, at_x = rng.uniform(1, 10, (9, 9)), rng.uniform(1, 10, (9, 9))
    got, _ = warp.interpolate(part_of(y * y - 3 * y * x + x), places(at_y, at_x), Filter(kind=CUBIC))
    np.testing.assert_allclose(got[0], at_y**2 - 3 * at_y * at_x + at_x, rtol=1e-5, atol=1e-4)


def test_cubic_gives_way_next_to_a_hole():
    values = np.random.default_rng(1).uniform(0, 9, (8, 8)).astype(np.float32)
    valid = np.ones((8, 8), bool)
    valid[2, 2] = False
    at = places([[3.4, 3.4]], [[3.4, 4.4]])
    cubic, linear = (
        warp.interpolate(part_of(values, valid), at, Filter(kind=kind))[0][0, 0] for kind in (CUBIC, TRIANGLE)
    )
    assert cubic[0] == linear[0]
    assert cubic[1] != linear[1]


@given(
    st.sampled_from([TRIANGLE, CUBIC]),
    st.sampled_from(STRETCHES),
    st.floats(-1000, 70000, width=32),
    st.integers(0, 99),
)
def test_a_level_field_stays_level(kind, stretch, level, seed):
    rng = np.random.default_rng(seed)
    valid = rng.random((12, 12)) > 0.2
    at = places(rng.uniform(0, 11, (6, 6)), rng.uniform(0, 11, (6, 6)))
    part = part_of(np.full((12, 12), level, np.float32), valid)
    got, good = warp.interpolate(part, at, Filter(kind=kind, y=stretch, x=stretch))
    np.testing.assert_allclose(got[0][good], np.float32(level), rtol=3e-7, atol=1e-30)
    got, good = warp.interpolate(part_of(part.stored), at, Filter(kind=kind, y=stretch, x=stretch))
    if kind == TRIANGLE and stretch == ONE:
        assert (got[0][good] == np.float32(level)).all()


def test_on_a_centre_no_neighbour_counts():
    values = np.random.default_rng(1).uniform(0, 9, (8, 8)).astype(np.float32)
    at = places(*np.mgrid[:8, :8])
    valid = np.random.default_rng(2).random((8, 8)) > 0.4
    for kind in (TRIANGLE, CUBIC):
        got, good = warp.interpolate(part_of(values, valid), at, Filter(kind=kind))
        assert np.array_equal(good, valid)
        assert np.array_equal(got[0][good], values[good])


def test_an_array_that_is_not_the_window_is_refused():
    with pytest.raises(ValueError, match="rows 0-2, columns 0-3"):
        Part(stored=np.zeros((1, 4, 3)), valid=np.zeros((4, 3), bool), at=whole((3, 4)), columns=9)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("turn", [0.0, 0.03, 1.2])
def test_whole_neighbourhoods_are_those_of_the_specification(dtype, turn):
    """Where all is valid and nothing is at an edge, kernels take a shorter way: the same numbers."""
    rng = np.random.default_rng(5)
    values = rng.uniform(0, 120, (2, 60, 60)).astype(dtype)
    valid = rng.random((60, 60)) > 0.01
    part = part_of(values, valid)
    for scale in (0.5, 0.9, 1.7):
        i, j = (of - 12 for of in np.mgrid[:26, :26] - 0.5)
        y, x = (30 + scale * (a * np.cos(turn) + b * np.sin(turn)) for a, b in ((i, -j), (j, i)))
        corners = places(y, x)
        middles = places(*((of[1:, 1:] + of[:-1, :-1]) / 2 for of in (y, x)))
        for kind in (TRIANGLE, CUBIC):
            by = Filter(kind=kind)
            same(warp.interpolate(part, middles, by), warp.interpolate_numpy(part, middles, by))
        same(footprint.average(part, middles, corners), footprint.average_numpy(part, middles, corners))
