"""Document 3's way: worker processes make arrays and put them on a queue, one writer process compresses and writes.

    python queue_writer.py RED GREEN BLUE OUT LOW HIGH GAMMA WORKERS [zstd]

Written for this benchmark after the architecture that document 3 describes. Windows are whole blocks of the sources,
so that no block is read twice. It makes no overviews: that much less work than the others.
"""

from __future__ import annotations

import multiprocessing
import sys
from multiprocessing.queues import Queue
from typing import Any

import numpy as np
import rasterio
from rasterio.windows import Window

SIDE = 1024
AHEAD = 8
"""Arrays that may wait on the queue."""


def windows(width: int, height: int) -> list[Window]:
    """Squares that cover a picture."""
    return [
        Window(left, top, min(SIDE, width - left), min(SIDE, height - top))
        for top in range(0, height, SIDE)
        for left in range(0, width, SIDE)
    ]


def stretched(band: np.ndarray, low: float, high: float, gamma: float) -> np.ndarray:
    """Clamped, normalised, brightened, to 1 … 255; 0 where there is no data."""
    share = (np.clip(band.astype(np.float64), low, high) - low) / (high - low)
    levels = (1 + np.rint(254 * share ** (1 / gamma))).astype(np.uint8)
    levels[band == 0] = 0
    return levels


def work(paths: list[str], look: tuple[float, float, float], jobs: Queue[Any], done: Queue[Any]) -> None:
    """One worker: windows from one queue, pictures onto the other, until there are none."""
    files = [rasterio.open(path) for path in paths]
    while (window := jobs.get()) is not None:
        done.put((window, np.stack([stretched(file.read(1, window=window), *look) for file in files])))
    done.put(None)


def write(path: str, profile: dict[str, Any], workers: int, done: Queue[Any]) -> None:
    """The writer, until every worker is done."""
    with rasterio.open(path, "w", **profile) as file:
        while workers:
            item = done.get()
            if item is None:
                workers -= 1
            else:
                file.write(item[1], window=item[0])


def profile_of(path: str, compress: str) -> dict[str, Any]:
    """The output, as wide and high as the first source; deflate 6 or zstd 1."""
    with rasterio.open(path) as file:
        shape = {"width": file.width, "height": file.height, "crs": file.crs, "transform": file.transform}
    level = {"zstd_level": 1} if compress == "zstd" else {"zlevel": 6}
    codec = {"compress": compress, **level, "predictor": 2, "interleave": "pixel", "photometric": "rgb"}
    tiles = {"tiled": True, "blockxsize": 512, "blockysize": 512}
    return {"driver": "GTiff", "count": 3, "dtype": "uint8", "nodata": 0, **shape, **codec, **tiles}


def main(
    red: str, green: str, blue: str, out: str, low: str, high: str, gamma: str, workers: str, compress: str = "deflate"
) -> None:
    """Start the workers and the writer, hand out the windows, wait."""
    count, profile = int(workers), profile_of(red, compress)
    jobs: Queue[Any] = multiprocessing.Queue()
    done: Queue[Any] = multiprocessing.Queue(AHEAD)
    for window in [*windows(profile["width"], profile["height"]), *[None] * count]:
        jobs.put(window)
    look = (float(low), float(high), float(gamma))
    pool = [multiprocessing.Process(target=work, args=([red, green, blue], look, jobs, done)) for _ in range(count)]
    pool.append(multiprocessing.Process(target=write, args=(out, profile, count, done)))
    for process in pool:
        process.start()
    for process in pool:
        process.join()
        if process.exitcode:
            raise SystemExit("a worker failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
