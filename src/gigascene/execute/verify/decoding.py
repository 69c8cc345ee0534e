"""A picture decoded once more, by other programs than those that made it, a few rows at a time."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Env
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import RasterioError
from rasterio.windows import Window
from tifffile import TiffFile

from gigascene.metadata.geotiff_tags import ungeoreferenced_allowed
from gigascene.model.errors import BadInput
from gigascene.model.plain_picture import PlainPicture
from gigascene.readers import png, pnm
from gigascene.storage.signatures import kind_of_file

STRIP = 4 << 20
"""Bytes of pixels in hand, of each decoder."""

LARGEST_BLOCK = 256 << 20
"""Bytes of a TIFF's block that are still decoded: a file of one block is one allocation."""

MOST_LIBPNG = 1_000_000
"""Pixels of a side that GDAL's libpng reads."""

Watch = Callable[[float], None]
"""Told how far it is, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What came of it."""

    by: tuple[str, ...]
    """Decoders that have read every pixel and agree; none where nothing here can."""

    shape: tuple[int, int] | None = None
    """Rows, columns."""

    note: str = ""
    """What was not done, and why."""


def decode(path: Path, watch: Watch, *, both: bool = False) -> Decoded:
    """Decode every pixel of a file.

    Parameters
    ----------
    path : Path
        PNG, PAM, PNM, TIFF or JPEG; of others it is said that nothing here decodes them.
    watch : callable
        Told how far it is.
    both : bool
        Two decoders also where the first is already another than the one that writes: of TIFF.

    Raises
    ------
    BadInput
        Where a decoder refuses the file, or two of them see different pixels.
    """
    kind = kind_of_file(path) if path.suffix.lower() != ".raw" else None  # samples may begin like anything
    if kind is None or kind == "jpeg2000":
        return Decoded(by=(), note=f"nothing here decodes {path.suffix[1:].upper() or 'such'} files")
    options = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO", "GDAL_CACHEMAX": 2 * STRIP}
    strict = {"GDAL_ERROR_ON_LIBJPEG_WARNING": "YES", "GDAL_PNG_WHOLE_IMAGE_OPTIM": "NO"}
    with Env(**options, **strict), ungeoreferenced_allowed():
        match kind:
            case "png":
                return _png(path, watch)
            case "pnm":
                return _pnm(path, watch)
            case "jpeg":
                return _jpeg(path, watch)
        return _tiff(path, watch, both=both)


def _png(path: Path, watch: Watch) -> Decoded:
    """Our reader checks every checksum there is, libpng has the last word on pixels."""
    picture = png.describe(path)
    with ExitStack() as stack:
        ours = stack.enter_context(png.PngRows(picture))
        if max(picture.shape) > MOST_LIBPNG:
            _rows(picture, ours.read, None, watch)
            return Decoded(by=("gigascene",), shape=picture.shape, note=f"libpng ends at {MOST_LIBPNG:,} pixels a side")
        theirs = stack.enter_context(_opened(path, "PNG"))
        _rows(picture, ours.read, theirs, watch)
    return Decoded(by=("libpng", "gigascene"), shape=picture.shape)


def _pnm(path: Path, watch: Watch) -> Decoded:
    picture = pnm.describe(path)
    if picture.packing == "bytes":
        end = picture.offset + picture.shape[0] * picture.shape[1] * picture.bands * np.dtype(picture.dtype).itemsize
        if (size := path.stat().st_size) != end and pnm.count(path) == 1:
            raise BadInput(f"has {size - end:,} bytes behind its last row.", str(path))

    def ours(top: int, height: int, out: NDArray[Any]) -> NDArray[Any]:
        return pnm.read(picture, top, height, out)

    with ExitStack() as stack:
        gdal = path.suffix.lower() in {".pgm", ".ppm"} and picture.packing == "bytes"
        theirs = stack.enter_context(_opened(path, "PNM")) if gdal else None
        _rows(picture, ours, theirs, watch)
    return Decoded(by=("GDAL", "gigascene") if gdal else ("gigascene",), shape=picture.shape)


