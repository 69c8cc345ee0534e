"""What stands before the pixels of a PNG: shape, colours, transparency (PNG 3rd edition, section 11)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from struct import unpack
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gigascene.model.errors import BadInput
from gigascene.readers._png_chunks import Chunks
from gigascene.readers._samples import AGAIN

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
COLORS = {b"gAMA", b"iCCP", b"sRGB"}
GAMMA = b"gAMA", 4
"""The chunk, and its bytes."""

MOST_SIDE = (1 << 31) - 1
DENSEST = 1032
"""Deflate makes at most 258 bytes out of 2 bits."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Header:
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

    said: str = ""
    """Of its colours, in words, where they are not sRGB."""

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


def header_of(chunks: Chunks) -> Header:
    """Chunks up to the first one of pixels, of which nothing is taken yet."""
    if chunks.next() != b"IHDR":
        raise BadInput(f"begins with a chunk {chunks.name} instead of IHDR.", chunks.href)
    shape, depth, color = _ihdr(chunks)
    found: dict[bytes, bytes] = {}
    said: dict[bytes, str] = {}
    while (kind := chunks.next()) != b"IDAT":
        if kind == b"IEND":
            raise BadInput("has no pixels: no IDAT chunk.", chunks.href, hint=AGAIN)
        if kind in {b"PLTE", b"tRNS"}:
            _note(found, kind, color, chunks)
        elif kind in COLORS:
            said[kind] = f"gamma {unpack('>I', chunks.take())[0] / 100_000:g}" if (kind, chunks.left) == GAMMA else ""
        elif not kind[0] & 32:
            raise BadInput(f"has a chunk {chunks.name} before its pixels, which may not be skipped.", chunks.href)
    return replace(_colors(found, shape, depth, color, chunks.href), said=_said(said))


def _said(chunks: dict[bytes, str]) -> str:
    """By the chunk that counts most (section 4.3); nothing where that is sRGB, or there is none."""
    if b"sRGB" in chunks and b"iCCP" not in chunks:
        return ""
    if b"iCCP" in chunks:
        return "a colour profile"
    return "" if chunks.get(b"gAMA") in {None, "", "gamma 0.45455"} else chunks[b"gAMA"]


def _ihdr(chunks: Chunks) -> tuple[tuple[int, int], int, int]:
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


def _note(found: dict[bytes, bytes], kind: bytes, color: int, chunks: Chunks) -> None:
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


def _colors(found: dict[bytes, bytes], shape: tuple[int, int], depth: int, color: int, href: str) -> Header:
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
            return Header(shape=shape, depth=depth, color=color, palette=None, entries=0, key=None, nodata=0)
    return Header(shape=shape, depth=depth, color=color, palette=table, entries=entries, key=key, nodata=None)
