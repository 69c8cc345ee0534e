"""Mosaic: the block of a window, from every scene that touches it, in the order of the scenes.

Two ways to the same picture, as in `gather`. `physical` is the specification: values of every scene, balanced, brought
to the mosaic's grid, combined. Where every output pixel is a stored number of one scene, `looked_up` asks that
scene's own table of levels instead. No scene is opened for a window that it does not touch, or that is full.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.kernels import combine
from gigascene.model.block import Block
from gigascene.model.grid import Window
from gigascene.model.mosaic import Mosaicking
from gigascene.works._needs import Needs
from gigascene.works._placed import Part, Placed
from gigascene.works._scenes import Scenes, slices
from gigascene.works._tally import tally

TABLES = 32
"""Tables of levels kept in a process: as many scenes as a few windows side by side touch."""

Tables = Callable[[int], NDArray[Any]]
"""Level of every stored number, (band, 2**bits), of a scene by its number."""


class Mosaic:
    """Makes the blocks of one product from many scenes, on one grid."""

    counts = ("filled",)

    def __init__(self, placed: Sequence[Placed], recipe: Mosaicking, geobox: GeoBox) -> None:
        self.placed, self.recipe = placed, recipe
        self.scenes = Scenes(placed, recipe.clip, geobox)

    @cached_property
    def tabled(self) -> bool:
        """True if `looked_up` may be used: every output pixel is a stored number of one scene."""
        return (
            self.recipe.combine in {"first", "latest", "best", "median"}
            and not self.recipe.feather
            and not any(one.layer.judged for one in self.placed)
            and all(one.keeps_stored and one.gather.tabled for one in self.placed)
        )

    @property
    def channels(self) -> int:
        """Of the product."""
        return self.scenes.channels

    def counted(self, block: Block) -> NDArray[np.bool_]:
        """Where a block is filled."""
        return block.valid

    def tally(self, kinds: NDArray[np.uint8], window: Window, width: int) -> list[dict[str, int]]:
        """Pixels of each kind in every piece of so many columns."""
        return tally(kinds, self.counts, width)

    def values(self, number: int) -> NDArray[np.float32]:
        """Physical value of every stored number of a scene, balanced: (band, 2**bits)."""
        placed = self.placed[number]
        return placed.balanced(placed.gather.tables[:, None])[:, 0]

    def looked_up(self, window: Window, tables: Tables, out: NDArray[Any]) -> NDArray[np.bool_]:
        """Levels of a window into the first bands of `out` (y, x, band), 0 where there is no data; where there is."""
        out[..., : self.channels] = 0
        filled = np.zeros((window.height, window.width), np.bool_)
        if self.recipe.combine == "median":
            self._middle_levels(window, tables, filled, out)
        else:
            open_ = self.scenes.inside(window)
            filled |= ~open_
            for number, part in self.scenes.unfilled(window, filled, Placed.stored):
                place = slices(part.at, window)
                combine.fill_levels(part.data, part.valid, tables(number), filled[place], out[place])
            filled &= open_
        return filled

    def physical(self, window: Window) -> Block:
        """Physical values (channel, y, x) float32, NaN where there is no data."""
        match self.recipe.combine:
            case "median":
                data = self._median(window)
            case "mean":
                data = self._sums(window, combine.add)
            case "darkest":
                data = self._chosen(window, lambda _, part: combine.darkness(part.data), combine.ALIKE)
            case "best" if self.placed[0].layer.judged:
                data = self._chosen(window, lambda placed, part: placed.score(part))
            case _ if self.recipe.feather:
                data = self._sums(window, combine.lay_under)
            case _:
                data = self._filled(window)
        data[:, ~self.scenes.inside(window)] = np.nan
        return Block(window=window, data=data, valid=~np.isnan(data[0]))

    def _parts(self, window: Window) -> Iterator[tuple[Placed, Part]]:
        """Values of every scene."""
        return self.scenes.parts(window, Placed.physical)

    def _filled(self, window: Window) -> NDArray[np.float32]:
        data = np.full((self.channels, window.height, window.width), np.nan, np.float32)
        filled = ~self.scenes.inside(window)
        for _, part in self.scenes.unfilled(window, filled, Placed.physical):
            place = slices(part.at, window)
            combine.fill(part.data, part.valid, filled[place], data[:, *place])
        return data

    def _chosen(
        self, window: Window, score: Callable[[Placed, Part], NDArray[np.float64]], alike: float = 0.0
    ) -> NDArray[np.float32]:
        data = np.full((self.channels, window.height, window.width), np.nan, np.float32)
        best = np.full(data.shape[1:], -np.inf)
        for placed, part in self._parts(window):
            place = slices(part.at, window)
            combine.choose(part.data, part.valid, score(placed, part), best[place], data[:, *place], alike)
        return data

    def _sums(self, window: Window, add: Callable[..., None]) -> NDArray[np.float32]:
        """Weighted sums; of scenes laid one under the other, until nothing shows through."""
        sums = np.zeros((self.channels, window.height, window.width), np.int64)
        weights, step = np.zeros(sums.shape[1:], np.int64), self.recipe.step
        for placed, part in self._parts(window):
            place = slices(part.at, window)
            add(part.data, part.valid, placed.weight(part), step, weights[place], sums[:, *place])
        return combine.settled(sums, weights, step)

    def _median(self, window: Window) -> NDArray[np.float32]:
        counts, held = self._held(window, np.float32)
        for _, part in self._parts(window):
            place = slices(part.at, window)
            combine.insert(part.data, part.valid, counts[place], held[place])
        data = combine.middle(counts, held)
        data[:, counts == 0] = np.nan
        return data

    def _middle_levels(self, window: Window, tables: Tables, filled: NDArray[np.bool_], out: NDArray[Any]) -> None:
        """Levels rise with the values, so the middle level is that of the middle value."""
        counts, held = self._held(window, out.dtype)
        for number, near in self.scenes.near(window):
            part = self.placed[number].stored(near)
            if part is None:
                continue
            place = slices(part.at, window)
            combine.insert_levels(part.data, part.valid, tables(number), counts[place], held[place])
        filled |= (counts > 0) & self.scenes.inside(window)
        out[..., : self.channels] = np.where(filled, combine.middle(counts, held), 0).transpose(1, 2, 0)

    def _held(self, window: Window, dtype: Any) -> tuple[NDArray[np.uint16], NDArray[Any]]:
        """Room for what lies over one place, and how much does."""
        shape = window.height, window.width
        return np.zeros(shape, np.uint16), np.empty((*shape, self.channels, self.recipe.depth), dtype)

    @cached_property
    def needs(self) -> Needs:
        """Of a square of one scene on its way to the grid, and of all that is gathered so far."""
        size = 4 * self.channels
        value = 2 * self.channels if self.tabled else size
        gathered = {"median": self.recipe.depth * value + size + 4, "mean": 3 * size + 10}
        held = 3 * size + 10 if self.recipe.feather else 2 * size + 10
        return self.scenes.needs(gathered.get(self.recipe.combine, held), self._kept)

    @property
    def _kept(self) -> int:
        """Tables and fields of weights that stay in a process."""
        tables = min(len(self.placed), TABLES) * self.channels * (1 << 16) * 6 if self.tabled else 0
        fields = [2 * e.shape[0] * e.shape[1] for one in self.placed if (e := one.layer.edges) is not None]
        return tables + sum(sorted(fields)[-16:])
