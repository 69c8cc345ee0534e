"""Document 3's way as its exercises have it: a pool of processes, a manager's queue, one writer process.

    python process_pool.py RED GREEN BLUE OUT LOW HIGH GAMMA WORKERS [zstd]

Written for this benchmark after the description of the four parts: windows of 512 in rows (initiation), a job that opens
its bands, reads its window, stretches and stacks it and puts it on the queue (job), a pool under the start method
`spawn` (orchestration), a writer that compresses what the queue holds until it meets None (aggregation). It makes no
overviews: that much less work than the others. `queue_writer.py` is the same architecture with its weak points mended.
"""

from __future__ import annotations

import multiprocessing
import sys
from functools import partial
from queue import Queue
from typing import Any

import numpy as np
import rasterio
from queue_writer import profile_of, stretched
from rasterio.windows import Window

SIDE = 512


def windows(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Column, row, width and height of every job, in rows."""
    return [
        (left, top, min(SIDE, width - left), min(SIDE, height - top))
        for top in range(0, height, SIDE)
        for left in range(0, width, SIDE)
    ]


def job(place: tuple[int, int, int, int], paths: list[str], look: tuple[float, float, float], done: Queue[Any]) -> None:
    """One window of all bands, onto the queue."""
    bands = []
    for path in paths:
        with rasterio.open(path) as file:
            bands.append(stretched(file.read(1, window=Window(*place)), *look))
    done.put((place, np.stack(bands)))


def aggregate(path: str, profile: dict[str, Any], done: Queue[Any]) -> None:
    """The writer, until there is nothing more."""
    with rasterio.open(path, "w", **profile) as file:
        while (item := done.get()) is not None:
            file.write(item[1], window=Window(*item[0]))


def main(
    red: str, green: str, blue: str, out: str, low: str, high: str, gamma: str, workers: str, codec: str = "deflate"
) -> None:
    """Orchestrate."""
    profile = profile_of(red, codec)
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        done = manager.Queue()
        writer = context.Process(target=aggregate, args=(out, profile, done))
        writer.start()
        look = (float(low), float(high), float(gamma))
        with context.Pool(int(workers)) as pool:
            one = partial(job, paths=[red, green, blue], look=look, done=done)
            pool.map(one, windows(profile["width"], profile["height"]), chunksize=1)
        done.put(None)
        writer.join()
        if writer.exitcode:
            raise SystemExit("the writer failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
