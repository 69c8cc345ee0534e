"""Combining, ramps and outlines: compiled twins against their specifications, and what both promise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, contains_xy

from gigascene.kernels import combine, feather, outline
from gigascene.model.grid import Window
from gigascene.model.mosaic import ONE

SHAPE = (9, 11)
STEP = 2.0**-20


def scene(seed, bands=3, dtype=np.float32):
    rng = np.random.default_rng(seed)
    values = rng.normal(100, 50, (bands, *SHAPE)).clip(1, 250).astype(dtype)
    return values, rng.random(SHAPE) < 0.6, rng.integers(0, ONE + 1, SHAPE).astype(np.uint16)


def copies(*arrays):
    return [array.copy() for array in arrays]


@pytest.mark.parametrize("dtype", [np.float32, np.uint16, np.uint8])
def test_fill(dtype):
    start = np.zeros(SHAPE, bool), np.zeros((3, *SHAPE), dtype)
    ours, twin = copies(*start), copies(*start)
    for seed in range(4):
        values, valid, _ = scene(seed, dtype=dtype)
        combine.fill(values, valid, *ours)
        combine.fill_numpy(values, valid, *twin)
    assert all(np.array_equal(a, b) for a, b in zip(ours, twin, strict=True))


@pytest.mark.parametrize(("dtype", "level"), [(np.uint8, np.uint8), (np.uint16, np.uint8), (np.uint16, np.uint16)])
def test_fill_levels(dtype, level):
    tables = np.random.default_rng(1).integers(0, 256, (3, 1 << 8 * np.dtype(dtype).itemsize)).astype(level)
    start = np.zeros(SHAPE, bool), np.zeros((*SHAPE, 4), level)
    ours, twin = copies(*start), copies(*start)
    for seed in range(3):
        values, valid, _ = scene(seed, dtype=dtype)
        combine.fill_levels(values, valid, tables, *ours)
        combine.fill_levels_numpy(values, valid, tables, *twin)
    assert all(np.array_equal(a, b) for a, b in zip(ours, twin, strict=True))


def test_choose_keeps_the_first_at_a_tie():
    start = np.full(SHAPE, -np.inf), np.full((3, *SHAPE), np.nan, np.float32)
    ours, twin = copies(*start), copies(*start)
    for seed in (5, 6, 5):
        values, valid, _ = scene(seed)
        score = np.where(values[0] > 120, np.nan, np.round(values[1].astype(np.float64) / 20))
        combine.choose(values + seed, valid, score, *ours)
        combine.choose_numpy(values + seed, valid, score, *twin)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(ours, twin, strict=True))


def test_sums_that_single_precision_cannot_tell_apart_are_ties():
    """0.0518 + 0.0752 + 0.0662 and 0.0532 + 0.0738 + 0.0662: as stored numbers both are 1932."""
    first, second = (
        (np.array(stored, np.float32) / np.float32(10_000)).reshape(3, 1, 1)
        for stored in ([518, 752, 662], [532, 738, 662])
    )
    for one, other in ((first, second), (second, first)):
        for choose in (combine.choose, combine.choose_numpy):
            best, out = np.full((1, 1), -np.inf), np.full((3, 1, 1), np.nan, np.float32)
            for values in (one, other, other - np.float32(0.0001)):
                choose(values, np.ones((1, 1), bool), combine.darkness(values), best, out, combine.ALIKE)
                assert np.array_equal(out, one if values is other else values)


@pytest.mark.parametrize("name", ["add", "lay_under"])
def test_sums(name):
    start = np.zeros(SHAPE, np.int64), np.zeros((3, *SHAPE), np.int64)
    ours, twin = copies(*start), copies(*start)
    for seed in range(5):
        values, valid, weight = scene(seed)
        values[:, ~valid] = np.nan
        getattr(combine, name)(values, valid, weight, STEP, *ours)
        getattr(combine, f"{name}_numpy")(values, valid, weight, STEP, *twin)
    assert all(np.array_equal(a, b) for a, b in zip(ours, twin, strict=True))
    found = combine.settled(ours[1], ours[0], STEP)
    assert np.array_equal(found, combine.settled_numpy(twin[1], twin[0], STEP), equal_nan=True)
    if name == "lay_under":
        assert ours[0].max() == ONE or (ours[0] <= ONE).all()


@given(st.permutations(range(5)))
def test_the_order_of_adding_cannot_be_seen(order):
    def total(seeds):
        weights, sums = np.zeros(SHAPE, np.int64), np.zeros((3, *SHAPE), np.int64)
        for seed in seeds:
            combine.add(*scene(seed), STEP, weights, sums)
        return weights, sums

    assert all(np.array_equal(a, b) for a, b in zip(total(range(5)), total(order), strict=True))


def test_a_weighted_mean_is_that_of_floats():
    weights, sums = np.zeros(SHAPE, np.int64), np.zeros((3, *SHAPE), np.int64)
    above, below = np.zeros((3, *SHAPE)), np.zeros(SHAPE)
    for seed in range(5):
        values, valid, weight = scene(seed)
        combine.add(values, valid, weight, STEP, weights, sums)
        share = np.where(valid, np.maximum(weight, 1), 0).astype(float)
        above, below = above + share * values, below + share
    with np.errstate(invalid="ignore"):
        want = above / below
    assert np.nanmax(np.abs(combine.settled(sums, weights, STEP) - want)) < 1e-5


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.uint16])
@pytest.mark.parametrize("count", [1, 2, 7])
def test_median(dtype, count):
    parts = [scene(seed, dtype=dtype) for seed in range(count)]
    values, valid = np.stack([part[0] for part in parts]), np.stack([part[1] for part in parts])
    (counts, held), twin = [
        (np.zeros(valid.shape[1:], np.uint16), np.zeros((*SHAPE, 3, count), dtype)) for _ in range(2)
    ]
    for part in parts:
        combine.insert(*part[:2], counts, held)
        combine.insert_numpy(*part[:2], *twin)
    assert np.array_equal(counts, valid.sum(axis=0))
    assert np.array_equal(counts, twin[0])
    assert np.array_equal(held, twin[1])
    found = combine.middle(counts, held)
    assert np.array_equal(found, combine.middle_numpy(counts, held))
    one = (3, 4)
    held = sorted(values[valid[:, *one], 0, *one].tolist())
    assert found[0, *one] == (held[(len(held) - 1) // 2] if held else 0)


def test_levels_are_inserted_as_values_are():
    stored, valid, _ = scene(3, dtype=np.uint8)
    tables = np.random.default_rng(0).integers(0, 999, (3, 256)).astype(np.uint16)
    ours, twin = [(np.zeros(SHAPE, np.uint16), np.zeros((*SHAPE, 3, 4), np.uint16)) for _ in range(2)]
    for shift in range(4):
        combine.insert_levels(np.roll(stored, shift), valid, tables, *ours)
        combine.insert_levels_numpy(np.roll(stored, shift), valid, tables, *twin)
    assert all(map(np.array_equal, ours, twin))


@pytest.mark.parametrize("insert", [combine.insert, combine.insert_numpy])
def test_more_scenes_than_there_is_room_for(insert):
    values, valid = np.ones((1, 1, 2), np.uint8), np.array([[False, True]])
    counts, held = np.array([[2, 2]], np.uint16), np.zeros((1, 2, 1, 2), np.uint8)
    with pytest.raises(ValueError, match="more than 2 scenes"):
        insert(values, valid, counts, held)


# Ramps


@pytest.mark.parametrize("reach", [0.4, 1.0, 3.7, 12.0])
def test_ramp(reach):
    rng = np.random.default_rng(3)
    edge = feather.halo(reach)
    valid = rng.random((20 + 2 * edge, 17 + 2 * edge)) > 0.02
    found = feather.ramp(valid, reach)
    assert np.array_equal(found, feather.ramp_numpy(valid, reach))
    assert (found > 0).sum() == valid[edge:-edge, edge:-edge].sum()


def test_a_ramp_does_not_depend_on_the_window():
    valid, reach = np.random.default_rng(4).random((80, 70)) > 0.01, 6.3
    edge = feather.halo(reach)
    whole = feather.ramp(valid, reach)
    part = feather.ramp(valid[15 : 40 + 2 * edge, 7 : 30 + 2 * edge], reach)
    assert np.array_equal(part, whole[15:40, 7:30])


def test_weights_between_cells():
    cells = np.random.default_rng(5).integers(0, ONE, (6, 5)).astype(np.uint16)
    whole = feather.spread(cells, 7, Window(top=0, left=0, height=42, width=35))
    assert np.array_equal(whole[3::7, 3::7], cells)
    part = feather.spread(cells, 7, Window(top=5, left=11, height=20, width=9))
    assert np.array_equal(part, whole[5:25, 11:20])
    flat = feather.spread(np.full((6, 5), ONE, np.uint16), 7, Window(top=4, left=4, height=30, width=25))
    assert (flat == ONE).all()


# Outlines


def star(seed):
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.random(11)) * 2 * np.pi
    reach = rng.uniform(5, 30, 11)
    x, y = 32 + reach * np.cos(angle), 28 + reach * np.sin(angle)
    return tuple(np.rint(np.stack([x, y], 1) * outline.UNIT).astype(int).ravel().tolist())


@pytest.mark.parametrize("seed", range(4))
def test_inside(seed):
    ring, window = star(seed), Window(top=-3, left=-5, height=70, width=80)
    hole = tuple(np.int64([30, 27, 30, 31, 34, 31, 34, 27]) * outline.UNIT)
    found = outline.inside(outline.edges([ring, hole]), window)
    assert np.array_equal(found, outline.inside_numpy([ring, hole], window))
    corners = np.reshape(ring, (-1, 2)) / outline.UNIT
    x, y = np.meshgrid(np.arange(-5, 75) + 0.5, np.arange(-3, 67) + 0.5)
    other = contains_xy(Polygon(corners), x, y) ^ contains_xy(Polygon(np.reshape(hole, (-1, 2)) / outline.UNIT), x, y)
    assert (found != other).mean() < 1e-3  # centres within 1/256 of an edge
    part = outline.inside(outline.edges([ring, hole]), Window(top=20, left=25, height=11, width=13))
    assert np.array_equal(part, found[23:34, 30:43])


def test_neighbours_share_no_pixel_and_leave_none():
    corner = (3 * 256 + 128, 5 * 256 + 128)
    squares = [
        (0, 0, *[corner[0], 0], *corner, 0, corner[1]),
        (corner[0], 0, 2560, 0, 2560, corner[1], *corner),
        (0, corner[1], *corner, corner[0], 2560, 0, 2560),
        (*corner, 2560, corner[1], 2560, 2560, corner[0], 2560),
    ]
    window = Window(top=0, left=0, height=10, width=10)
    counts = sum(outline.inside(outline.edges([square]), window).astype(int) for square in squares)
    assert (counts == 1).all()
