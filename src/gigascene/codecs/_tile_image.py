"""One tile as a picture of its own: PNG, JPEG or WebP; and its pixels without loss, for the levels below."""

from __future__ import annotations

from functools import reduce
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from gigascene.codecs._jpeg_image import compressed
from gigascene.codecs._tile_layout import TileLayout, pixel_bytes
from gigascene.codecs.png import whole
from gigascene.model.plan import Format

BLANK = b""
"""Stands for a tile that is left out."""


class TileImage:
    """Encodes the tiles of a pyramid. Bytes depend on the pixels alone.

    What is no data is transparent in PNG (alpha, or a tRNS chunk for level 0) and WebP (alpha), black in JPEG.
    """

    def __init__(self, layout: TileLayout, format: Format) -> None:
        self._layout, self._format = layout, format
        self._encode = {"png": self._png, "jpg": self._jpg, "webp": self._webp}[layout.kind]

    def encode(self, strip: NDArray[Any], column: int) -> bytes:
        """Tile `column` of a row of tiles (y, x, band)."""
        tile = self._layout.tile
        part = strip[:, column * tile : (column + 1) * tile]
        if self._layout.sparse and not (part[..., -1:] if self._format.alpha else part).any():
            return BLANK
        if self._layout.full and part.shape[:2] != (tile, tile):
            part = np.pad(part, [(0, tile - part.shape[0]), (0, tile - part.shape[1]), (0, 0)])
        return self._encode(part)

    def _png(self, part: NDArray[Any]) -> bytes:
        return whole(part, clear=self._format.nodata is not None)

    def _jpg(self, part: NDArray[Any]) -> bytes:
        if self._format.alpha:
            part = np.where(part[..., -1:] > 0, part[..., :-1], np.uint8(0))
        return compressed(part, self._layout.quality)

    def _webp(self, part: NDArray[Any]) -> bytes:
        colours = part[..., :-1] if self._format.alpha else part
        if colours.shape[-1] == 1:  # WebP knows no grey
            colours = np.repeat(colours, 3, axis=-1)
        alpha = part[..., -1:] if self._format.alpha else self._clear(part)
        if alpha is not None and (alpha < 255).any():
            colours = np.concatenate([colours, alpha], axis=-1)  # which libwebp keeps exactly
        return bytes(imagecodecs.webp_encode(_plain(colours), level=self._layout.quality, lossless=False))

    def _clear(self, part: NDArray[Any]) -> NDArray[np.uint8] | None:
        """Alpha of a picture without a band of it, (y, x, 1): 0 where there is no data; None if that cannot be."""
        if self._format.nodata is None:
            return None
        return np.uint8(255) * (reduce(np.bitwise_or, np.moveaxis(part, -1, 0)) > 0)[..., None]


def image_bound(layout: TileLayout, format: Format) -> int:
    """Largest encoded tile.

    PNG: stored blocks cost a few bytes in every few thousand. JPEG: libjpeg-turbo's ``tjBufSize``, 3 bytes a pixel for
    4:2:0 and 2 for grey. WebP: noise at quality 100 takes 1.3 bytes a pixel, and 2.3 with alpha of noise too (libwebp 1.5, measured).
    """
    pixels = layout.tile**2
    if layout.kind == "png":
        raw = raw_bytes(layout, format) + layout.tile
        return raw + raw // 64 + 1024
    return 3 * pixels + 4096


def raw_bytes(layout: TileLayout, format: Format) -> int:
    """Bytes of a tile's pixels."""
    return layout.tile**2 * pixel_bytes(format)


def packed(part: NDArray[Any]) -> bytes:
    """Pixels of a tile without loss, for `unpacked`; little that is fast."""
    return bytes(imagecodecs.zstd_encode(part.tobytes(), level=1))


def packed_bound(layout: TileLayout, format: Format) -> int:
    """Largest result of `packed`, by zstd's ``ZSTD_compressBound``."""
    raw = raw_bytes(layout, format)
    return raw + raw // 256 + 1024


def unpacked(data: bytes, shape: tuple[int, int], format: Format) -> NDArray[Any]:
    """Undo `packed`: (y, x, band) of this many rows and columns."""
    return np.frombuffer(imagecodecs.zstd_decode(data), format.dtype).reshape(*shape, format.bands)


def _plain(pixels: NDArray[Any]) -> NDArray[Any]:
    """As imagecodecs wants it: the strides of a whole array, even where a side is 1."""
    return np.array(pixels, order="C")
