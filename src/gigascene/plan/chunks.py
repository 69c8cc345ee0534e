"""Advice for who works on the same pixels as chunked arrays (xarray, Dask, Zarr): whole native blocks, about 100 MB."""

from __future__ import annotations

from collections import Counter
from math import isqrt
from typing import Any

import numpy as np

from gigascene.model.plan import Plan
from gigascene.model.scene import Asset

WANTED = 100_000_000
"""Bytes of a chunk: Dask's own advice. Smaller ones cost more in scheduling than in work, a few larger ones fill a worker."""


def advice(plan: Plan) -> dict[str, Any]:
    """Rows and columns of a chunk, its native block, its size in decimal megabytes, and how many there are of the largest band.

    Empty where nothing is read by blocks. Chunks are those of the bands that are read, as float32, side by side.
    """
    scene = next(iter(plan.scenes), None)
    if scene is None or not scene.assets:
        return {}
    assets = list(scene.assets.values())
    largest = max(assets, key=lambda one: one.geobox.shape[0] * one.geobox.shape[1])
    block = _usual([one for one in assets if one.geobox.shape == largest.geobox.shape])
    pixel = len(assets) * np.dtype(np.float32).itemsize
    rows, columns = _chunk(block, (largest.geobox.shape[0], largest.geobox.shape[1]), WANTED // pixel)
    count = -(-largest.geobox.shape[0] // rows) * -(-largest.geobox.shape[1] // columns)
    mb = round(rows * columns * pixel / 1e6, 1)
    return {"rows": rows, "columns": columns, "native_block": list(block), "mb": mb, "count": count}


def _usual(assets: list[Asset]) -> tuple[int, int]:
    return Counter(one.blocks for one in assets).most_common(1)[0][0]


def _chunk(block: tuple[int, int], shape: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Whole blocks, up to so many pixels and nearly square, within the picture; strips go all the way across.

    >>> _chunk((512, 512), (10980, 10980), 8_333_333), _chunk((1, 7800), (7900, 7800), 8_333_333)
    ((3072, 2560), (1068, 7800))
    """
    columns = min(max(isqrt(pixels) // block[1], 1) * block[1], shape[1])
    rows = min(max(pixels // columns // block[0], 1) * block[0], shape[0])
    return rows, columns
