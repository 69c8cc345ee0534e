"""Calibration against published numbers, and against plain float64 arithmetic."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gigascene.kernels.calibrate import (
    earth_sun_distance,
    physical,
    radiance_of_limits,
    reflectance_of_radiance,
    sun_corrected,
    table,
)
from gigascene.kernels.flags import masked
from gigascene.model.scene import Calibration, Flag

PLANCK = Calibration(scale=3.342e-04, offset=0.1, unit="K", k1=774.8853, k2=1321.0789)


@pytest.mark.parametrize(
    ("day", "published"),
    # pygaarst's table; EARTH_SUN_DISTANCE in the MTL files of LC80460282016177LGN00 and two more scenes
    [(1, 0.98331), (365, 0.98333), (177, 1.0165183), (225, 1.0130510), (191, 1.0166498)],
)
def test_earth_sun_distance(day, published):
    assert earth_sun_distance(day) == pytest.approx(published, abs=3e-4)


def test_earth_sun_distance_turns_at_perihelion_and_half_a_year_later():
    assert earth_sun_distance(4) == pytest.approx(1 - 0.01672)
    assert max(range(1, 366), key=earth_sun_distance) in {186, 187}


def test_radiance_of_limits_meets_both_limits():
    found = radiance_of_limits(-1.52, 193.0, 1, 255)
    assert found.scale == pytest.approx((193 + 1.52) / 254)
    assert found.scale * 1 + found.offset == pytest.approx(-1.52)
    assert found.scale * 255 + found.offset == pytest.approx(193.0)


def test_radiance_of_limits_refuses_an_empty_range():
    with pytest.raises(ValueError, match="QCALMIN 255 is not below QCALMAX 255"):
        radiance_of_limits(0, 1, 255, 255)


def test_reflectance_follows_the_published_formula():
    radiance = Calibration(scale=0.7658, offset=-2.28)
    found = reflectance_of_radiance(radiance, esun=1551, distance_au=1.01, sun_elevation_deg=40)
    expected = math.pi * 1.01**2 * (0.7658 * 100 - 2.28) / (1551 * math.sin(math.radians(40)))
    assert found.scale * 100 + found.offset == pytest.approx(expected)
    assert found.unit == "1"


def test_sun_elevation_is_in_degrees():
    assert sun_corrected(2e-5, -0.1, 30).scale == pytest.approx(4e-5)
    assert sun_corrected(2e-5, -0.1, 90).offset == pytest.approx(-0.1)


@pytest.mark.parametrize("elevation", [0, -12.5, math.nan, 91])
def test_there_is_no_reflectance_without_the_sun(elevation):
    with pytest.raises(ValueError, match="no reflectance"):
        sun_corrected(2e-5, -0.1, elevation)


def test_level_2_scale_factors():
    reflectance = physical(np.uint16([1, 7273, 65535]), Calibration(scale=2.75e-05, offset=-0.2))
    assert reflectance == pytest.approx([-0.199972, 0, 1.602213], abs=1e-5)  # REFLECTANCE_MINIMUM and MAXIMUM in MTL
    temperature = physical(np.uint16([1, 65535]), Calibration(scale=0.00341802, offset=149.0, unit="K"))
    assert temperature == pytest.approx([149.003418, 372.999941], abs=1e-3)


def test_brightness_temperature():
    dn = np.uint16([[20000, 28786]])
    radiance = 3.342e-04 * dn.astype(np.float64) + 0.1
    assert np.array_equal(physical(dn, PLANCK), (1321.0789 / np.log(774.8853 / radiance + 1)).astype(np.float32))
    assert physical(dn, PLANCK)[0, 1] == pytest.approx(300.86, abs=0.01)


def test_no_temperature_where_there_is_no_radiance():
    below = Calibration(scale=0.05, offset=-1.0, unit="K", k1=607.76, k2=1260.56)
    values = physical(np.uint8([0, 10, 20, 21]), below)
    assert np.isnan(values).tolist() == [True, True, True, False]


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", ">u2"])
@pytest.mark.parametrize("calibration", [Calibration(), Calibration(scale=0.1, offset=-3.3), PLANCK])
def test_table_holds_every_number(dtype, calibration):
    kind = np.dtype(dtype)
    every = np.arange(np.iinfo(kind).min, np.iinfo(kind).max + 1).astype(kind)
    values = physical(every, calibration)
    assert table(calibration, dtype).shape == (2 ** (8 * kind.itemsize),)
    assert values.dtype == np.float32
    assert np.array_equal(values, physical(every.astype(np.float64), calibration), equal_nan=True)
    assert np.array_equal(table(calibration, dtype)[every], values, equal_nan=True)


def test_table_cannot_be_spoilt():
    with pytest.raises(ValueError, match="read-only"):
        table(Calibration(), "uint8")[0] = 1
    with pytest.raises(TypeError, match="float32"):
        table(Calibration(), "float32")


def test_wider_and_float_numbers_go_through_float64():
    big = np.uint32([2**31 + 1])
    assert physical(big, Calibration(scale=0.5))[0] == np.float32((2**31 + 1) * 0.5)
    floats = physical(np.float32([0.1, np.nan]), Calibration(scale=3.0, offset=1.0))
    assert floats[0] == np.float32(3.0 * float(np.float32(0.1)) + 1.0)
    assert np.isnan(floats[1])


@given(
    st.integers(0, 65535),
    st.lists(st.builds(Flag, bit=st.integers(0, 15), width=st.integers(1, 3), at_least=st.integers(0, 7)), max_size=4),
)
def test_flags_mean_what_their_docstring_says(value, flags):
    value_flags = [(value >> flag.bit) & (2**flag.width - 1) >= flag.at_least for flag in flags]
    assert masked(np.uint16([[value]]), flags).tolist() == [[any(value_flags)]]


def test_flags_of_signed_and_narrow_numbers():
    assert masked(np.int16([-32768, 1]), [Flag(bit=15)]).tolist() == [True, False]
    assert masked(np.uint8([255]), [Flag(bit=11)]).tolist() == [False]
    assert masked(np.uint8([255]), [Flag(bit=7, width=2, at_least=3)]).tolist() == [False]
    with pytest.raises(TypeError, match="float32"):
        masked(np.float32([1]), [Flag(bit=0)])
