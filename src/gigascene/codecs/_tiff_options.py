"""What can be asked of a GeoTIFF, and the geometry that follows: levels, tiles, pieces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from gigascene.model.errors import UsageError
from gigascene.model.plan import Format

CLASSIC = 4_200_000_000
"""Bytes of the largest classic TIFF: 32-bit offsets, less room for tags that editors append."""

SPAN = 4
"""Tiles along one side of a piece, at full resolution."""

MADE = 2
"""Overviews made from the pixels in hand: level 2 of a piece is one tile."""

SMALLEST = 512
"""Overviews go on until both sides are at most this (rio-cogeo asks for it) and at most one tile."""

LEVELS: Mapping[str, tuple[int, int] | None] = {
    "deflate": (1, 12),
    "zstd": (1, 22),
    "lzw": None,
    "none": None,
    "jpeg": None,
}
NUMBERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
"""Types of numbers that are kept for computing."""

TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffOptions:
    """Options of the writer, checked."""

    compress: str = "deflate"
    level: int | None = None
    """Of the search for repeats, where one pays; None: the fastest (ISA-L for deflate, 1 for zstd)."""

    predictor: int = 2
    """TIFF's code: 1 none, 2 differences along the row, 3 the same of floats, byte by byte."""

    quality: int = 85
    """Of JPEG, 1 to 100."""

    tile: int = 512
    """Side of a tile, pixels."""

    bigtiff: bool | None = None
    """None: when a classic TIFF cannot be large enough."""


def tiff_options(format: Format) -> TiffOptions:
    """Options of this output with the defaults filled in; raises `UsageError`."""
    known = tuple(field.name for field in fields(TiffOptions))
    for name in format.options:
        if name not in known:
            raise UsageError(f"GeoTIFF has no option {name!r}; it has {', '.join(known)}")
    given = {name: value for name, value in format.options.items() if value is not None}
    compress = str(given.get("compress", "deflate")).lower()
    if compress not in LEVELS:
        raise UsageError(f"GeoTIFF has no compression {compress!r}; it has {', '.join(LEVELS)}")
    return TiffOptions(
        compress=compress,
        level=_level(given, compress),
        predictor=_predictor(given, compress, floats=np.dtype(format.dtype).kind == "f"),
        quality=_number(given, "quality", 85, (1, 100)),
        tile=_tile(given),
        bigtiff=_truth(given["bigtiff"]) if "bigtiff" in given else None,
    )


def filled(format: Format) -> dict[str, Any]:
    """All options of this output, as a plan carries them."""
    return asdict(tiff_options(format))


def level_shape(shape: tuple[int, int], level: int) -> tuple[int, int]:
    """Rows and columns of an overview.

    >>> level_shape((2049, 4100), 2)
    (513, 1025)
    """
    return -(-shape[0] >> level), -(-shape[1] >> level)


def overviews(format: Format) -> int:
    """How many overviews there are."""
    side = min(SMALLEST, tiff_options(format).tile)
    count = 0
    while max(level_shape(format.shape, count)) > side:
        count += 1
    return count


def tile_counts(shape: tuple[int, int], tile: int) -> tuple[int, int]:
    """Tiles down and across."""
    return -(-shape[0] // tile), -(-shape[1] // tile)


def has_mask(format: Format) -> bool:
    """True if validity is kept as a 1-bit mask beside the pixels: lossy levels are never exactly 0."""
    return tiff_options(format).compress == "jpeg" and (format.alpha or format.nodata is not None)


def color_bands(format: Format) -> int:
    """Bands in the file: alpha may have become the mask."""
    return format.bands - (has_mask(format) and format.alpha)


def tile_bytes(format: Format) -> int:
    """Bytes of one tile before compression."""
    return int(tiff_options(format).tile ** 2 * format.bands * np.dtype(format.dtype).itemsize)


def _number(given: Mapping[str, Any], name: str, default: int, limits: tuple[int, int]) -> int:
    value = given.get(name, default)
    try:
        number = int(value)
    except ValueError:
        number = limits[0] - 1
    if not limits[0] <= number <= limits[1]:
        raise UsageError(f"{name} is a whole number from {limits[0]} to {limits[1]}, not {value!r}")
    return number


def _level(given: Mapping[str, Any], compress: str) -> int | None:
    limits = LEVELS[compress]
    if "level" not in given:
        return None
    if limits is None:
        raise UsageError(f"compression {compress!r} has no level")
    return _number(given, "level", 1, limits)


def _predictor(given: Mapping[str, Any], compress: str, *, floats: bool) -> int:
    most = 1 if compress in {"none", "jpeg"} else 3 if floats else 2
    return _number(given, "predictor", most, (1, most))


def _tile(given: Mapping[str, Any]) -> int:
    tile = _number(given, "tile", 512, (64, 4096))
    if tile % 16:
        raise UsageError(f"tile must be a multiple of 16 (TIFF 6.0, section 15), not {tile}")
    return tile


def _truth(value: Any) -> bool:
    word = str(value).lower()
    if word not in TRUTHS:
        raise UsageError(f"bigtiff is yes or no, not {value!r}")
    return TRUTHS[word]
