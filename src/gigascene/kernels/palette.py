"""Colour tables for pictures of one channel.

Level 0 is no data and black. Levels 1 to 255 are never 0 in any band, so a
painted picture may use 0 as its nodata value. Level 128 is the middle. The
anchors are our own; colours in between are interpolated in whole numbers, so
the tables are the same on every machine.
"""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gigascene.model.errors import UnknownName

U8 = NDArray[np.uint8]
Colour = tuple[int, int, int]

STEPS = 254
"""From the first valid level, 1, to the last, 255."""

_ANCHORS: dict[str, tuple[Colour, ...]] = {
    # Level n is the grey (n, n, n): painting changes nothing.
    "grey": ((1, 1, 1), (255, 255, 255)),
    # Bare soil, dry grass, crops, forest.
    "ndvi": ((96, 56, 28), (190, 148, 90), (245, 232, 150), (122, 182, 72), (12, 80, 28)),
    # Burn scar, scorched, bare, regrowth, forest.
    "burn": ((48, 16, 32), (176, 38, 28), (240, 168, 64), (248, 240, 176), (92, 164, 84), (16, 84, 48)),
    # Ground, thaw, snow.
    "snow": ((64, 48, 36), (96, 112, 132), (156, 196, 224), (255, 255, 255)),
    # Open water to closed ice.
    "ice": ((8, 24, 58), (28, 88, 148), (116, 182, 214), (240, 250, 255)),
    # Lightness rises all the way, so it also reads in print and to the colour-blind.
    "thermal": ((20, 8, 48), (90, 20, 108), (172, 44, 92), (228, 96, 44), (248, 180, 60), (255, 250, 204)),
    # Two hues of equal weight around near white; blue and brown, which the colour-blind can tell apart.
    "diverging": ((20, 64, 124), (112, 166, 204), (246, 246, 244), (212, 152, 96), (124, 60, 16)),
}


def names() -> tuple[str, ...]:
    """All palettes.

    >>> "thermal" in names()
    True
    """
    return tuple(_ANCHORS)


@cache
def colours(name: str) -> U8:
    """Red, green and blue of every level.

    Parameters
    ----------
    name : str
        One of `names`; another raises `UnknownName`.

    Returns
    -------
    (256, 3) uint8, read-only
        Entry 0 is black; all others are at least 1 in every band.

    Examples
    --------
    >>> colours("grey")[[0, 1, 128, 255]].tolist()
    [[0, 0, 0], [1, 1, 1], [128, 128, 128], [255, 255, 255]]
    """
    if name not in _ANCHORS:
        closest = get_close_matches(name, _ANCHORS, n=1)
        raise UnknownName(name, "palette", closest[0] if closest else "", names())
    anchors = _ANCHORS[name]
    table = np.array([(0, 0, 0), *(_between(anchors, step) for step in range(STEPS + 1))], np.uint8)
    table.flags.writeable = False
    return table


def _between(anchors: tuple[Colour, ...], step: int) -> tuple[int, ...]:
    """Colour at `step` of `STEPS` along evenly spaced anchors, rounded to the nearest whole number."""
    before, part = divmod(step * (len(anchors) - 1), STEPS)
    after = min(before + 1, len(anchors) - 1)
    pairs = zip(anchors[before], anchors[after], strict=True)
    return tuple((a * (STEPS - part) + b * part + STEPS // 2) // STEPS for a, b in pairs)


def paint(levels: U8, table: U8) -> U8:
    """Colour of every level.

    Parameters
    ----------
    levels : (y, x) uint8
    table : (256, 3) uint8
        From `colours`.

    Returns
    -------
    (y, x, 3) uint8, C-contiguous

    Examples
    --------
    >>> paint(np.uint8([[0, 255]]), colours("snow")).tolist()
    [[[0, 0, 0], [255, 255, 255]]]
    """
    out = np.empty((*levels.shape, 3), np.uint8)
    # Row by row: NumPy widens a whole array of indices to eight bytes each.
    for row, painted in zip(levels, out, strict=True):
        np.take(table, row, axis=0, out=painted, mode="clip")
    return out
