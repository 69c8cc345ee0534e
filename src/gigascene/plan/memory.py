"""Cut the work so that it fits: peak memory is projected before a byte is read, and kept by the engines.

limit >= base of every process + workers x (one window in hand + codec's scratch + one task's bodies)
         + ahead + GDAL's block cache + open handles
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import psutil

from gigascene.model.contracts import Codec
from gigascene.model.errors import LimitExceeded, UsageError
from gigascene.model.plan import Cut, Execution, Format
from gigascene.works.gather import Gather

MB = 1 << 20
BASE = 190 * MB
"""An idle process with the interpreter, NumPy, numba's kernels, GDAL and PROJ loaded; measured."""

GDAL_CACHE = 64 * MB
HANDLE = MB // 2
"""One open dataset with its block index."""

ROWS_WANTED = 512
"""Rows of one task, before memory says otherwise: source blocks decoded twice at task borders stay few."""

SMALLEST_WINDOW = 16
"""Rows below which reading gets slower than any memory saved is worth."""

TASKS_PER_WORKER = 4
"""At least so many tasks for each worker, so that all end together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one worker holds at its peak, bytes."""

    window: int
    """Stored numbers, physical values and levels of one window."""

    scratch: int
    bodies: int


def allowed() -> int:
    """Memory that is taken where nobody says: half of what is free now, at most 2 GiB, at least 512 MiB."""
    return max(min(int(psutil.virtual_memory().available) // 2, 2048 * MB), 512 * MB)


def memory_of(said: str | int) -> int:
    """Bytes from ``"1G"``, ``"750M"``, ``"1.5GiB"`` or a plain number.

    >>> memory_of("1.5G")
    1610612736
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([kmgt]?)(?:i?b)?\s*", str(said), re.IGNORECASE)
    if not found or float(found[1]) == 0:
        raise UsageError(f"cannot read the amount of memory {said!r}; write it as 750M or 1.5G")
    return int(float(found[1]) * 1024 ** " kmgt".index(found[2].lower() or " "))


def cut_to_memory(
    gather: Gather, format: Format, codec: Codec, wanted: Execution, processes: int
) -> tuple[Cut, Execution]:
    """The largest sensible tasks that fit into `wanted.memory`.

    Raises `LimitExceeded` when even one piece a task, one worker and windows of a few rows do not.
    """
    best = None
    for cut in _cuts(gather, format, codec, wanted.workers):
        ahead = _ahead(format, codec, cut, wanted.workers)
        total = projected(gather, format, codec, cut, wanted.workers, processes) + ahead
        if total <= wanted.memory:
            return cut, _execution(wanted, ahead, total)
        best = min(best or total, total)
    raise LimitExceeded(_too_small(gather, format, codec, wanted, processes, best or 0))


def projected(gather: Gather, format: Format, codec: Codec, cut: Cut, workers: int, processes: int) -> int:
    """Peak of the whole process tree without results in flight, bytes."""
    costs = worker_costs(gather, format, codec, cut)
    handles = workers * len(gather.assets) * HANDLE
    each = costs.window + costs.scratch + costs.bodies
    return processes * (BASE + GDAL_CACHE) + workers * each + handles


def worker_costs(gather: Gather, format: Format, codec: Codec, cut: Cut) -> Costs:
    """Peak of one worker."""
    grid = codec.pieces(format)
    across = min(cut.task_pieces, grid.across)
    width = min(across * grid.piece[1], grid.shape[1])
    rows = min(cut.window_rows, max(1, cut.task_pieces // grid.across) * grid.piece[0])
    window = rows * width * (pixel_bytes(gather) + format.bands * np.dtype(format.dtype).itemsize)
    return Costs(window=window, scratch=codec.scratch(format, across), bodies=cut.task_pieces * codec.bound(format))


def pixel_bytes(gather: Gather) -> int:
    """Bytes one pixel of a window costs on its way to levels."""
    if gather.tabled:
        return sum(np.dtype(asset.dtype).itemsize for asset in gather.assets) + 1 + 2 * len(gather.recipe.masks)
    channels = max(len(gather.product.channels), 1)
    return 4 * (3 * len(gather.assets) + 3 * channels) + 8


def _cuts(gather: Gather, format: Format, codec: Codec, workers: int) -> Iterator[Cut]:
    """From wanted to smallest: fewer pieces a task, then fewer rows a window."""
    grid, block = codec.pieces(format), gather.assets[0].blocks
    rows = -(-ROWS_WANTED // block[0]) * block[0]
    pieces = max(1, rows // grid.piece[0]) * (grid.across if block[1] > grid.piece[1] else 1)
    pieces = max(1, min(pieces, len(grid) // (TASKS_PER_WORKER * workers)))
    while True:
        yield Cut(task_pieces=pieces, window_rows=rows)
        if pieces > 1:
            pieces //= 2
        elif rows > SMALLEST_WINDOW:
            rows //= 2
        else:
            return


def _ahead(format: Format, codec: Codec, cut: Cut, workers: int) -> int:
    return 2 * workers * cut.task_pieces * codec.bound(format)


def _execution(wanted: Execution, ahead: int, total: int) -> Execution:
    return Execution(engine=wanted.engine, workers=wanted.workers, memory=wanted.memory, ahead=ahead, projected=total)


def _too_small(gather: Gather, format: Format, codec: Codec, wanted: Execution, processes: int, need: int) -> str:
    words = (
        f"This needs {need / MB:,.0f} MB with {wanted.workers} workers, and {wanted.memory / MB:,.0f} MB are allowed."
    )
    fewer = "Use fewer --workers, or --engine threads, or allow more with --memory."
    return f"{words} {fewer}"
