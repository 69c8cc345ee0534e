"""A warp comes out the same in every window, is exact where it says so, and asks for what it needs."""

import threading
from itertools import islice

import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from gigascene.kernels import align
from gigascene.kernels._fixed import NOWHERE, ONE
from gigascene.model.errors import UsageError
from gigascene.model.grid import Window
from gigascene.works import _control_grid
from gigascene.works._projection import way, world
from gigascene.works._stretch import stretch
from gigascene.works._warp import RESAMPLINGS, Warp

GOODE = "+proj=igh +datum=WGS84 +type=crs"
WORLD = GeoBox((180, 360), Affine(1, 0, -180, 0, -1, 90), "EPSG:4326")
PACIFIC = GeoBox((180, 360), Affine(1, 0, 0, 0, -1, 90), "EPSG:4326")
SENTINEL = GeoBox((300, 300), Affine(60, 0, 499980, 0, -60, 5300040), "EPSG:32632")

CASES = {
    "next zone": (SENTINEL, GeoBox((290, 260), Affine(60, 0, 46000, 0, -60, 5319000), "EPSG:32633")),
    "mercator": (SENTINEL, GeoBox((280, 270), Affine(90, 0, 1001000, 0, -90, 6085000), "EPSG:3857")),
    "degrees": (SENTINEL, GeoBox((240, 330), Affine(8e-4, 0, 8.99, 0, -8e-4, 47.87), "EPSG:4326")),
    "north pole": (WORLD, GeoBox((141, 141), Affine(5e4, 0, -3.5e6, 0, -5e4, 3.55e6), "EPSG:3413")),
    "south pole": (PACIFIC, GeoBox((140, 140), Affine(5e4, 0, -3.5e6, 0, -5e4, 3.5e6), "EPSG:3031")),
    "cuts": (WORLD, GeoBox((190, 420), Affine(1e5, 0, -2.1e7, 0, -1e5, 9.5e6), GOODE)),
    "outline": (WORLD, GeoBox((190, 360), Affine(1e5, 0, -1.8e7, 0, -1e5, 9.5e6), "ESRI:54030")),
    "antimeridian": (WORLD, GeoBox((200, 240), Affine(2e4, 0, -2.4e6, 0, -2e4, 7.4e6), "EPSG:32601")),
    "zones 1 and 60": (
        GeoBox((260, 260), Affine(300, 0, 399960, 0, -300, 7400040), "EPSG:32601"),
        GeoBox((300, 300), Affine(300, 0, 650000, 0, -300, 7430000), "EPSG:32660"),
    ),
    "beyond the date line": (WORLD, GeoBox((130, 200), Affine(2e4, 0, 1.8e7, 0, -2e4, 1.3e6), "EPSG:3857")),
    "turned": (
        GeoBox((250, 280), Affine.translation(6e5, 5.3e6) @ Affine.rotation(33) @ Affine.scale(60, -60), "EPSG:32632"),
        GeoBox((260, 260), Affine(70, 0, 147000, 0, -70, 5325000), "EPSG:32633"),
    ),
    "much smaller": (SENTINEL, GeoBox((61, 67), Affine(400, 0, 1001000, 0, -400, 6085000), "EPSG:3857")),
    "one CRS": (SENTINEL, GeoBox((280, 270), Affine(50, 3, 499000, -2, -77, 5300940), "EPSG:32632")),
    "one CRS, across the date line": (WORLD, GeoBox((90, 200), Affine(0.7, 0, 100.2, 0, -0.7, 35), "EPSG:4326")),
}


def whole(shape):
    return Window(top=0, left=0, height=shape[0], width=shape[1])


def picture(shape, bands=2, seed=4):
    """Random pixels, some of them missing, and a hole."""
    rng = np.random.default_rng(seed)
    stored = rng.integers(1, 250, (bands, *shape)).astype(np.uint8)
    y, x = np.mgrid[: shape[0], : shape[1]]
    return stored, (rng.random(shape) > 0.02) & ((y - shape[0] / 3) ** 2 + (x - shape[1] / 2) ** 2 > 90)


