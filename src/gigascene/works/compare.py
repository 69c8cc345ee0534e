"""Compare: the block of a window is how the later of two scenes differs from the earlier."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.kernels import change
from gigascene.model.block import Block
from gigascene.model.comparison import Comparing
from gigascene.model.grid import Window
from gigascene.works._needs import Needs
from gigascene.works._placed import Placed
from gigascene.works._scenes import Scenes, slices
from gigascene.works._tally import tally

AREA = "area of "
"""Before a kind: its ground, in the unit of `Ground`."""


class Comparison:
    """Makes the blocks of the change of one product between two scenes, on one grid."""

    counts = change.KINDS

    def __init__(self, placed: Sequence[Placed], recipe: Comparing, geobox: GeoBox) -> None:
        self.scenes, self.recipe = Scenes(placed, recipe.clip, geobox), recipe
        self._shape = (geobox.shape[0], geobox.shape[1])
        self._nodes = None if recipe.ground is None else np.array(recipe.ground.areas)

    def physical(self, window: Window) -> Block:
        """The later values less the earlier (channel, y, x) float32, NaN where either has no data."""
        both = np.full((2, self.scenes.channels, window.height, window.width), np.nan, np.float32)
        for number, near in self.scenes.near(window):
            part = self.scenes.placed[number].physical(near)
            if part is not None:
                both[number, :, *slices(part.at, window)] = np.where(part.valid, part.data, np.float32(np.nan))
        data = both[1] - both[0]
        data[:, ~self.scenes.inside(window)] = np.nan
        return Block(window=window, data=data, valid=~np.isnan(data[0]))

    def counted(self, block: Block) -> NDArray[np.uint8]:
        """Which of `counts` each pixel of a block is, from 1 on; 0 where it is not compared."""
        return change.kinds(block.data[0], self.recipe.threshold)

    def tally(self, kinds: NDArray[np.uint8], window: Window, width: int) -> list[dict[str, int]]:
        """Pixels of each kind in every piece of so many columns, and their ground."""
        told = tally(kinds, self.counts, width)
        if self._nodes is not None:
            areas = change.areas(kinds, window, self._nodes, self._shape, width).tolist()
            names = [AREA + name for name in ("missing", *self.counts)]
            told = [facts | dict(zip(names, area, strict=True)) for facts, area in zip(told, areas, strict=True)]
        return told

    @cached_property
    def needs(self) -> Needs:
        """Both scenes and their difference."""
        return self.scenes.needs(3 * 4 * self.scenes.channels + 1)
