"""PNG, decoded row by row from the top: a few rows in hand, whatever the picture's size (PNG 3rd edition).

Every chunk's CRC and the checksum of the pixels are checked, and what the standard forbids is refused. Gamma and colour
profiles are not applied.
"""

from __future__ import annotations

import os
import sys
import weakref
from pathlib import Path
from typing import Any

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from gigascene.kernels.png_unfilter import unfilter, unpacked
from gigascene.model.closes import Closes
from gigascene.model.errors import BadInput
from gigascene.model.plain_picture import PlainPicture
from gigascene.readers._png_chunks import SLICE, Chunks
from gigascene.readers._png_header import CHANNELS, Header, header_of
from gigascene.readers._samples import AGAIN, STRIP, check_out, check_unchanged, open_file, row_bytes, version

_NOWHERE = sys.maxsize


def describe(path: str | Path) -> PlainPicture:
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
        header = header_of(Chunks(file, href))
    return _picture(header, href, seen)


def _picture(header: Header, href: str, seen: str) -> PlainPicture:
    return PlainPicture(
        href=href,
        form="png",
        shape=header.shape,
        bands=header.bands,
        dtype=header.dtype,
        alpha=header.bands in {2, 4},
        maxval=int(np.iinfo(header.dtype).max),
        packing="deflate",
        nodata=header.nodata,
        colors=header.said,
        identity=seen,
    )


class PngRows(Closes):
    """The rows of one PNG, to be asked for from the top down.

    Rows that are left out are decoded all the same. Going back is allowed, and begins at the top again. The last rows
    are given only after the rest of the file has been checked. Not to be shared between threads.

    Parameters
    ----------
    picture : PlainPicture
        What `describe` gave.

    Raises
    ------
    BadInput
        As `describe`, and where the file has changed since.
    """

    def __init__(self, picture: PlainPicture) -> None:
        check_unchanged(picture)
        self.picture = picture
        self._file = os.fdopen(open_file(picture.href), "rb", buffering=SLICE)
        self._close = weakref.finalize(self, self._file.close)
        self._begin()
        self._most = min(picture.shape[0], max(1, STRIP // row_bytes(picture)))
        self._stored = np.zeros((1 + self._most, 1 + self._header.row_bytes), np.uint8)

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
        self._chunks = Chunks(self._file, self.picture.href)
        self._header = header_of(self._chunks)
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


def _expand(header: Header, stored: NDArray[np.uint8], out: NDArray[Any], href: str) -> None:
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


def _samples_of(header: Header, stored: NDArray[np.uint8]) -> NDArray[Any]:
    """Samples as they are stored: (y, columns, channels)."""
    shape = (len(stored), header.shape[1], CHANNELS[header.color])
    if header.depth == 16:
        return stored.view(">u2").reshape(shape)
    return (stored if header.depth == 8 else unpacked(stored, header.depth, header.shape[1])).reshape(shape)
