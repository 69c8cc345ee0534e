"""Rectangles of pixels, and how an output is cut into pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

DEEPEST_ZOOM = 30
"""Of web maps: a pixel is a seventh of a millimetre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rectangle of pixels; row 0 is the northernmost. May reach beyond the picture."""

    top: int
    left: int
    height: int
    width: int

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ValueError(f"a window needs at least one pixel, got {self.height} x {self.width}")

    @property
    def bottom(self) -> int:
        """First row below."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """First column to the right."""
        return self.left + self.width

    def grown(self, halo: int) -> Window:
        """The same rectangle with `halo` more pixels on every side."""
        return Window(
            top=self.top - halo, left=self.left - halo, height=self.height + 2 * halo, width=self.width + 2 * halo
        )

    def within(self, shape: tuple[int, int]) -> Window | None:
        """The part inside a picture of `shape` (rows, columns), or None."""
        return self.common(Window(top=0, left=0, height=shape[0], width=shape[1])) if min(shape) > 0 else None

    def common(self, other: Window) -> Window | None:
        """What two windows share, or None."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        height, width = min(self.bottom, other.bottom) - top, min(self.right, other.right) - left
        return Window(top=top, left=left, height=height, width=width) if height > 0 and width > 0 else None

    def __str__(self) -> str:
        return f"rows {self.top}-{self.bottom - 1}, columns {self.left}-{self.right - 1}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PieceGrid:
    """How a picture is cut into pieces, the units of encoding, in row-major order.

    A constant of the format, the picture's shape and the options: never of
    memory, engine or workers (that is what a task's size depends on).

    >>> grid = PieceGrid(shape=(1000, 700), piece=(512, 512))
    >>> len(grid), str(grid[3])
    (4, 'rows 512-999, columns 512-699')
    """

    shape: tuple[int, int]
    """Rows and columns of the picture."""

    piece: tuple[int, int]
    """Rows and columns of a whole piece; those at the right and bottom edge may be smaller."""

    @property
    def across(self) -> int:
        """Pieces in one row of pieces."""
        return -(-self.shape[1] // self.piece[1])

    @property
    def down(self) -> int:
        """Rows of pieces."""
        return -(-self.shape[0] // self.piece[0])

    def __len__(self) -> int:
        return self.across * self.down

    def __getitem__(self, index: int) -> Window:
        if not 0 <= index < len(self):
            raise IndexError(index)
        row, column = divmod(index, self.across)
        return self._window(row, column, column + 1)

    def runs(self, start: int, stop: int) -> Iterator[tuple[int, Window]]:
        """Pieces `start` to `stop` as rectangles of whole pieces: (first piece, window).

        Parts of a row of pieces at either end, full rows together in between.

        >>> grid = PieceGrid(shape=(40, 40), piece=(10, 10))
        >>> [(first, str(window)) for first, window in grid.runs(3, 13)]
        [(3, 'rows 0-9, columns 30-39'), (4, 'rows 10-29, columns 0-39'), (12, 'rows 30-39, columns 0-9')]
        """
        while start < stop:
            row, column = divmod(start, self.across)
            rows = (stop - start) // self.across if column == 0 else 0
            last = self.across if rows else min(self.across, column + stop - start)
            yield start, self._window(row, column, last, max(rows, 1))
            start += (last - column) * max(rows, 1)

    def _window(self, row: int, first: int, last: int, rows: int = 1) -> Window:
        top, left = row * self.piece[0], first * self.piece[1]
        height = min((row + rows) * self.piece[0], self.shape[0]) - top
        width = min(last * self.piece[1], self.shape[1]) - left
        return Window(top=top, left=left, height=height, width=width)
