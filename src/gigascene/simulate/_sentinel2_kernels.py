"""From 20 m to the archive's images: finer pixels, coarser ones, classes, true colour, detectors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.simulate._noise import bell, fractal, hashed

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
U16 = NDArray[np.uint16]
BOOL = NDArray[np.bool_]

NO_DATA, DARK, SHADOW, PLANTS, BARE, WATER, UNSURE, CLOUD_MEDIUM, CLOUD_HIGH, CIRRUS, SNOW = (
    0,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    11,
)
"""Numbers of the scene classification."""

DETECTORS = 12


@kernel
def fine(
    rho: F32, good: BOOL, y: float, x: float, gain: float, zero: float, noise: tuple[float, float], salt: int
) -> U16:
    """Numbers at 10 m from reflectance at 20 m: (band, 2 y, 2 x); 0 where there is no data.

    `rho` reaches one pixel farther than `good` on every side; `y` and `x` (m) are the centre of the first fine pixel.
    Between the centres it is linear; texture too fine for 20 m is strong where neighbours differ.
    """
    bands, rows, columns = rho.shape[0], 2 * good.shape[0], 2 * good.shape[1]
    out = np.zeros((bands, rows, columns), np.uint16)
    scale, base = np.float32(gain), np.float32(zero + 0.5)
    still, more = np.float32(noise[0]), np.float32(noise[1] * gain)
    iy, ix = math.floor(-y / 10.0), math.floor(x / 10.0)
    for i in range(rows):
        r = (i >> 1) + 1
        rn = r + 2 * (i & 1) - 1
        py = y - 10.0 * i
        for j in range(columns):
            if not good[i >> 1, j >> 1]:
                continue
            c = (j >> 1) + 1
            cn = c + 2 * (j & 1) - 1
            texture = np.float32(fractal((x + 10.0 * j) / 41.0, py / 41.0, salt, 2))
            for band in range(bands):
                here, over, side, far = rho[band, r, c], rho[band, rn, c], rho[band, r, cn], rho[band, rn, cn]
                mean = np.float32(0.5625) * here + np.float32(0.1875) * (over + side) + np.float32(0.0625) * far
                contrast = abs(here - far) + abs(over - side)
                value = mean + texture * (np.float32(0.03) * mean + np.float32(0.30) * contrast)
                grain = np.float32(bell(hashed(ix + j, iy + i, salt + 7 + band))) * (still + more * abs(value))
                number = min(max(value * scale + base + grain, np.float32(1.0)), np.float32(65534.0))
                out[band, i, j] = np.uint16(np.int32(number))
    return out


@kernel
def coarser(image: U16, factor: int) -> U16:
    """Means of `factor` by `factor` pixels, rounded; 0 where any of them is."""
    rows, columns = image.shape[0] // factor, image.shape[1] // factor
    out = np.zeros((rows, columns), np.uint16)
    count = np.uint32(factor * factor)
    for i in range(rows):
        for j in range(columns):
            total, whole = np.uint32(0), True
            for k in range(factor):
                for m in range(factor):
                    value = image[i * factor + k, j * factor + m]
                    total += np.uint32(value)
                    whole &= value != 0
            if whole:
                out[i, j] = np.uint16((total + count // np.uint32(2)) // count)
    return out


@kernel
def true_color(red: U16, green: U16, blue: U16) -> U8:
    """The agency's own picture: 255 at a reflectance of 0.25, linear, (y, x, 3); 0 where there is no data."""
    out = np.zeros((*red.shape, 3), np.uint8)
    for i in range(red.shape[0]):
        for j in range(red.shape[1]):
            for band in range(3):
                number = np.int64(red[i, j] if band == 0 else (green[i, j] if band == 1 else blue[i, j]))
                out[i, j, band] = min(max(((number - 1000) * 51 + 250) // 500, 0), 255)
    return out


@kernel
def classes(good: BOOL, low: F32, high: F32, shade: F32, kind: U8, light: F32, red: F32, nir: F32) -> U8:
    """Scene classification: what was painted. Pixels with any trace of cloud or its shade are never one of the ground's classes."""
    out = np.zeros(good.shape, np.uint8)
    for i in range(good.shape[0]):
        for j in range(good.shape[1]):
            if good[i, j]:
                air = _air(low[i, j], high[i, j], shade[i, j])
                out[i, j] = air or _surface(kind[i, j], light[i, j], red[i, j], nir[i, j])
    return out


@kernel
def _air(low: float, high: float, shade: float) -> int:
    if low > 0.20:
        return CLOUD_HIGH if low > 0.65 else CLOUD_MEDIUM
    if high > 0.02:
        return CIRRUS
    if shade > 0.25:
        return SHADOW
    return UNSURE if low > 0.0 or high > 0.0 or shade > 0.0 else 0


@kernel
def _surface(kind: int, light: float, red: float, nir: float) -> int:
    if kind & 2:
        return SNOW
    if kind & 1:
        return WATER
    if light < 0.20:
        return DARK
    return PLANTS if nir - red > 0.35 * (nir + red) else BARE


@kernel
def percent(good: BOOL, values: F32, factor: float) -> U8:
    """A probability in percent; 0 where there is no data."""
    out = np.zeros(good.shape, np.uint8)
    for i in range(good.shape[0]):
        for j in range(good.shape[1]):
            if good[i, j]:
                out[i, j] = np.uint8(min(100.0 * factor * values[i, j], 100.0))
    return out


@kernel
def air(good: BOOL, y: float, x: float, step: float, mean: float, swing: float, wave_m: float, salt: int) -> U16:
    """A quantity of the air that changes slowly with place; 0 where there is no data."""
    out = np.zeros(good.shape, np.uint16)
    for i in range(good.shape[0]):
        for j in range(good.shape[1]):
            if good[i, j]:
                out[i, j] = np.uint16(mean + swing * fractal((x + j * step) / wave_m, (y - i * step) / wave_m, salt, 3))
    return out


@kernel
def detectors(good: BOOL, across: NDArray[np.float64], width: float) -> U8:
    """Number of the detector that saw a pixel, 1 at the swath's right edge to 12 at its left; 0 where none did.

    `across` is the distance to the right of the left edge, `width` that of a detector, metres.
    """
    out = np.zeros(good.shape, np.uint8)
    for i in range(good.shape[0]):
        for j in range(good.shape[1]):
            if good[i, j]:
                out[i, j] = DETECTORS - min(max(math.floor(across[i, j] / width), 0), DETECTORS - 1)
    return out


@kernel
def linear(image: F32, rows: NDArray[np.float64], columns: NDArray[np.float64], top: int, left: int) -> F32:
    """Values between pixel centres, at places counted in pixels; `top` and `left` are the image's first. All have four neighbours."""
    out = np.empty(rows.shape, np.float32)
    for i in range(rows.shape[0]):
        for j in range(rows.shape[1]):
            r, c = math.floor(rows[i, j]), math.floor(columns[i, j])
            v, u = rows[i, j] - r, columns[i, j] - c
            r, c = r - top, c - left
            upper = image[r, c] + u * (image[r, c + 1] - image[r, c])
            lower = image[r + 1, c] + u * (image[r + 1, c + 1] - image[r + 1, c])
            out[i, j] = upper + v * (lower - upper)
    return out
