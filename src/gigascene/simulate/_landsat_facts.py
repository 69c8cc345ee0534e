"""The one Landsat scene that is simulated: orbit, moment, size, outline, calibration."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gigascene.model.errors import UsageError
from gigascene.simulate._geotiff import Grid

Level = Literal["l1", "l2"]
Size = tuple[int, int] | Literal["full", "small"]

SIZES: dict[str, tuple[int, int]] = {"full": (7900, 7800), "small": (1200, 1160)}
"""Rows and columns at 30 m."""

ACQUIRED = date(2014, 8, 20)
CENTER_TIME = "13:21:06.4280130Z"
SUN_AZIMUTH_DEG, SUN_ELEVATION_DEG = 173.69281440, 31.79061530
EARTH_SUN_DISTANCE_AU = 1 - 0.01672 * math.cos(math.radians(0.9856 * (ACQUIRED.timetuple().tm_yday - 4)))
EPSG, UTM_ZONE = 32626, 26
CENTER_X, CENTER_Y = 574_800.0, 7_822_500.0
"""Middle of the scene, metres: Scoresby Sund, East Greenland."""

BANDS_L1: dict[str, str] = {
    "B1": "coastal",
    "B2": "blue",
    "B3": "green",
    "B4": "red",
    "B5": "nir08",
    "B6": "swir16",
    "B7": "swir22",
    "B9": "cirrus",
}
"""Reflective bands on the 30 m grid, by the archive's own names."""

THERMAL = {"B10": (774.8853, 1321.0789), "B11": (480.8883, 1201.1442)}
"""K1 (W m-2 sr-1 um-1) and K2 (K) of Landsat 8, from its metadata."""

RADIANCE_GAIN_1AU = {
    1: 1.25559e-2, 2: 1.28574e-2, 3: 1.18479e-2, 4: 9.99080e-3, 5: 6.11384e-3,
    6: 1.52050e-3, 7: 5.12480e-4, 8: 1.13063e-2, 9: 2.38944e-3,
}  # fmt: skip
"""Radiance of one stored number at 1 au, W m-2 sr-1 um-1, by band: from published metadata, times their distance squared."""

REFLECTANCE_GAIN, REFLECTANCE_OFFSET = 2.0e-5, -0.1
THERMAL_GAIN, THERMAL_OFFSET = 3.342e-4, 0.1
SURFACE_GAIN, SURFACE_OFFSET = 2.75e-5, -0.2
TEMPERATURE_GAIN, TEMPERATURE_OFFSET = 0.00341802, 149.0

_CUT_TOP, _CUT_SIDE = 0.235, 0.185
"""Where the corners of the imaged strip touch the top and the sides of its bounding box, parts of its length."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Grids and outline of a scene of some size."""

    rows: int
    columns: int
    level: Level

    @property
    def product_id(self) -> str:
        """Name of the scene in the archive."""
        kind = "L1TP" if self.level == "l1" else "L2SP"
        return f"LC08_{kind}_226010_{ACQUIRED:%Y%m%d}_20200911_02_T1"

    @property
    def grid(self) -> Grid:
        """Of the 30 m bands."""
        x, y = CENTER_X - 30.0 * (self.columns // 2), CENTER_Y + 30.0 * (self.rows // 2)
        return Grid(x=x, y=y, step=30.0, rows=self.rows, columns=self.columns, epsg=EPSG)

    @property
    def pan(self) -> Grid:
        """Of the 15 m band: it shares the centres of the 30 m pixels and has one more between each two."""
        coarse = self.grid
        shape = {"rows": 2 * self.rows - 1, "columns": 2 * self.columns - 1}
        return Grid(x=coarse.x, y=coarse.y, step=15.0, epsg=EPSG, **shape)

    @property
    def files(self) -> dict[str, Grid]:
        """Grid of every image file, by the end of its name."""
        if self.level == "l2":
            names = [f"SR_B{number}" for number in range(1, 8)] + ["ST_B10", "QA_PIXEL", "QA_RADSAT"]
            return dict.fromkeys(names, self.grid)
        names = [f"B{number}" for number in range(1, 12)] + ["QA_PIXEL", "QA_RADSAT"]
        return {name: self.pan if name == "B8" else self.grid for name in names}

    @property
    def outline(self) -> NDArray[np.float64]:
        """Corners (x, y) of the imaged strip, clockwise from the north-west; the orbit runs towards south-south-west."""
        grid = self.grid
        wide, high = grid.step * (grid.columns - 1), grid.step * (grid.rows - 1)
        a, b = _CUT_TOP, _CUT_SIDE
        parts = np.array([[a, 0.0], [1.0, b], [1.0 - a, 1.0], [0.0, 1.0 - b]])
        return parts * [wide, -high] + [grid.x, grid.y]

    @property
    def sides(self) -> NDArray[np.float64]:
        """Half planes (a, b, c) of the strip: inside where ``a * x + b * y >= c``."""
        start, end = self.outline, np.roll(self.outline, -1, axis=0)
        a, b = end[:, 1] - start[:, 1], start[:, 0] - end[:, 0]
        return np.stack([a, b, a * start[:, 0] + b * start[:, 1]], axis=1)


def layout(size: Size, level: Level) -> Layout:
    """The layout asked for; raises `UsageError`."""
    if isinstance(size, str) and size not in SIZES:
        raise UsageError(f"no size is called {size!r}; choose {', '.join(SIZES)} or ROWSxCOLUMNS")
    rows, columns = SIZES[size] if isinstance(size, str) else size
    if not (16 <= rows <= 20_000 and 16 <= columns <= 20_000):
        raise UsageError(f"a scene has 16 to 20000 rows and columns, not {rows}x{columns}")
    if level not in ("l1", "l2"):
        raise UsageError(f"no level is called {level!r}; choose l1 or l2")
    return Layout(rows=rows, columns=columns, level=level)
