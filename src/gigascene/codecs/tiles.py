"""Tiles of a pyramid, each a picture of its own, and those of the two levels below made from the same pixels.

A piece is 4 x 4 tiles at full resolution, 2 x 2 of the next level and one of the one
below (fewer at the edges, and fewer levels where the grid of the tiles begins beyond the
picture). Its body holds them row-major, level after level; a tile that is left out has
no bytes. Behind them lie the pixels of its deepest level without loss, for a lossy tile
must not be halved: smaller levels are made of these. Its facts tell all lengths.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from gigascene.codecs._tiff_options import SPAN
from gigascene.codecs._tile_image import TileImage, image_bound, packed, packed_bound, raw_bytes
from gigascene.codecs._tile_layout import TileLayout
from gigascene.codecs.tile_rows import piece_rows
from gigascene.model.block import Shown
from gigascene.model.contracts import Piece
from gigascene.model.grid import PieceGrid
from gigascene.model.plan import Format


class TileCodec:
    """Tiles with those below them.

    Parameters
    ----------
    layout : callable
        How the tiles of a format lie: what tells one kind of pyramid from another.
    """

    def __init__(self, layout: Callable[[Format], TileLayout]) -> None:
        self.layout = layout

    def pieces(self, format: Format) -> PieceGrid:
        """Squares of 4 x 4 tiles."""
        side = SPAN * self.layout(format).tile
        return PieceGrid(shape=format.shape, piece=(side, side))

    def bound(self, format: Format) -> int:
        """All tiles of a whole piece and its deepest level's pixels, as large as the compression can make them."""
        layout = self.layout(format)
        tiles = sum((SPAN >> level) ** 2 for level in range(layout.made + 1))
        return tiles * image_bound(layout, format) + (SPAN >> layout.made) ** 2 * packed_bound(layout, format)

    def scratch(self, format: Format, pieces: int) -> int:
        """One row of tiles gathered from low windows, those below (a half and a quarter), a tile in hand, a piece to be joined."""
        layout = self.layout(format)
        row, hand = (
            SPAN * pieces * raw_bytes(layout, format),
            max(image_bound(layout, format), raw_bytes(layout, format)),
        )
        return row + row // 2 + row // 4 + self.bound(format) + 5 * hand

    def encode(self, first: int, shown: Iterable[Shown], format: Format) -> Iterator[Piece]:
        """All tiles of a run."""
        layout = self.layout(format)
        image, tile, deepest = TileImage(layout, format), layout.tile, layout.made
        for pieces, strips in piece_rows(shown, tile, deepest, format):
            row = deque(_Tiles(deepest) for _ in range(pieces))
            for level, strip in strips:
                for column in range(-(-strip.shape[1] // tile)):
                    piece = row[column // (SPAN >> level)]
                    piece.tiles[level].append(image.encode(strip, column))
                    if level == deepest:
                        piece.exact.append(packed(strip[:, column * tile : (column + 1) * tile]))
            while row:
                yield row.popleft().piece(first)  # not held any longer: bodies are large
                first += 1


class _Tiles:
    """What a piece is made of."""

    def __init__(self, deepest: int) -> None:
        self.tiles: list[list[bytes]] = [[] for _ in range(deepest + 1)]
        self.exact: list[bytes] = []

    def piece(self, index: int) -> Piece:
        facts = {"tiles": [[len(tile) for tile in level] for level in self.tiles], "exact": [*map(len, self.exact)]}
        body = bytearray()
        for level in (*self.tiles, self.exact):
            level.reverse()
            while level:  # tiles are let go as they are joined: twice a body is never in memory
                body += level.pop()
        return Piece(index=index, body=body, sha256=hashlib.sha256(body).hexdigest(), facts=facts)
