"""Largest and mean difference of two pictures, and the share of more than one level: prints JSON. `python compare.py ONE OTHER`.

What one of them has beyond the right and lower edge of the other must be empty.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window

ROWS = 1024


def main(one: str, other: str) -> None:
    """Compare rows in groups."""
    warnings.simplefilter("ignore")
    largest, total, far, count = 0, 0, 0, 0
    with rasterio.open(one) as a, rasterio.open(other) as b:
        _check(a, b)
        height, width = max(a.height, b.height), max(a.width, b.width)
        for top in range(0, height, ROWS):
            difference = np.abs(np.subtract(*(_rows(file, top, min(ROWS, height - top), width) for file in (a, b))))
            largest = max(largest, int(difference.max()))
            total += int(difference.sum())
            far += np.count_nonzero(difference > 1)
            count += difference.size
    print(json.dumps({"largest": largest, "mean": total / count, "far": far / count}))


def _check(a: Any, b: Any) -> None:
    """Both on one grid; or of one size, where a picture lies nowhere."""
    if a.crs and b.crs:
        if a.crs != b.crs or a.transform != b.transform:
            raise SystemExit(f"{a.crs} {a.transform} is not {b.crs} {b.transform}")
    elif a.shape != b.shape:
        raise SystemExit(f"{a.shape} is not {b.shape}")


def _rows(file: Any, top: int, rows: int, width: int) -> Any:
    """Some rows of all bands; 0 beyond the edges of the file."""
    found = np.zeros((3, rows, width), np.int16)
    inside = min(rows, file.height - top)
    if inside > 0:
        window = Window(0, top, file.width, inside)
        found[:, :inside, : file.width] = file.read((1, 2, 3), window=window)
    return found


if __name__ == "__main__":
    main(*sys.argv[1:3])
