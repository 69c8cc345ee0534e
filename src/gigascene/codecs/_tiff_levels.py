"""Where the tiles of each level lie in the body, and in which order the file wants them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gigascene.codecs._tiff_header import Directory, Tag, image_tags, mask_tags
from gigascene.codecs._tiff_options import SPAN, has_mask, level_shape, tiff_options, tile_counts
from gigascene.codecs._tiff_tile import FRAME
from gigascene.codecs.tiff import CODEC, made
from gigascene.model.contracts import Placed
from gigascene.model.plan import Format


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Tiles of one level, on their way into the file."""

    sizes: NDArray[np.int64]
    """(tiles down, across, 1 or 2): bytes of each tile, and of its mask, without their frames."""

    starts: NDArray[np.int64]
    """(tiles down, pieces across): where the tiles of a row that follow one another in the source begin there."""

    span: int
    """So many tiles of a row follow one another."""

    @property
    def length(self) -> int:
        """Bytes it takes in the file."""
        return int(self.sizes.sum()) + FRAME * self.sizes.size

    def segments(self, row: int) -> Iterator[tuple[int, int]]:
        """Bytes of a row of tiles in the source, left to right: (offset, length)."""
        tiles = self.sizes[row].sum(axis=1) + FRAME * self.sizes.shape[2]
        lengths = np.add.reduceat(tiles, np.arange(0, len(tiles), self.span))
        yield from zip(self.starts[row].tolist(), lengths.tolist(), strict=True)

    def offsets(self, start: int) -> NDArray[np.int64]:
        """Where each tile begins when the level begins at `start`; shaped as `sizes`."""
        ends = np.cumsum(self.sizes.ravel() + FRAME).reshape(self.sizes.shape)
        return start + ends - self.sizes - FRAME // 2


def empty_level(level: int, format: Format) -> Level:
    """A level whose tiles are not known yet."""
    down, across = tile_counts(level_shape(format.shape, level), tiff_options(format).tile)
    span = max(SPAN >> level, 1)
    return Level(
        sizes=np.zeros((down, across, 2 if has_mask(format) else 1), np.int64),
        starts=np.zeros((down, -(-across // span)), np.int64),
        span=span,
    )


def placed_levels(placed: Iterable[Placed], format: Format) -> list[Level]:
    """The levels that workers made, from the facts of all pieces."""
    levels = [empty_level(level, format) for level in range(made(format) + 1)]
    for piece in placed:
        _enter(piece, levels, format)
    return levels


def _enter(piece: Placed, levels: Sequence[Level], format: Format) -> None:
    """Note where the tiles of one piece lie; its levels follow one another in its body."""
    grid, tile = CODEC.pieces(format), tiff_options(format).tile
    row, column = divmod(piece.index, grid.across)
    window, at = grid[piece.index], piece.offset
    for number, level in enumerate(levels):
        down, across = tile_counts(level_shape((window.height, window.width), number), tile)
        parts = [piece.facts[name][number] for name in ("tiles", "masks") if name in piece.facts]
        sizes = np.array(parts, np.int64).T.reshape(down, across, len(parts))
        top, left = row * (SPAN >> number), column * (SPAN >> number)
        level.sizes[top : top + down, left : left + across] = sizes
        for y in range(down):
            level.starts[top + y, column] = at
            at += int(sizes[y].sum()) + FRAME * sizes[y].size


def directories(levels: Sequence[Level], georeference: Mapping[int, Tag], format: Format) -> list[Directory]:
    """All pictures of the file by decreasing size, each before its mask; the data lie the other way round."""
    found: list[Directory] = []
    start = sum(level.length for level in levels)
    for number, level in enumerate(levels):
        start -= level.length
        offsets = level.offsets(start)
        every = [{**image_tags(format, number), **(georeference if number == 0 else {})}, mask_tags(format, number)]
        found += [
            Directory(tags=tags, sizes=level.sizes[..., part].ravel(), offsets=offsets[..., part].ravel())
            for part, tags in enumerate(every[: level.sizes.shape[2]])
        ]
    return found
