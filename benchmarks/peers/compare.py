"""Largest and mean difference of two pictures, pixel by pixel: prints JSON. `python compare.py ONE OTHER`."""

from __future__ import annotations

import json
import sys
import warnings

import numpy as np
import rasterio
from rasterio.windows import Window

ROWS = 1024


def main(one: str, other: str) -> None:
    """Compare rows in groups."""
    warnings.simplefilter("ignore")
    largest, total, count = 0, 0, 0
    with rasterio.open(one) as a, rasterio.open(other) as b:
        if a.shape != b.shape:
            raise SystemExit(f"{a.shape} is not {b.shape}")
        for top in range(0, a.height, ROWS):
            window = Window(0, top, a.width, min(ROWS, a.height - top))
            pair = (file.read((1, 2, 3), window=window).astype(np.int16) for file in (a, b))
            difference = np.abs(np.subtract(*pair))
            largest = max(largest, int(difference.max()))
            total += int(difference.sum())
            count += difference.size
    print(json.dumps({"largest": largest, "mean": total / count}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
