"""JPEG, decoded by GDAL's libjpeg row by row from the top; and the mask of one bit a pixel that GDAL keeps behind an image.

Pixels are given as they lie in the file: what EXIF says of turning them is not done, and no colour profile is applied.
How half-size colours are brought to full size is each decoder's own choice, so that others differ by some levels there.
"""

from __future__ import annotations

import os
import weakref
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from gigascene.model.closes import Closes
from gigascene.model.errors import BadInput
from gigascene.model.plain_picture import PlainPicture
from gigascene.readers import _gdal
from gigascene.readers._jpeg_header import Header, header_of
from gigascene.readers._samples import AGAIN, check_out, check_unchanged, open_file, version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

STRIP = 2 << 20
"""Bytes of rows in hand, beside those that are asked for."""

OPTIONS: dict[str, int | str] = {
    **_gdal.OPTIONS,
    "GDAL_CACHEMAX": 8 * STRIP,
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_ERROR_ON_LIBJPEG_WARNING": "YES",  # a file cut short would be filled with grey
    "GDAL_ALLOW_LARGE_LIBJPEG_MEM_ALLOC": "YES",  # the plan knows of it (`PlainPicture.held`)
}

SLICE = 64 << 10
COEFFICIENT = 2
"""Bytes."""


def describe(path: str | Path) -> PlainPicture:
    """The picture of a file, with alpha where a mask lies behind it; its header is read and checked, no pixel.

    Parameters
    ----------
    path : str or Path
        Baseline or progressive, grey or RGB (also stored as YCbCr).

    Raises
    ------
    BadInput
        Naming the file: not there, no JPEG, broken, CMYK, of a kind that is not read, or too small to hold what it declares.
    """
    href = str(path)
    seen = version(href)
    with os.fdopen(open_file(href), "rb", buffering=SLICE) as file:
        header = header_of(file, href)
        masked = _mask_begin(file) is not None
        size = os.fstat(file.fileno()).st_size
    if header.coefficients // 64 > 8 * size:  # each block takes a bit at least
        rows, columns = header.shape
        raise BadInput(
            f"declares {rows} rows of {columns} pixels; its {size} bytes cannot hold as many.", href, hint=AGAIN
        )
    return _picture(header, href, seen, masked=masked)


def _picture(header: Header, href: str, seen: str, *, masked: bool) -> PlainPicture:
    return PlainPicture(
        href=href,
        form="jpeg",
        shape=header.shape,
        bands=len(header.sampling) + masked,
        dtype="uint8",
        alpha=masked,
        maxval=255,
        packing="dct",
        colors=header.said,
        held=0 if header.one_scan else COEFFICIENT * header.coefficients,
        identity=seen,
    )


