"""Samples as they are, row after row: what several formats have behind their headers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.codecs._rows import STRIP, piece_of, run_levels, strip_grid
from gigascene.kernels.png_filter import big_endian
from gigascene.model.block import Shown
from gigascene.model.contracts import Piece
from gigascene.model.grid import PieceGrid
from gigascene.model.plan import Format


class SampleCodec:
    """Strips of raw rows, 16-bit samples big-endian unless the option `byteorder` is ``"little"``; or where a row is long, parts of one row: so there is no limit to a side."""

    def pieces(self, format: Format) -> PieceGrid:
        """Full-width strips, or parts of rows, of at most 2 MiB; as the bytes of a row alone will have it."""
        if row_bytes(format) <= STRIP:
            return strip_grid(format.shape, row_bytes(format))
        return PieceGrid(shape=format.shape, piece=(1, STRIP // pixel_bytes(format)))

    def bound(self, format: Format) -> int:
        """The bytes of a piece, exactly."""
        rows, columns = self.pieces(format).piece
        return rows * columns * pixel_bytes(format)

    def scratch(self, format: Format, pieces: int) -> int:
        """The levels of a strip gathered from several windows, and a byte-swapped copy for 16 bit."""
        return (2 if format.dtype == "uint16" else 1) * self.bound(format)

    def encode(self, first: int, shown: Iterable[Shown], format: Format) -> Iterator[Piece]:
        """One strip, or all parts of one row or more."""
        grid = self.pieces(format)
        if grid.across == 1:
            yield piece_of(first, _stored(run_levels(first, shown, grid), format))
            return
        rows, columns = (row for part in shown for row in part.levels), grid.piece[1]
        parts = (row[left : left + columns] for row in rows for left in range(0, len(row), columns))
        for index, part in enumerate(parts, first):
            yield piece_of(index, _stored(part[np.newaxis], format))


CODEC = SampleCodec()


def offset(index: int, format: Format) -> int:
    """First byte of a piece, behind the header."""
    at = CODEC.pieces(format)[index]
    return at.top * row_bytes(format) + at.left * pixel_bytes(format)


def row_bytes(format: Format) -> int:
    """Bytes of one row of the picture."""
    return format.shape[1] * pixel_bytes(format)


def pixel_bytes(format: Format) -> int:
    """Bytes of one pixel."""
    return format.bands * np.dtype(format.dtype).itemsize


def _stored(levels: NDArray[Any], format: Format) -> bytes:
    """Bytes of rows (y, x, band)."""
    if format.options.get("byteorder") == "little":
        return np.ascontiguousarray(levels, levels.dtype.newbyteorder("<")).tobytes()
    return big_endian(levels).tobytes()
