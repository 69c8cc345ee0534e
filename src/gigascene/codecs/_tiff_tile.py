"""One tile: cut out of a row of tiles, padded, differenced, compressed, framed; and back."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from gigascene.codecs._deflate import zlib_stream
from gigascene.codecs._tiff_jpeg import JpegCoder, jpeg_bound
from gigascene.codecs._tiff_options import TiffOptions, tiff_options, tile_bytes
from gigascene.kernels._compiled import kernel
from gigascene.model.plan import Format

FRAME = 8
"""Bytes around a tile: its size before it, its last four bytes again behind it (GDAL's COG layout)."""


class TileCoder:
    """Encodes the tiles of one run, in a buffer of its own: one thread, one coder."""

    def __init__(self, format: Format) -> None:
        self._options = tiff_options(format)
        self._bands = format.bands
        tile = self._options.tile
        self._buffer = np.empty((tile, tile * self._bands), format.dtype)
        self._compress = compressor(self._options)
        self._decompress = decompressor(self._options)

    def encode(self, strip: NDArray[Any], column: int) -> tuple[bytes, ...]:
        """Tile `column` of a row of tiles (y, x, band), zeros beyond its edges; it has no mask."""
        rows = strip.reshape(len(strip), -1)
        bands = self._bands if self._options.predictor == 2 else 0
        cut(rows, column * self._buffer.shape[1], bands, self._buffer)
        if self._options.predictor == 3:
            return (bytes(self._compress(imagecodecs.floatpred_encode(self._buffer, axis=-1))),)
        return (bytes(self._compress(self._buffer)),)

    def decode(self, parts: tuple[bytes, ...], strip: NDArray[Any], column: int) -> None:
        """Put a tile that `encode` made back in its place."""
        tile = np.frombuffer(self._decompress(parts[0]), self._buffer.dtype).reshape(self._buffer.shape)
        if self._options.predictor == 3:
            tile = imagecodecs.floatpred_decode(tile, axis=-1)
        rows = strip.reshape(len(strip), -1)
        bands = self._bands if self._options.predictor == 2 else 0
        paste(tile, column * self._buffer.shape[1], bands, rows)


def tile_coder(format: Format) -> TileCoder | JpegCoder:
    """The coder of this output's compression."""
    return JpegCoder(format) if tiff_options(format).compress == "jpeg" else TileCoder(format)


def framed(data: bytes) -> tuple[bytes, bytes, bytes]:
    """A tile as it lies in the file, so that a reader of streams need not look up its size first."""
    return struct.pack("<I", len(data)), data, data[-4:]


def unframed(data: bytes, sizes: Iterable[int]) -> tuple[bytes, ...]:
    """Tile and mask that lie framed behind one another."""
    parts, at = [], 0
    for size in sizes:
        parts.append(data[at + 4 : at + 4 + size])
        at += size + FRAME
    return tuple(parts)


def compressor(options: TiffOptions) -> Callable[..., Any]:
    """Compress a buffer as TIFF wants it; deflate streams are zlib's (RFC 1950)."""
    match options.compress, options.level:
        case "deflate", level:
            return partial(zlib_stream, level=level)
        case "zstd", level:
            return partial(imagecodecs.zstd_encode, level=level or 1)
        case "lzw", _:
            return imagecodecs.lzw_encode
    return np.ndarray.tobytes


def decompressor(options: TiffOptions) -> Callable[..., Any]:
    """Undo `compressor`."""
    decoders: dict[str, Callable[..., Any]] = {
        "deflate": isal_zlib.decompress,
        "zstd": imagecodecs.zstd_decode,
        "lzw": imagecodecs.lzw_decode,
        "none": bytes,
    }
    return decoders[options.compress]


def tile_bound(format: Format) -> int:
    """Largest size of a framed tile, with its mask.

    Deflate and zstd fall back to stored blocks, a few bytes in every few thousand; LZW has no such way out:
    12 bits for a byte, and a clear code now and then.
    """
    raw, compress = tile_bytes(format), tiff_options(format).compress
    if compress == "jpeg":
        return jpeg_bound(format) + 1024 + 2 * FRAME
    worst = {"lzw": raw * 3 // 2 + raw // 1000, "none": raw}.get(compress, raw + raw // 64)
    return worst + 1024 + FRAME


@kernel
def cut(rows: NDArray[Any], left: int, bands: int, out: NDArray[Any]) -> None:
    """Copy samples from `left` on into a tile, as differences to the pixel before (none if `bands` is 0).

    What lies beyond `rows` is 0 before it is differenced.
    """
    width = min(out.shape[1], rows.shape[1] - left)
    for y in range(rows.shape[0]):
        source, target = rows[y, left : left + width], out[y]
        target[width:] = 0
        if bands == 0:
            target[:width] = source
            continue
        target[:bands] = source[:bands]
        here, before, step = source[bands:], source[: width - bands], target[bands:width]
        for i in range(step.shape[0]):
            step[i] = here[i] - before[i]
        for i in range(width, min(width + bands, out.shape[1])):
            target[i] -= source[i - bands]
    out[rows.shape[0] :] = 0


@kernel
def paste(tile: NDArray[Any], left: int, bands: int, rows: NDArray[Any]) -> None:
    """Undo `cut`: sum up along the row (unless `bands` is 0) and copy the part that lies inside `rows`."""
    width = min(tile.shape[1], rows.shape[1] - left)
    for y in range(rows.shape[0]):
        target = rows[y, left : left + width]
        target[:] = tile[y, :width]
        if bands:
            for i in range(bands, width):
                target[i] += target[i - bands]
