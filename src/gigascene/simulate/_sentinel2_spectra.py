"""Materials, clouds and skylight in the bands of Sentinel-2, from those that `materials` has."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gigascene.simulate import materials

F32 = NDArray[np.float32]

_SAME = {
    "B01": "coastal",
    "B02": "blue",
    "B03": "green",
    "B04": "red",
    "B8A": "nir08",
    "B11": "swir16",
    "B12": "swir22",
}

_STEPS = {"B05": 0.20, "B06": 0.38, "B07": 0.59, "B08": 0.84, "B09": 1.00}
"""Part of the way from red (665 nm) to near infrared (865 nm), by wavelength."""

_RED_EDGE = {"B05": 0.22, "B06": 0.72, "B07": 0.92, "B08": 0.98, "B09": 1.00}
"""The same for green plants, whose reflectance leaps between 690 and 740 nm (Horler et al. 1983)."""


def ground(names: tuple[str, ...]) -> F32:
    """Reflectance (material, band)."""
    table = np.stack([_column(materials.REFLECTANCE, name) for name in names], axis=1)
    for row in (materials.TUNDRA, materials.HEATH):
        table[row] = [_between(materials.REFLECTANCE[row], name, _RED_EDGE) for name in names]
    return np.ascontiguousarray(table, np.float32)


def optics(name: str) -> tuple[float, float, float]:
    """Of one band: part of the light that is diffuse, reflectance of thick clouds and of cirrus."""
    diffuse, cloud, cirrus = (
        float(_column(rows[None], name)[0]) for rows in (materials.DIFFUSE, materials.CLOUD, materials.CIRRUS)
    )
    return diffuse, cloud, cirrus


def _column(rows: F32, name: str) -> F32:
    return np.array([_between(row, name, _STEPS) for row in rows], np.float32)


def _between(row: F32, name: str, steps: dict[str, float]) -> float:
    if name in _SAME:
        return float(row[materials.BANDS.index(_SAME[name])])
    red, nir = float(row[materials.BANDS.index("red")]), float(row[materials.BANDS.index("nir08")])
    return red + steps[name] * (nir - red)
