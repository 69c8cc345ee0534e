"""Lossy tiles: JPEG inside TIFF (TIFF Technical Note 2), and beside it which pixels are valid, in one bit each.

A lossy 0 is not 0 any more, so nodata and alpha become an internal mask; each
tile is followed by its mask, so that a reader gets both in one request.
"""

from __future__ import annotations

from functools import reduce
from typing import Any, Literal

import imagecodecs
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from gigascene.codecs._isal import zlib_stream
from gigascene.codecs._jpeg_image import PIXEL_BOUND, compressed
from gigascene.codecs._tiff_options import color_bands, has_mask, tiff_options
from gigascene.model.plan import Format


class JpegCoder:
    """Encodes and decodes lossy tiles; overviews made by workers come from the pixels before the loss."""

    def __init__(self, format: Format) -> None:
        self._options = tiff_options(format)
        self._format = format
        self._colors = color_bands(format)

    def encode(self, strip: NDArray[Any], column: int) -> tuple[bytes, ...]:
        """Tile `column` of a row of tiles, and its mask. Beyond the edges the last pixels go on, lest they ring."""
        tile = self._options.tile
        part = strip[:, column * tile : (column + 1) * tile]
        jpeg = self._jpeg(_extended(part[..., : self._colors], tile, mode="edge"))
        if not has_mask(self._format):
            return (jpeg,)
        valid = part[..., -1] if self._format.alpha else reduce(np.bitwise_or, np.moveaxis(part, -1, 0))
        bits = np.packbits(_extended(valid, tile, mode="constant"), axis=-1)
        return jpeg, zlib_stream(bits)

    def decode(self, parts: tuple[bytes, ...], strip: NDArray[Any], column: int) -> None:
        """Put a tile back in its place: nodata (or alpha) as before, colours nearly so."""
        tile = self._options.tile
        out = strip[:, column * tile : (column + 1) * tile]
        height, width = out.shape[:2]
        colors = imagecodecs.jpeg8_decode(parts[0]).reshape(tile, tile, self._colors)[:height, :width]
        out[..., : self._colors] = colors
        if len(parts) == 1:
            return
        bits = np.frombuffer(isal_zlib.decompress(parts[1]), np.uint8).reshape(tile, tile // 8)
        valid = np.unpackbits(bits, axis=-1)[:height, :width, None]
        if self._format.alpha:
            out[..., -1:] = 255 * valid
        else:
            out[:] = np.maximum(out, 1) * valid

    def _jpeg(self, colors: NDArray[Any]) -> bytes:
        return compressed(colors, self._options.quality)


def jpeg_bound(format: Format) -> int:
    """Largest tile with its mask, by libjpeg-turbo's ``tjBufSize``: 3 bytes a pixel for 4:2:0, 2 for grey."""
    pixels = tiff_options(format).tile ** 2
    mask = pixels // 8
    return PIXEL_BOUND[color_bands(format)] * pixels + 2048 + mask + mask // 64


def _extended(part: NDArray[Any], tile: int, *, mode: Literal["edge", "constant"]) -> NDArray[Any]:
    """A whole tile, C-contiguous."""
    missing = [(0, tile - side) for side in part.shape[:2]] + [(0, 0)] * (part.ndim - 2)
    return np.ascontiguousarray(np.pad(part, missing, mode=mode) if part.shape[:2] != (tile, tile) else part)
