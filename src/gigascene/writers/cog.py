"""Cloud-Optimised GeoTIFF in one pass: what a viewer needs first lies first, and no pixel is read twice.

Workers send full resolution and two overviews; the few smaller ones are made
here from the second. The body is ordered by pieces and stays as it is; the
file beside it gets header, overviews and full resolution, row by row of tiles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import Env
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.windows import Window

from gigascene.codecs._tiff_header import header
from gigascene.codecs._tiff_levels import Level, directories, empty_level, placed_levels
from gigascene.codecs._tiff_options import (
    CLASSIC,
    MADE,
    NUMBERS,
    color_bands,
    filled,
    has_mask,
    level_shape,
    overviews,
    tiff_options,
)
from gigascene.codecs._tiff_tile import framed, tile_coder, unframed
from gigascene.codecs.tiff import CODEC
from gigascene.codecs.tile_rows import Half, pyramid
from gigascene.metadata.geotiff_tags import geotiff_tags, ungeoreferenced_allowed
from gigascene.model.contracts import OnDisk, Record
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.model.plan import Format, Plan
from gigascene.storage.local import copy
from gigascene.writers._body import FileSink
from gigascene.writers._limits import check_sides
from gigascene.writers._on_disk import SHARES, WITH_SMALLER

A_TILE = 120
"""Bytes that the place and the lengths of one tile take while the file is assembled, in arrays and in the header: measured 60."""


class CogSink(FileSink):
    """Pieces into a body; a file out of it."""

    codec = CODEC
    assembled = "cog"

    def _made(self) -> Mapping[str, Any]:
        """Small overviews, then the file, and check it."""
        format, path = self._format, self._body.path
        with path.open("rb") as body, TemporaryFile(dir=path.parent) as spool:
            made = placed_levels(self._body.placed, format)
            levels = made + smaller_levels(made[-1], body, spool, format)
            start, big = self._header(levels)
            with self._temporary.open("wb") as file:
                file.write(start)
                file.flush()  # what follows goes past Python's buffer
                for number in reversed(range(len(levels))):
                    copy_level(levels[number], body if number < len(made) else spool, file)
        self._check(len(levels))
        masked = {"masked": True} if self._format.options["compress"] == "jpeg" else {}  # beside the bands
        return {"overviews": len(levels) - 1, "bigtiff": big, "index": len(start), **masked}

    def _header(self, levels: Sequence[Level]) -> tuple[bytes, bool]:
        """Header and whether it is that of a BigTIFF, which is known now that all sizes are."""
        format = self._format
        pictures = directories(levels, geotiff_tags(format.geobox), format)
        asked, masked = tiff_options(format).bigtiff, has_mask(format)
        classic = b"" if asked else header(pictures, big=False, masked=masked)
        big = bool(asked) or len(classic) + sum(level.length for level in levels) > CLASSIC
        return (header(pictures, big=True, masked=masked) if big else classic), big

    def _check(self, levels: int) -> None:
        """Open the file as any reader would; it is not committed if it is not what was asked."""
        target, format = str(self._body.target.path), self._format
        try:
            found = seen(self._temporary, levels - 1)
        except RasterioError as error:
            raise WriteFailed(target, f"the finished file cannot be read back ({error})") from error
        shapes = tuple(level_shape(format.shape, level) for level in range(levels))
        wanted = (shapes, color_bands(format), format.dtype, _crs(format))
        if found != wanted:
            raise WriteFailed(target, f"the finished file reads back as {found}, not {wanted}")


class CogWriter:
    """Cloud-Optimised GeoTIFF: 8 or 16 bit, grey or RGB, nodata 0, alpha, or (JPEG) an internal mask; or numbers."""

    name = "cog"
    numbers = True
    suffixes = (".tif", ".tiff")
    options: tuple[str, ...] = ("compress", "level", "predictor", "quality", "tile", "bigtiff")
    codec = CODEC

    def format(self, format: Format) -> Format:
        """Fill in compress, level, predictor, quality, tile and bigtiff; refuse what a GeoTIFF cannot hold."""
        format = replace(format, options=filled(format))
        if format.numbers is not None:
            _check_numbers(format)
        elif format.dtype not in {"uint8", "uint16"} or not 1 <= format.bands <= 4:
            raise UsageError(f"GeoTIFF takes 1 to 4 bands of uint8 or uint16, not {format.bands} of {format.dtype}")
        if format.nodata not in {None, 0} or (format.alpha and format.nodata is not None):
            raise UsageError(f"GeoTIFF takes nodata 0 or alpha, not nodata {format.nodata} with alpha {format.alpha}")
        if format.alpha and format.bands not in {2, 4}:
            raise UsageError(f"alpha is the last of 2 or 4 bands, not of {format.bands}")
        options = tiff_options(format)
        if options.compress == "jpeg" and (format.dtype != "uint8" or color_bands(format) not in {1, 3}):
            raise UsageError("JPEG takes grey or RGB of 8 bits")
        if options.bigtiff is False and CODEC.bound(format) * len(CODEC.pieces(format)) > CLASSIC:
            raise UsageError("this may need more than 4 GB, which only a BigTIFF holds; leave bigtiff to be chosen")
        check_sides(format, "GeoTIFF")
        geotiff_tags(format.geobox)
        return format

    def finishing(self, format: Format) -> int:
        """A row of tiles of every level from the second overview on, each once more while it is encoded; and the index."""
        tile = tiff_options(format).tile
        shapes = [level_shape(format.shape, level) for level in range(overviews(format) + 1)]
        tiles = sum(-(-rows // tile) * -(-columns // tile) for rows, columns in shapes)
        rows, columns = shapes[min(MADE, len(shapes) - 1)]
        return 4 * min(tile, rows) * columns * format.bands * np.dtype(format.dtype).itemsize + tiles * A_TILE

    def on_disk(self, format: Format) -> OnDisk:
        """By its compression, with overviews."""
        return OnDisk(
            share=SHARES[str(format.options["compress"])] * WITH_SMALLER,
            assembled=True,
            smaller="Leave out --compress none, or write to another disk.",
        )

    def offset(self, format: Format, index: int) -> None:
        """Behind the piece before it."""

    def open(self, body: Path, plan: Plan, done: Record) -> CogSink:
        """A sink on the body file."""
        return CogSink(body, plan, done)


WRITER = CogWriter()


def _check_numbers(format: Format) -> None:
    """One band of a type that is kept, without loss."""
    if format.dtype not in NUMBERS or format.bands != 1:
        raise UsageError(f"GeoTIFF keeps one band of {', '.join(NUMBERS)}, not {format.bands} of {format.dtype}")
    if format.alpha or format.nodata is not None:
        raise UsageError("numbers say by themselves what is no data, and not by level 0 or alpha")
    if tiff_options(format).compress == "jpeg":
        raise UsageError("JPEG does not keep numbers: choose deflate, zstd, lzw or none")


def smaller_levels(above: Level, body: IO[bytes], spool: IO[bytes], format: Format) -> list[Level]:
    """The overviews that no piece holds, made of the last that pieces hold; their tiles go to `spool` as they come."""
    numbers = range(MADE + 1, overviews(format) + 1)
    found = [empty_level(number, format) for number in numbers]
    if not found:
        return []
    tile, coder = tiff_options(format).tile, tile_coder(format)
    below = [Half(level_shape(format.shape, number), tile, format) for number in numbers]
    rows = dict.fromkeys(numbers, 0)
    for number, strip in pyramid(read_rows(above, body, format), MADE, below):
        if number == MADE:
            continue
        level = found[number - MADE - 1]
        row = rows[number]
        rows[number] += 1
        for column in range(-(-strip.shape[1] // tile)):
            parts = coder.encode(strip, column)
            level.sizes[row, column] = [len(part) for part in parts]
            data = b"".join(bits for part in parts for bits in framed(part))
            level.starts[row, column] = spool.tell()
            spool.write(data)
    spool.flush()
    return found


def read_rows(level: Level, body: IO[bytes], format: Format) -> Iterator[NDArray[Any]]:
    """Decode the deepest level of the pieces, which has one tile in each, by rows of tiles."""
    tile, coder = tiff_options(format).tile, tile_coder(format)
    height, width = level_shape(format.shape, MADE)
    strip = np.empty((min(tile, height), width, format.bands), format.dtype)
    for row in range(len(level.starts)):
        rows = strip[: height - row * tile]
        for column, (offset, length) in enumerate(level.segments(row)):
            body.seek(offset)
            coder.decode(unframed(body.read(length), level.sizes[row, column]), rows, column)
        yield rows


def copy_level(level: Level, source: IO[bytes], file: IO[bytes]) -> None:
    """Append a level to the file, row by row of tiles."""
    for row in range(len(level.starts)):
        for offset, length in level.segments(row):
            copy(source, offset, length, file)


def seen(path: Path, overviews: int) -> tuple[Any, ...]:
    """What GDAL finds in a file: shape of every level, bands, type, CRS. Decodes first and last tile of each."""
    shapes = []
    with Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), ungeoreferenced_allowed():
        for level in range(-1, overviews):
            options = {} if level < 0 else {"overview_level": level}
            with rasterio.open(path, driver="GTiff", **options) as picture:
                shapes.append(picture.shape)
                for x, y in ((0, 0), (picture.width - 1, picture.height - 1)):
                    picture.read(window=Window(x, y, 1, 1))
                if level < 0:
                    kind = (picture.count, picture.dtypes[0], picture.crs)
        with rasterio.open(path, driver="GTiff") as picture:
            found = len(picture.overviews(1))
    return tuple(shapes) if found == overviews else (*shapes, f"{found} overviews"), *kind


def _crs(format: Format) -> CRS | None:
    return None if format.geobox.crs is None else CRS.from_wkt(format.geobox.crs.to_wkt())
