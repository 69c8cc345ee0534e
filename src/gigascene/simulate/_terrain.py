"""Shape of the land on a coarse lattice: fjords, valleys, plateaus, ice. Fine detail is added at the pixels."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.simulate._noise import fractal, noise, ramp, wave

STEP_M = 240.0
"""Spacing of the lattice, metres; its nodes lie at whole multiples, whatever the window."""

BED, ROUGH, ICE, FLOW, FLOES, SILT, ROCK, GREEN = range(8)
"""Fields of the lattice.

Bed without fine detail (m above the sea), height of the fine detail (m), ice surface (m), coordinate across the flow
of ice (km), concentration of sea ice (1), suspended silt (1), tone of the rock (1, light above 0), vigour of plants (1).
"""

FIELDS = 8


@kernel
def _course(x: float, y: float, wavelength: float, salt: int) -> float:
    """Signed distance, km, to a network of curves: zero lines of noise, |f| / |∇f| away to first order."""
    a, ax, ay = noise(x / wavelength, y / wavelength, salt)
    b, bx, by = noise(
        1.37 * x / wavelength + 0.5 * y / wavelength, 1.37 * y / wavelength - 0.5 * x / wavelength, salt + 1
    )
    sx = ax + 0.5 * (1.37 * bx - 0.5 * by)
    sy = ay + 0.5 * (0.5 * bx + 1.37 * by)
    return (a + 0.5 * b) * wavelength / math.sqrt(sx * sx + sy * sy + 0.05)


@kernel
def _wall(distance: float, width: float, side: float) -> float:
    """Cross-section of a glacial trough: flat floor (0), steep wall, shoulder (towards 1)."""
    t = max(distance - width, 0.0) / side
    return 1.0 - 1.0 / (1.0 + t * t * (1.0 + t))


@kernel
def _node(x: float, y: float, salt: int, out: NDArray[np.float32]) -> None:
    """All fields at one place; `x` and `y` in km."""
    wx = x + 8.0 * fractal(x / 30.0, y / 30.0, salt + 10, 5)
    wy = y + 8.0 * fractal(x / 30.0 + 31.7, y / 30.0, salt + 20, 5)
    country = fractal(x / 170.0, y / 170.0, salt + 30, 2)
    inland = ramp(-120.0, 125.0, 590.0 - x + 60.0 * country)

    d1 = abs(_course(wx, wy, 58.0, salt + 40))
    d2 = _course(wx + 3.0, wy, 24.0, salt + 50)
    d3 = _course(wx, wy + 5.0, 9.5, salt + 60)
    widen = fractal(x / 45.0, y / 45.0, salt + 70, 2)
    w1 = 1.5 + 2.4 * (1.0 - inland) + 2.6 * max(widen, -0.4) + 0.8 * wave(x / 8.0, y / 8.0, salt + 75)

    plateau = 350.0 + 1250.0 * inland + 750.0 * fractal(x / 48.0, y / 48.0, salt + 80, 3)
    plateau = max(plateau, 90.0 + 60.0 * wave(x / 9.0, y / 9.0, salt + 85))
    steep = 1.0 + 1.8 * (1.0 - inland)
    bed = -420.0 + (plateau + 420.0) * _wall(d1, w1, 2.1 * steep)
    floor2 = min(-260.0 + 30.0 * d1 * (1.0 + 0.6 * widen), plateau - 60.0)
    carve2 = floor2 + (plateau - floor2) * _wall(abs(d2), 0.75 + 0.35 * widen, 1.7 * steep)
    floor3 = min(70.0 + 26.0 * d1, plateau - 40.0)
    carve3 = floor3 + (plateau - floor3) * (0.12 + 0.88 * _wall(abs(d3), 0.25, 1.1 * steep))
    bed = min(bed, carve2, carve3)

    alpine = ramp(-0.35, 0.25, fractal(x / 60.0 + 9.0, y / 60.0, salt + 90, 2))
    relief = ramp(-380.0, 480.0, bed)
    rough = 45.0 + relief * (520.0 + 2100.0 * alpine) * (0.30 + 0.70 * inland)

    cap = fractal(x / 52.0 + 4.0, y / 52.0, salt + 100, 3) + 0.5 * (inland - 0.75)
    shore = ramp(w1 + 0.5, w1 + 8.0, d1)
    dome = plateau + 720.0 * (cap - 0.60) - 1500.0 * (1.0 - shore) + 25.0 * wave(x / 2.3, y / 2.3, salt + 105)
    tongue = 36.0 * (d1 - w1 - 1.0) - 520.0 + 900.0 * cap
    ice = max(dome, min(tongue, plateau - 160.0 + 250.0 * cap)) - 1250.0 * (1.0 - inland) - 60.0
    out[BED], out[ROUGH], out[ICE] = bed, rough, ice
    out[FLOW] = d2 if abs(d2) * 0.6 < abs(d3) else d3

    swirl_x = x + 2.5 * fractal(x / 6.0, y / 6.0, salt + 110, 3)
    swirl_y = y + 2.5 * fractal(x / 6.0, y / 6.0 + 17.0, salt + 120, 3)
    bands = fractal(swirl_x / 11.0, swirl_y / 11.0, salt + 130, 4)
    out[FLOES] = 0.75 * ramp(0.35, 1.0, 1.0 - inland + 0.3 * widen) + 1.3 * bands - 0.50
    out[SILT] = (0.35 + 1.1 * bands) * ramp(-400.0, -60.0, bed)
    out[ROCK] = fractal(x / 33.0, y / 33.0, salt + 140, 3) + 0.5 * alpine - 0.3
    out[GREEN] = 0.62 - 0.5 * inland + 0.6 * fractal(x / 12.0, y / 12.0, salt + 150, 4)


@kernel
def nodes(row: int, column: int, rows: int, columns: int, salt: int) -> NDArray[np.float32]:
    """Fields at lattice nodes `column`… eastwards and `row`… southwards (numbers of steps from the origin of the plane)."""
    out = np.empty((rows, columns, FIELDS), np.float32)
    for i in range(rows):
        for j in range(columns):
            _node((column + j) * (STEP_M / 1000.0), (row - i) * (STEP_M / 1000.0), salt, out[i, j])
    return out
