"""Where the pieces lie in a finished file that has another order than they were made in, by the format's own index."""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from struct import unpack

import numpy as np
from numpy.typing import NDArray

from gigascene.execute.digests import BLOCK, Segments
from gigascene.model.grid import PieceGrid
from gigascene.storage.signatures import kind_of_file

LITTLE = {b"II*\0": ("<HHII", "<I", 2, 4), b"II+\0": ("<HHQQ", "<Q", 8, 8)}
"""Classic and BigTIFF: an entry, an offset, bytes of the number of entries, bytes of a value."""

KINDS = {3: "<u2", 4: "<u4", 16: "<u8"}
"""SHORT, LONG, LONG8."""

SUBFILE, WIDTH, HEIGHT, TILE, OFFSETS, SIZES = 254, 256, 257, 322, 324, 325
REDUCED, MASK = 1, 4

MOST_DIRECTORIES = 80
"""Overviews and masks of the largest picture there can be."""

MADE = 3
"""Levels of which a piece holds tiles: full resolution and two overviews."""


def is_tiff(path: Path) -> bool:
    """A TIFF in the byte order that we write."""
    with path.open("rb") as file:
        return file.read(4) in LITTLE


def is_jpeg(path: Path) -> bool:
    """A JPEG."""
    return kind_of_file(path) == "jpeg"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """Tiles of one level, with their masks: (tiles down, across) of first and last byte, frames included."""

    begins: NDArray[np.int64]
    ends: NDArray[np.int64]


def tiff_pieces(path: Path, grid: PieceGrid) -> Iterator[Segments]:
    """The bytes of every piece of one of our Cloud-Optimised GeoTIFFs, in order.

    Raises
    ------
    ValueError
        Where the file's index is not one that we write.
    """
    with path.open("rb") as file:
        try:
            levels, tile = _levels(_Index(file.fileno()))
        except (KeyError, IndexError, ZeroDivisionError) as error:
            raise ValueError(f"its index is broken ({error})") from error
    span, over = divmod(grid.piece[0], tile)
    tiles = tuple(-(-side // tile) for side in grid.shape)
    if over or grid.piece[0] != grid.piece[1] or levels[0].begins.shape != tiles:
        raise ValueError(f"tiles of {tile} make no pieces of {grid.piece}")
    if any(level.begins.min() < 0 or level.ends.min() < 0 for level in levels):
        raise ValueError("a tile lies nowhere")
    return (_segments(levels, span, *divmod(index, grid.across)) for index in range(len(grid)))


def _segments(levels: Sequence[_Level], span: int, row: int, column: int) -> Segments:
    """Of one piece: its tiles level after level, each row of them in one run."""
    found = []
    for number, level in enumerate(levels):
        side = span >> number
        left, right = column * side, min((column + 1) * side, level.begins.shape[1]) - 1
        for y in range(row * side, min((row + 1) * side, len(level.begins))):
            begin, end = int(level.begins[y, left]), int(level.ends[y, right])
            found.append((begin, max(end - begin, 0)))
    return tuple(found)


def _levels(index: _Index) -> tuple[list[_Level], int]:
    """The levels that pieces hold, full resolution first, and the side of a tile."""
    pictures: list[dict[int, NDArray[np.int64]]] = []
    masks: list[dict[int, NDArray[np.int64]]] = []
    for tags in index.directories():
        (masks if int(tags[SUBFILE][0]) & MASK else pictures).append(tags)
    found, tile = [], int(pictures[0][TILE][0])
    for number, tags in enumerate(pictures[:MADE]):
        down, across = (-(-int(tags[side][0]) // tile) for side in (HEIGHT, WIDTH))
        last = masks[number] if masks else tags
        begins = tags[OFFSETS].reshape(down, across) - 4
        ends = (last[OFFSETS] + last[SIZES]).reshape(down, across) + 4
        found.append(_Level(begins=begins, ends=ends))
    return found, tile


class _Index:
    """Directories of a little-endian TIFF; nothing is read that the file is too short for."""

    def __init__(self, file: int) -> None:
        self._file, self._size = file, os.fstat(file).st_size
        start = self._bytes(0, 16)
        if start[:4] not in LITTLE:
            raise ValueError("this is no little-endian TIFF")
        self._entry, self._offset, self._counted, self._value = LITTLE[start[:4]]
        self._first = int(unpack(self._offset, start[self._value : 2 * self._value])[0])

    def directories(self) -> Iterator[dict[int, NDArray[np.int64]]]:
        """Whole numbers of all directories, in order."""
        at = self._first
        for _ in range(MOST_DIRECTORIES):
            if not at:
                return
            count = int.from_bytes(self._bytes(at, self._counted), "little")
            size = 4 + 2 * self._value
            data = self._bytes(at + self._counted, count * size + self._value)
            yield {SUBFILE: np.zeros(1, np.int64), **self._numbers(data, size, count)}
            at = int(unpack(self._offset, data[count * size :])[0])
        raise ValueError("its directories do not end")

    def _numbers(self, data: bytes, size: int, count: int) -> dict[int, NDArray[np.int64]]:
        found = {}
        for entry in range(count):
            raw = data[entry * size : (entry + 1) * size]
            tag, kind, length, _ = unpack(self._entry, raw)
            if tag not in {SUBFILE, WIDTH, HEIGHT, TILE, OFFSETS, SIZES} or kind not in KINDS or not length:
                continue
            need = length * np.dtype(KINDS[kind]).itemsize
            inside = raw[-self._value :]
            values = inside[:need] if need <= self._value else self._bytes(int(unpack(self._offset, inside)[0]), need)
            found[tag] = np.frombuffer(values, KINDS[kind]).astype(np.int64)
        return found

    def _bytes(self, offset: int, length: int) -> bytes:
        if offset + length > self._size:
            raise ValueError(f"its index leads to byte {offset + length}, and it has {self._size}")
        return os.pread(self._file, length, offset)


class JpegStrips:
    """Where in one of our JPEGs each strip ends: its restart markers; and where all of them end."""

    def __init__(self, path: Path) -> None:
        self._marks: list[int] = []
        self.end: int | None = None
        """First byte behind the image; the mask follows. None if there is no end marker."""
        began = False
        for offset, data in _slices(path):
            for match in re.finditer(rb"\xff([\xd0-\xd7\xd9\xda])", data):
                kind, at = match[1], offset + match.start()
                began = began or kind == b"\xda"
                if kind == b"\xd9" and began:
                    self.end = at + 2
                    return
                if began and kind != b"\xda":
                    self._marks.append(at)

    def strip(self, at: int) -> int:
        """The strip in which a byte lies."""
        return bisect_right(self._marks, at)


def _slices(path: Path) -> Iterator[tuple[int, bytes]]:
    """The file by slices that begin with the last byte of the one before."""
    offset, last = 0, b""
    with path.open("rb") as file:
        while data := file.read(BLOCK):
            yield offset - len(last), last + data
            offset, last = offset + len(data), data[-1:]
