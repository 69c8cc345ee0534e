"""SHA-256 of parts of a file, on several cores, a slice of each in hand."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from gigascene.settings import cores

BLOCK = 1 << 20
"""Bytes of a file for which a receipt has one digest, where no piece tells them. So finely can damage be placed."""

MOST_THREADS = 4
"""The disk is slower than more of them."""


class Span(NamedTuple):
    """Some bytes of a file, and what they were when it was made."""

    offset: int
    length: int
    sha256: str

    @property
    def segments(self) -> Segments:
        """For `digests`."""
        return ((self.offset, self.length),)


Segments = tuple[tuple[int, int], ...]
"""Bytes that lie in several places: (offset, length)."""


def blocks(path: Path, begin: int, end: int, workers: int) -> Iterator[Span]:
    """Digests of all bytes of a file from `begin` to `end`, block by block."""
    places = [(offset, min(BLOCK, end - offset)) for offset in range(begin, end, BLOCK)]
    found = digests(path, ((place,) for place in places), workers)
    return (Span(*place, sha256) for place, sha256 in zip(places, found, strict=True))


def digests(path: Path, wanted: Iterable[Segments], workers: int | None = None) -> Generator[str]:
    """Hex digest of each of these, in order; bytes behind the end of the file count as none. None: on all cores."""
    rest, threads = iter(wanted), min(MOST_THREADS, cores(), workers or MOST_THREADS)
    with path.open("rb", buffering=0) as file, ThreadPoolExecutor(threads) as pool:
        while batch := list(islice(rest, 16 * threads)):
            yield from pool.map(partial(_digest, file.fileno()), batch)


def _digest(file: int, segments: Segments) -> str:
    hasher = hashlib.sha256()
    for offset, length in segments:
        at, end = offset, offset + length
        while at < end and (data := os.pread(file, min(BLOCK, end - at), at)):
            hasher.update(data)
            at += len(data)
    return hasher.hexdigest()
