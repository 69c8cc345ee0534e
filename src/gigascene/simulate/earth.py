"""One procedural Earth: terrain, ice, sea, plants and clouds as pure functions of place on a plane, date and seed.

A place is (x, y) in metres on a projected plane, such as easting and northing of
a UTM zone. Any window of any size gives the numbers the whole would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gigascene.simulate import _clouds, _cover, _terrain
from gigascene.simulate._lattice import cover, upsample

F32 = NDArray[np.float32]

CLOUD_BASE_M = 1600.0
"""Height of low clouds above the ground they shade, metres."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A window of pixels on the plane, north up."""

    x: float
    """Centre of the north-western pixel, metres east."""

    y: float
    """Metres north."""

    step: float
    """Size of a pixel, metres."""

    rows: int
    columns: int

    def padded(self, pixels: int) -> Patch:
        """With so many more pixels on every side."""
        margin = pixels * self.step
        return replace(
            self, x=self.x - margin, y=self.y + margin, rows=self.rows + 2 * pixels, columns=self.columns + 2 * pixels
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """What depends on the moment."""

    sun_azimuth_deg: float
    """Clockwise from the plane's north."""

    sun_elevation_deg: float
    day: int
    """Number of the day; every day has its own clouds."""

    cloudiness: float = 0.0
    """Added to the thickness of low clouds: 0.3 covers about half the sky."""

    @property
    def towards_sun(self) -> tuple[float, float, float]:
        """Unit vector east, north, up."""
        azimuth, elevation = math.radians(self.sun_azimuth_deg), math.radians(self.sun_elevation_deg)
        flat = math.cos(elevation)
        return flat * math.sin(azimuth), flat * math.cos(azimuth), math.sin(elevation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """The Earth below the air, (y, x) each."""

    reflectance: F32
    """(band, y, x), as level ground would show it."""

    light: F32
    """Direct sunlight, 1 on level ground."""

    kelvin: F32
    """Surface temperature."""

    kind: NDArray[np.uint8]
    """Sum of `WATER` and `SNOW`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clouds:
    """What hides the ground, 0 to 1, (y, x) each."""

    low: F32
    near: F32
    """Positive at and around low clouds."""

    high: F32
    """Cirrus."""

    shade: F32
    """Sunlight that low clouds keep from the ground."""


WATER, SNOW = _cover.WATER, _cover.SNOW


def ground(patch: Patch, sky: Sky, reflectance: F32, seed: int) -> Ground:
    """The surface of a patch; `reflectance` is a table (material, band) from `materials`."""
    wide = patch.padded(1)
    salt = _salt(seed)
    fields = _fields(wide, _terrain.STEP_M, salt, _terrain.nodes)
    heights = _cover.heights(fields, wide.y, wide.x, wide.step, salt)
    bands, light, kelvin, kind = _cover.paint(
        fields, heights, patch.y, patch.x, patch.step, sky.towards_sun, reflectance, salt
    )
    return Ground(reflectance=bands, light=light, kelvin=kelvin, kind=kind)


def clouds(patch: Patch, sky: Sky, seed: int) -> Clouds:
    """Clouds over a patch seen from above, and the shade of those towards the sun."""
    salt = _salt(seed) + 7919 * sky.day
    east, north, up = sky.towards_sun
    # Whole 7.5 m keep every place exact in binary, so that windows agree to the last bit.
    there = replace(patch, x=patch.x + _snap(CLOUD_BASE_M * east / up), y=patch.y + _snap(CLOUD_BASE_M * north / up))
    low, near, high = _opacity(patch, salt, sky.cloudiness)
    return Clouds(low=low, near=near, high=high, shade=_opacity(there, salt, sky.cloudiness)[0])


def _salt(seed: int) -> int:
    return (seed * 1_000_003 + 12_289) % 2**31


def _snap(metres: float) -> float:
    return 7.5 * round(metres / 7.5)


def _opacity(patch: Patch, salt: int, cloudiness: float) -> F32:
    fields = _fields(patch, _clouds.STEP_M, salt, _clouds.nodes)
    opacity: F32 = _clouds.opacity(fields, patch.y, patch.x, patch.step, salt, cloudiness)
    return opacity


def _fields(patch: Patch, spacing: float, salt: int, nodes: Callable[[int, int, int, int, int], F32]) -> F32:
    """Lattice fields at the pixels of a patch, (y, x, field)."""
    left, columns = cover(patch.x, patch.step, patch.columns, spacing)
    top, rows = cover(-patch.y, patch.step, patch.rows, spacing)
    values = nodes(-top, left, rows, columns, salt)
    fields: F32 = upsample(values, top, left, spacing, -patch.y, patch.x, patch.step, patch.rows, patch.columns)
    return fields
