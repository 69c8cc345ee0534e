"""PNG, decoded row by row from the top: a few rows in hand, whatever the picture's size (PNG 3rd edition).

Every chunk's CRC and the checksum of the pixels are checked, and what the standard forbids is refused. Gamma and colour
profiles are not applied.
"""

from __future__ import annotations

import os
import sys
import weakref
from dataclasses import dataclass
from pathlib import Path
from struct import unpack
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from gigascene.kernels.png_unfilter import unfilter, unpacked
from gigascene.model.errors import BadInput
from gigascene.model.picture import Picture
from gigascene.readers._samples import AGAIN, STRIP, check_out, check_unchanged, open_file, row_bytes, version

SIGNATURE = b"\x89PNG\r\n\x1a\n"
SLICE = 64 << 10
"""Bytes of the file in hand."""

OTHER_CHUNKS = 10_000
"""Chunks without pixels; each costs time, and a hostile file can hold millions."""

GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
DEPTHS = {
    GREY: (1, 2, 4, 8, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    GREY_ALPHA: (8, 16),
    RGB_ALPHA: (8, 16),
}
"""Bits of a sample, by colour type (table 8)."""

CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
MOST_SIDE = (1 << 31) - 1
DENSEST = 1032
"""Deflate makes at most 258 bytes out of 2 bits."""

_NOWHERE = sys.maxsize


class _Chunks:
    """The chunks of a file, each read to its end and its CRC checked, one after another."""

    def __init__(self, file: BinaryIO, href: str) -> None:
        self.href = href
        self.left = 0
        """Bytes of the chunk in hand that were not read yet."""
        self.size = os.fstat(file.fileno()).st_size
        self._file = file
        self._kind = b""
        self._crc = self._others = 0
        file.seek(0)
        if (start := file.read(8)) != SIGNATURE:
            raise BadInput(f"is no PNG: it begins with {start!r}.", href, hint=AGAIN)

    def next(self) -> bytes:
        """Type of the next chunk; what was left of the last one is read and checked."""
        while self.left:
            self.take()
        at = self._file.tell()
        self.left, self._kind = unpack(">I4s", self._exactly(8))
        if self.left > MOST_SIDE or not self._kind.isalpha():
            raise BadInput(f"is broken at byte {at}: {self.left} bytes of {self._kind!r} are no chunk.", self.href)
        if at + 12 + self.left > self.size:
            what = (
                f"is cut short: its {self.name} chunk ends behind byte {at + 12 + self.left}, the file at {self.size}."
            )
            raise BadInput(what, self.href, hint=AGAIN)
        self._others += self._kind != b"IDAT" or not self.left
        if self._others > OTHER_CHUNKS:
            raise BadInput(f"has more than {OTHER_CHUNKS} chunks without pixels.", self.href)
        self._crc = isal_zlib.crc32(self._kind)
        self._check()
        return self._kind

    @property
    def name(self) -> str:
        """Type of the chunk in hand, for messages."""
        return self._kind.decode("ascii")

    def take(self) -> bytes:
        """The next bytes of the chunk in hand, at most a slice."""
        data = self._exactly(min(self.left, SLICE))
        self.left -= len(data)
        self._crc = isal_zlib.crc32(data, self._crc)
        self._check()
        return data

    def whole(self, *lengths: int) -> bytes:
        """All of a small chunk, the length of which must be one of these."""
        if self.left not in lengths:
            raise BadInput(f"has {self.left} bytes in its {self.name} chunk, which cannot be.", self.href)
        return self.take()

    def _check(self) -> None:
        if not self.left and self._exactly(4) != self._crc.to_bytes(4, "big"):
            at = self._file.tell()
            raise BadInput(
                f"is damaged: the CRC of the {self.name} chunk before byte {at} is wrong.", self.href, hint=AGAIN
            )

    def _exactly(self, length: int) -> bytes:
        try:
            data = self._file.read(length)
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", self.href) from error
        if len(data) < length:
            raise BadInput(f"is cut short: it ends at byte {self.size}, and no IEND was seen.", self.href, hint=AGAIN)
        return data


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Header:
    """What stands before the pixels."""

    shape: tuple[int, int]
    depth: int
    """Bits of a stored sample."""

    color: int
    """PNG's colour type."""

    palette: NDArray[np.uint8] | None
    """(256, 3 or 4): a row for each index, alpha last; those from `entries` on are not there."""

    entries: int
    key: NDArray[np.uint16] | None
    """(channels,): the stored colour that is transparent, where it is not black."""

    nodata: int | None
    """0 where black is transparent: that is no data, and needs no band of its own."""

    @property
    def bands(self) -> int:
        """Of the pixels that are given, alpha included."""
        if self.palette is not None:
            return self.palette.shape[1]
        return CHANNELS[self.color] + (self.key is not None)

    @property
    def dtype(self) -> Literal["uint8", "uint16"]:
        """Of the pixels that are given."""
        return "uint16" if self.depth == 16 else "uint8"

    @property
    def row_bytes(self) -> int:
        """Stored bytes of a row, without its filter type."""
        return (self.shape[1] * CHANNELS[self.color] * self.depth + 7) // 8

    @property
    def step(self) -> int:
        """Bytes from a pixel to the next, as filters see them."""
        return max(1, CHANNELS[self.color] * self.depth // 8)


def describe(path: str | Path) -> Picture:
    """The picture of a file; everything before its pixels is read and checked, and nothing behind.

    Parameters
    ----------
    path : str or Path
        The file. Of an animated PNG its default image is meant.

    Raises
    ------
    BadInput
        Naming the file: not there, no PNG, broken, interlaced, or too small to hold what it declares.
    """
    href = str(path)
    seen = version(href)
    with os.fdopen(open_file(href), "rb", buffering=SLICE) as file:
        header = _header(_Chunks(file, href))
    return _picture(header, href, seen)


def scratch(picture: Picture) -> int:
    """The most bytes that `PngRows` has in hand, beside the rows that are asked for."""
    return 6 * max(STRIP, row_bytes(picture)) + 8 * SLICE


def _picture(header: _Header, href: str, seen: str) -> Picture:
    return Picture(
        href=href,
        form="png",
        shape=header.shape,
        bands=header.bands,
        dtype=header.dtype,
        alpha=header.bands in {2, 4},
        maxval=int(np.iinfo(header.dtype).max),
        packing="deflate",
        nodata=header.nodata,
        identity=seen,
    )


def _header(chunks: _Chunks) -> _Header:
    """Chunks up to the first one of pixels, of which nothing is taken yet."""
    if chunks.next() != b"IHDR":
        raise BadInput(f"begins with a chunk {chunks.name} instead of IHDR.", chunks.href)
    shape, depth, color = _ihdr(chunks)
    found: dict[bytes, bytes] = {}
    while (kind := chunks.next()) != b"IDAT":
        if kind == b"IEND":
            raise BadInput("has no pixels: no IDAT chunk.", chunks.href, hint=AGAIN)
        if kind in {b"PLTE", b"tRNS"}:
            _note(found, kind, color, chunks)
        elif not kind[0] & 32:
            raise BadInput(f"has a chunk {chunks.name} before its pixels, which may not be skipped.", chunks.href)
    return _colors(found, shape, depth, color, chunks.href)


def _ihdr(chunks: _Chunks) -> tuple[tuple[int, int], int, int]:
    """Shape, depth and colour type, all of them possible."""
    columns, rows, depth, color, compression, filters, interlace = unpack(">IIBBBBB", chunks.whole(13))
    if not (0 < columns <= MOST_SIDE and 0 < rows <= MOST_SIDE):
        raise BadInput(f"declares {rows} rows of {columns} pixels; both must be from 1 to {MOST_SIDE}.", chunks.href)
    if depth not in DEPTHS.get(color, ()) or compression or filters or interlace > 1:
        what = f"depth {depth}, colour {color}, compression {compression}, filter {filters}, interlace {interlace}"
        raise BadInput(f"declares what PNG does not have: {what}.", chunks.href)
    if interlace:
        hint = "Save it again without: pngtopam -alphapam FILE | pamtopng > NEW"
        raise BadInput("is interlaced (Adam7), which cannot be read row by row.", chunks.href, hint=hint)
    raw = rows * ((columns * CHANNELS[color] * depth + 7) // 8 + 1)
    if raw > DENSEST * chunks.size:
        what = f"declares {rows} rows of {columns} pixels, {raw} bytes; its {chunks.size} bytes cannot hold as many."
        raise BadInput(what, chunks.href, hint=AGAIN)
    return (rows, columns), depth, color


def _note(found: dict[bytes, bytes], kind: bytes, color: int, chunks: _Chunks) -> None:
    """Keep a palette or transparency that this colour type uses; a suggested palette is not."""
    if (kind == b"PLTE" and color != PALETTE) or color in {GREY_ALPHA, RGB_ALPHA}:
        return
    if kind in found:
        raise BadInput(f"has two {chunks.name} chunks.", chunks.href)
    if kind == b"PLTE":
        found[kind] = chunks.whole(*range(3, 769, 3))
    elif color == PALETTE:
        found[kind] = chunks.whole(*range(1, len(found.get(b"PLTE", b"")) // 3 + 1))
    else:
        found[kind] = chunks.whole(2 * CHANNELS[color])


def _colors(found: dict[bytes, bytes], shape: tuple[int, int], depth: int, color: int, href: str) -> _Header:
    """Header with the palette or the transparent colour."""
    table, key, entries = None, None, 0
    transparency = found.get(b"tRNS")
    if color == PALETTE:
        if b"PLTE" not in found:
            raise BadInput("has no palette, which its colour type needs.", href)
        colors = np.frombuffer(found[b"PLTE"], np.uint8).reshape(-1, 3)
        entries = len(colors)
        table = np.zeros((256, 3 if transparency is None else 4), np.uint8)
        table[:entries, :3] = colors
        if transparency is not None:
            table[:entries, 3] = 255
            table[: len(transparency), 3] = np.frombuffer(transparency, np.uint8)
    elif transparency is not None:
        key = np.frombuffer(transparency, ">u2").astype(np.uint16) & np.uint16((1 << depth) - 1)
        if not key.any():
            return _Header(shape=shape, depth=depth, color=color, palette=None, entries=0, key=None, nodata=0)
    return _Header(shape=shape, depth=depth, color=color, palette=table, entries=entries, key=key, nodata=None)


class PngRows:
    """The rows of one PNG, to be asked for from the top down.

    Rows that are left out are decoded all the same. Going back is allowed, and begins at the top again. The last rows
    are given only after the rest of the file has been checked. Not to be shared between threads.

    Parameters
    ----------
    picture : Picture
        What `describe` gave.

    Raises
    ------
    BadInput
        As `describe`, and where the file has changed since.
    """

    def __init__(self, picture: Picture) -> None:
        check_unchanged(picture)
        self.picture = picture
        self._file = os.fdopen(open_file(picture.href), "rb", buffering=SLICE)
        self._close = weakref.finalize(self, self._file.close)
        self._begin()
        self._most = min(picture.shape[0], max(1, STRIP // row_bytes(picture)))
        self._stored = np.zeros((1 + self._most, 1 + self._header.row_bytes), np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; happens by itself when nobody holds this any more."""
        self._close()

    def read(self, top: int, height: int, out: NDArray[Any]) -> NDArray[Any]:
        """Rows from `top` on.

        Parameters
        ----------
        top, height : int
            First row, and how many.
        out : (height, columns, bands) of the picture's dtype
            C-contiguous; filled in the machine's byte order, small samples over the full range of 8 bits, palettes as
            colours, alpha last.

        Returns
        -------
        (height, columns, bands)
            `out`.

        Raises
        ------
        BadInput
            Naming the file and what is wrong in it, as far as it was decoded.
        ValueError
            `out` or the rows do not fit the picture.
        """
        check_out(self.picture, top, height, out)
        if top < self._row:
            self._begin()
            self._stored[0] = 0
        while self._row < top:
            self._decoded(min(self._most, top - self._row))
        for first in range(0, height, self._most):
            part = out[first : first + self._most]
            _expand(self._header, self._decoded(len(part)), part, self.picture.href)
        return out

    def _begin(self) -> None:
        """Stand before the first row."""
        self._row = _NOWHERE
        self._chunks = _Chunks(self._file, self.picture.href)
        self._header = _header(self._chunks)
        if _picture(self._header, self.picture.href, self.picture.identity) != self.picture:
            raise BadInput("is not what it was described as.", self.picture.href, hint="Begin again.")
        self._inflater: Any = isal_zlib.decompressobj()
        self._waiting = b""
        self._row = 0

    def _decoded(self, count: int) -> NDArray[np.uint8]:
        """The next rows, unfiltered: (count, bytes of a row), until more are asked for."""
        row, self._row = self._row, _NOWHERE  # after an error there is no place to go on from
        stored = self._stored[: 1 + count]
        self._inflate(stored[1:].data.cast("B"), row)
        undone = unfilter(stored, self._header.step)
        if undone < count:
            raise self._bad(f"has the filter type {stored[1 + undone, 0]}, and 4 is the last there is", row + undone)
        if row + count == self._header.shape[0]:
            self._finish(row)
        stored[0] = stored[-1]
        self._row = row + count
        return stored[1:, 1:]

    def _inflate(self, view: memoryview, row: int) -> None:
        """Fill a view with what comes next."""
        while view:
            part = self._inflated(len(view), row)
            if not part:
                raise self._bad("has fewer rows than it declares", row)
            view[: len(part)] = part
            view = view[len(part) :]

    def _inflated(self, most: int, row: int) -> bytes:
        """Some bytes, at most so many; none at the end of the compressed data."""
        while not self._inflater.eof:
            try:
                part: bytes = self._inflater.decompress(self._waiting, most)
            except isal_zlib.error as error:  # type: ignore[misc]  # a class, which isal's stub calls an instance
                raise self._bad(f"holds damaged pixels ({error})", row, hint=AGAIN) from error
            self._waiting = self._inflater.unconsumed_tail
            if part:
                return part
            if not self._waiting and not self._inflater.eof:
                self._waiting = self._compressed(row)
        return b""

    def _compressed(self, row: int) -> bytes:
        """The next slice of compressed data. IDAT chunks follow each other with nothing between (section 5.6)."""
        while not self._chunks.left:
            if self._chunks.next() != b"IDAT":
                what = f"has compressed pixels that stop before a chunk {self._chunks.name}"
                raise self._bad(what, row, hint=AGAIN)
        return self._chunks.take()

    def _finish(self, row: int) -> None:
        """Check everything behind the last row."""
        over = self._inflated(1, row) or self._waiting or self._inflater.unused_data or self._chunks.left
        while not over and (kind := self._chunks.next()) != b"IEND":
            if kind != b"IDAT" and not kind[0] & 32:
                raise BadInput(f"has a chunk {self._chunks.name} behind its pixels.", self.picture.href)
            over = kind == b"IDAT" and self._chunks.left
        if over:
            raise BadInput("holds more compressed pixels than it declares.", self.picture.href)
        if self._chunks.left:
            raise BadInput(f"has {self._chunks.left} bytes in its IEND chunk, which cannot be.", self.picture.href)

    def _bad(self, what: str, row: int, hint: str = "") -> BadInput:
        """What is wrong, in these rows: several are decoded at once."""
        return BadInput(f"{what}.", self.picture.href, "", f"row {row} or below", hint)


def _expand(header: _Header, stored: NDArray[np.uint8], out: NDArray[Any], href: str) -> None:
    """Stored rows (y, bytes of a row) as pixels (y, columns, bands)."""
    samples = _samples_of(header, stored)
    if header.palette is not None:
        if samples.max() >= header.entries:
            raise BadInput(f"has a pixel of colour {samples.max()}; its palette has {header.entries}.", href)
        np.take(header.palette, samples[..., 0], axis=0, out=out, mode="clip")
        return
    channels = samples.shape[2]
    out[..., :channels] = samples
    if header.depth < 8:
        out[..., :channels] *= np.uint8(255 // ((1 << header.depth) - 1))
    if header.key is not None:
        hidden = samples[..., 0] == header.key[0]
        for channel in range(1, channels):
            hidden &= samples[..., channel] == header.key[channel]
        np.multiply(~hidden, np.iinfo(out.dtype).max, out=out[..., channels], dtype=out.dtype)


def _samples_of(header: _Header, stored: NDArray[np.uint8]) -> NDArray[Any]:
    """Samples as they are stored: (y, columns, channels)."""
    shape = (len(stored), header.shape[1], CHANNELS[header.color])
    if header.depth == 16:
        return stored.view(">u2").reshape(shape)
    return (stored if header.depth == 8 else unpacked(stored, header.depth, header.shape[1])).reshape(shape)
