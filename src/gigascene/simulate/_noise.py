"""Noise on the whole plane from integer hashing: no state, no tables, the same number at a place however it is reached."""

from __future__ import annotations

import math

import numpy as np

from gigascene.kernels._compiled import kernel

"""Options of every compiled function here: repeatable arithmetic, division without Python's checks so that loops vectorise."""


@kernel
def hashed(ix: int, iy: int, salt: int) -> np.uint32:
    """32 well-mixed bits of a lattice point.

    The mixing steps are the "lowbias32" constants of Wellons (2018), "Prospecting for hash functions".
    """
    h = np.uint32(np.uint32(ix) * np.uint32(0x9E3779B1))
    h = np.uint32((h ^ np.uint32(iy)) * np.uint32(0x85EBCA77))
    h = np.uint32(h ^ (h >> np.uint32(15)) ^ np.uint32(np.uint32(salt) * np.uint32(0xC2B2AE3D)))
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(0x7FEB352D))
    h = np.uint32((h ^ (h >> np.uint32(15))) * np.uint32(0x846CA68B))
    return np.uint32(h ^ (h >> np.uint32(16)))


@kernel
def bell(h: np.uint32) -> float:
    """Nearly normal number, mean 0 and deviation 1, from 32 hashed bits: the sum of four bytes."""
    total = (h & np.uint32(255)) + ((h >> np.uint32(8)) & np.uint32(255))
    total += ((h >> np.uint32(16)) & np.uint32(255)) + (h >> np.uint32(24))
    return (np.float64(np.int64(total)) - 510.0) * (1.0 / 147.8)


@kernel
def _corner(ix: int, iy: int, salt: int) -> tuple[float, float]:
    h = hashed(ix, iy, salt)
    scale = 1.0 / 32768.0
    return np.int64(h & np.uint32(65535)) * scale - 1.0, np.int64(h >> np.uint32(16)) * scale - 1.0


@kernel
def noise(x: float, y: float, salt: int) -> tuple[float, float, float]:
    """Gradient noise and its two derivatives (Perlin 2002, "Improving noise"; derivatives after Quilez).

    Values lie within about ±0.9; one wave spans about two units of `x` and `y`.
    """
    fx, fy = math.floor(x), math.floor(y)
    ix, iy = np.int64(fx), np.int64(fy)
    u, v = x - fx, y - fy
    ax, ay = _corner(ix, iy, salt)
    bx, by = _corner(ix + 1, iy, salt)
    cx, cy = _corner(ix, iy + 1, salt)
    dx, dy = _corner(ix + 1, iy + 1, salt)
    a = ax * u + ay * v
    b = bx * (u - 1.0) + by * v
    c = cx * u + cy * (v - 1.0)
    d = dx * (u - 1.0) + dy * (v - 1.0)
    s, t = u * u * u * (u * (u * 6.0 - 15.0) + 10.0), v * v * v * (v * (v * 6.0 - 15.0) + 10.0)
    ds, dt = 30.0 * u * u * (u * (u - 2.0) + 1.0), 30.0 * v * v * (v * (v - 2.0) + 1.0)
    k = a - b - c + d
    value = a + s * (b - a) + t * (c - a) + s * t * k
    gx = ax + s * (bx - ax) + t * (cx - ax) + s * t * (ax - bx - cx + dx) + ds * (b - a + t * k)
    gy = ay + s * (by - ay) + t * (cy - ay) + s * t * (ay - by - cy + dy) + dt * (c - a + s * k)
    return value, gx, gy


@kernel
def wave(x: float, y: float, salt: int) -> float:
    """Gradient noise alone."""
    return noise(x, y, salt)[0]


@kernel
def fractal(x: float, y: float, salt: int, octaves: int) -> float:
    """Fractional Brownian motion: octaves of noise, each turned, of half the wavelength and half the height."""
    total, height = 0.0, 1.0
    for octave in range(octaves):
        total += height * noise(x, y, salt + octave)[0]
        x, y = 1.6 * x - 1.2 * y + 0.37, 1.2 * x + 1.6 * y + 0.71
        height *= 0.5
    return total


@kernel
def eroded(x: float, y: float, salt: int, octaves: int) -> float:
    """Mountains: sharp ridges first, then fractal noise whose fine octaves fade on steep slopes.

    Ridges after Musgrave (1994), "Texturing and Modeling", fading after Quilez (2008), "Value noise derivatives".
    """
    total, height, steep = 0.0, 1.0, 0.0
    for octave in range(octaves):
        n, dx, dy = noise(x, y, salt + octave)
        steep += dx * dx + dy * dy
        if octave < 4:
            n = 0.45 - 1.6 * math.sqrt(n * n + 0.003)
        total += height * n / (1.0 + 0.09 * steep)
        x, y = 1.6 * x - 1.2 * y + 0.37, 1.2 * x + 1.6 * y + 0.71
        height *= 0.41 if octave < 3 else 0.55
    return total


@kernel
def ramp(low: float, high: float, value: float) -> float:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)
