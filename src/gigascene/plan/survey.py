"""Measure once, before any piece: histograms and maxima travel in the plan as numbers.

A sample is a set of whole native blocks, chosen by a fixed hash of their place
in the grid: the same for every engine, worker count and memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels import histogram
from gigascene.model.grid import PieceGrid, Window
from gigascene.model.product import stack
from gigascene.model.scene import Asset
from gigascene.plan.tone import Counted
from gigascene.works.gather import Gather, values

ENOUGH = 4_000_000
"""Valid pixels a sample wants."""

CELL = 256
"""Smallest side of a cell, pixels; cells are whole native blocks."""

MOST = 1 << 20
"""Pixels of a cell, where its blocks are as wide as the picture."""

BATCH = 4
"""Cells looked at between two questions whether it is enough. A constant, or the sample would depend on the workers."""

Mode = Literal["sample", "exact"]
T = TypeVar("T")


def survey(
    gather: Gather, mode: Mode, workers: int, within: Window | None = None, enough: int | None = None
) -> tuple[Counted, ...]:
    """Histogram of every channel of the product, over a sample of native blocks or over all pixels.

    `within` leaves out pixels beyond a window, and `enough` is how many valid ones a sample wants (None: `ENOUGH`).
    """
    enough = ENOUGH if enough is None else enough
    windows = cells(gather.assets[0].blocks, tuple(gather.geobox.shape), mode)
    if within is not None:
        windows = [part for cell in windows if (part := cell.common(within)) is not None]
    count, starts = _stored(gather) if gather.tabled else _values(gather, windows, mode, workers, enough)
    totals = [np.zeros(len(start), np.int64) for start in starts]
    for found in _until_enough(count, windows, mode, workers, lambda found: int(found[0].sum()), enough):
        totals = [total + part for total, part in zip(totals, found, strict=True)]
    names = gather.product.channels or tuple(asset.name for asset in gather.assets)
    return tuple(Counted(name=n, counts=c, starts=s) for n, c, s in zip(names, totals, starts, strict=True))


def maxima(gather: Gather, mode: Mode, workers: int) -> Mapping[str, float]:
    """Largest valid value of every band, by its common name."""
    return {asset.name: _maximum(gather, asset, mode, workers) for asset in gather.assets}


def cells(block: tuple[int, int], shape: tuple[int, int], mode: Mode) -> list[Window]:
    """Cells of whole native blocks; for a sample in the order of a fixed hash of their place in the grid."""
    width = min(-(-CELL // block[1]) * block[1], shape[1])
    rows = min(CELL, max(MOST // width, 1))
    grid = PieceGrid(shape=shape, piece=(min(-(-rows // block[0]) * block[0], shape[0]), width))
    order = range(len(grid))
    return [grid[i] for i in (sorted(order, key=_hash) if mode == "sample" else order)]


def _hash(index: int) -> bytes:
    return hashlib.sha256(index.to_bytes(8, "little")).digest()


def _until_enough(
    look: Callable[[Window], T],
    windows: list[Window],
    mode: Mode,
    workers: int,
    pixels: Callable[[T], int],
    enough: int | None = None,
) -> Iterator[T]:
    """Look at cell after cell, until a sample has enough valid pixels."""
    seen, enough = 0, ENOUGH if enough is None else enough
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(windows), BATCH):
            for found in pool.map(look, windows[first : first + BATCH]):
                seen += pixels(found)
                yield found
            if mode == "sample" and seen >= enough:
                return


def _stored(gather: Gather) -> tuple[Callable[[Window], list[NDArray[np.int64]]], list[NDArray[np.float64]]]:
    """Integers: one bin a stored number."""

    def count(window: Window) -> list[NDArray[np.int64]]:
        block = gather.stored(window)
        return [histogram.count_stored(band, block.valid) for band in block.data]

    return count, [row.astype(np.float64) for row in gather.tables]


def _values(
    gather: Gather, windows: list[Window], mode: Mode, workers: int, enough: int
) -> tuple[Callable[[Window], list[NDArray[np.int64]]], list[NDArray[np.float64]]]:
    """Floats: equal bins over the product's range, or over the values found where the channels are any bands."""
    spans = _extents(gather, windows, mode, workers, enough) if gather.product.make is stack else None
    channels = len(gather.product.channels) or len(gather.assets)
    spans = spans or [gather.product.range] * channels

    def count(window: Window) -> list[NDArray[np.int64]]:
        data = gather.physical(window).data
        return [histogram.count_values(channel, span) for channel, span in zip(data, spans, strict=True)]

    return count, [histogram.bin_starts(span) for span in spans]


def _extents(gather: Gather, windows: list[Window], mode: Mode, workers: int, enough: int) -> list[tuple[float, float]]:
    def extremes(window: Window) -> tuple[NDArray[np.float32], NDArray[np.float32], int]:
        block = gather.physical(window)
        data = block.data[:, block.valid]
        return data.min(axis=1, initial=np.inf), data.max(axis=1, initial=-np.inf), data.shape[1]

    found = list(_until_enough(extremes, windows, mode, workers, lambda found: found[2], enough))
    low, high = np.min([f[0] for f in found], axis=0), np.max([f[1] for f in found], axis=0)
    pairs = zip(low.tolist(), high.tolist(), strict=True)
    return [(a, b) if a < b else (a, a + 1) if a == b else (0.0, 1.0) for a, b in pairs]


def _maximum(gather: Gather, asset: Asset, mode: Mode, workers: int) -> float:
    calibration = gather.scene.calibration(asset, gather.recipe.quantity)

    def largest(window: Window) -> tuple[float, int]:
        found = values(asset, calibration, window)
        good = found[~np.isnan(found)]
        return float(good.max(initial=-np.inf)), good.size

    windows = cells(asset.blocks, tuple(asset.geobox.shape), mode)
    return max(most for most, _ in _until_enough(largest, windows, mode, workers, lambda found: found[1]))
