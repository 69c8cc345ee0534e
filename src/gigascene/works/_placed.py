"""One scene on the grid of a mosaic: what it gives to a window, and nothing read where it gives nothing."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.kernels import feather
from gigascene.model.grid import Window
from gigascene.model.mosaic import ONE, Edges, Layer
from gigascene.works._reach import corners, period, turns
from gigascene.works._warp import Warp
from gigascene.works.gather import Gather

CLOSE = 1e-6
"""Grids whose pixels lie this close to one another, in pixels, are one lattice."""

FIELDS = 16
"""Fields of weights kept unpacked in a process."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a scene gives to a window."""

    at: Window
    """Part of the output that it may touch."""

    data: NDArray[Any]
    """(band, y, x): stored numbers, or float32 values after balancing."""

    valid: NDArray[np.bool_]


class Placed:
    """A scene, and the way from the output's pixels to its own."""

    def __init__(
        self, gather: Gather, layer: Layer, output: GeoBox, resampling: str, judge: Gather | None = None
    ) -> None:
        self.gather, self.layer, self.judge = gather, layer, judge
        self.warp = Warp(output=output, source=gather.geobox, resampling=resampling)
        self.shift = None if _shows_twice(gather.geobox, output) else whole_shift(gather.geobox, output)
        self._nearest = resampling == "nearest"
        self._gain = np.array(layer.gain, np.float32)[:, None, None]
        self._offset = np.array(layer.offset, np.float32)[:, None, None]

    @property
    def keeps_stored(self) -> bool:
        """True if every output pixel is one of its own."""
        return self._nearest or self.shift is not None

    def source(self, window: Window) -> tuple[Window, Window] | None:
        """The part of an output window that this scene may touch, and its own pixels there; None where it does not."""
        if self.shift is None:
            found = self.warp.window(window)
            return None if found is None else (window, found)
        down, across = self.shift
        moved = Window(top=window.top + down, left=window.left + across, height=window.height, width=window.width)
        inside = moved.within(tuple(self.gather.geobox.shape))
        if inside is None:
            return None
        at = Window(top=inside.top - down, left=inside.left - across, height=inside.height, width=inside.width)
        return at, inside

    def stored(self, window: Window) -> Part | None:
        """Stored numbers."""
        places = self.source(window)
        if places is None:
            return None
        at, inside = places
        block = self.gather.stored(inside)
        if self.shift is not None:
            return Part(at, block.data, block.valid)
        return Part(at, *self.warp.apply_nearest(block.data, block.valid, inside, at))

    def physical(self, window: Window) -> Part | None:
        """Physical values, balanced; NaN where not valid."""
        places = self.source(window)
        if places is None:
            return None
        at, inside = places
        block = self.gather.physical(inside)
        values = self.balanced(block.data)
        if self.shift is not None:
            return Part(at, values, block.valid)
        return Part(at, *self._warped(values, block.valid, inside, at))

    def balanced(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Balanced values: gain * v + offset, each step rounded to float32, so that a table can tell it too."""
        if not self._gain.size:
            return values
        scaled: NDArray[np.float32] = values * self._gain
        return scaled + self._offset

    def score(self, part: Part) -> NDArray[np.float64]:
        """What each pixel is judged by, (y, x): higher is better; NaN where it cannot be told."""
        assert self.judge is not None
        places = self.source(part.at)
        assert places is not None
        at, inside = places
        block = self.judge.physical(inside)
        if self.shift is not None:
            return block.data[0].astype(np.float64)
        return self._warped(block.data, block.valid, inside, at)[0][0].astype(np.float64)

    def weight(self, part: Part) -> NDArray[np.uint16]:
        """Weights of a part's pixels, from how far inside the scene they lie."""
        edges = self.layer.edges
        if edges is None:
            return np.full(part.valid.shape, ONE, np.uint16)
        places = self.source(part.at)
        assert places is not None
        at, inside = places
        weights = self._ramp(edges, inside) if edges.cell == 0 else feather.spread(field(edges), edges.cell, inside)
        if self.shift is not None:
            return weights
        found, _ = self.warp.apply_nearest(weights[None], np.ones(weights.shape, np.bool_), inside, at)
        return np.ascontiguousarray(found[0], np.uint16)

    def covered(self, window: Window) -> NDArray[np.bool_]:
        """Where the scene has data, of its own pixels: told by its first band and the masks alone."""
        return self.gather.present(window)

    def _ramp(self, edges: Edges, inside: Window) -> NDArray[np.uint16]:
        """From the pixels around; beyond the scene there are none."""
        wide = inside.grown(feather.halo(edges.reach))
        there = wide.within(tuple(self.gather.geobox.shape))
        assert there is not None
        valid = np.zeros((wide.height, wide.width), np.bool_)
        top, left = there.top - wide.top, there.left - wide.left
        valid[top : top + there.height, left : left + there.width] = self.covered(there)
        return feather.ramp(valid, edges.reach)

    def _warped(
        self, values: NDArray[np.float32], valid: NDArray[np.bool_], inside: Window, at: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        if not self._nearest:
            return self.warp.apply(values, valid, inside, at)
        found, good = self.warp.apply_nearest(values, valid, inside, at)
        return np.where(good, found, np.float32(np.nan)), good


def _shows_twice(source: GeoBox, output: GeoBox) -> bool:
    """Whether a source shows elsewhere in an output than its own coordinates say, for the map repeats itself."""
    around = period(output)
    if not around or source.crs != output.crs:
        return False
    x, _ = corners(source, output)
    columns = (x - output.affine.c) / output.affine.a
    low, high = float(columns.min()), float(columns.max())
    return any(turn for turn in turns(low + 0.5, high - 0.5, output.shape[1], around))


def whole_shift(source: GeoBox, output: GeoBox) -> tuple[int, int] | None:
    """Rows and columns from the output's first pixel to the source's own numbers, where both are one lattice; else None.

    >>> from affine import Affine
    >>> grid = GeoBox((5, 5), Affine(30, 0, 600, 0, -30, 900), "EPSG:32632")
    >>> whole_shift(grid, GeoBox((9, 9), Affine(30, 0, 660, 0, -30, 870), "EPSG:32632"))
    (1, 2)
    """
    a, b = source.affine, output.affine
    if source.crs != output.crs or a.b or a.d or b.b or b.d:
        return None
    sides = ((a.a, b.a, source.shape[1], output.shape[1]), (a.e, b.e, source.shape[0], output.shape[0]))
    if any(abs(here / there - 1) * max(one, other) > CLOSE for here, there, one, other in sides):
        return None
    across, down = (b.c - a.c) / a.a, (b.f - a.f) / a.e
    if max(abs(across - round(across)), abs(down - round(down))) > 1e-3:
        return None
    return round(down), round(across)


def packed(weights: NDArray[np.uint16]) -> str:
    """Weights of cells as a text; what `field` unpacks."""
    return base64.b64encode(imagecodecs.zstd_encode(weights.astype("<u2").tobytes(), level=9)).decode()


@lru_cache(maxsize=FIELDS)
def field(edges: Edges) -> NDArray[np.uint16]:
    """Weights of a scene's cells, unpacked."""
    raw = imagecodecs.zstd_decode(base64.b64decode(edges.weights))
    return np.frombuffer(raw, "<u2").astype(np.uint16).reshape(edges.shape)
