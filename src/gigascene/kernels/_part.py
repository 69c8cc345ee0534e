"""Source pixels in hand, for kernels that pick them by position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.kernels._fixed import I64, Positions, pixel_under
from gigascene.model.grid import Window

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The part of a source that is in hand."""

    stored: NDArray[Any]
    """(band, y, x), any real type; float32 must be able to hold the numbers where means are taken."""

    valid: Mask
    """(y, x), True where good."""

    at: Window
    """Where it lies in the source; inside it."""

    columns: int
    """Of the whole source."""

    around: int = 0
    """Columns after which the source repeats itself, or 0: then the first is a neighbour of the last."""

    def __post_init__(self) -> None:
        # Compiled code does not look where it reads.
        shape = self.at.height, self.at.width
        if self.stored.ndim != 3 or self.stored.shape[1:] != shape or self.valid.shape != shape:
            raise ValueError(f"{self.at} is {shape}, but the arrays are {self.stored.shape} and {self.valid.shape}")

    @property
    def place(self) -> tuple[int, int, int, int]:
        """What compiled code needs to find a pixel: top, left, `columns`, `around`."""
        return self.at.top, self.at.left, self.columns, self.around


def column_numpy(part: Part, column: I64) -> I64:
    """The specification of `column_of`."""
    column = np.where(column < 0, column + part.around, column)
    return np.where(column >= part.columns, column - part.around, column) - part.at.left


@kernel
def column_of(column, place):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """A source column by its place in the part; the first is a neighbour of the last where the world closes."""
    _, left, columns, around = place
    if column < 0:
        column += around
    if column >= columns:
        column -= around
    return column - left


def there_numpy(part: Part, row: I64, column: I64) -> tuple[tuple[I64, I64], Mask]:
    """Indices of rows and columns of the part (0 where outside), and where they are valid pixels."""
    inside = (row >= 0) & (row < part.at.height) & (column >= 0) & (column < part.at.width)
    place = np.where(inside, row, 0), np.where(inside, column, 0)
    return place, inside & part.valid[place]


def under_numpy(part: Part, at: Positions) -> tuple[tuple[I64, I64], Mask]:
    """The same of the pixels that hold the positions."""
    return there_numpy(part, pixel_under(at.y) - part.at.top, pixel_under(at.x) - part.at.left)


@kernel
def under(y, x, good, place):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Row and column in the part of the pixel that holds a position, and whether it is valid."""
    top, left, _, _ = place
    row, column = ((y + (1 << 23)) >> 24) - top, ((x + (1 << 23)) >> 24) - left
    return row, column, 0 <= row < good.shape[0] and 0 <= column < good.shape[1] and good[row, column]
