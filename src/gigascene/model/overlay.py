"""Lines and points that are drawn over a picture."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What is drawn, on the picture's own grid: all that decides the pixels it covers."""

    color: tuple[int, int, int]
    """Red, green, blue, 0 to 255, whatever the depth of the picture."""

    width: float
    """Of the lines, as asked for: pixels of the output."""

    reach: int
    """Pixels are covered whose centre lies this near to a line: 1/256 of a pixel of the picture's grid."""

    count: int
    """Pieces of line that touch the picture; a point is one of no length."""

    pieces: str
    """Their ends x0, y0, x1, y1 in 1/256 of a pixel: little-endian 32-bit, by Zstandard, as base64."""