def applied(warp, stored, valid, window, how="apply"):
    """What a window needs, read, and the window made of it."""
    at = warp.window(window)
    if at is None:
        shape = window.height, window.width
        return np.full((stored.shape[0], *shape), np.nan, np.float32), np.zeros(shape, bool)
    cut = np.s_[at.top : at.bottom, at.left : at.right]
    return getattr(warp, how)(stored[:, *cut], valid[cut], at, window)


def tiles(shape, height, width):
    for top in range(0, shape[0], height):
        for left in range(0, shape[1], width):
            yield Window(top=top, left=left, height=min(height, shape[0] - top), width=min(width, shape[1] - left))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_every_window_is_the_crop_of_the_whole(name, resampling):
    source, output = CASES[name]
    warp, (stored, valid) = Warp(output, source, resampling), picture(source.shape)
    full, good = applied(warp, stored, valid, whole(output.shape))
    assert good.any()
    assert np.array_equal(np.isnan(full).any(axis=0), ~good)
    for height, width, every in ((37, 53, 1), (1, 400, 7), (130, 64, 1)):
        for window in islice(tiles(output.shape, height, width), 0, None, every):
            cut = np.s_[window.top : window.bottom, window.left : window.right]
            values, there = applied(warp, stored, valid, window)
            assert np.array_equal(values, full[:, *cut], equal_nan=True)
            assert np.array_equal(there, good[cut])


