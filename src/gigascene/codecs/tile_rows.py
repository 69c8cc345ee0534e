"""Rows of tiles, of one level after another, in the memory of a few.

A run of pieces is far too much to hold (four rows of tiles), so it is cut into
rows of tiles as its windows come; each level is halved into the next as soon
as its rows are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gigascene.codecs._tiff_options import SPAN, level_shape
from gigascene.kernels import numbers
from gigascene.kernels.overview import halve
from gigascene.model.block import Shown
from gigascene.model.plan import Format, Numbers


class Pixels(Protocol):
    """What must be known of pixels to halve them: `Format` has it, too."""

    @property
    def bands(self) -> int:
        """Alpha included."""

    @property
    def dtype(self) -> str:
        """NumPy's name of the type."""

    @property
    def alpha(self) -> bool:
        """The last band tells which are valid."""

    @property
    def nodata(self) -> int | None:
        """0 where those that are 0 in all bands are not."""

    @property
    def numbers(self) -> Numbers | None:
        """What they mean where they are no levels for display."""


def piece_rows(
    shown: Iterable[Shown], tile: int, deepest: int, format: Format
) -> Iterator[tuple[int, Iterator[tuple[int, NDArray[Any]]]]]:
    """A run as rows of pieces: how many lie side by side, and their rows of tiles, down to level `deepest`, as `pyramid` gives them.

    Each row of pieces must be used up before the next is asked for; it is complete at its end, because tiles come by rows.
    """
    windows = iter(shown)
    opening = next(windows)
    beneath, width = format.shape[0] - opening.window.top, opening.window.width
    strips = tile_rows(chain([opening], windows), beneath, tile)
    below = [Half(level_shape((beneath, width), level), tile, format) for level in range(1, deepest + 1)]
    for strip in strips:
        yield -(-width // (SPAN * tile)), pyramid(chain([strip], islice(strips, SPAN - 1)), 0, below)


def tile_rows(shown: Iterable[Shown], beneath: int, tile: int) -> Iterator[NDArray[Any]]:
    """Windows of any height, cut into rows of tiles; `beneath` rows remain from the first to the picture's end.

    Each is valid until the next is asked for. Rows that lie in one window are passed on without a copy.
    """
    gathered: NDArray[Any] | None = None
    have = done = 0
    for part in shown:
        levels = np.ascontiguousarray(part.levels)
        start = 0
        while start < len(levels):
            want = min(tile, beneath - done)
            take = min(want - have, len(levels) - start)
            if take < 1:
                raise ValueError(f"the windows reach beyond the {beneath} rows that are left")
            strip = levels[start : start + take]
            start += take
            if take < want:
                if gathered is None:
                    gathered = np.empty((tile, *levels.shape[1:]), levels.dtype)
                gathered[have : have + take] = strip
                strip = gathered[:want]
            have += take
            if have == want:
                yield strip
                done, have = done + want, 0
    if have or (done % (SPAN * tile) and done != beneath):
        raise ValueError(f"the windows end after {done + have} rows, inside a piece")


class Half:
    """Gathers the halves of one level's rows until they make a row of tiles of the next.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of that next level.
    tile : int
        Side of a tile, even.
    pixels : Pixels
        Say which of them are valid.
    lead : (int, int)
        Blank rows above and columns left of the first half, within `shape`.
    """

    def __init__(self, shape: tuple[int, int], tile: int, pixels: Pixels, lead: tuple[int, int] = (0, 0)) -> None:
        self._rows = np.zeros((min(tile, shape[0]), shape[1], pixels.bands), pixels.dtype)
        self._left = shape[0]
        self._have, self._lead = lead
        self._pixels = pixels

    def add(self, above: NDArray[Any]) -> NDArray[Any] | None:
        """Take a row of tiles from the level above; give one of this level when it is full."""
        self._halve(above, self._rows[self._have : self._have + -(-len(above) // 2)])
        self._have += -(-len(above) // 2)
        full = min(len(self._rows), self._left)
        if self._have < full:
            return None
        self._have = 0
        self._left -= full
        return self._rows[:full]

    def _halve(self, above: NDArray[Any], out: NDArray[Any]) -> None:
        nodata, alpha = self._pixels.nodata, self._pixels.alpha
        if (said := self._pixels.numbers) is not None:
            kind = np.dtype(self._pixels.dtype).type
            none = kind(np.nan if said.nodata is None else said.nodata)
            numbers.halve(above[..., 0], none, out[..., 0], mixed=said.mixed)
        elif self._lead:
            out[:, self._lead :] = halve(above, nodata=nodata, alpha=alpha)
        else:
            halve(above, nodata=nodata, alpha=alpha, out=out)


def pyramid(strips: Iterable[NDArray[Any]], first: int, below: Sequence[Half]) -> Iterator[tuple[int, NDArray[Any]]]:
    """Rows of tiles of level `first` as they come, each followed by those below that it fills: (level, rows)."""
    for strip in strips:
        rows: NDArray[Any] | None = strip
        yield first, strip
        for level, half in enumerate(below, first + 1):
            rows = half.add(rows)  # type: ignore[arg-type]  # the loop ends at None
            if rows is None:
                break
            yield level, rows
