"""The Earth is a function of place: no window, no order, no size changes a number."""

from __future__ import annotations

import numpy as np
import pytest

from gigascene.simulate import _noise, materials
from gigascene.simulate.earth import SNOW, WATER, Patch, Sky, clouds, ground

SKY = Sky(sun_azimuth_deg=173.7, sun_elevation_deg=31.8, day=735_465)
WHOLE = Patch(x=560_010.0, y=7_850_010.0, step=30.0, rows=150, columns=170)
RED_NIR = materials.table(materials.REFLECTANCE, ("red", "nir08"))


@pytest.mark.parametrize(("top", "left", "rows", "columns"), [(0, 0, 40, 33), (37, 71, 1, 1), (90, 100, 60, 70)])
def test_a_window_equals_the_whole(top: int, left: int, rows: int, columns: int) -> None:
    part = Patch(x=WHOLE.x + 30.0 * left, y=WHOLE.y - 30.0 * top, step=30.0, rows=rows, columns=columns)
    here = (..., slice(top, top + rows), slice(left, left + columns))
    for make in (lambda patch: ground(patch, SKY, RED_NIR, 0), lambda patch: clouds(patch, SKY, 0)):
        small, large = make(part), make(WHOLE)
        for name in type(small).__slots__:
            assert np.array_equal(getattr(small, name), getattr(large, name)[here]), name


def test_ten_metre_pixels_see_the_same_earth() -> None:
    fine = Patch(x=WHOLE.x, y=WHOLE.y, step=10.0, rows=90, columns=90)
    one, other = ground(fine, SKY, RED_NIR, 0), ground(WHOLE, SKY, RED_NIR, 0)
    same = one.kind[::3, ::3] == other.kind[:30, :30]
    assert same.mean() > 0.95


def test_seed_and_day_matter() -> None:
    wide = Patch(x=500_000.0, y=7_900_000.0, step=960.0, rows=60, columns=60)
    assert not np.array_equal(ground(wide, SKY, RED_NIR, 0).kind, ground(wide, SKY, RED_NIR, 1).kind)
    other = Sky(sun_azimuth_deg=173.7, sun_elevation_deg=31.8, day=735_481)
    assert not np.array_equal(clouds(wide, SKY, 0).low, clouds(wide, other, 0).low)
    assert np.array_equal(ground(wide, SKY, RED_NIR, 0).kind, ground(wide, other, RED_NIR, 0).kind)


def test_there_is_land_and_sea_and_ice() -> None:
    wide = Patch(x=460_000.0, y=7_940_000.0, step=1200.0, rows=195, columns=195)
    earth, sky = ground(wide, SKY, materials.REFLECTANCE, 0), clouds(wide, SKY, 0)
    assert 0.1 < (earth.kind & WATER > 0).mean() < 0.4
    assert 0.1 < (earth.kind & SNOW > 0).mean() < 0.5
    assert 0.003 < (sky.low > 0.35).mean() < 0.2
    assert (sky.shade > 0.3).any()
    assert np.isfinite(earth.reflectance).all()
    assert earth.reflectance.min() > 0
    assert earth.reflectance.max() < 1.3
    assert 250 < earth.kelvin.min() < earth.kelvin.max() < 300


def test_shade_lies_away_from_the_sun() -> None:
    """The sun stands in the south: a cloud's shade is its own shape, 1.6 km farther north (15 rows)."""
    sky = Sky(sun_azimuth_deg=180.0, sun_elevation_deg=45.0, day=735_465)
    patch = Patch(x=500_000.0, y=7_860_000.0, step=106.5, rows=200, columns=200)
    made = clouds(patch, sky, 0)
    assert made.low.max() > 0.5
    assert np.array_equal(made.shade[:185], made.low[15:])


def test_snow_is_bright_below_one_micrometre_only() -> None:
    row = dict(zip(materials.BANDS, materials.REFLECTANCE[materials.SNOW].tolist(), strict=True))
    assert row["red"] > 0.7
    assert row["swir16"] < 0.1
    plants = dict(zip(materials.BANDS, materials.REFLECTANCE[materials.TUNDRA].tolist(), strict=True))
    assert plants["nir08"] > 4 * plants["red"]


def test_noise_has_the_derivatives_it_says() -> None:
    for x, y in ((0.3, 0.7), (-4.21, 9.5), (1e5 + 0.25, -3.75)):
        value, dx, dy = _noise.noise(x, y, 7)
        step = 1e-5
        assert abs(value) < 1.2
        assert (_noise.wave(x + step, y, 7) - _noise.wave(x - step, y, 7)) / (2 * step) == pytest.approx(dx, abs=1e-4)
        assert (_noise.wave(x, y + step, 7) - _noise.wave(x, y - step, 7)) / (2 * step) == pytest.approx(dy, abs=1e-4)


def test_bell_is_nearly_normal() -> None:
    sample = np.array([_noise.bell(_noise.hashed(i, i // 100, 3)) for i in range(20_000)])
    assert abs(sample.mean()) < 0.03
    assert sample.std() == pytest.approx(1.0, abs=0.02)
    assert np.abs(sample).max() < 3.5
