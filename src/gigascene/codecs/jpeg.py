"""JPEG strips: every strip one restart interval, so that any worker may make any strip.

A restart interval knows nothing of the one before (ITU-T T.81, E.1.4): behind
one another, with restart markers between them, the strips are one ordinary
baseline JPEG, with the very coefficients it would have if made as a whole.
(GDAL finds the best Huffman code for a picture, and for that keeps all its
coefficients in memory: 3 bytes a pixel. Ours is the standard's; real pictures get up to 6 % larger.)

JPEG changes levels a little, so none can mean "no data": that is said by a mask
of one bit a pixel, which GDAL reads behind the image.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import reduce

import numpy as np
from isal import isal_zlib

from gigascene.codecs._isal import flushed
from gigascene.codecs._jpeg_image import PIXEL_BOUND, compressed
from gigascene.codecs._rows import piece_of, run_levels, strip_grid
from gigascene.model.block import Shown
from gigascene.model.contracts import Piece
from gigascene.model.grid import PieceGrid
from gigascene.model.plan import Format

BLOCK = 16
"""Side of the coded unit, colours at half size; for grey it is 8."""

SIZE, INTERVAL, COMMENT, SCAN = 0xC0, 0xDD, 0xFE, 0xDA
"""Markers: frame header of a baseline JPEG, restart interval, comment, scan header."""

END = b"\xff\xd9"
MAX_COMMENT = 65_533


class JpegCodec:
    """Strips of a JPEG, each followed by its mask."""

    def pieces(self, format: Format) -> PieceGrid:
        """Full-width strips of whole blocks; their height follows from the bytes of a row alone."""
        grid = strip_grid(format.shape, format.shape[1] * format.bands)
        return PieceGrid(shape=format.shape, piece=(max(grid.piece[0], BLOCK), format.shape[1]))

    def bound(self, format: Format) -> int:
        """By libjpeg-turbo's ``tjBufSize``: 3 bytes a pixel for 4:2:0, 2 for grey, of whole blocks; and the mask."""
        rows, columns = self.pieces(format).piece
        pixels = rows * (columns + BLOCK)
        return PIXEL_BOUND[color_bands(format)] * pixels + pixels // 8 + pixels // 500 + 4096

    def scratch(self, format: Format, pieces: int) -> int:
        """The levels of a strip gathered from several windows, its colours alone, its mask, and the encoder's output."""
        rows, columns = self.pieces(format).piece
        return rows * columns * (2 * format.bands + 2) + self.bound(format)

    def encode(self, first: int, shown: Iterable[Shown], format: Format) -> Iterator[Piece]:
        """One strip (a run of strips side by side is always one), with the marker that ends it."""
        grid = self.pieces(format)
        levels = run_levels(first, shown, grid)
        _, image = split(compressed(levels[..., : color_bands(format)], int(format.options["quality"])))
        image += END if first == len(grid) - 1 else restart(first)
        if not has_mask(format):
            yield piece_of(first, image, {"image": len(image)})
            return
        valid = levels[..., -1] if format.alpha else reduce(np.bitwise_or, np.moveaxis(levels, -1, 0))
        # A strip has a multiple of 8 rows, hence whole bytes, though rows have not.
        bits = np.packbits(valid != 0, bitorder="little").tobytes()
        facts = {"image": len(image), "adler32": isal_zlib.adler32(bits), "raw": len(bits), "full": bool(valid.all())}
        yield piece_of(first, image + flushed(bits), facts)


CODEC = JpegCodec()


def color_bands(format: Format) -> int:
    """Bands that JPEG encodes: all but alpha."""
    return format.bands - format.alpha


def has_mask(format: Format) -> bool:
    """True if some pixels may be no data."""
    return format.alpha or format.nodata is not None


def header(format: Format) -> bytes:
    """Everything before the first strip: the header of a small picture made the same way, with our size in it."""
    small = np.zeros((1, 1, color_bands(format)), np.uint8)
    start, _ = split(compressed(small, int(format.options["quality"])))
    parts = [start[:2]]
    for marker, data in segments(start):
        if marker == SIZE:
            parts += [comment(format.metadata), segment(INTERVAL, struct.pack(">H", interval(format)))]
            data = data[:1] + struct.pack(">HH", *format.shape) + data[5:]  # noqa: PLW2901
        parts.append(segment(marker, data))
    return b"".join(parts)


def restart(index: int) -> bytes:
    """The marker between strip `index` and the next."""
    return bytes((0xFF, 0xD0 + index % 8))


def interval(format: Format) -> int:
    """Coded units in one strip; strips of 2 MiB keep it far below the 65,535 of the format."""
    side = BLOCK if color_bands(format) == 3 else BLOCK // 2
    rows, columns = CODEC.pieces(format).piece
    return rows // side * -(-columns // side)


def comment(texts: Mapping[str, str]) -> bytes:
    """A comment with the texts, one a line; those that no longer fit are left out."""
    found = b""
    for key, value in texts.items():
        line = f"{key}: {value}\n".encode()
        found += line if len(found) + len(line) <= MAX_COMMENT else b""
    return segment(COMMENT, found) if found else b""


def split(jpeg: bytes) -> tuple[bytes, bytes]:
    """Headers, and the entropy-coded segment without the end marker."""
    start = 2 + sum(4 + len(data) for _, data in segments(jpeg))
    return jpeg[:start], jpeg[start : -len(END)]


def segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Marker and data of every segment up to the scan header."""
    at, marker = 2, 0
    while marker != SCAN:
        marker, length = struct.unpack_from(">xBH", jpeg, at)
        yield marker, jpeg[at + 4 : at + 2 + length]
        at += 2 + length


def segment(marker: int, data: bytes) -> bytes:
    """One segment: marker, length, data."""
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data
