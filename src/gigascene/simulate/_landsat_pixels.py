"""The pixels of one square of the scene, in every file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gigascene.simulate import _instrument as instrument
from gigascene.simulate import _landsat_facts as facts
from gigascene.simulate import earth, materials
from gigascene.simulate._geotiff import TILE, tile
from gigascene.simulate._landsat_facts import Layout

F32 = NDArray[np.float32]
U16 = NDArray[np.uint16]

SKY = earth.Sky(
    sun_azimuth_deg=facts.SUN_AZIMUTH_DEG, sun_elevation_deg=facts.SUN_ELEVATION_DEG, day=facts.ACQUIRED.toordinal()
)

# Deviation in stored numbers without light, and relative to the signal: OLI has a signal-to-noise ratio of 200 to 400
# at typical radiance and TIRS 0.05 K (Morfitt et al. 2015; Reuter et al. 2015). Doubled and more, for the texture of
# ground that the Earth here does not have: so the files deflate nearly as real ones do.
_NOISE_REFLECTIVE, _NOISE_PAN, _NOISE_THERMAL = (11.0, 0.011), (16.0, 0.013), (24.0, 0.0)

_KELVIN_FIRST, _KELVIN_STEP, _KELVIN_COUNT = 190.0, 0.05, 2800


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """One tile of the 30 m grid: its encoded tiles in every file, and what it counts."""

    row: int
    column: int
    tiles: dict[str, list[tuple[int, int, bytes]]]
    """Row and column of the tile in its file, and its bytes."""

    valid: int
    """Pixels with data."""

    cloudy: int
    land: int
    """Pixels with data that are not water."""

    cloudy_land: int


def square(layout: Layout, row: int, column: int, seed: int) -> Square:
    """Simulate and encode the tile at this place in the grid of 30 m tiles."""
    grid = layout.grid
    patch = earth.Patch(
        x=grid.x + 30.0 * TILE * column,
        y=grid.y - 30.0 * TILE * row,
        step=30.0,
        rows=min(TILE, grid.rows - TILE * row),
        columns=min(TILE, grid.columns - TILE * column),
    )
    good = instrument.inside(patch.y, patch.x, 30.0, patch.rows, patch.columns, layout.sides)
    images = _images(layout, patch, good, seed)
    quality = images["QA_PIXEL"]
    cloud, land = (quality & 8) > 0, good & ((quality & 128) == 0)
    return Square(
        row=row,
        column=column,
        tiles={name: list(_tiles(image, 2 if name == "B8" else 1, row, column)) for name, image in images.items()},
        valid=int(good.sum()),
        cloudy=int(cloud.sum()),
        land=int(land.sum()),
        cloudy_land=int((cloud & land).sum()),
    )


def _tiles(image: U16, ratio: int, row: int, column: int) -> Iterator[tuple[int, int, bytes]]:
    """An image of up to `ratio` by `ratio` tiles as encoded tiles of its file."""
    for i in range(0, image.shape[0], TILE):
        for j in range(0, image.shape[1], TILE):
            yield ratio * row + i // TILE, ratio * column + j // TILE, tile(image[i : i + TILE, j : j + TILE])


def _images(layout: Layout, patch: earth.Patch, good: NDArray[np.bool_], seed: int) -> dict[str, U16]:
    if not good.any() and not _pan_reaches(layout, patch):
        return _nothing(layout, patch)
    # One pixel more to the south and the east: the pan band has pixels between this tile's last and the next one's first.
    wide = replace(patch, rows=patch.rows + 1, columns=patch.columns + 1)
    scene = _Scene(layout=layout, patch=wide, good=good, seed=seed)
    images = scene.level1() if layout.level == "l1" else scene.level2()
    images["QA_PIXEL"] = scene.quality()
    images["QA_RADSAT"] = np.zeros(good.shape, np.uint16)
    return images


def _pan_shape(layout: Layout, patch: earth.Patch) -> tuple[int, int]:
    """Pan pixels of a tile: two for each 30 m pixel, but none behind the scene's last."""
    grid = layout.grid
    last_row = round((grid.y - patch.y) / 30.0) + patch.rows == grid.rows
    last_column = round((patch.x - grid.x) / 30.0) + patch.columns == grid.columns
    return 2 * patch.rows - last_row, 2 * patch.columns - last_column


def _pan_reaches(layout: Layout, patch: earth.Patch) -> bool:
    return bool(instrument.inside(patch.y, patch.x, 15.0, *_pan_shape(layout, patch), layout.sides).any())


def _nothing(layout: Layout, patch: earth.Patch) -> dict[str, U16]:
    """A tile outside the imaged strip."""
    empty = np.zeros((patch.rows, patch.columns), np.uint16)
    images = dict.fromkeys(layout.files, empty)
    if "B8" in images:
        images["B8"] = np.zeros(_pan_shape(layout, patch), np.uint16)
    return images | {"QA_PIXEL": np.ones_like(empty)}