def _rows(
    picture: PlainPicture, ours: Callable[[int, int, NDArray[Any]], NDArray[Any]], theirs: Any, watch: Watch
) -> None:
    """Read all rows by ours; and where GDAL gives the same samples, compare with its."""
    rows, columns = picture.shape
    if theirs is not None and theirs.shape != picture.shape:
        raise BadInput(f"is {picture.shape} to gigascene and {theirs.shape} to GDAL.", picture.href)
    step = max(1, STRIP // (columns * picture.bands * np.dtype(picture.dtype).itemsize))
    for top in range(0, rows, step):
        height = min(step, rows - top)
        out = np.empty((height, columns, picture.bands), picture.dtype)
        ours(top, height, out)
        if theirs is not None:
            with _said(picture.href, top, height):
                seen = theirs.read(window=Window(0, top, columns, height))
            if _comparable(picture, theirs) and not np.array_equal(np.moveaxis(seen, 0, -1), out[..., : len(seen)]):
                raise BadInput(
                    "has other pixels to GDAL than to gigascene.",
                    picture.href,
                    window=f"rows {top:,} to {top + height - 1:,}",
                )
        watch((top + height) / rows)


def _comparable(picture: PlainPicture, theirs: Any) -> bool:
    """GDAL leaves palettes, small samples and small maxima as they are."""
    full = bool(picture.maxval == np.iinfo(picture.dtype).max)
    plain = ColorInterp.palette not in theirs.colorinterp and "NBITS" not in theirs.tags(1, ns="IMAGE_STRUCTURE")
    return full and plain and theirs.dtypes[0] == picture.dtype and theirs.count <= picture.bands


def _jpeg(path: Path, watch: Watch) -> Decoded:
    """By libjpeg, row after row; the mask behind the image by zlib, as a stream."""
    with _opened(path, "JPEG") as picture:
        _read_strips(picture, path, watch)
        if all(MaskFlags.per_dataset in flags for flags in picture.mask_flag_enums):
            _check_mask(path, picture.shape)
        return Decoded(by=("libjpeg",), shape=picture.shape)


def _read_strips(picture: Any, path: Path, watch: Watch) -> None:
    rows, columns = picture.shape
    step = max(1, STRIP // (columns * picture.count))
    for top in range(0, rows, step):
        height = min(step, rows - top)
        with _said(str(path), top, height):
            picture.read(window=Window(0, top, columns, height))
        watch((top + height) / rows)


def _check_mask(path: Path, shape: tuple[int, int]) -> None:
    """GDAL's mask: zlib of one bit a pixel, between the image and four bytes that say where it begins."""
    need, found = (shape[0] * shape[1] + 7) // 8, 0
    inflater = zlib.decompressobj()
    with path.open("rb") as file:
        file.seek(-4, 2)
        end = file.tell()
        begin = int.from_bytes(file.read(4), "little")
        file.seek(begin)
        try:
            while found <= need and not inflater.eof:
                data = inflater.unconsumed_tail or file.read(min(1 << 16, max(end - file.tell(), 0)))
                if not data:
                    break
                found += len(inflater.decompress(data, STRIP))
        except zlib.error as error:
            raise BadInput(f"has a damaged mask ({error}).", str(path)) from error
        if found != need or not inflater.eof or inflater.unused_data or file.tell() != end:
            raise BadInput(f"has a mask of {found:,} bytes, and its pixels need {need:,}.", str(path))


def _tiff(path: Path, watch: Watch, *, both: bool) -> Decoded:
    """By libtiff, block by block, overviews and masks too."""
    with _opened(path, "GTiff") as picture:
        if _block_bytes(picture) > LARGEST_BLOCK:
            note = f"its blocks are of {_block_bytes(picture) / 1e9:.1f} GB, which is more than is decoded at once"
            return Decoded(by=(), shape=picture.shape, note=note)
        levels = 1 + len(picture.overviews(1))
        shape = picture.shape
        second = both and not picture.profile.get("compress", "").lower().startswith("jpeg")
    if second:
        _both(path)
    for level in range(levels):
        options = {} if level == 0 else {"overview_level": level - 1}
        with _opened(path, "GTiff", **options) as picture:
            masked = all(MaskFlags.per_dataset in flags for flags in picture.mask_flag_enums)
            masked = masked and not any(MaskFlags.alpha in flags for flags in picture.mask_flag_enums)
            for window, done in _windows(picture):
                with _said(str(path), int(window.row_off), int(window.height), f"level {level}, "):
                    picture.read(window=window)
                    if masked:
                        picture.read_masks(1, window=window)
                watch(1 - 0.25**level * (1 - 0.75 * done))  # each level has a quarter of the one before
    watch(1.0)
    return Decoded(by=("libtiff", "tifffile") if second else ("libtiff",), shape=shape)


def _block_bytes(picture: Any) -> int:
    rows, columns = picture.block_shapes[0]
    return int(rows * columns * picture.count * np.dtype(picture.dtypes[0]).itemsize)


def _windows(picture: Any) -> Iterator[tuple[Window, float]]:
    """Whole blocks in the order of the file; with the share that is done with each."""
    (rows, columns), (height, width) = picture.shape, picture.block_shapes[0]
    for top in range(0, rows, height):
        for left in range(0, columns, width):
            yield Window(left, top, min(width, columns - left), min(height, rows - top)), min(top + height, rows) / rows


def _both(path: Path) -> None:
    """Compare full resolution as libtiff and as tifffile see it, block by block."""
    with _opened(path, "GTiff") as theirs:
        try:
            with TiffFile(path) as file:
                page: Any = file.pages[0]
                for data, (_, _, y, x, _), shape in page.segments(maxworkers=1, buffersize=STRIP):
                    rows, columns = min(shape[1], theirs.height - y), min(shape[2], theirs.width - x)
                    with _said(str(path), y, rows):
                        seen = theirs.read(window=Window(x, y, columns, rows))
                    mine = None if data is None else data[0, :rows, :columns]
                    if mine is None or not _equal(np.moveaxis(seen, 0, -1), mine):
                        raise BadInput(
                            "has other pixels to libtiff than to tifffile.",
                            str(path),
                            window=f"rows {y:,} to {y + rows - 1:,}, columns {x:,} to {x + columns - 1:,}",
                        )
        except BadInput:
            raise
        except Exception as error:  # tifffile and its codecs raise whatever they meet
            raise BadInput(f"cannot be decoded by tifffile ({error}).", str(path)) from error


def _equal(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """NaN is NaN."""
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


@contextmanager
def _opened(path: Path, driver: str, **options: Any) -> Iterator[Any]:
    try:
        picture = rasterio.open(path, driver=driver, **options)
    except RasterioError as error:
        raise BadInput(f"cannot be opened by GDAL ({error}).", str(path)) from error
    with picture:
        yield picture


@contextmanager
def _said(href: str, top: int, height: int, level: str = "") -> Iterator[None]:
    """Where a decoder gave up."""
    try:
        yield
    except RasterioError as error:
        why = str(error.__cause__ or error)
        window = f"{level}rows {top:,} to {top + height - 1:,}"
        raise BadInput(f"cannot be decoded ({why}).", href, window=window) from error
