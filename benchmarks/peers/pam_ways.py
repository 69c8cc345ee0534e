"""Two ways to one large PAM from many workers: `python pam_ways.py queue|in-place threads|processes IN OUT`.

queue: workers hand their rows to the one that writes, who appends them. in-place: the file is made as large as it will be,
and every worker writes its own rows where they belong; what comes home are checksums. Both read the same rows of a PPM and
hash them, as gigascene does, and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROWS = 16
"""Of one piece: 1.2 MB of a picture 26,000 pixels wide."""

AHEAD = 4
"""Pieces in flight for each worker."""


def header(path: str) -> tuple[int, int, int]:
    """Bytes of the header, of a row, and rows."""
    with Path(path).open("rb") as file:
        _, (width, height), _ = file.readline(), map(int, file.readline().split()), file.readline()
        return file.tell(), 3 * width, height


def rows_of(source: str, start: int, row: int, top: int, count: int) -> tuple[bytearray, str]:
    """Some rows and their checksum."""
    data = bytearray(count * row)
    with Path(source).open("rb", buffering=0) as file:
        os.preadv(file.fileno(), [data], start + top * row)
    return data, hashlib.sha256(data).hexdigest()


def placed(source: str, target: str, start: int, row: int, top: int, count: int, begin: int) -> str:
    """Write some rows where they belong."""
    data, found = rows_of(source, start, row, top, count)
    file = os.open(target, os.O_WRONLY)
    os.pwrite(file, data, begin + top * row)
    os.close(file)
    return found


def in_order(pool: Executor, workers: int, jobs: Iterator[tuple[Any, ...]]) -> Iterator[Any]:
    """Results in order, with few in flight."""
    waiting: deque[Future[Any]] = deque()
    for function, *arguments in jobs:
        waiting.append(pool.submit(function, *arguments))
        if len(waiting) > AHEAD * workers:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def main(way: str, engine: str, source: str, target: str) -> None:
    """Write, flush, done."""
    start, row, height = header(source)
    words = f"P7\nWIDTH {row // 3}\nHEIGHT {height}\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n".encode()
    workers = os.cpu_count() or 1
    pieces = [(top, min(ROWS, height - top)) for top in range(0, height, ROWS)]
    pool = ThreadPoolExecutor(workers) if engine == "threads" else ProcessPoolExecutor(workers)
    with pool, Path(target).open("wb", buffering=0) as file:
        file.write(words)
        if way == "queue":
            file.writelines(
                data for data, _ in in_order(pool, workers, ((rows_of, source, start, row, *piece) for piece in pieces))
            )
        else:
            file.truncate(len(words) + row * height)
            for _ in in_order(
                pool, workers, ((placed, source, target, start, row, *piece, len(words)) for piece in pieces)
            ):
                pass
        os.fsync(file.fileno())


if __name__ == "__main__":
    main(*sys.argv[1:5])
