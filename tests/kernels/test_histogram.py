"""Counting against NumPy's own, percentiles against sorting."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gigascene.kernels import histogram

QUICK = settings(max_examples=80, deadline=None)
SPANS = st.tuples(st.floats(-1e3, 1e3), st.floats(1e-2, 1e3)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@QUICK
@given(
    st.sampled_from([np.uint8, np.uint16]).flatmap(
        lambda kind: hnp.arrays(kind, st.tuples(st.integers(0, 9), st.just(8)))
    ),
    st.integers(0, 2**32 - 1),
)
def test_stored_numbers_are_counted_one_by_one(stored, seed):
    valid = np.random.default_rng(seed).random(stored.shape) < 0.6
    found = histogram.count_stored(stored, valid)
    assert (found.dtype, found.size) == (np.int64, 1 << 8 * stored.itemsize)
    numbers, counts = np.unique(stored[valid], return_counts=True)
    assert np.array_equal(np.flatnonzero(found), numbers)
    assert np.array_equal(found[numbers], counts)


@QUICK
@given(hnp.arrays(np.float32, st.integers(0, 60), elements=st.floats(-2e3, 2e3, width=32) | st.just(np.nan)), SPANS)
def test_floats_fall_into_the_bin_that_begins_at_or_below_them(values, span):
    found = histogram.count_values(values, span)
    starts = histogram.bin_starts(span)
    good = values[~np.isnan(values)].astype(np.float64)
    assert found.sum() == good.size
    assert found.size == starts.size == 65_536
    wanted = (np.searchsorted(starts, good, side="right") - 1).clip(0, 65_535)
    wide = np.bincount(wanted, minlength=65_536)
    # A value within rounding of a border may fall on either side of it.
    assert np.abs(np.cumsum(found) - np.cumsum(wide)).max(initial=0) <= good.size
    assert (
        np.abs(np.repeat(starts, found) - np.sort(starts[wanted])).max(initial=0)
        <= (span[1] - span[0]) / 65_536 * 1.001
    )


def test_bins_agree_with_numpy():
    values = np.random.default_rng(2).normal(0.4, 0.1, 200_000).astype(np.float32).clip(0, 0.999)
    wanted, edges = np.histogram(values.astype(np.float64), 65_536, (0.0, 1.0))
    assert np.array_equal(histogram.count_values(values, (0.0, 1.0)), wanted)
    np.testing.assert_allclose(histogram.bin_starts((0.0, 1.0)), edges[:-1], rtol=0, atol=1e-15)


def test_values_outside_count_at_the_ends():
    found = histogram.count_values(np.float32([-5, -np.inf, 2, np.inf, 0.5, np.nan]), (0.0, 1.0))
    assert (found[0], found[-1], found.sum()) == (2, 2, 5)


@QUICK
@given(st.lists(st.integers(0, 255), min_size=1, max_size=300), st.sampled_from([0, 1, 2, 5, 25, 50, 75, 98, 99, 100]))
def test_percentile_is_the_first_bin_whose_cumulative_share_reaches_it(numbers, percent):
    counts = np.bincount(numbers, minlength=256).astype(np.int64)
    found = histogram.percentile(counts, percent / 100)
    ordered = sorted(numbers)
    want = ordered[max(math.ceil(percent * len(numbers) / 100), 1) - 1]  # whole numbers: no rounding
    assert found == want


@QUICK
@given(st.lists(st.integers(0, 50), min_size=1, max_size=40))
def test_percentiles_ascend(numbers):
    counts = np.bincount(numbers, minlength=60).astype(np.int64)
    found = [histogram.percentile(counts, share) for share in np.linspace(0, 1, 41)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (min(numbers), max(numbers))


def test_nothing_counted_is_an_error():
    with pytest.raises(ValueError, match="no valid pixel"):
        histogram.percentile(np.zeros(8, np.int64), 0.5)


def test_counts_may_be_added():
    values = np.random.default_rng(3).integers(0, 65_536, (40, 50)).astype(np.uint16)
    valid = np.random.default_rng(4).random((40, 50)) < 0.5
    whole = histogram.count_stored(values, valid)
    parts = sum(histogram.count_stored(values[i : i + 7], valid[i : i + 7]) for i in range(0, 40, 7))
    assert np.array_equal(whole, parts)
