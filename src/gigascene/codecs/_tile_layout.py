"""How a pyramid of tiles lies over a picture: levels, tiles, and which of them a piece can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gigascene.codecs._tiff_options import MADE
from gigascene.model.errors import UsageError
from gigascene.model.plan import Format

KINDS = ("png", "jpg", "webp")
"""Suffixes of tiles."""

TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class TileLayout:
    """Tiles of every level. Level 0 is full resolution, each further one half of it.

    Tiles may belong to a grid that begins far beyond the picture; of a level only those under the picture are made, and
    rows and columns here are counted from the first of these.

    >>> layout = TileLayout(shape=(700, 513), tile=256, origin=(1, 6), depth=3)
    >>> layout.level_shape(1), layout.first(1), layout.counts(1), layout.made
    ((478, 257), (0, 3), (2, 2), 0)
    """

    shape: tuple[int, int]
    """Rows and columns of the picture."""

    tile: int
    """Side of a tile, pixels; even."""

    depth: int
    """Levels below full resolution."""

    origin: tuple[int, int] = (0, 0)
    """Row and column of the picture's first tile in its grid."""

    kind: str = "png"
    quality: int = 85
    """Of jpg and webp."""

    sparse: bool = False
    """Leave out tiles without a valid pixel."""

    full: bool = False
    """Fill up tiles at the right and bottom edge with no data, so that all are of one size."""

    @property
    def made(self) -> int:
        """Levels that workers make: of those a piece holds whole tiles."""
        whole = 0
        while whole < min(MADE, self.depth) and not any(place >> whole & 1 for place in self.origin):
            whole += 1
        return whole

    def first(self, level: int) -> tuple[int, int]:
        """Row and column in its grid of a level's first tile."""
        return self.origin[0] >> level, self.origin[1] >> level

    def level_shape(self, level: int) -> tuple[int, int]:
        """Rows and columns from the border of the first tile to the end of the picture."""
        rows, columns = (
            -(-(place * self.tile + side) >> level) - (place >> level) * self.tile
            for place, side in zip(self.origin, self.shape, strict=True)
        )
        return rows, columns

    def lead(self, level: int) -> tuple[int, int]:
        """Rows and columns between that border and where the tiles of the level above begin; `level` from 1 on."""
        row, column = self.first(level - 1)
        return (row & 1) * self.tile // 2, (column & 1) * self.tile // 2

    def counts(self, level: int) -> tuple[int, int]:
        """Tiles down and across."""
        rows, columns = self.level_shape(level)
        return -(-rows // self.tile), -(-columns // self.tile)


def whole_number(given: Mapping[str, Any], name: str, default: int, limits: tuple[int, int]) -> int:
    """An option that is a number; raises `UsageError`."""
    value = default if given.get(name) is None else given[name]
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = limits[0] - 1
    if not limits[0] <= number <= limits[1]:
        raise UsageError(f"{name} is a whole number from {limits[0]} to {limits[1]}, not {value!r}")
    return number


def truth(given: Mapping[str, Any], name: str) -> bool:
    """An option that is yes or no, by default no; raises `UsageError`."""
    word = str(given.get(name) or False).lower()
    if word not in TRUTHS:
        raise UsageError(f"{name} is yes or no, not {given[name]!r}")
    return TRUTHS[word]


def one_of(given: Mapping[str, Any], name: str, known: tuple[str, ...]) -> str:
    """An option that is a word, by default the first of these; raises `UsageError`."""
    word = str(given.get(name) or known[0]).lower()
    if word not in known:
        raise UsageError(f"{name} is {', '.join(known[:-1])} or {known[-1]}, not {given[name]!r}")
    return word


def tile_options(format: Format, side: int) -> dict[str, Any]:
    """The options that all pyramids have, checked; `side` is that of a tile where nobody says."""
    given = format.options
    tile = whole_number(given, "tile", side, (64, 4096))
    if tile % 16:
        raise UsageError(f"tile must be a multiple of 16, not {tile}")
    return {
        "tile": tile,
        "tiles": one_of(given, "tiles", KINDS),
        "quality": whole_number(given, "quality", 85, (1, 100)),
    }


def check_pixels(format: Format) -> None:
    """Raise `UsageError` for pixels that no tile of this kind can hold."""
    if format.dtype not in {"uint8", "uint16"} or not 1 <= format.bands <= 4:
        raise UsageError(f"tiles take 1 to 4 bands of uint8 or uint16, not {format.bands} of {format.dtype}")
    if format.dtype == "uint16" and format.options.get("tiles") != "png":
        raise UsageError("tiles of 16 bits are png; jpg and webp have 8")
    if format.nodata not in {None, 0} or (format.alpha and format.nodata is not None):
        raise UsageError(f"tiles take nodata 0 or alpha, not nodata {format.nodata} with alpha {format.alpha}")
    if format.alpha != (format.bands in {2, 4}):
        raise UsageError(f"alpha is the last of 2 or 4 bands; here are {format.bands}, and alpha is {format.alpha}")


def check_known(format: Format, known: tuple[str, ...]) -> None:
    """Raise `UsageError` for an option that the writer does not have."""
    for name in format.options:
        if name not in known:
            raise UsageError(f"{format.writer} has no option {name!r}; it has {', '.join(known)}")


def pixel_bytes(format: Format) -> int:
    """Bytes of one pixel."""
    return format.bands * np.dtype(format.dtype).itemsize
