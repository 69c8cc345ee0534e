"""Small pictures for figures: averages of n x n blocks over their valid pixels, made in the workers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.codecs._rows import piece_of
from gigascene.model.block import Shown
from gigascene.model.contracts import Piece
from gigascene.model.grid import PieceGrid
from gigascene.model.plan import Format

ROWS = 128
"""A piece is about so many rows of the picture: a whole number of blocks."""


class ReducedCodec:
    """Strips of whole blocks, each reduced to a few raw rows in native byte order."""

    def pieces(self, format: Format) -> PieceGrid:
        """Full-width strips of whole blocks."""
        n = factor(format)
        return PieceGrid(shape=format.shape, piece=(n * max(1, ROWS // n), format.shape[1]))

    def bound(self, format: Format) -> int:
        """The bytes of a reduced strip, exactly."""
        return self._rows(format) * reduced_shape(format)[1] * format.bands * np.dtype(format.dtype).itemsize

    def scratch(self, format: Format, pieces: int) -> int:
        """Sums down, counts among them, of 4 bytes a column and row of blocks; one row on its way; sums across."""
        columns, across = format.shape[1], reduced_shape(format)[1]
        return (self._rows(format) * 4 + 8) * columns * (format.bands + 1) + self._rows(format) * 32 * across * 5

    def encode(self, first: int, shown: Iterable[Shown], format: Format) -> Iterator[Piece]:
        """One reduced strip; windows are added up as they come."""
        grid, n = self.pieces(format), factor(format)
        height, width = grid[first].height, grid[first].width
        total = np.zeros((-(-height // n), width, format.bands), np.uint32)
        count = np.zeros((*total.shape[:2], 1), np.uint32)
        for part in shown:
            for y, row in enumerate(part.levels, part.window.top - grid[first].top):
                add(row, format, total[y // n], count[y // n])
        yield piece_of(first, means(total, count, n).astype(format.dtype).tobytes())

    def _rows(self, format: Format) -> int:
        return self.pieces(format).piece[0] // factor(format)


CODEC = ReducedCodec()


def factor(format: Format) -> int:
    """Side of a block, so that the longer side of the picture is at most ``width_px`` blocks."""
    return -(-max(format.shape) // int(format.options["width_px"]))


def reduced_shape(format: Format) -> tuple[int, int]:
    """Rows and columns of the reduced picture; blocks at the right and bottom edge may be smaller."""
    n = factor(format)
    return -(-format.shape[0] // n), -(-format.shape[1] // n)


def add(row: NDArray[Any], format: Format, total: NDArray[np.uint32], count: NDArray[np.uint32]) -> None:
    """Add the valid pixels of a row (x, band) to the sums (x, band) and counts (x, 1) of its blocks."""
    if format.alpha:
        there = row[:, -1:] != 0
        np.add(total, row, out=total, where=there)
        count += there
        return
    total += row  # where nodata is 0 it adds nothing
    if format.nodata is None:
        count += 1
        return
    valid = row[:, 0] != 0
    for band in range(1, format.bands):
        valid |= row[:, band] != 0
    count[:, 0] += valid


def means(total: NDArray[np.uint32], count: NDArray[np.uint32], n: int) -> NDArray[np.uint64]:
    """Averages of blocks ``(sum + count // 2) // count``, 0 where nothing is valid.

    Parameters
    ----------
    total : (y, x, band) uint32
        Sums down the columns of every row of blocks.
    count : (y, x, 1) uint32
        Valid pixels in them.
    n : int
        Columns of a block.

    Examples
    --------
    >>> total, count = np.uint32([[[5], [10], [0], [0]]]), np.uint32([[[1], [1], [0], [0]]])
    >>> means(total, count, 2).tolist()
    [[[8], [0]]]
    """
    starts = np.arange(0, total.shape[1], n)
    sums = np.add.reduceat(total, starts, axis=1, dtype=np.uint64)
    counts = np.add.reduceat(count, starts, axis=1, dtype=np.uint64)
    return (sums + counts // 2) // np.maximum(counts, 1)
