"""The strongest short program: rasterio windows, a look-up table, GDAL's own threads for the codec, a small cache.

    python simple_loop.py RED GREEN BLUE OUT LOW HIGH [--overviews]

GDAL can only append overviews, so with them the file is a tiled GeoTIFF, not a COG.
"""

from __future__ import annotations

import sys

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.windows import Window

ROWS = 1024
OVERVIEWS = (2, 4, 8, 16, 32)


def table(low: float, high: float) -> np.ndarray:
    """Level of every stored number: 1 … 255, and 0 for no data."""
    share = (np.clip(np.arange(65_536.0), low, high) - low) / (high - low)
    levels = (1 + np.rint(254 * share)).astype(np.uint8)
    levels[0] = 0
    return levels


def main(red: str, green: str, blue: str, out: str, low: str, high: str) -> None:
    """Read, look up and write, a row of blocks at a time."""
    levels = table(float(low), float(high))
    with rasterio.Env(GDAL_CACHEMAX=64 << 20, GDAL_NUM_THREADS="ALL_CPUS", GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        files = [rasterio.open(path) for path in (red, green, blue)]
        first = files[0]
        with rasterio.open(
            out, "w", driver="GTiff", width=first.width, height=first.height, count=3, dtype="uint8", nodata=0,
            crs=first.crs, transform=first.transform, tiled=True, blockxsize=512, blockysize=512,
            compress="deflate", zlevel=6, predictor=2, interleave="pixel", photometric="rgb", num_threads="ALL_CPUS",
        ) as target:  # fmt: skip
            for top in range(0, first.height, ROWS):
                window = Window(0, top, first.width, min(ROWS, first.height - top))
                target.write(np.stack([levels[file.read(1, window=window)] for file in files]), window=window)
        if "--overviews" in sys.argv:
            with rasterio.open(out, "r+") as target:
                target.build_overviews(OVERVIEWS, Resampling.average)


if __name__ == "__main__":
    main(*sys.argv[1:7])
