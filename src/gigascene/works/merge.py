"""Merge: the stored numbers of a window, from every raster that touches it, in their own type.

What `Mosaic` does for the eye, for computing: nothing passes through levels. Where every output pixel is a pixel of one raster,
numbers are copied as they are, of 32 and 64 bits too. What is interpolated or averaged between pixels is worked out in float32, which the plan
allows for types that float32 holds (`gigascene.plan.numbers.check_resampling`), and becomes a number of the same type.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.kernels import combine, numbers
from gigascene.model.block import Block
from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.model.mosaic import Mosaicking
from gigascene.works._needs import Needs
from gigascene.works._placed import Part, Placed
from gigascene.works._scenes import Scenes, slices
from gigascene.works._tally import tally


class Merge:
    """Makes the windows of one band from many rasters of one type, on one grid."""

    counts = ("filled",)

    def __init__(self, placed: Sequence[Placed], recipe: Mosaicking, geobox: GeoBox, nodata: float) -> None:
        self.placed, self.recipe = placed, recipe
        self.scenes = Scenes(placed, recipe.clip, geobox)
        self._nodata = np.dtype(placed[0].gather.assets[0].dtype).type(nodata)

    @cached_property
    def needs(self) -> Needs:
        """Of one raster at a time on its way to the grid, and of all that is gathered so far."""
        size = self._nodata.dtype.itemsize
        gathered = {"median": self.recipe.depth * size + size + 4, "mean": 24, "darkest": 2 * size + 24}
        return self.scenes.needs(gathered.get(self.recipe.combine, size + 2) + 3 * size)

    def counted(self, block: Block) -> NDArray[np.bool_]:
        """Where a block is filled."""
        return block.valid

    def tally(self, kinds: NDArray[np.uint8], window: Window, width: int) -> list[dict[str, int]]:
        """Pixels of each kind in every piece of so many columns."""
        return tally(kinds, self.counts, width)

    def into(self, window: Window, out: NDArray[Any]) -> NDArray[np.bool_]:
        """Numbers of a window into `out` (y, x, 1), those that mean no data where there is none; where there is."""
        block = self.physical(window)
        out[..., 0] = np.where(block.valid, block.data[0], self._nodata)
        return block.valid

    def physical(self, window: Window) -> Block:
        """Numbers (1, y, x) in their own type, and where there are any."""
        ways = {"mean": self._mean, "median": self._median, "darkest": self._smallest}
        data, valid = ways.get(self.recipe.combine, self._first)(window)
        return Block(window=window, data=data, valid=valid & self.scenes.inside(window))

    def _first(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        data, filled = self._empty(window), ~self.scenes.inside(window)
        for _, part in self.scenes.unfilled(window, filled, self._part):
            place = slices(part.at, window)
            combine.fill(part.data, part.valid, filled[place], data[:, *place])
        return data, filled

    def _smallest(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        data = self._empty(window)
        best = np.full(data.shape[1:], -np.inf)
        for _, part in self.scenes.parts(window, self._part):
            place = slices(part.at, window)
            combine.choose(part.data, part.valid, combine.darkness(part.data), best[place], data[:, *place])
        valid: NDArray[np.bool_] = best > -np.inf
        return data, valid

    def _mean(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Added in float64 in the order of the rasters, pixel by pixel, so that no cut of the work changes it; of floats another order might."""
        total = np.zeros((1, window.height, window.width))
        count = np.zeros(total.shape[1:], np.int32)
        for _, part in self.scenes.parts(window, self._part):
            place = slices(part.at, window)
            total[:, *place] += np.where(part.valid, part.data, 0)
            count[place] += part.valid
        valid: NDArray[np.bool_] = count > 0
        return numbers.rounded(total / np.maximum(count, 1), valid[None], self._nodata), valid

    def _median(self, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        counts = np.zeros((window.height, window.width), np.uint16)
        held = np.empty((*counts.shape, 1, self.recipe.depth), self._nodata.dtype)
        for _, part in self.scenes.parts(window, self._part):
            place = slices(part.at, window)
            combine.insert(part.data, part.valid, counts[place], held[place])
        valid: NDArray[np.bool_] = counts > 0
        return combine.middle(counts, held), valid

    def _empty(self, window: Window) -> NDArray[Any]:
        return np.full((1, window.height, window.width), self._nodata)

    def _part(self, placed: Placed, window: Window) -> Part | None:
        """What a raster gives, in its own type."""
        if not placed.keeps_stored:
            part = placed.physical(window)
            if part is None:
                return None
            return Part(part.at, numbers.rounded(part.data, part.valid[None], self._nodata), part.valid)
        part = placed.stored(window)
        if part is not None and bool((part.valid & (part.data[0] == self._nodata)).any()):
            asset = placed.gather.assets[0]
            raise BadInput(
                f"holds {self._nodata} as data, which means no data in the result.",
                asset.href,
                asset.key,
                str(part.at),
                hint="Choose a number that no file holds: --nodata NUMBER",
            )
        return part
