"""The compiled halving against its specification, and what the specification promises."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gigascene.kernels.overview import halve, halve_numpy

MODES = ({}, {"nodata": 0}, {"alpha": True})


def pictures(mode, dtype):
    top = np.iinfo(dtype).max
    shapes = st.tuples(st.integers(1, 7), st.integers(1, 300), st.integers(1, 4))
    levels = npst.arrays(dtype, shapes, elements=st.integers(0, 2) | st.integers(top - 2, top), fill=st.just(dtype(7)))
    return levels.map(lambda found: masked(found) if mode.get("alpha") else found)


def masked(levels):
    levels[..., -1] = np.where(levels[..., -1] > 1, np.iinfo(levels.dtype).max, 0)
    return levels


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("mode", MODES, ids=str)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_compiled_is_the_specification(mode, dtype, data):
    levels = data.draw(pictures(mode, dtype))
    np.testing.assert_array_equal(halve(levels, **mode), halve_numpy(levels, **mode))


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("valid", [1.0, 0.999, 0.5, 0.0])
def test_compiled_is_the_specification_for_large_pictures(mode, valid):
    rng = np.random.default_rng(1)
    levels = rng.integers(1, 65536, (131, 517, 4), dtype=np.uint16)
    levels[..., -1] = 65535
    levels[rng.random(levels.shape[:2]) >= valid] = 0
    np.testing.assert_array_equal(halve(levels, **mode), halve_numpy(levels, **mode))


@settings(deadline=None)
@given(levels=pictures({}, np.uint16))
def test_a_valid_mean_is_never_nodata(levels):
    levels = np.where((levels == 0).any(axis=-1, keepdims=True), 0, levels)
    halved = halve(levels, nodata=0)
    valid = halve_numpy(255 * (levels[..., :1] > 0).astype(np.uint8), nodata=0)[..., 0] > 0
    assert ((halved > 0).all(axis=-1) == valid).all()
    assert (halved[~valid] == 0).all()


def test_edges_count_only_what_exists():
    levels = np.uint8([[1, 2, 5], [3, 5, 8], [10, 13, 200]])[..., None]
    assert halve(levels)[..., 0].tolist() == [[3, 7], [12, 200]]


def test_alpha_is_full_or_nothing_and_hides_colour():
    levels = np.uint8([[[9, 0], [100, 255]], [[9, 0], [51, 255]], [[9, 0], [9, 0]]])
    assert halve(levels, alpha=True).tolist() == [[[76, 255]], [[0, 0]]]


def test_parts_are_as_the_whole():
    rng = np.random.default_rng(2)
    levels = rng.integers(0, 3, (64, 130, 3), dtype=np.uint8)
    whole = halve(levels, nodata=0)
    np.testing.assert_array_equal(halve(levels[16:32, 64:], nodata=0), whole[8:16, 32:])


def test_other_nodata_is_refused():
    with pytest.raises(ValueError, match="nodata 7"):
        halve(np.zeros((2, 2, 1), np.uint8), nodata=7)
