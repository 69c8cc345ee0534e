"""A plain picture as facts: which file, what shape and type, where its samples begin. No pixels, no place on Earth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["pnm", "png", "jpeg", "raw", "tiles"]
Packing = Literal["bytes", "bits", "text", "text-bits", "deflate", "dct", "tiles"]
Depth = Literal["uint8", "uint16"]
ByteOrder = Literal["big", "little"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OnMap:
    """The part of a web map's grid that a folder of tiles (``ZOOM/COLUMN/ROW.png``) has."""

    row: int
    """Of the upper left tile, from the north."""

    column: int
    south: bool
    """Files are named by rows from the south."""

    def __post_init__(self) -> None:
        if min(self.row, self.column) < 0:
            raise ValueError(f"no tile of a map: row {self.row}, column {self.column}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiling:
    """How a picture lies in tiles: beside a Deep Zoom descriptor, or in a folder of web map tiles."""

    side: int
    """Pixels of a tile, what it shares with its neighbours left out."""

    overlap: int
    """Pixels that it shares with each neighbour."""

    kind: str
    """Suffix of its files."""

    level: int
    """Folder of the full resolution."""

    on_map: OnMap | None = None
    """Of web map tiles."""

    def __post_init__(self) -> None:
        if self.side < 1 or self.overlap < 0 or self.level < 0 or not self.kind.isalnum():
            raise ValueError(
                f"no tiles: {self.side} pixels, {self.overlap} of overlap, {self.kind!r}, level {self.level}"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainPicture:
    """One image of one file, as its reader found it. What a reader gives is (rows, columns, bands) of `dtype`."""

    href: str
    """A path."""

    form: Form
    """The module in ``readers/`` that reads it."""

    index: int = 0
    """Which image of the file, from 0."""

    shape: tuple[int, int]
    """Rows and columns."""

    bands: int
    """1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha."""

    dtype: Depth
    """NumPy name of the type its pixels are given in, always over the full range of that type."""

    alpha: bool
    """The last band is opacity."""

    maxval: int
    """Stored number that means full; smaller than the type's own only in Netpbm files."""

    packing: Packing = "bytes"
    """How samples are stored: 1 or 2 bytes each; 8 pixels to a byte and 1 for black; in decimal; ``"01"`` and 1 for black;
    PNG's own way; JPEG's; in many files, each a tile."""

    offset: int = 0
    """Byte of the first sample; 0 where there is no such place (PNG, JPEG)."""

    byteorder: ByteOrder = "big"
    """Of stored 16-bit samples."""

    nodata: int | None = None
    """The level that means no data where all bands have it, as the file says itself; only 0 is known here."""

    colors: str = ""
    """What the file says of its colours, in words, where that is not sRGB."""

    held: int = 0
    """Bytes that its decoder must hold, however few rows are asked for: of a JPEG in several scans, the whole picture."""

    tiling: Tiling | None = None
    """Of a picture in tiles."""

    identity: str = ""
    """Size and modification time when it was looked at, of tiles in sum; pixels are read of this version and no other."""

    @property
    def from_top(self) -> bool:
        """Whether its rows can only be decoded from the first on, so that it is unpacked before it is worked on."""
        return self.packing in {"deflate", "dct"}

    def __post_init__(self) -> None:
        full = {"uint8": 255, "uint16": 65535}.get(self.dtype, 0)
        if min(self.shape) < 1 or not 1 <= self.bands <= 4 or not 1 <= self.maxval <= full:
            raise ValueError(f"no picture: {self.shape}, {self.bands} bands of {self.dtype} up to {self.maxval}")
        if min(self.index, self.offset, self.held) < 0:
            raise ValueError(f"no picture: number {self.index}, from byte {self.offset} on, {self.held} bytes held")
        own = {"png": "deflate", "jpeg": "dct", "tiles": "tiles"}.get(self.form)
        if (own or self.packing) != self.packing or (self.tiling is None) != (self.packing != "tiles"):
            raise ValueError(f"no picture: {self.form} packed as {self.packing}, tiles {self.tiling}")
