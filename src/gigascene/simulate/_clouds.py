"""The sky of one day: low clouds and cirrus as fields over the plane."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.simulate._noise import fractal, ramp

F32 = NDArray[np.float32]

STEP_M = 180.0
"""Spacing of the lattice of clouds, metres."""

LOW, HIGH, FIELDS = 0, 1, 2
"""Thickness of low clouds and of cirrus; there is cloud where it is above zero."""


@kernel
def nodes(row: int, column: int, rows: int, columns: int, salt: int) -> F32:
    """Both fields at lattice nodes, rows going south."""
    out = np.empty((rows, columns, FIELDS), np.float32)
    for i in range(rows):
        y = (row - i) * (STEP_M / 1000.0)
        for j in range(columns):
            x = (column + j) * (STEP_M / 1000.0)
            wx = x + 3.0 * fractal(x / 14.0, y / 14.0, salt + 1, 3)
            wy = y + 3.0 * fractal(x / 14.0, y / 14.0 + 9.0, salt + 5, 3)
            weather = fractal(wx / 75.0, wy / 75.0, salt + 10, 3)
            out[i, j, LOW] = 0.85 * fractal(wx / 7.5, wy / 5.5, salt + 20, 4) + 1.8 * weather - 0.61
            streaks = fractal((0.8 * wx + 0.6 * wy) / 60.0, (0.8 * wy - 0.6 * wx) / 9.0, salt + 30, 4)
            out[i, j, HIGH] = 0.7 * streaks + 1.1 * fractal(x / 90.0, y / 90.0, salt + 40, 2) - 0.40
    return out


@kernel
def opacity(fields: F32, y: float, x: float, step: float, salt: int, more: float) -> F32:
    """Opacity of low clouds (0 to 1), their nearness (above 0 at and around clouds), opacity of cirrus: (3, y, x).

    `fields` are those of `nodes` at the pixels; `y`, `x` (m) the first pixel, `step` (m) their size; `more` is added to
    the thickness of low clouds.
    """
    rows, columns = fields.shape[0], fields.shape[1]
    out = np.zeros((3, rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            low, high = fields[row, column, LOW] + more, fields[row, column, HIGH]
            if low > -0.35:
                low += 0.34 * fractal((x + column * step) / 1100.0, (y - row * step) / 1100.0, salt + 50, 4)
                out[0, row, column] = ramp(0.0, 0.42, low)
                out[1, row, column] = ramp(-0.12, 0.0, low)
            if high > 0.0:
                out[2, row, column] = 0.35 * min(high, 1.0)
    return out
