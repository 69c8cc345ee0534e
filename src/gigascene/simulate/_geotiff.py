"""GeoTIFF as the agency writes it: one band of uint16 in deflated tiles, pixel centres as tie points, no clock inside.

Tiles are appended as they come, in any order; the directory follows at the end
(TIFF 6.0, sections 2 and 15; OGC GeoTIFF 1.1).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from gigascene.codecs._isal import zlib_stream

TILE = 512
"""Rows and columns of a tile."""

_SHORT, _LONG, _ASCII, _DOUBLE = 3, 4, 2, 12
_CODES = {_SHORT: "H", _LONG: "I", _ASCII: "s", _DOUBLE: "d"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where the pixels of a band lie."""

    x: float
    """Centre of the north-western pixel, metres east."""

    y: float
    """Metres north."""

    step: float
    """Size of a pixel, metres."""

    rows: int
    columns: int
    epsg: int
    """Of a projected CRS in metres."""

    @property
    def tiles(self) -> tuple[int, int]:
        """Tiles down and across."""
        return -(-self.rows // TILE), -(-self.columns // TILE)


def tile(pixels: NDArray[np.uint16]) -> bytes:
    """One encoded tile; pixels missing at the right and the bottom are filled with 0."""
    if pixels.shape != (TILE, TILE):
        whole = np.zeros((TILE, TILE), np.uint16)
        whole[: pixels.shape[0], : pixels.shape[1]] = pixels
        pixels = whole
    return zlib_stream(imagecodecs.delta_encode(pixels, axis=-1).tobytes())


class Band:
    """One file being written."""

    def __init__(self, path: Path, grid: Grid, nodata: int) -> None:
        self._grid, self._nodata = grid, nodata
        down, across = grid.tiles
        self._offsets, self._sizes = [0] * (down * across), [0] * (down * across)
        self._end = 8
        self._file = path.open("wb")
        self._file.write(b"II*\0\0\0\0\0")

    def put(self, row: int, column: int, body: bytes) -> None:
        """Append the encoded tile at this place in the grid of tiles."""
        index = row * self._grid.tiles[1] + column
        self._offsets[index], self._sizes[index] = self._end, len(body)
        self._end += self._file.write(body)

    def finish(self) -> None:
        """Write the directory and close."""
        self._end += self._file.write(b"\0" * (self._end % 2))
        self._file.write(_directory(self._tags(), self._end))
        self._file.seek(4)
        self._file.write(struct.pack("<I", self._end))
        self._file.close()

    def close(self) -> None:
        """Give up; what was written is left as it is."""
        self._file.close()

    def _tags(self) -> list[tuple[int, int, tuple[float, ...] | bytes]]:
        grid = self._grid
        return [
            (256, _LONG, (grid.columns,)),
            (257, _LONG, (grid.rows,)),
            (258, _SHORT, (16,)),
            (259, _SHORT, (8,)),  # deflate
            (262, _SHORT, (1,)),  # black is zero
            (277, _SHORT, (1,)),
            (284, _SHORT, (1,)),
            (317, _SHORT, (2,)),  # horizontal differences
            (322, _SHORT, (TILE,)),
            (323, _SHORT, (TILE,)),
            (324, _LONG, tuple(self._offsets)),
            (325, _LONG, tuple(self._sizes)),
            (339, _SHORT, (1,)),
            (33550, _DOUBLE, (grid.step, grid.step, 0.0)),
            (33922, _DOUBLE, (0.0, 0.0, 0.0, grid.x, grid.y, 0.0)),
            (34735, _SHORT, _geo_keys(grid.epsg)),
            (42113, _ASCII, f"{self._nodata}\0".encode()),
        ]


def _geo_keys(epsg: int) -> tuple[int, ...]:
    """Projected CRS (1024: 1), tie points at pixel centres (1025: 2), the CRS itself (3072), metres (3076: 9001)."""
    keys = ((1024, 1), (1025, 2), (3072, epsg), (3076, 9001))
    return (1, 1, 0, len(keys), *(number for key, value in keys for number in (key, 0, 1, value)))


def _directory(tags: list[tuple[int, int, tuple[float, ...] | bytes]], start: int) -> bytes:
    """Entries of 12 bytes each, then the values too long to stand in them."""
    head, tail = struct.pack("<H", len(tags)), b""
    after = start + 2 + 12 * len(tags) + 4
    for code, kind, values in tags:
        body = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{_CODES[kind]}", *values)
        if len(body) <= 4:
            place = body.ljust(4, b"\0")
        else:
            place = struct.pack("<I", after + len(tail))
            tail += body + b"\0" * (len(body) % 2)
        head += struct.pack("<HHI", code, kind, len(values)) + place
    return head + b"\0\0\0\0" + tail
