"""Normalised differences against float64 arithmetic."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gigascene.kernels.indices import normalized_difference

VALUES = st.floats(-0.25, 2.0, width=32) | st.just(float("nan"))
PAIR = arrays(np.float32, (2, 3, 4), elements=VALUES)


@given(PAIR)
def test_agrees_with_float64(pair):
    a, b = pair
    got = normalized_difference(a, b)
    assert got.dtype == np.float32
    missing = np.isnan(a) | np.isnan(b) | (a + b == 0)
    assert np.array_equal(np.isnan(got), missing)
    # Sum and difference are each rounded once; a cancelling one is exact (Sterbenz), so the error stays a few ulp.
    wide_a, wide_b = a[~missing].astype(float), b[~missing].astype(float)
    np.testing.assert_allclose(got[~missing], (wide_a - wide_b) / (wide_a + wide_b), rtol=4e-7, atol=1e-45)


@given(PAIR)
def test_changes_sign_when_bands_are_swapped(pair):
    assert np.array_equal(normalized_difference(*pair), -normalized_difference(*pair[::-1]), equal_nan=True)


@given(arrays(np.float32, (2, 5), elements=st.floats(0, 2, width=32)))
def test_positive_reflectances_stay_within_one(pair):
    got = normalized_difference(*pair)
    assert np.nanmax(np.abs(got), initial=0) <= 1


def test_negative_reflectance_is_not_clipped():
    assert normalized_difference(np.float32([0.5]), np.float32([-0.25])).item() == 3.0


def test_a_sum_of_zero_is_no_index():
    assert np.isnan(normalized_difference(np.float32([0.0, 0.5]), np.float32([0.0, -0.5]))).all()


def test_inputs_are_left_alone():
    a, b = np.float32([0.0, 1.0]), np.float32([0.0, 3.0])
    normalized_difference(a, b)
    assert (a.tolist(), b.tolist()) == ([0.0, 1.0], [0.0, 3.0])
