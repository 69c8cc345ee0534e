"""Scenes on one grid: which of them touch a window, where that is filled, and what reading them costs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.kernels import outline
from gigascene.model.grid import Window
from gigascene.works._needs import Needs, Sources
from gigascene.works._placed import Part, Placed
from gigascene.works._reach import reaches

SQUARE = 512
"""Side of what is taken of a scene at once, output pixels: small enough for the processor's caches."""

Look = Callable[[Placed, Window], Part | None]
"""What a scene gives to a window that it may touch."""

PROBE = 64
"""Side of the window by which source pixels for one output pixel are counted."""


class Scenes:
    """Scenes in their order, and the region that is filled from them: rings of polygons, all where there are none."""

    def __init__(self, placed: Sequence[Placed], clip: Sequence[Sequence[Sequence[int]]], output: GeoBox) -> None:
        self.placed = placed
        self._reaches = reaches([one.gather.geobox for one in placed], output)
        self._polygons = tuple(outline.edges(rings) for rings in clip)

    @property
    def channels(self) -> int:
        """Of the product."""
        gather = self.placed[0].gather
        return len(gather.product.channels) or len(gather.assets)

    def near(self, window: Window) -> Iterator[tuple[int, Window]]:
        """Numbers of the scenes that may touch a window, in order, and what of it they may touch, a square at a time."""
        top, left, bottom, right = self._reaches
        near = (top < window.bottom) & (bottom > window.top) & (left < window.right) & (right > window.left)
        for number in np.flatnonzero(near).tolist():
            rows = max(int(top[number]), window.top), min(int(bottom[number]), window.bottom)
            columns = max(int(left[number]), window.left), min(int(right[number]), window.right)
            for first, height in _spans(*rows):
                for start, width in _spans(*columns):
                    yield number, Window(top=first, left=start, height=height, width=width)

    def unfilled(self, window: Window, filled: NDArray[np.bool_], look: Look) -> Iterator[tuple[int, Part]]:
        """What each scene gives, by its number; none is asked for what is full already."""
        for number, near in self.near(window):
            if filled[slices(near, window)].all():
                continue
            part = look(self.placed[number], near)
            if part is not None:
                yield number, part

    def parts(self, window: Window, look: Look) -> Iterator[tuple[Placed, Part]]:
        """What every scene gives."""
        for number, near in self.near(window):
            part = look(self.placed[number], near)
            if part is not None:
                yield self.placed[number], part

    def inside(self, window: Window) -> NDArray[np.bool_]:
        """Pixels within the region asked for."""
        if not self._polygons:
            return np.ones((window.height, window.width), np.bool_)
        return np.logical_or.reduce([outline.inside(lines, window) for lines in self._polygons])

    def needs(self, gathered: int, kept: int = 0) -> Needs:
        """Of a square of one scene on its way to the grid, and of all that is gathered so far: bytes a pixel."""
        kinds = [(one, one.gather.needs) for one in _of_each_kind(self.placed)]
        read = max(int(needs.pixel * self._source_share(one)) for one, needs in kinds) + 8
        rows, columns = (max(needs.block[side] for _, needs in kinds) for side in (0, 1))
        return Needs(
            pixel=gathered,
            square=SQUARE,
            hand=read + 3 * 4 * self.channels,
            block=(min(rows, SQUARE), min(columns, SQUARE)),
            sources=max((needs.sources for _, needs in kinds), key=_decoded),
            counted=2,  # the kind, and which are of one kind
            kept=kept,
        )

    def _source_share(self, placed: Placed) -> float:
        """Source pixels for one output pixel, halo included, near the middle of the scene."""
        number = self.placed.index(placed)
        top, left, bottom, right = (int(side[number]) for side in self._reaches)
        middle = Window(top=(top + bottom - PROBE) // 2, left=(left + right - PROBE) // 2, height=PROBE, width=PROBE)
        places = placed.source(middle)
        if places is None:
            return 1.0
        halo = 0 if (edges := placed.layer.edges) is None or edges.cell else 2 * int(edges.reach + 2)
        own = places[1]
        # A window is far larger than the probe, so its halo weighs less than this says.
        return max((own.height + halo / 4) * (own.width + halo / 4) / (PROBE * PROBE), 1.0)


def _spans(start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where parts begin, and how long they are: cut at multiples of `SQUARE`."""
    while start < end:
        stop = min((start // SQUARE + 1) * SQUARE, end)
        yield start, stop - start
        start = stop


def _of_each_kind(placed: Sequence[Placed]) -> Iterator[Placed]:
    """A few scenes speak for thousands of their kind: with the same pixels, read in the same way."""
    kinds: dict[Hashable, list[Placed]] = {}
    for one in placed:
        grid, edges, needs = one.gather.geobox, one.layer.edges, one.gather.needs
        feather = None if edges is None or edges.cell else edges.reach
        kinds.setdefault((grid.crs, grid.resolution.xy, needs, one.shift is None, feather), []).append(one)
    for kind in kinds.values():
        yield from kind[:: max(len(kind) // 8, 1)]


def _decoded(sources: Sources) -> int:
    """Bytes of one block of each band."""
    return sum(rows * columns * size for (rows, columns), size in sources)


def slices(at: Window, window: Window) -> tuple[slice, slice]:
    """Where a part lies in a window's arrays."""
    top, left = at.top - window.top, at.left - window.left
    return slice(top, top + at.height), slice(left, left + at.width)
