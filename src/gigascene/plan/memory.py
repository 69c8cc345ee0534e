"""Cut the work so that it fits: peak memory is projected before a byte is read, and kept by the engines.

limit >= (base + decoded blocks + tables) of every process + workers x (source pixels in hand + levels of a window + codec's scratch)
         + ahead (bodies being made, waiting or unclaimed) + open handles
and limit >= base of every process + what unpacks the source before the first task, or finishes the file behind the last
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import psutil

from gigascene.kernels._compiled import compiling
from gigascene.model.contracts import Codec
from gigascene.model.errors import LimitExceeded, UsageError
from gigascene.model.grid import PieceGrid
from gigascene.model.plan import Cut, Execution, Format
from gigascene.works._needs import Needs

MB = 1 << 20
BASE = 272 * MB
"""The interpreter, NumPy, GDAL and PROJ, and kernels: measured 150 to 195, and 40 more where Python finds no compiled sources."""

COMPILING = 64 * MB
"""More in the first run, which compiles the kernels: measured 50 to 70."""

LEAST_CACHE = 2 * MB
"""Of decoded blocks in one process."""

HANDLE = MB // 2
"""One open dataset with its block index."""

ROWS_WANTED = 512
"""Rows of one task, before memory says otherwise: source blocks decoded twice at task borders stay few."""

TASK_WANTED = 8 * MB
"""Levels of one task, unless one row of the sources' blocks is more."""

WINDOW_WANTED = 2 * MB
"""Source pixels in hand at once, where blocks are not larger: small enough for the processor's caches."""

PLAIN_WINDOW = 4 * MB
"""Levels in hand at once of a picture that has no blocks: a strip, or a row of a piece's tiles, so that nothing need be joined."""

SCATTERED_WANTED = 2048
"""Columns in hand at once where sources lie on other grids."""

SMALLEST_WINDOW = 16
"""Rows below which reading gets slower than any memory saved is worth."""

TASKS_PER_WORKER = 4
"""At least so many tasks for each worker, so that all end together."""


