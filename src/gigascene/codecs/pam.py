"""Netpbm pictures: a header of text, then the rows as they are, 16-bit samples big-endian.

PAM (P7, http://netpbm.sourceforge.net/doc/pam.html) for grey and RGB with or
without alpha; PGM (P5) and PPM (P6) for what cannot read that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from gigascene.codecs._rows import STRIP, piece_of, run_levels, strip_grid
from gigascene.kernels.png_filter import big_endian
from gigascene.model.block import Shown
from gigascene.model.contracts import Piece
from gigascene.model.grid import PieceGrid
from gigascene.model.plan import Format

TUPLES = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}
CLASSIC = {1: b"P5", 3: b"P6"}

COMMENT_CHARS = 60
"""Netpbm reads a line of a PAM header into 256 bytes and takes what is left for the next line; UTF-8 is 4 at most."""

CLASSIC_COMMENTS = 900
"""Bytes of comments in a PGM or PPM: GDAL must find the whole header in the first 1,024."""


class PamCodec:
    """Strips of raw rows, or where a row is long, parts of one row: so there is no limit to a side."""

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
            yield piece_of(first, big_endian(run_levels(first, shown, grid)).tobytes())
            return
        rows, columns = (row for part in shown for row in part.levels), grid.piece[1]
        parts = (row[left : left + columns] for row in rows for left in range(0, len(row), columns))
        for index, part in enumerate(parts, first):
            yield piece_of(index, big_endian(part[np.newaxis]).tobytes())


CODEC = PamCodec()


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


def header(format: Format) -> bytes:
    """Everything before the first row of a PAM, the metadata texts as comments."""
    height, width = format.shape
    fields = {
        "WIDTH": width,
        "HEIGHT": height,
        "DEPTH": format.bands,
        "MAXVAL": np.iinfo(format.dtype).max,
        "TUPLTYPE": TUPLES[format.bands],
    }
    lines = [f"{name} {value}" for name, value in fields.items()]
    texts = (comment(key, value) for key, value in format.metadata.items())
    return b"P7\n" + b"".join(texts) + "\n".join([*lines, "ENDHDR", ""]).encode("ascii")


def classic_header(format: Format) -> bytes:
    """Everything before the first row of a PGM or PPM; texts that are too long for its readers are left out."""
    height, width = format.shape
    size = f"{width} {height}\n{np.iinfo(format.dtype).max}\n".encode("ascii")
    return b"".join((CLASSIC[format.bands], b"\n", short_comments(format.metadata), size))


def short_comments(texts: Mapping[str, str]) -> bytes:
    """Those texts that fit, in order."""
    found = b""
    for key, value in texts.items():
        lines = comment(key, value)
        if len(found) + len(lines) <= CLASSIC_COMMENTS:
            found += lines
    return found


def comment(key: str, value: str) -> bytes:
    r"""Comment lines for one text; further ones begin with ``#+``. Line ends in it become ``\n``.

    >>> comment("Title", "Ice\nand snow")
    b'# Title: Ice\\nand snow\n'
    """
    line = "\\n".join(f"{key}: {value}".splitlines())
    parts = [line[at : at + COMMENT_CHARS] for at in range(0, len(line), COMMENT_CHARS)]
    return b"".join(f"#{'+' if number else ' '}{part}\n".encode() for number, part in enumerate(parts))
