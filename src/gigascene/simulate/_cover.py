"""What covers the land and the sea, pixel by pixel: rock, plants, snow, ice, water, floes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.simulate import materials as m
from gigascene.simulate._noise import eroded, fractal, hashed, ramp, wave
from gigascene.simulate._terrain import BED, FLOES, FLOW, GREEN, ICE, ROCK, ROUGH, SILT

F32 = NDArray[np.float32]

WATER, SNOW = 1, 2
"""Flags of `kind`."""

ICE_EDGE_M = 14.0
"""Land ice that stands less above the sea has calved into it."""

_SALT_RELIEF, _SALT_COVER = 200, 300


@kernel
def heights(fields: F32, y: float, x: float, step: float, salt: int) -> F32:
    """Bare ground with its fine detail, and the surface of land ice over it (or the ground again): (2, y, x), metres."""
    rows, columns = fields.shape[0], fields.shape[1]
    out = np.empty((2, rows, columns), np.float32)
    octaves = 9 if step < 40.0 else max(1, int(9.0 - math.log2(step / 30.0)))
    for row in range(rows):
        v = (y - row * step) / 9600.0
        for column in range(columns):
            at = fields[row, column]
            detail = eroded((x + column * step) / 9600.0, v, salt + _SALT_RELIEF, octaves)
            bed = at[BED] + at[ROUGH] * detail
            out[0, row, column] = bed
            out[1, row, column] = at[ICE] if at[ICE] > max(bed, ICE_EDGE_M) else bed
    return out


@kernel
def _lay(color: F32, table: F32, material: int, share: float) -> None:
    """Cover a share of the pixel with a material."""
    if share > 0.0:
        for band in range(color.size):
            color[band] += np.float32(share) * (table[material, band] - color[band])


@kernel
def _shade(color: F32, factor: float) -> None:
    for band in range(color.size):
        color[band] *= np.float32(factor)


@kernel
def _floe(x: float, y: float, cell: float, salt: int) -> tuple[float, float, float]:
    """Cellular noise (Worley 1996): distance to the nearest seed, to the border with the next cell (both in cells), its lot."""
    u, v = x / cell, y / cell
    iu, iv = math.floor(u), math.floor(v)
    first, second, lot = 9.0, 9.0, 0.0
    for dv in range(-1, 2):
        for du in range(-1, 2):
            h = hashed(iu + du, iv + dv, salt)
            px = iu + du + (np.int64(h & np.uint32(1023)) + 0.5) / 1024.0 - u
            py = iv + dv + (np.int64((h >> np.uint32(10)) & np.uint32(1023)) + 0.5) / 1024.0 - v
            d = math.sqrt(px * px + py * py)
            if d < first:
                first, second, lot = d, first, np.int64(h >> np.uint32(20)) / 4096.0
            elif d < second:
                second = d
    return first, second - first, lot


@kernel
def _sea_ice(color: F32, table: F32, x: float, y: float, packed: float, salt: int) -> float:
    """Floes of three sizes with brash between them; the share of ice."""
    wx, wy = x + 60.0 * wave(x / 170.0, y / 170.0, salt), y + 60.0 * wave(x / 170.0, y / 170.0, salt + 1)
    brash = ramp(0.05, 0.75, packed + 0.45 * fractal(wx / 420.0, wy / 420.0, salt + 2, 4) - 0.12)
    _lay(color, table, m.BRASH, 0.75 * brash)
    whole = 0.6 * brash
    for size in range(3):
        cell = 2100.0 if size == 0 else (620.0 if size == 1 else 190.0)
        chance = packed * (0.55 + 0.25 * size) - 0.05 * (2 - size)
        _, border, lot = _floe(wx, wy, cell, salt + 10 + size)
        if lot < chance:
            share = ramp(25.0, 75.0, border * cell - 30.0 * lot)
            _lay(color, table, m.FLOE, share * (0.75 + 0.25 * lot / max(chance, 0.01)))
            whole = max(whole, share)
    return whole


@kernel
def _sea(color: F32, table: F32, at: F32, x: float, y: float, salt: int) -> float:
    """Water, silt, floes and bergs; the share of ice."""
    for band in range(color.size):
        color[band] = table[m.WATER, band]
    streaks = fractal(x / 2600.0, y / 2600.0, salt, 3)
    _lay(color, table, m.SILT, 0.85 * ramp(0.05, 0.95, at[SILT] + 0.35 * streaks))
    share = 0.0
    if at[FLOES] > -0.15:
        share = _sea_ice(color, table, x, y, ramp(-0.1, 0.85, at[FLOES]), salt + 10)
    fronts = ramp(-500.0, 20.0, at[ICE])
    distance, _, lot = _floe(x, y, 520.0, salt + 40)
    odds = 0.006 + 0.30 * fronts
    if lot < odds:
        size = 0.05 + 0.22 * (1.0 - lot / odds) ** 4
        berg = ramp(size, size * 0.6, distance + 0.09 * wave(x / 75.0, y / 75.0, salt + 41))
        _lay(color, table, m.SNOW, berg)
        share = max(share, berg)
    return share


@kernel
def _land(
    color: F32, table: F32, at: F32, x: float, y: float, z: float, slope: float, light: float, salt: int
) -> float:
    """Rock, gravel, plants and late snow; the share of snow."""
    fine = fractal(x / 700.0, y / 700.0, salt, 5)
    for band in range(color.size):
        color[band] = table[m.BASALT, band]
    _lay(color, table, m.GNEISS, ramp(-0.35, 0.45, at[ROCK] + 0.4 * fine))
    _shade(color, 1.0 + 0.22 * wave(z / 70.0, 0.3 + 0.1 * fine, salt + 8) + 0.18 * fine)
    flat = 1.0 - ramp(0.12, 0.40, slope)
    _lay(color, table, m.GRAVEL, 0.8 * flat * ramp(70.0, 12.0, z + 30.0 * fine) * ramp(-0.3, 0.3, fine + 0.2))
    vigour = at[GREEN] + 0.55 * fine + 0.25 * (light - 1.0)
    plants = (
        ramp(0.05, 0.75, vigour) * (1.0 - ramp(260.0, 640.0, z)) * (1.0 - ramp(0.30, 0.75, slope)) * ramp(1.0, 14.0, z)
    )
    _lay(color, table, m.HEATH, 0.9 * plants)
    _lay(color, table, m.TUNDRA, 0.85 * plants * ramp(0.35, 1.0, vigour))
    line = 1540.0 + 380.0 * (light - 1.0) - 420.0 * ramp(-350.0, -20.0, at[ICE] - z)
    snow = ramp(-190.0, 210.0, z - line + 420.0 * fine) * (1.0 - 0.92 * ramp(0.60, 1.1, slope))
    drift = ramp(0.30, 0.55, 0.5 * fractal(x / 330.0, y / 330.0, salt + 20, 3) - 0.55 * (light - 0.55))
    snow = max(snow, 0.85 * drift * ramp(380.0, 1000.0, z + 300.0 * fine))
    _lay(color, table, m.SNOW, snow)
    return snow


@kernel
def _glacier(color: F32, table: F32, at: F32, x: float, y: float, z: float, thick: float, salt: int) -> None:
    """Bare ice with moraines below the firn line, wet snow and snow above it."""
    fine = fractal(x / 900.0, y / 900.0, salt, 4)
    for band in range(color.size):
        color[band] = table[m.ICE, band]
    _shade(color, 1.0 + 0.16 * fine + 0.10 * wave(at[FLOW] * 16.0, x / 20000.0, salt + 9))
    old = 1.0 - ramp(500.0, 1000.0, z)
    lines = wave(at[FLOW] * 4.3, (x + y) / 30000.0, salt + 10) + 0.10 * fine
    _lay(color, table, m.DEBRIS, 0.75 * ramp(0.30, 0.52, lines) * (1.0 - ramp(700.0, 1050.0, z)))
    _lay(color, table, m.DEBRIS, 0.85 * ramp(16.0, 2.0, thick + 10.0 * fine) * (1.0 - ramp(500.0, 900.0, z)))
    firn = z - 1180.0 + 300.0 * fine
    distance, _, lot = _floe(x, y, 1500.0, salt + 11)
    if lot < 0.10 and abs(firn) < 260.0:
        _lay(color, table, m.POND, 0.9 * ramp(0.16, 0.10, distance + 0.05 * fine) * (1.0 - old))
    _lay(color, table, m.FIRN, 0.9 * ramp(-160.0, 200.0, firn))
    _lay(color, table, m.SNOW, ramp(150.0, 700.0, firn))


@kernel
def _fill(
    color: F32, table: F32, at: F32, x: float, y: float, bed: float, z: float, slope: float, light: float, salt: int
) -> tuple[float, int]:
    """Colour of one pixel, put into `color`; its temperature (K) and kind."""
    if z > bed:
        _glacier(color, table, at, x, y, z, z - bed, salt + 100)
        return 272.6 - 0.0035 * max(z - 900.0, 0.0), SNOW
    if z > 0.0:
        snow = _land(color, table, at, x, y, z, slope, light, salt + 200)
        heat = 282.5 - 0.0052 * z + 5.5 * (min(light, 1.6) - 1.0)
        return heat + min(snow, 1.0) * (272.4 - 0.001 * z - heat), SNOW if snow > 0.5 else 0
    ice = _sea(color, table, at, x, y, salt)
    return 276.2 - 4.0 * ice + 0.8 * at[SILT], SNOW if ice > 0.5 else WATER


@kernel
def paint(
    fields: F32, heights: F32, y: float, x: float, step: float, sun: tuple[float, float, float], table: F32, salt: int
) -> tuple[F32, F32, F32, NDArray[np.uint8]]:
    """Reflectance (band, y, x), direct light, temperature (K) and kind, each (y, x).

    `fields` and `heights` reach one pixel farther on every side; `y` and `x` are of the first pixel returned.
    """
    rows, columns, bands = fields.shape[0] - 2, fields.shape[1] - 2, table.shape[1]
    reflectance = np.empty((bands, rows, columns), np.float32)
    light = np.empty((rows, columns), np.float32)
    kelvin = np.empty((rows, columns), np.float32)
    kind = np.empty((rows, columns), np.uint8)
    color = np.empty(bands, np.float32)
    bed, top = heights[0], heights[1]
    salt += _SALT_COVER
    for i in range(rows):
        py = y - i * step
        for j in range(columns):
            px, r, c = x + j * step, i + 1, j + 1
            east = (top[r, c + 1] - top[r, c - 1]) / (2.0 * step)
            north = (top[r - 1, c] - top[r + 1, c]) / (2.0 * step)
            lit = _light(east, north, sun) if top[r, c] > 0.0 else 1.0
            slope = math.sqrt(east * east + north * north)
            heat, flag = _fill(color, table, fields[r, c], px, py, bed[r, c], top[r, c], slope, lit, salt)
            grain = 1.0 + (0.0 if flag & WATER else 0.08) * fractal(px / 95.0, py / 95.0, salt + 300, 2)
            for band in range(bands):
                reflectance[band, i, j] = color[band] * grain
            light[i, j], kelvin[i, j], kind[i, j] = lit, heat, flag
    return reflectance, light, kelvin, kind


@kernel
def _light(east: float, north: float, sun: tuple[float, float, float]) -> float:
    """Sunlight on a slope relative to level ground (Lambert)."""
    towards = (sun[2] - east * sun[0] - north * sun[1]) / math.sqrt(1.0 + east * east + north * north)
    return max(towards, 0.0) / sun[2]
