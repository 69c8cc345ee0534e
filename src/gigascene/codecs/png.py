"""PNG strips: every strip its own IDAT chunk of raw deflate, ended by a full flush.

Strips know nothing of each other, so any worker may make any strip. The sink
sends the zlib header, the strips in order, and a last empty block with the
combined checksum: together one ordinary zlib stream (RFC 1950, RFC 1951).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from gigascene.codecs._deflate import flushed, smallest, unsearched, zlib_stream
from gigascene.codecs._rows import piece_of, run_levels, strip_grid
from gigascene.kernels.png_filter import average, big_endian
from gigascene.model.block import Shown
from gigascene.model.contracts import Piece
from gigascene.model.grid import PieceGrid
from gigascene.model.plan import Format
from gigascene.storage.signatures import PNG

ZLIB_HEADER = b"\x78\x01"
DEFLATE = {"fast": unsearched, "default": flushed, "small": smallest}
LEVELS = tuple(DEFLATE)
COLOR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}


class PngCodec:
    """Strips of a PNG."""

    def pieces(self, format: Format) -> PieceGrid:
        """Full-width strips; their height follows from the bytes of a row alone."""
        return strip_grid(format.shape, _row_bytes(format))

    def bound(self, format: Format) -> int:
        """Stored blocks cost 5 bytes in 65,535, and the chunk and flush a few more."""
        raw = self.pieces(format).piece[0] * (_row_bytes(format) + 1)
        return raw + raw // 1000 + 256

    def scratch(self, format: Format, pieces: int) -> int:
        """A filtered copy, a byte-swapped one for 16 bit, and the levels of a strip gathered from several windows."""
        raw = self.pieces(format).piece[0] * (_row_bytes(format) + 1)
        return (3 if format.dtype == "uint16" else 2) * raw + self.bound(format)

    def encode(self, first: int, shown: Iterable[Shown], format: Format) -> Iterator[Piece]:
        """One strip (a run of strips side by side is always one)."""
        levels = run_levels(first, shown, self.pieces(format))
        level = str(format.options.get("level", "default"))
        rows = big_endian(levels)
        filtered = average(rows, _pixel_bytes(format)).data.cast("B")
        deflated = DEFLATE[level](filtered)
        facts = {"adler32": isal_zlib.adler32(filtered), "raw": len(filtered)}
        yield piece_of(first, chunk(b"IDAT", deflated), facts)


CODEC = PngCodec()


def chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk: length, type, data, CRC."""
    return b"".join(
        (struct.pack(">I", len(data)), kind, data, struct.pack(">I", isal_zlib.crc32(data, isal_zlib.crc32(kind))))
    )


def header(format: Format) -> bytes:
    """Everything before the first strip, the zlib header included."""
    height, width = format.shape
    depth = 8 * np.dtype(format.dtype).itemsize
    parts = [
        PNG,
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, COLOR_TYPES[format.bands], 0, 0, 0)),
        chunk(b"gAMA", struct.pack(">I", 45455)),
        chunk(b"sRGB", b"\0"),
        chunk(b"pHYs", struct.pack(">IIB", *_aspect(format), 0)),
    ]
    if format.nodata is not None:
        parts.append(chunk(b"tRNS", struct.pack(">H", format.nodata) * format.bands))
    parts += [_text(key, value) for key, value in format.metadata.items()]
    return b"".join([*parts, chunk(b"IDAT", ZLIB_HEADER)])


def _aspect(format: Format) -> tuple[int, int]:
    """Pixels along x and y in one unit of length, whichever: their shape. Square ones where nobody says."""
    a, b, _, d, e, _ = format.geobox.affine[:6]
    wide, high = math.hypot(a, d), math.hypot(b, e)
    return max(1, round(1000 * min(high / wide, 1e6))), 1000


def whole(levels: NDArray[Any], *, clear: bool = False) -> bytes:
    """A small PNG, such as a tile: (y, x, band) levels of 8 or 16 bits, without gamma or profile.

    `clear` makes level 0 in all bands transparent.
    """
    height, width, bands = levels.shape
    size, step = struct.pack(">II", width, height), bands * levels.dtype.itemsize
    kind = struct.pack(">BBBBB", 8 * levels.dtype.itemsize, COLOR_TYPES[bands], 0, 0, 0)
    body = zlib_stream(average(big_endian(levels), step).data.cast("B"))
    nodata = chunk(b"tRNS", bytes(2 * bands)) if clear else b""
    return b"".join((PNG, chunk(b"IHDR", size + kind), nodata, chunk(b"IDAT", body), chunk(b"IEND", b"")))


def trailer(strips: Iterable[Mapping[str, Any]]) -> bytes:
    """Everything behind the last strip, from the strips' facts in order."""
    adler = 1
    for facts in strips:
        adler = adler32_combine(adler, int(facts["adler32"]), int(facts["raw"]))
    return chunk(b"IDAT", b"\x01\x00\x00\xff\xff" + struct.pack(">I", adler)) + chunk(b"IEND", b"")


def adler32_combine(first: int, second: int, length: int) -> int:
    """Adler-32 of two byte strings joined, from that of each and the length of the second (RFC 1950, section 9).

    >>> sums = [isal_zlib.adler32(part) for part in (b"giga", b"scene", b"gigascene")]
    >>> adler32_combine(sums[0], sums[1], 5) == sums[2]
    True
    """
    prime = 65521
    a1, b1, a2, b2 = first & 0xFFFF, first >> 16, second & 0xFFFF, second >> 16
    a = (a1 + a2 - 1) % prime
    b = (b1 + b2 + length * (a1 - 1)) % prime
    return b << 16 | a


def _text(key: str, value: str) -> bytes:
    """An international text chunk: keyword, uncompressed, no language, UTF-8."""
    return chunk(b"iTXt", key.encode("latin-1") + b"\0\0\0\0\0" + value.encode())


def _pixel_bytes(format: Format) -> int:
    return format.bands * np.dtype(format.dtype).itemsize


def _row_bytes(format: Format) -> int:
    return format.shape[1] * _pixel_bytes(format)