class JpegRows(Closes):
    """The rows of one JPEG, to be asked for from the top down; going back begins again. Not to be shared between threads.

    Parameters
    ----------
    picture : PlainPicture
        What `describe` gave. It decodes in a few MiB, and `PlainPicture.held` more where the file has several scans.

    Raises
    ------
    BadInput
        As `describe`, and where the file has changed since.
    """

    def __init__(self, picture: PlainPicture) -> None:
        check_unchanged(picture)
        self.picture = picture
        self._colors = picture.bands - picture.alpha
        with _told(picture.href), _gdal.unwarned():
            self._source = _gdal.open_dataset(picture.href, "JPEG")
        self._close = weakref.finalize(self, self._source.close)
        self._mask = _Mask(picture) if picture.alpha else None
        if self._source.shape != picture.shape or self._source.count != self._colors:
            raise BadInput("is not what it was described as.", picture.href, hint="Begin again.")

    def close(self) -> None:
        """Close the file; happens by itself when nobody holds this any more."""
        self._close()
        if self._mask is not None:
            self._mask.close()

    def read(self, top: int, height: int, out: NDArray[Any]) -> NDArray[Any]:
        """Rows from `top` on into `out`, (height, columns, bands) uint8, C-contiguous; returns `out`. Alpha, 0 or 255, is last.

        Raises `BadInput` naming file and rows, and ValueError where `out` or the rows do not fit the picture.
        """
        check_out(self.picture, top, height, out)
        step = max(1, STRIP // (out.shape[1] * self._colors))
        for first in range(0, height, step):
            part = out[first : first + step]
            self._read(top + first, part)
        return out

    def _read(self, top: int, part: NDArray[Any]) -> None:
        rows, columns = part.shape[:2]
        with _told(self.picture.href, f"rows {top} to {top + rows - 1}"):
            part[..., : self._colors] = np.moveaxis(self._source.read(window=Window(0, top, columns, rows)), 0, -1)
        if self._mask is not None:
            part[..., -1] = self._mask.read(top, rows)


class _Mask:
    """One bit a pixel, the lowest first, rows without padding, as one zlib stream (GDAL's JPEG driver, "Mask band")."""

    def __init__(self, picture: PlainPicture) -> None:
        self._href, (self._rows, self._columns) = picture.href, picture.shape
        self._file = os.fdopen(open_file(picture.href), "rb", buffering=SLICE)
        self._begin()

    def close(self) -> None:
        self._file.close()

    def _begin(self) -> None:
        begin = _mask_begin(self._file)
        if begin is None:
            raise BadInput("is not what it was described as.", self._href, hint="Begin again.")
        self._file.seek(begin)
        self._inflater, self._row, self._bits = zlib.decompressobj(), 0, np.empty(0, np.uint8)

    def read(self, top: int, rows: int) -> NDArray[np.uint8]:
        """0 or 255 of so many rows."""
        if top < self._row:
            self._begin()
        while self._row < top:
            self._take(min(top - self._row, max(1, STRIP // self._columns)))
        return self._take(rows)

    def _take(self, rows: int) -> NDArray[np.uint8]:
        count = rows * self._columns
        fresh = np.frombuffer(self._inflated(-(-max(count - self._bits.size, 0) // 8)), np.uint8)
        bits = np.concatenate([self._bits, np.unpackbits(fresh, bitorder="little")])
        self._bits, self._row = bits[count:].copy(), self._row + rows
        if self._row == self._rows and (self._bits.any() or self._inflated_more()):
            raise BadInput("has a mask of more pixels than it has itself.", self._href, hint=AGAIN)
        return bits[:count].reshape(rows, self._columns) * np.uint8(255)

    def _inflated(self, need: int) -> bytes:
        found = bytearray()
        try:
            while len(found) < need:
                data = self._inflater.unconsumed_tail or self._file.read(SLICE)
                if not data or self._inflater.eof:
                    raise BadInput("has a mask of fewer pixels than it has itself.", self._href, hint=AGAIN)
                found += self._inflater.decompress(data, need - len(found))
        except zlib.error as error:
            raise BadInput(
                f"has a damaged mask ({error}).", self._href, "", f"row {self._row} or below", AGAIN
            ) from error
        return bytes(found)

    def _inflated_more(self) -> bool:
        """Whether anything follows; what checks the stream is read."""
        try:
            return bool(self._inflater.decompress(self._inflater.unconsumed_tail or self._file.read(SLICE), 1))
        except zlib.error as error:
            raise BadInput(f"has a damaged mask ({error}).", self._href, hint=AGAIN) from error


def _mask_begin(file: BinaryIO) -> int | None:
    """Where GDAL finds a mask: the last four bytes point behind the image's end marker, in the file's second half."""
    size = file.seek(0, os.SEEK_END)
    if size < 8:
        return None
    file.seek(-4, os.SEEK_END)
    begin = int.from_bytes(file.read(4), "little")
    if not size // 2 <= begin <= size - 4:
        return None
    file.seek(begin - 2)
    return begin if file.read(2) == b"\xff\xd9" else None


@contextmanager
def _told(href: str, window: str = "") -> Iterator[None]:
    """GDAL set up; its errors as `BadInput`."""
    try:
        with rasterio.Env(**OPTIONS):
            yield
    except RasterioError as error:
        raise BadInput(f"cannot be decoded ({error.__cause__ or error}).", href, "", window, AGAIN) from error