@given(st.sampled_from(sorted(CASES)), st.sampled_from(RESAMPLINGS), st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_more_of_the_source_changes_nothing(name, resampling, data):
    source, output = CASES[name]
    warp, (stored, valid) = Warp(output, source, resampling), picture(source.shape)
    top = data.draw(st.integers(-20, output.shape[0] - 1))
    left = data.draw(st.integers(-20, output.shape[1] - 1))
    window = Window(top=top, left=left, height=data.draw(st.integers(1, 40)), width=data.draw(st.integers(1, 40)))
    values, good = applied(warp, stored, valid, window)
    more, there = warp.apply(stored, valid, whole(source.shape), window)
    assert np.array_equal(good, there)
    assert np.array_equal(values, more, equal_nan=True)


@pytest.mark.parametrize("name", CASES)
def test_positions_are_within_the_bound(name):
    source, output = CASES[name]
    there, window = (
        way(output, source),
        Window(top=-5, left=-9, height=output.shape[0] + 14, width=output.shape[1] + 20),
    )
    rows = np.arange(window.top, window.bottom)[:, None] + np.zeros(window.width)
    columns = np.arange(window.left, window.right) + np.zeros((window.height, 1))
    for offset in (0.5, 0.0):
        found = _control_grid.positions(there, window, offset)
        y, x = there.fixed(rows + offset, columns + offset)
        inside = (np.abs(y) < (source.shape[0] + 1) * ONE) & (np.abs(x) < (source.shape[1] + 1) * ONE)
        inside &= (y > -ONE) & (x > -ONE)
        assert ((found.y == NOWHERE) == (y == NOWHERE))[inside].all()
        off_y, off_x = (found.y - y)[inside] / ONE, (found.x - x)[inside] / ONE
        if there.period:
            off_x -= there.period * np.rint(off_x / there.period)
        assert max(np.abs(off_y).max(), np.abs(off_x).max()) < 2 * _control_grid.ERROR


@pytest.mark.parametrize("name", CASES)
def test_the_nearest_pixel_is_the_exact_one(name):
    source, output = CASES[name]
    there, (stored, valid) = way(output, source), picture(source.shape, bands=1)
    got, good = applied(Warp(output, source, "nearest"), stored, valid, whole(output.shape), "apply_nearest")
    rows, columns = np.mgrid[: output.shape[0], : output.shape[1]] + 0.5
    y, x = there.fixed(rows, columns)
    y, x = (y + ONE // 2) // ONE, (x + ONE // 2) // ONE
    inside = (y >= 0) & (y < source.shape[0]) & (x >= 0) & (x < source.shape[1])
    y, x = np.where(inside, y, 0), np.where(inside, x, 0)
    assert np.array_equal(good, inside & valid[y, x])
    assert np.array_equal(got[0], np.where(good, stored[0][y, x], 0))
    assert got.dtype == np.uint8


@pytest.mark.parametrize("resampling", RESAMPLINGS)
@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_aligned_grids_are_copied(resampling, noise):
    stored, valid = picture(SENTINEL.shape)
    output = GeoBox((400, 310), Affine(60, 0, 499980 - 60 * 17 + noise, 0, -60, 5300040 + 60 * 31), SENTINEL.crs)
    warp = Warp(output, SENTINEL, resampling)
    window = Window(top=20, left=3, height=60, width=70)
    assert warp.window(window) == Window(top=0, left=0, height=49, width=56)
    values, good = applied(warp, stored, valid, whole(output.shape))
    assert np.array_equal(good[31:331, 17:310], valid[:, :293])
    assert not good[:31].any()
    assert not good[:, :17].any()
    want = np.where(valid, stored, np.nan)[:, :, :293]
    assert np.array_equal(values[:, 31:331, 17:310], want, equal_nan=True)
    for window in tiles(output.shape, 90, 77):
        cut = np.s_[window.top : window.bottom, window.left : window.right]
        found = applied(warp, stored, valid, window)
        assert np.array_equal(found[0], values[:, *cut], equal_nan=True)
        assert np.array_equal(found[1], good[cut])


@pytest.mark.parametrize("resampling", RESAMPLINGS)
def test_an_aligned_world_is_copied_across_its_seam(resampling):
    stored, valid = picture(WORLD.shape)
    output = GeoBox((180, 360), Affine(1, 0, 20, 0, -1, 90), WORLD.crs)
    values, good = applied(Warp(output, WORLD, resampling), stored, valid, whole(output.shape))
    assert np.array_equal(good, np.roll(valid, -200, axis=1))
    assert np.array_equal(values[:, good], np.roll(stored, -200, axis=2)[:, good])


def test_one_crs_is_exact():
    source, output = CASES["one CRS"]
    affine = way(output, source).affine
    x, y = ~source.affine @ (output.affine @ (120.5, 7.5))
    assert affine @ (120, 7) == pytest.approx((x - 0.5, y - 0.5), abs=1e-9)
    found = _control_grid.positions(way(output, source), Window(top=7, left=120, height=1, width=1))
    assert abs(found.x[0, 0] - (x - 0.5) * ONE) < 1
    assert abs(found.y[0, 0] - (y - 0.5) * ONE) < 1


def test_one_upright_crs_is_that_of_align():
    output = GeoBox((280, 270), Affine(25, 0, 499985, 0, -35, 5300021), SENTINEL.crs)
    axes = align.axes(SENTINEL, output)
    found = _control_grid.positions(way(output, SENTINEL), whole(output.shape))
    assert np.array_equal(found.y[:, 0], axes.y.fixed(0, 280))
    assert np.array_equal(found.x[0], axes.x.fixed(0, 270))


def test_no_seam_at_the_antimeridian():
    """A field that is smooth on the globe is smooth where the source ends."""
    latitude, longitude = np.meshgrid(90 - 0.5 - np.arange(180), -180 + 0.5 + np.arange(360), indexing="ij")
    field = np.cos(np.radians(latitude)) * np.cos(np.radians(longitude - 20)) * 100
    output = CASES["antimeridian"][1]
    rows, columns = np.mgrid[: output.shape[0], : output.shape[1]] + 0.5
    y, x = way(output, WORLD).places(rows, columns)
    want = np.cos(np.radians(89.5 - y)) * np.cos(np.radians(x - 179.5 - 20)) * 100
    for resampling in ("bilinear", "cubic"):
        got, good = applied(
            Warp(output, WORLD, resampling), field[None], np.ones(field.shape, bool), whole(output.shape)
        )
        assert good.all()
        assert np.abs(got[0] - want).max() < 0.02


def test_a_window_around_a_pole_needs_every_column():
    warp = Warp(GeoBox((64, 64), Affine(1e4, 0, -3.2e5, 0, -1e4, 3.2e5), "EPSG:3413"), WORLD, "bilinear")
    at = warp.window(whole((64, 64)))
    assert (at.top, at.left, at.width) == (0, 0, 360)
    assert at.bottom in {4, 5, 6}
    _, good = applied(warp, *picture((180, 360))[:1], np.ones((180, 360), bool), whole((64, 64)))
    assert good.all()


def test_beyond_the_map_nothing_is_valid():
    for name in ("outline", "cuts"):
        source, output = CASES[name]
        rows, columns = np.mgrid[: output.shape[0], : output.shape[1]] + 0.5
        y, _ = way(output, source).places(rows, columns)
        _, good = applied(Warp(output, source, "nearest"), *_full(source), whole(output.shape))
        assert np.array_equal(good, np.isfinite(y))
        assert not good[:, 0].any()  # PROJ finds places of the other hemisphere there
        assert 0.5 < good.mean() < 0.85


def _full(source):
    return np.ones((1, *source.shape), np.uint8), np.ones(source.shape, bool)


def test_windows_that_do_not_touch():
    source, output = CASES["next zone"]
    for resampling in RESAMPLINGS:
        warp = Warp(output, source, resampling)
        assert warp.window(Window(top=4000, left=4000, height=50, width=50)) is None
        assert warp.window(Window(top=-400, left=0, height=30, width=50)) is None
    far = GeoBox((500, 500), Affine(60, 0, 5e5, 0, -60, 1e6), "EPSG:32755")
    assert Warp(far, source, "cubic").window(whole(far.shape)) is None
    stored, valid = picture(source.shape)
    values, good = Warp(far, source, "cubic").apply(
        stored[:, :5, :5], valid[:5, :5], whole((5, 5)), Window(top=0, left=0, height=7, width=9)
    )
    assert not good.any()
    assert np.isnan(values).all()


def test_too_little_of_the_source_is_refused():
    source, output = CASES["mercator"]
    warp, (stored, valid) = Warp(output, source, "bilinear"), picture(source.shape)
    window = Window(top=100, left=100, height=9, width=9)
    at = warp.window(window)
    less = Window(top=at.top + 1, left=at.left, height=at.height - 1, width=at.width)
    cut = np.s_[less.top : less.bottom, less.left : less.right]
    with pytest.raises(ValueError, match=f"needs {at} of the source"):
        warp.apply(stored[:, *cut], valid[cut], less, window)


def test_bad_questions():
    source, output = CASES["mercator"]
    with pytest.raises(UsageError, match="'lanczos'; known are nearest"):
        Warp(output, source, "lanczos")
    with pytest.raises(UsageError, match="without a CRS"):
        Warp(GeoBox((5, 5), Affine.identity(), None), source, "nearest")


def test_stretch():
    source, output = CASES["much smaller"]
    scale = 400 * np.cos(np.radians(47.75)) / 60
    y, x = stretch(way(output, source))
    assert y / ONE == pytest.approx(scale, rel=0.01)
    assert x / ONE == pytest.approx(scale, rel=0.01)
    for name in ("next zone", "mercator", "turned"):
        assert stretch(way(*CASES[name][::-1])) == (
            (ONE, ONE) if name != "turned" else stretch(way(*CASES[name][::-1]))
        )
    turned = GeoBox((50, 50), output.affine @ Affine.rotation(45), output.crs)
    assert stretch(way(turned, source))[0] / ONE == pytest.approx(scale, rel=0.01)
    assert stretch(way(source, WORLD)) == (ONE, ONE)


def test_world():
    assert world(WORLD) == pytest.approx(360)
    assert world(CASES["mercator"][1]) == pytest.approx(2 * np.pi * 6378137)
    assert world(GeoBox((5, 5), Affine.identity(), "+proj=eqc +lon_0=150 +datum=WGS84 +type=crs")) == pytest.approx(
        2 * np.pi * 6378137
    )
    for crs in ("EPSG:32632", "EPSG:3413", "ESRI:54030", GOODE):
        assert world(GeoBox((5, 5), Affine.identity(), crs)) == 0


def test_threads_give_the_same():
    source, output = CASES["north pole"]
    warp, (stored, valid) = Warp(output, source, "bilinear"), picture(source.shape)
    full, _ = applied(warp, stored, valid, whole(output.shape))
    found = {}

    def work(number):
        for window in tiles(output.shape, 29 + number, 31):
            found[number, str(window)] = window, applied(warp, stored, valid, window)[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == sum(len(list(tiles(output.shape, 29 + number, 31))) for number in range(4))
    for window, values in found.values():
        cut = np.s_[window.top : window.bottom, window.left : window.right]
        assert np.array_equal(values, full[:, *cut], equal_nan=True)
