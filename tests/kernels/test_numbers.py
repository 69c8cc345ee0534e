"""Numbers kept for computing: compiled against plain, and what holds of all of them."""

import numpy as np
import pytest

from gigascene.codecs._tiff_options import NUMBERS
from gigascene.kernels import numbers

SHAPES = [(1, 1), (2, 2), (5, 4), (7, 9), (64, 33)]


def some(dtype, shape, nodata):
    """Numbers of all sizes, a third of them no data; floats with what is not finite, too."""
    rng = np.random.default_rng(3)
    if np.dtype(dtype).kind == "f":
        values = (rng.normal(size=shape) * 1e6).astype(dtype)
        values[rng.random(shape) < 0.1] = np.nan
        values[rng.random(shape) < 0.05] = np.inf
    else:
        span = np.iinfo(dtype)
        values = rng.integers(span.min, span.max, shape, dtype, endpoint=True)
    values[rng.random(shape) < 0.3] = nodata
    return values


@pytest.mark.parametrize("mixed", [False, True])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_halves(dtype, mixed):
    kind = np.dtype(dtype).type
    for nodata in [kind(7), kind(0), *([kind(np.nan), kind(-9999)] if np.dtype(dtype).kind == "f" else [])]:
        for shape in SHAPES:
            values = some(dtype, shape, nodata)
            want = numbers.halve_numpy(values, nodata, mixed=mixed)
            found = np.empty_like(want)
            numbers.halve(values, nodata, found, mixed=mixed)
            np.testing.assert_array_equal(found, want)
            good = numbers.present(values, float(nodata))
            below = np.pad(good, [(0, side % 2) for side in shape]).reshape(found.shape[0], 2, -1, 2).any(axis=(1, 3))
            assert (numbers.present(found, float(nodata)) == below).all()  # a mean is never no data by chance
            if not mixed:
                assert np.isin(found[below], values[good]).all()


def test_a_mean_that_would_be_no_data_becomes_the_number_beside_it():
    found = np.empty((1, 1), np.int16)
    numbers.halve(np.int16([[-1, 1], [-1, 1]]), np.int16(0), found, mixed=True)
    assert found.item() == 1
    assert numbers.rounded(np.float64([254.6]), np.array([True]), np.uint8(255)).item() == 254


@pytest.mark.parametrize("dtype", NUMBERS)
def test_rounded_numbers_stay_in_their_type(dtype):
    kind = np.dtype(dtype)
    values = np.float64([-1e30, -0.5, 0.5, 1.5, 1e30])
    found = numbers.rounded(values, np.ones(5, bool), kind.type(3))
    assert found.dtype == kind
    if kind.kind == "f":
        np.testing.assert_array_equal(found, values.astype(kind))
    else:
        span = np.iinfo(kind)
        assert found.tolist() == [span.min, 0, 0, 2, span.max]
