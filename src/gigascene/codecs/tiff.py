"""Tiles of a Cloud-Optimised GeoTIFF, and the overview tiles that can be made from the same pixels.

A piece is 4 x 4 tiles at full resolution, 2 x 2 of the first overview and one
of the second (fewer at the edges), encoded from pixels that are in hand
anyway. Its body holds them framed, row-major, level after level; its facts
tell their lengths without the frames.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator

from gigascene.codecs._tiff_options import MADE, SPAN, has_mask, overviews, tiff_options, tile_bytes
from gigascene.codecs._tiff_tile import framed, tile_bound, tile_coder
from gigascene.codecs.tile_rows import piece_rows
from gigascene.model.block import Shown
from gigascene.model.contracts import Piece
from gigascene.model.grid import PieceGrid
from gigascene.model.plan import Format


class TiffCodec:
    """Tiles with their overviews."""

    def pieces(self, format: Format) -> PieceGrid:
        """Squares of 4 x 4 tiles."""
        side = SPAN * tiff_options(format).tile
        return PieceGrid(shape=format.shape, piece=(side, side))

    def bound(self, format: Format) -> int:
        """All tiles of a whole piece, as large as the compression can make them."""
        tiles = sum((SPAN >> level) ** 2 for level in range(made(format) + 1))
        return tiles * tile_bound(format)

    def scratch(self, format: Format, pieces: int) -> int:
        """One row of tiles gathered from low windows, those of overviews (a half and a quarter), a piece to be joined."""
        row = SPAN * pieces * tile_bytes(format)
        return row + row // 2 + row // 4 + self.bound(format) + 4 * tile_bound(format)

    def encode(self, first: int, shown: Iterable[Shown], format: Format) -> Iterator[Piece]:
        """All tiles of a run."""
        coder, tile, deepest = tile_coder(format), tiff_options(format).tile, made(format)
        for pieces, strips in piece_rows(shown, tile, deepest, format):
            row = deque(_Tiles(deepest, masked=has_mask(format)) for _ in range(pieces))
            for level, strip in strips:
                for column in range(-(-strip.shape[1] // tile)):
                    row[column // (SPAN >> level)].add(level, coder.encode(strip, column))
            while row:
                yield row.popleft().piece(first)  # not held any longer: bodies are large
                first += 1


CODEC = TiffCodec()


def made(format: Format) -> int:
    """Overviews made by workers."""
    return min(MADE, overviews(format))


class _Tiles:
    """Encoded tiles of one piece, by level."""

    def __init__(self, deepest: int, *, masked: bool) -> None:
        self._tiles: list[list[tuple[bytes, ...]]] = [[] for _ in range(deepest + 1)]
        self._names = ("tiles", "masks") if masked else ("tiles",)

    def add(self, level: int, parts: tuple[bytes, ...]) -> None:
        self._tiles[level].append(parts)

    def piece(self, index: int) -> Piece:
        facts = {
            name: [[len(parts[at]) for parts in level] for level in self._tiles] for at, name in enumerate(self._names)
        }
        body = bytearray()
        for level in self._tiles:
            level.reverse()
            while level:  # tiles are let go as they are joined: twice a body is never in memory
                for part in level.pop():
                    for bits in framed(part):
                        body += bits
        return Piece(index=index, body=body, sha256=hashlib.sha256(body).hexdigest(), facts=facts)