def allowed() -> int:
    """Memory that is taken where nobody says: half of what is free now, at most 2 GiB, at least 512 MiB."""
    return max(min(int(psutil.virtual_memory().available) // 2, 2048 * MB), 512 * MB)


def base() -> int:
    """What a process needs before it holds a pixel, bytes."""
    return BASE + (COMPILING if compiling() else 0)


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
    needs: Needs, format: Format, codec: Codec, wanted: Execution, processes: int, alone: int = 0
) -> tuple[Cut, Execution]:
    """The largest sensible tasks that fit into `wanted.memory`, and before or behind them what is done without them, `alone`.

    Raises `LimitExceeded` when even one piece a task and windows of a few rows do not.
    """
    total = 0
    for cut in _cuts(needs, format, codec, wanted.workers, processes):
        ahead = _under_way(wanted.workers, processes) * cut.task_pieces * codec.bound(format)
        running = projected(needs, format, codec, cut, wanted.workers, processes) + ahead
        total = max(running, processes * base() + alone)
        if total <= wanted.memory:
            return cut, replace(wanted, ahead=ahead, projected=total)
    raise LimitExceeded(
        f"This needs {total / MB:,.0f} MiB with {wanted.workers} workers ({wanted.engine}), and "
        f"{wanted.memory / MB:,.0f} MiB are allowed. {_less(wanted)}"
    )


def _under_way(workers: int, processes: int) -> int:
    """Tasks at a time: with each worker, and waiting. One that works elsewhere has the next at hand while its result travels."""
    return workers + (workers if processes > 1 else max(workers // 2, 1))


def of_worker(execution: Execution) -> int:
    """What one worker needs of `projected`, bytes, where each is a process of its own: what a job of a cluster must have."""
    return (execution.projected - execution.ahead - base()) // execution.workers


def _less(wanted: Execution) -> str:
    fewer = "Use fewer --workers, or allow" if wanted.workers > 1 else "Allow"
    other = " (each process needs its own base: --engine threads shares one)" if wanted.engine == "processes" else ""
    return f"{fewer} more with --memory{other}."


def projected(needs: Needs, format: Format, codec: Codec, cut: Cut, workers: int, processes: int) -> int:
    """Peak of the whole process tree without results in flight, bytes."""
    grid = codec.pieces(format)
    across = min(cut.task_pieces, grid.across)
    width = min(across * grid.piece[1], grid.shape[1])
    rows = min(cut.window_rows, max(1, cut.task_pieces // grid.across) * grid.piece[0], grid.shape[0])
    levels = rows * width * (format.bands * np.dtype(format.dtype).itemsize + needs.counted)
    columns = min(cut.window_columns, width)
    sources = rows * columns * needs.pixel + min(rows, needs.square) * min(columns, needs.square) * needs.hand
    handles = workers * max(len(needs.sources), 1) * HANDLE
    return (
        processes * (base() + cut.cache + needs.kept)
        + workers * (levels + sources + codec.scratch(format, across))
        + handles
    )


def _cuts(needs: Needs, format: Format, codec: Codec, workers: int, processes: int) -> Iterator[Cut]:
    """From wanted to smallest: fewer pieces a task, then fewer columns and rows a window."""
    grid, wanted = codec.pieces(format), _rows(needs, format)
    pieces = max(1, wanted // grid.piece[0]) * (grid.across if needs.block[1] > grid.piece[1] else 1)
    pieces = max(1, min(pieces, len(grid) // (TASKS_PER_WORKER * workers)))
    rows, columns = _wanted_window(needs, wanted, format, grid)
    threads = 1 if processes > 1 else workers
    while True:
        cache = _cache(needs, rows, columns, threads)
        yield Cut(task_pieces=pieces, window_rows=rows, window_columns=columns, cache=cache, cache_threads=threads)
        if pieces > 1:
            pieces //= 2
        elif needs.square and columns > needs.square:
            columns //= 2
        elif rows > SMALLEST_WINDOW:
            rows //= 2
        else:
            return


def _rows(needs: Needs, format: Format) -> int:
    """Rows of one task: whole rows of blocks, about `ROWS_WANTED`, but fewer where a few rows are much."""
    row = format.shape[1] * format.bands * np.dtype(format.dtype).itemsize
    wanted = max(1, min(ROWS_WANTED, TASK_WANTED // row))
    return -(-wanted // needs.block[0]) * needs.block[0]


def _wanted_window(needs: Needs, rows: int, format: Format, grid: PieceGrid) -> tuple[int, int]:
    """Rows and columns of a window, before memory says otherwise."""
    if needs.square:
        return max(rows, grid.piece[0]), SCATTERED_WANTED
    return _window(needs, rows, format.shape[1]) if needs.sources else _plain_window(grid, format)


def _window(needs: Needs, rows: int, width: int) -> tuple[int, int]:
    """Whole rows of blocks and a few blocks across; of strips, which go all the way across, a few rows."""
    block = needs.block
    wanted = WINDOW_WANTED // needs.pixel
    if block[1] >= width:
        return max(block[0], min(rows, wanted // width) // block[0] * block[0]), width
    return rows, max(1, wanted // rows // block[1]) * block[1]


def _plain_window(grid: PieceGrid, format: Format) -> tuple[int, int]:
    """The rows of a piece, halved until they are little."""
    rows, columns = grid.piece
    row = columns * format.bands * np.dtype(format.dtype).itemsize
    while rows * row > PLAIN_WINDOW and rows % 2 == 0:
        rows //= 2
    return rows, columns


def _cache(needs: Needs, rows: int, columns: int, workers: int) -> int:
    """Room for the blocks that every worker has in hand, in every band."""
    if needs.square:
        rows = min(rows, needs.square)
        blocks = sum(_under(rows, block[0]) * _under(columns, block[1]) * size for block, size in needs.sources)
    else:
        blocks = sum(block[0] * _touched(columns, block[1]) * size for block, size in needs.sources)
    return max(workers * blocks, LEAST_CACHE)


def _under(side: int, block: int) -> int:
    """Rows, or columns, of the blocks under so many of another grid, whose borders lie anywhere."""
    return (-(-side // block) + 1) * block


def _touched(width: int, block: int) -> int:
    """Columns of the blocks under so many columns: whole blocks, and one more where their sides cut blocks."""
    return -(-width // block) * block + (block if width % block else 0)
