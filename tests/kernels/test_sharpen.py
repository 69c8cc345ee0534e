"""Brovey sharpening against its formula in float64."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gigascene.kernels.sharpen import brovey

MAXIMA = (0.5, 0.75, 1.25, 1.5)
BANDS = arrays(np.float32, (4, 3, 5), elements=st.floats(0.0009765625, 1.5, width=32) | st.just(float("nan")))


def reference(bands):
    pan, red, green, blue = (band.astype(float) / most for band, most in zip(bands, MAXIMA, strict=True))
    return pan * np.stack([red, green, blue]) / (red + green + blue)


@given(BANDS)
def test_agrees_with_float64(bands):
    got = brovey(bands[0], bands[1:], MAXIMA[0], MAXIMA[1:])
    assert got.dtype == np.float32
    assert got.shape == (3, 3, 5)
    want = reference(bands)
    missing = np.isnan(bands).any(axis=0)
    assert np.array_equal(np.isnan(got), np.broadcast_to(missing, got.shape))
    np.testing.assert_allclose(got, want, rtol=1e-6)


@given(BANDS)
def test_the_colours_add_up_to_the_pan_band(bands):
    got = brovey(bands[0], bands[1:], MAXIMA[0], MAXIMA[1:]).sum(axis=0)
    there = ~np.isnan(bands).any(axis=0)
    np.testing.assert_allclose(got[there], bands[0][there] / np.float32(MAXIMA[0]), rtol=1e-6)


def test_no_light_has_no_colour():
    zero, one = np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)
    assert np.isnan(brovey(one, [zero, zero, zero], 1.0, [1.0] * 3)).all()
    assert np.isnan(brovey(one, [one, -one, -one], 1.0, [1.0] * 3)).all()


def test_a_band_that_is_zero_everywhere_warns_of_nothing():
    zero = np.zeros((1, 2), np.float32)
    assert np.isnan(brovey(zero, [zero, zero, zero], 0.0, [0.0] * 3)).all()


@given(BANDS, st.integers(0, 2), st.integers(0, 4))
def test_a_window_is_the_crop_of_the_whole(bands, top, left):
    whole = brovey(bands[0], bands[1:], MAXIMA[0], MAXIMA[1:])
    part = bands[:, top:, left:]
    got = brovey(part[0], part[1:], MAXIMA[0], MAXIMA[1:])
    assert np.array_equal(got, whole[:, top:, left:], equal_nan=True)
