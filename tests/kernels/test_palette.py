"""Palettes: reserved levels, order and names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gigascene.kernels import palette
from gigascene.model.errors import UnknownName


def lightness(table):
    """CIE 1976 L* of sRGB colours."""
    rgb = table.astype(float) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    y = linear @ [0.2126, 0.7152, 0.0722]
    return np.where(y > 216 / 24389, 116 * np.cbrt(y) - 16, y * 24389 / 27)


@pytest.mark.parametrize("name", palette.names())
def test_only_level_zero_is_black(name):
    table = palette.colours(name)
    assert (table.shape, table.dtype) == ((256, 3), np.uint8)
    assert table[0].tolist() == [0, 0, 0]
    assert table[1:].min() >= 1


@pytest.mark.parametrize("name", palette.names())
def test_neighbours_differ_a_little(name):
    steps = np.abs(np.diff(palette.colours(name)[1:].astype(int), axis=0)).max(axis=1)
    assert steps.min() >= 1
    assert steps.max() <= 8


@pytest.mark.parametrize("name", ["grey", "snow", "ice", "thermal"])
def test_lightness_rises(name):
    light = lightness(palette.colours(name)[1:])
    # Rounding to whole numbers may take a step back, of far less than an eye can see.
    assert np.diff(light).min() > -0.3
    assert light[-1] - light[0] > 70
    assert np.diff(light[::8]).min() > 0


def test_diverging_turns_in_the_middle_and_is_even():
    light = lightness(palette.colours("diverging"))
    assert 1 + light[1:].argmax() == 128
    assert abs(light[1] - light[255]) < 8
    assert np.ptp(palette.colours("diverging")[128]) <= 4


def test_grey_changes_nothing():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(palette.paint(levels, palette.colours("grey")), np.repeat(levels[..., None], 3, axis=2))


def test_a_table_is_shared_and_cannot_be_changed():
    table = palette.colours("ndvi")
    assert table is palette.colours("ndvi")
    with pytest.raises(ValueError, match="read-only"):
        table[0] = 1


@given(arrays(np.uint8, array_shapes(min_dims=2, max_dims=2)), st.sampled_from(palette.names()))
def test_paint_is_a_look_up(levels, name):
    table = palette.colours(name)
    for view in (levels, levels[::-1, ::-1], levels.T):
        got = palette.paint(view, table)
        assert got.flags.c_contiguous
        assert np.array_equal(got, table[view])


def test_an_unknown_palette_is_told_the_closest():
    with pytest.raises(UnknownName, match=r"No palette is called 'termal'\. Did you mean 'thermal'\?"):
        palette.colours("termal")
    with pytest.raises(UnknownName) as error:
        palette.colours("zzz")
    assert error.value.args == ("zzz", "palette", "", palette.names())
