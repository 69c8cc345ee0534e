"""What scenes say of the same ground: values of pairs of them where they overlap, at places chosen by a fixed rule."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gigascene.model.grid import Window
from gigascene.works._placed import Part, Placed
from gigascene.works._reach import pixel_size, reaches

F64 = NDArray[np.float64]

NEIGHBOURS = 8
"""Pairs for each scene: those with which it shares most, later in the order."""

SIDE = 128
"""Side of a place that is looked at, output pixels, where the source's are not much smaller."""

WIDEST = 512
"""Source pixels along the side of a place, at most about so many."""

PLACES = 48
"""Most places looked at for one pair."""

ENOUGH = 100_000
"""Pixels that both scenes have, after which no further place is looked at."""

FEW = 400
"""Fewer tell nothing."""

KEPT = 160
"""Places of which the values are kept: pairs of one tile's dates look at the same ones. 200 KB each, of three channels."""

GROUPS = 16
"""Groups of pixels, from dark to bright, of which each gives one pair of medians."""

Values = Callable[[int, Window], Part | None]
"""Of a scene, by its number, at a place."""

Rectangle = tuple[int, int, int, int]
"""Top, left, bottom, right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What two scenes say of the same ground."""

    one: int
    """Number of the scene."""

    other: int
    here: F64
    """(channel, group): median value in the first scene, of pixels of about the same brightness."""

    there: F64
    """The same pixels in the other."""


def overlaps(placed: Sequence[Placed], workers: int) -> list[Pair]:
    """All pairs of neighbours that share enough valid pixels."""
    sides = reaches([one.gather.geobox for one in placed], placed[0].warp.output)
    boxes = np.stack(sides, axis=1)
    values = lru_cache(KEPT)(lambda number, place: placed[number].physical(place))
    with ThreadPoolExecutor(workers) as pool:
        found = pool.map(lambda pair: _pair(placed, values, *pair), list(_neighbours(boxes)))
        return [pair for pair in found if pair is not None]


def _neighbours(boxes: NDArray[np.int64]) -> Iterator[tuple[int, int, Rectangle]]:
    """Scenes whose outlines overlap, and where: for each those later ones with which it shares most."""
    for one in range(len(boxes)):
        later = boxes[one + 1 :]
        low, high = np.maximum(boxes[one, :2], later[:, :2]), np.minimum(boxes[one, 2:], later[:, 2:])
        area = np.clip(high - low, 0, None).prod(axis=1)
        for at in np.argsort(-area, kind="stable")[:NEIGHBOURS].tolist():
            if area[at] > 0:
                (top, left), (bottom, right) = low[at].tolist(), high[at].tolist()
                yield one, one + 1 + at, (top, left, bottom, right)


def _pair(placed: Sequence[Placed], values: Values, one: int, other: int, shared: Rectangle) -> Pair | None:
    here, there, seen = [], [], 0
    for place in _places(shared, min(_side(placed[one]), _side(placed[other]))):
        both = _both(values, one, other, place)
        if both is not None:
            here.append(both[0])
            there.append(both[1])
            seen += both[0].shape[1]
        if seen >= ENOUGH:
            break
    if seen < FEW:
        return None
    first, second = _grouped(np.concatenate(here, axis=1), np.concatenate(there, axis=1))
    return Pair(one=one, other=other, here=first, there=second)


def _side(placed: Placed) -> int:
    """Of a place to look at: smaller where its source pixels are."""
    output = placed.warp.output
    size = abs(output.affine.determinant) ** 0.5
    return max(min(SIDE, int(WIDEST * pixel_size(placed.gather.geobox, output) / size)), 8)


def _places(shared: Rectangle, side: int) -> list[Window]:
    """Squares of a grid that begins at the output's first pixel, in the order of a fixed hash of their place."""
    top, left, bottom, right = shared
    rows, columns = range(top // side, (bottom - 1) // side + 1), range(left // side, (right - 1) // side + 1)
    if len(rows) * len(columns) > 64 * PLACES:  # a coarse lattice of them speaks for a large overlap
        step = int((len(rows) * len(columns) / (16 * PLACES)) ** 0.5)
        rows, columns = rows[::step], columns[::step]
    squares = sorted(((row, column) for row in rows for column in columns), key=_hash)[:PLACES]
    return [_clipped(row * side, column * side, side, shared) for row, column in squares]


def _hash(place: tuple[int, int]) -> bytes:
    return hashlib.sha256(place[0].to_bytes(8, "little") + place[1].to_bytes(8, "little")).digest()


def _clipped(top: int, left: int, side: int, shared: Rectangle) -> Window:
    first, start = max(top, shared[0]), max(left, shared[1])
    height, width = min(top + side, shared[2]) - first, min(left + side, shared[3]) - start
    return Window(top=first, left=start, height=height, width=width)


def _both(
    values: Values, one: int, other: int, place: Window
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Values of the pixels that both have: (channel, pixel) each."""
    first = values(one, place)
    if first is None or not first.valid.any():
        return None
    second = values(other, first.at)
    if second is None:
        return None
    top, left = second.at.top - first.at.top, second.at.left - first.at.left
    part = slice(top, top + second.at.height), slice(left, left + second.at.width)
    common = first.valid[part] & second.valid
    return (first.data[:, *part][:, common], second.data[:, common]) if common.any() else None


def _grouped(here: NDArray[np.float32], there: NDArray[np.float32]) -> tuple[F64, F64]:
    """Medians of groups of pixels that are alike in brightness, which both scenes tell together: neither is preferred."""
    first, second = np.empty((len(here), GROUPS)), np.empty((len(here), GROUPS))
    for channel, (a, b) in enumerate(zip(here.astype(np.float64), there.astype(np.float64), strict=True)):
        order = np.argsort(a + b, kind="stable")
        for group, members in enumerate(np.array_split(order, GROUPS)):
            first[channel, group], second[channel, group] = np.median(a[members]), np.median(b[members])
    return first, second
