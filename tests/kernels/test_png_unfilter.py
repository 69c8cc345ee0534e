"""The compiled un-filter against its specification, and both against filters written down once more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gigascene.kernels.png_filter import average
from gigascene.kernels.png_unfilter import unfilter, unfilter_numpy, unpacked

STEPS = (1, 2, 3, 4, 6, 8)


def strips(step):
    """The row above, then rows of any filter; few values, so that ties and wrap-around are common."""
    shapes = st.tuples(st.integers(1, 6), st.integers(1, 12).map(lambda pixels: 1 + pixels * step))
    values = st.integers(0, 3) | st.integers(252, 255) | st.integers(0, 255)
    kinds = st.lists(st.integers(0, 4), min_size=6, max_size=6)
    return st.tuples(npst.arrays(np.uint8, shapes, elements=values), kinds).map(with_kinds)


def with_kinds(drawn):
    rows, kinds = drawn
    rows[:, 0] = kinds[: len(rows)]
    return rows


def filtered(raw, kinds, step):
    """Rows filtered as section 9.2 has it, each by its own type; `raw` begins with the row above."""
    above = np.pad(raw[:-1].astype(int), ((0, 0), (step, 0)))
    left = np.pad(raw[1:].astype(int), ((0, 0), (step, 0)))[:, : raw.shape[1]]
    up, corner = above[:, step:], above[:, : raw.shape[1]]
    guess = left + up - corner
    a, b, c = abs(guess - left), abs(guess - up), abs(guess - corner)
    paeth = np.where((a <= b) & (a <= c), left, np.where(b <= c, up, corner))
    every = np.stack([np.zeros_like(up), left, up, (left + up) // 2, paeth])
    out = np.zeros((len(raw), raw.shape[1] + 1), np.uint8)
    out[0, 1:] = raw[0]
    out[1:, 0] = kinds
    out[1:, 1:] = (raw[1:] - every[kinds, np.arange(len(kinds))]) % 256
    return out


@pytest.mark.parametrize("step", STEPS)
@settings(max_examples=100)
@given(data=st.data())
def test_compiled_is_the_specification(step, data):
    rows = data.draw(strips(step))
    plain, compiled = rows.copy(), rows.copy()
    assert unfilter(compiled, step) == unfilter_numpy(plain, step) == len(rows) - 1
    np.testing.assert_array_equal(compiled, plain)


@pytest.mark.parametrize("step", STEPS)
def test_all_filters_are_undone(step):
    rng = np.random.default_rng(step)
    raw = rng.integers(0, 256, (41, 131 * step), dtype=np.uint8)
    rows = filtered(raw, rng.integers(0, 5, 40), step)
    assert unfilter(rows, step) == 40
    np.testing.assert_array_equal(rows[:, 1:], raw)


@pytest.mark.parametrize("kind", range(5))
def test_each_filter_alone_on_every_pair_of_neighbours(kind):
    """Above and corner take all 65,536 pairs, left whatever comes of it."""
    corner, above = np.divmod(np.arange(65536), 256)
    raw = np.zeros((2, 2 * 65536), np.uint8)
    raw[0, 0::2], raw[0, 1::2] = corner, above
    raw[1] = np.random.default_rng(kind).integers(0, 256, raw.shape[1])
    rows = filtered(raw, [kind], 1)
    assert unfilter(rows, 1) == 1
    np.testing.assert_array_equal(rows[:, 1:], raw)


@pytest.mark.parametrize("undo", [unfilter, unfilter_numpy])
def test_an_unknown_filter_stops_before_its_row(undo):
    rows = np.uint8([[9, 1, 2], [2, 1, 1], [5, 7, 7], [2, 1, 1]])
    assert undo(rows, 1) == 1
    assert rows.tolist() == [[9, 1, 2], [2, 2, 3], [5, 7, 7], [2, 1, 1]]


@pytest.mark.parametrize("step", STEPS)
def test_our_own_filter_is_undone(step):
    raw = np.random.default_rng(step).integers(0, 256, (17, 29 * step), dtype=np.uint8)
    rows = np.concatenate([np.zeros((1, 1 + raw.shape[1]), np.uint8), average(raw, step)])
    assert unfilter(rows, step) == 17
    np.testing.assert_array_equal(rows[1:, 1:], raw)


@pytest.mark.parametrize("depth", [1, 2, 4])
@pytest.mark.parametrize("columns", [1, 3, 8, 9, 31])
def test_small_samples_are_unpacked(depth, columns):
    rng = np.random.default_rng(columns)
    samples = rng.integers(0, 1 << depth, (5, columns), dtype=np.uint8)
    bits = "".join(f"{value:0{depth}b}" for value in samples[2])
    row = int(bits.ljust(-(-len(bits) // 8) * 8, "1"), 2).to_bytes(-(-len(bits) // 8), "big")
    np.testing.assert_array_equal(unpacked(np.frombuffer(row, np.uint8)[np.newaxis], depth, columns), samples[2:3])
