"""From the Earth to an instrument's numbers: light through the air, the detector's noise, quality flags."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.simulate._noise import bell, fractal, hashed

F32 = NDArray[np.float32]
U16 = NDArray[np.uint16]

SHADE = 0.82
"""Part of the direct sunlight that a thick cloud takes away."""


@kernel
def top_of_air(
    ground: F32, light: F32, low: F32, high: F32, shade: F32, optics: tuple[float, float, float, float, float]
) -> F32:
    """Reflectance of one band as seen from above, (y, x).

    `optics` are path reflectance, transmittance, diffuse part of the light, reflectance of thick clouds and of cirrus:
    rho = path + transmittance * ground * light, then clouds laid over it by their opacity.
    """
    rows, columns = ground.shape
    path, through, diffuse = np.float32(optics[0]), np.float32(optics[1]), np.float32(optics[2])
    cloud, cirrus = np.float32(optics[3]), np.float32(optics[4])
    out = np.empty((rows, columns), np.float32)
    one, dark, dim, bright = np.float32(1.0), np.float32(SHADE), np.float32(0.72), np.float32(0.28)
    for i in range(rows):
        for j in range(columns):
            lit = diffuse + (one - diffuse) * light[i, j] * (one - dark * shade[i, j])
            rho = path + through * ground[i, j] * lit
            thick = low[i, j]
            rho += thick * (cloud * (dim + bright * thick) - rho)
            out[i, j] = rho + high[i, j] * (cirrus - rho)
    return out


@kernel
def brightness(kelvin: F32, low: F32, high: F32, loss: float) -> F32:
    """Brightness temperature (K) above the clouds; the air between costs `loss` kelvin."""
    out = np.empty(kelvin.shape, np.float32)
    for i in range(kelvin.shape[0]):
        for j in range(kelvin.shape[1]):
            t = kelvin[i, j] - loss
            t += low[i, j] * (266.0 - 6.0 * low[i, j] - t)
            out[i, j] = t + 1.5 * high[i, j] * (238.0 - t)
    return out


@kernel
def lookup(values: F32, first: float, step: float, table: NDArray[np.float64]) -> F32:
    """Linear interpolation in a table of evenly spaced arguments."""
    out = np.empty(values.shape, np.float32)
    for i in range(values.shape[0]):
        for j in range(values.shape[1]):
            place = min(max((values[i, j] - first) / step, 0.0), table.size - 1.001)
            k = int(place)
            out[i, j] = table[k] + (place - k) * (table[k + 1] - table[k])
    return out


@kernel
def finer(values: F32, y: float, x: float, step: float, rows: int, columns: int, salt: int) -> F32:
    """Twice the resolution with shared pixel centres, and texture too fine for the coarse pixels.

    `y` and `x` (m) are the first pixel's, `step` (m) the fine pixel's size. Needs ``rows // 2 + 1`` rows of `values`.
    """
    out = np.empty((rows, columns), np.float32)
    for i in range(rows):
        top, below = i >> 1, (i + 1) >> 1
        py = (y - i * step) / 64.0
        for j in range(columns):
            left, right = j >> 1, (j + 1) >> 1
            a = values[top, left] + values[top, right] + values[below, left] + values[below, right]
            contrast = abs(values[top, left] - values[below, right]) + abs(values[top, right] - values[below, left])
            texture = fractal((x + j * step) / 64.0, py, salt, 1)
            out[i, j] = 0.25 * a + texture * (0.012 * a + 0.35 * contrast)
    return out


@kernel
def inside(y: float, x: float, step: float, rows: int, columns: int, sides: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels within the footprint: ``a * x + b * y >= c`` for every side (a, b, c), a not 0."""
    out = np.empty((rows, columns), np.bool_)
    for i in range(rows):
        west, east = -math.inf, math.inf
        for k in range(sides.shape[0]):
            bound = (sides[k, 2] - sides[k, 1] * (y - i * step)) / sides[k, 0]
            if sides[k, 0] > 0.0:
                west = max(west, bound)
            else:
                east = min(east, bound)
        for j in range(columns):
            out[i, j] = (x + j * step >= west) & (x + j * step <= east)
    return out


@kernel
def stored(
    values: F32,
    good: NDArray[np.bool_],
    gain: float,
    zero: float,
    noise: tuple[float, float],
    iy: int,
    ix: int,
    salt: int,
) -> U16:
    """Numbers as the archive holds them: ``gain * value + zero`` and noise, 1 to 65,535; 0 where there is no data.

    `noise` is its deviation without light (numbers) and what signal adds to it (1/1); `iy` and `ix` number the pixels
    of the plane. `values` may be larger than `good`.
    """
    rows, columns = good.shape
    out = np.zeros((rows, columns), np.uint16)
    scale, base = np.float32(gain), np.float32(zero + 0.5)
    still, more = np.float32(noise[0]), np.float32(noise[1] * gain)
    for i in range(rows):
        for j in range(columns):
            value = values[i, j]
            grain = np.float32(bell(hashed(ix + j, iy + i, salt))) * (still + more * abs(value))
            number = min(max(value * scale + base + grain, np.float32(1.0)), np.float32(65535.0))
            out[i, j] = np.uint16(np.int32(number)) if good[i, j] else np.uint16(0)
    return out


@kernel
def quality(good: NDArray[np.bool_], low: F32, near: F32, high: F32, shade: F32, kind: NDArray[np.uint8]) -> U16:
    """QA_PIXEL of Landsat Collection 2 (USGS LSDS-1619, table 5-3); 1 where there is no data."""
    out = np.ones(good.shape, np.uint16)
    for i in range(good.shape[0]):
        for j in range(good.shape[1]):
            if good[i, j]:
                out[i, j] = _flags(low[i, j], near[i, j], high[i, j], shade[i, j], kind[i, j])
    return out


@kernel
def _flags(low: float, near: float, high: float, shade: float, kind: int) -> int:
    cloud, cirrus = low > 0.35, high > 0.05
    dilated = near > 0.0 and not cloud
    shadow = shade > 0.3 and not cloud
    water, snow = bool(kind & 1) and not cloud, bool(kind & 2) and not cloud
    clear = not (cloud or dilated)
    bits = dilated << 1 | cirrus << 2 | cloud << 3 | shadow << 4 | snow << 5 | clear << 6 | water << 7
    likely = 3 if cloud else (2 if low > 0.08 else 1)
    return bits | likely << 8 | (3 if shadow else 1) << 10 | (3 if snow else 1) << 12 | (3 if cirrus else 1) << 14


def planck_numbers(
    k1: float, k2: float, gain: float, offset: float, first: float, step: float, count: int
) -> NDArray[np.float64]:
    """Stored numbers for evenly spaced temperatures (K): ``L = K1 / (exp(K2 / T) - 1)``, number = (L - offset) / gain."""
    kelvin = [first + step * k for k in range(count)]
    return np.array([(k1 / (math.exp(k2 / t) - 1.0) - offset) / gain for t in kelvin])