class _Scene:
    """The Earth and the sky of one tile, ready to be measured band by band."""

    def __init__(self, *, layout: Layout, patch: earth.Patch, good: NDArray[np.bool_], seed: int) -> None:
        self.layout, self.patch, self.good, self.seed = layout, patch, good, seed
        self.ground = earth.ground(patch, SKY, materials.REFLECTANCE, seed)
        self.sky = earth.clouds(patch, SKY, seed)

    def level1(self) -> dict[str, U16]:
        """Reflectance at the top of the air (not divided by the sine of the sun's elevation) and radiance."""
        sine = math.sin(math.radians(facts.SUN_ELEVATION_DEG))
        gain, zero = sine / facts.REFLECTANCE_GAIN, -facts.REFLECTANCE_OFFSET / facts.REFLECTANCE_GAIN
        images = {
            key: self._stored(self._above(name), gain, zero, _NOISE_REFLECTIVE, key)
            for key, name in facts.BANDS_L1.items()
        }
        images["B8"] = self._pan(gain, zero)
        for key, (k1, k2) in facts.THERMAL.items():
            kelvin = instrument.brightness(
                self.ground.kelvin, self.sky.low, self.sky.high, 1.4 if key == "B10" else 2.3
            )
            numbers = instrument.lookup(kelvin, _KELVIN_FIRST, _KELVIN_STEP, _planck(k1, k2))
            images[key] = self._stored(numbers, 1.0, 0.0, _NOISE_THERMAL, key)
        return images

    def level2(self) -> dict[str, U16]:
        """Reflectance and temperature of the surface, without the air; clouds stay."""
        gain, zero = 1 / facts.SURFACE_GAIN, -facts.SURFACE_OFFSET / facts.SURFACE_GAIN
        images = {
            f"SR_{key}": self._stored(self._above(name, air=False), gain, zero, _NOISE_REFLECTIVE, key)
            for key, name in facts.BANDS_L1.items()
            if key != "B9"
        }
        kelvin = instrument.brightness(self.ground.kelvin, self.sky.low, self.sky.high, 0.0)
        gain, zero = 1 / facts.TEMPERATURE_GAIN, -facts.TEMPERATURE_OFFSET / facts.TEMPERATURE_GAIN
        images["ST_B10"] = self._stored(kelvin, gain, zero, _NOISE_THERMAL, "B10")
        return images

    def quality(self) -> U16:
        """QA_PIXEL."""
        sky = self.sky
        flags: U16 = instrument.quality(self.good, sky.low, sky.near, sky.high, sky.shade, self.ground.kind)
        return flags

    def _above(self, name: str, *, air: bool = True) -> F32:
        """Reflectance of a band above the clouds."""
        band = materials.BANDS.index(name)
        path = float(materials.PATH[band]) if air else 0.0
        through = float(materials.TRANSMITTANCE[band]) if air else 1.0
        optics = (path, through, *(float(t[band]) for t in (materials.DIFFUSE, materials.CLOUD, materials.CIRRUS)))
        ground, sky = self.ground, self.sky
        rho: F32 = instrument.top_of_air(ground.reflectance[band], ground.light, sky.low, sky.high, sky.shade, optics)
        return rho

    def _pan(self, gain: float, zero: float) -> U16:
        patch = self.patch
        shape = _pan_shape(self.layout, replace(patch, rows=patch.rows - 1, columns=patch.columns - 1))
        rho = instrument.finer(self._above("pan"), patch.y, patch.x, 15.0, *shape, self.seed % 2**31 + 8)
        good = instrument.inside(patch.y, patch.x, 15.0, *shape, self.layout.sides)
        return self._stored(rho, gain, zero, _NOISE_PAN, "B8", good=good, step=15.0)

    def _stored(
        self,
        values: F32,
        gain: float,
        zero: float,
        noise: tuple[float, float],
        key: str,
        *,
        good: NDArray[np.bool_] | None = None,
        step: float = 30.0,
    ) -> U16:
        salt = (self.seed * 101 + SKY.day * 13 + int(key[1:])) % 2**31
        place = round(-self.patch.y / step), round(self.patch.x / step)
        image: U16 = instrument.stored(values, self.good if good is None else good, gain, zero, noise, *place, salt)
        return image


def _planck(k1: float, k2: float) -> NDArray[np.float64]:
    return instrument.planck_numbers(
        k1, k2, facts.THERMAL_GAIN, facts.THERMAL_OFFSET, _KELVIN_FIRST, _KELVIN_STEP, _KELVIN_COUNT
    )
