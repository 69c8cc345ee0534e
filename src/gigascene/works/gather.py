"""Gather: the block of a window, from every band that touches it.

Two ways to the same picture. `physical` is the specification: stored numbers
become physical values, the product is made of them. Where every channel of the
product is one band of small integers, `stored` hands on the stored numbers, and
the display looks them up in a table made of the same thresholds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.kernels import align, calibrate, flags, numbers, stretch
from gigascene.model.block import Block
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.grid import Window
from gigascene.model.plan import Recipe
from gigascene.model.product import Product, stack
from gigascene.model.scene import Asset, Calibration, Flag, Mask, Scene
from gigascene.readers.window import lost, read
from gigascene.works._needs import Needs
from gigascene.works._tally import tally

NO_NODATA = -(1 << 40)
"""Outside every integer type: a band without a nodata number."""

WARP = "Bring all bands to one grid first, with gdalwarp."


class Gather:
    """Makes the blocks of one product from one scene, on one grid."""

    counts: tuple[str, ...] = ()
    """Nothing is told of its pixels."""

    def __init__(self, scene: Scene, product: Product, recipe: Recipe, geobox: GeoBox) -> None:
        self.scene = scene
        self.product = product
        self.recipe = recipe
        self.geobox = geobox
        self.assets = tuple(scene.assets[key] for key in recipe.bands)
        self.alpha = tuple(scene.assets[key] for key in scene.alpha)
        self.calibrations = tuple(scene.calibration(asset, recipe.quantity) for asset in self.assets)
        for asset in self.sources():
            self._way(asset)

    @property
    def unit(self) -> str:
        """UDUNITS name of the product's values."""
        if self.product.make is stack:
            return self.calibrations[0].unit
        return self.product.unit

    @property
    def unit_label(self) -> str:
        """What the values are, for an axis of a plot."""
        if self.recipe.quantity == "dn":
            return "stored number"
        quantity = self.recipe.quantity or next(iter(self.assets[0].calibrations), "value")
        return quantity if self.unit == "1" else f"{quantity} [{self.unit}]"

    @property
    def needs(self) -> Needs:
        """Stored numbers and their mask where a table serves; float values of bands and channels elsewhere."""
        sizes = [np.dtype(asset.dtype).itemsize for asset in self.assets]
        channels = max(len(self.product.channels), 1)
        return Needs(
            pixel=sum(sizes) + 1 + 2 * (len(self.recipe.masks) + len(self.alpha))
            if self.tabled
            else 4 * (3 * len(self.assets) + 3 * channels) + 8 + self._averaged_bytes,
            block=self.assets[0].blocks,
            sources=tuple((asset.blocks, np.dtype(asset.dtype).itemsize) for asset in self.sources()),
        )

    @property
    def _averaged_bytes(self) -> int:
        """What one pixel costs where it is the mean of many: stored numbers, values and their test."""
        here = abs(self.geobox.affine.determinant)
        ratios = (here / abs(asset.geobox.affine.determinant) for asset in self.assets)
        return sum(math.ceil(ratio) * 12 for ratio in ratios if ratio > 1)

    @cached_property
    def tabled(self) -> bool:
        """True if `stored` may be used: each channel is one band of 8 or 16 bit, all on the product's own grid."""
        return (
            self.product.make is stack
            and len({asset.dtype for asset in self.assets}) == 1
            and self.assets[0].dtype in {"uint8", "uint16"}
            and all(asset.geobox == self.geobox for asset in self.assets)
            and all(map(_rises, self.assets, self.tables))
        )

    @cached_property
    def tables(self) -> NDArray[np.float32]:
        """Physical value of every stored number, one row a band."""
        dtype = np.dtype(self.assets[0].dtype)
        return np.stack([calibrate.table(calibration, dtype) for calibration in self.calibrations])

    def stored(self, window: Window) -> Block:
        """Stored numbers (band, y, x) as the files hold them."""
        data = np.empty((len(self.assets), window.height, window.width), self.assets[0].dtype)
        for asset, out in zip(self.assets, data, strict=True):
            read(asset, window, out)
        if data.dtype.kind in "ui":
            valid = stretch.all_present(data, np.array([_nodata(asset) for asset in self.assets], np.int64))
        else:
            valid = np.logical_and.reduce(list(map(numbers.present, data, [a.nodata for a in self.assets])))
        for asset in self.assets:
            if (gap := lost(asset, window)) is not None:
                valid &= ~gap
        return Block(window=window, data=data, valid=self._masked(valid, window))

    def present(self, window: Window) -> NDArray[np.bool_]:
        """Where there is data, (y, x), told by the first band, bands with gaps, masks and alpha alone."""
        asset = self.assets[0]
        if asset.geobox == self.geobox and np.dtype(asset.dtype).kind in "ui":
            valid = read(asset, window) != _nodata(asset)
        else:
            valid = np.isfinite(self._band(asset, self.calibrations[0], window))
        for one, calibration in zip(self.assets, self.calibrations, strict=True):
            if one.gaps:
                valid &= np.isfinite(self._band(one, calibration, window))
        return self._masked(valid, window)

    def physical(self, window: Window) -> Block:
        """Physical values (channel, y, x) float32, NaN where not valid."""
        names = [need.partition("|")[0] for need in self.product.needs] or self.recipe.bands
        made = map(self._band, self.assets, self.calibrations, [window] * len(self.assets))
        bands = dict(zip(names, made, strict=True))
        data = np.ascontiguousarray(self.product.make(bands, self.recipe.maxima))
        valid = self._masked(np.logical_and.reduce(np.isfinite(data)), window)
        data[:, ~valid] = np.nan
        return Block(window=window, data=data, valid=valid)

    def counted(self, block: Block) -> NDArray[np.bool_]:
        """Where a block has data."""
        return block.valid

    def tally(self, kinds: NDArray[np.uint8], window: Window, width: int) -> list[dict[str, int]]:
        """Pixels of each kind in every piece of so many columns."""
        return tally(kinds, self.counts, width)

    def _band(self, asset: Asset, calibration: Calibration, window: Window) -> NDArray[np.float32]:
        """One band on the product's grid, NaN where there is none."""
        axes = self._way(asset)
        if axes is None:
            return values(asset, calibration, window)
        if align.coarser(axes):
            source = align.covered_window(axes, window, tuple(asset.geobox.shape))
            return align.averaged(values(asset, calibration, source), source, axes, window)
        source = align.source_window(axes, window, tuple(asset.geobox.shape))
        return align.bilinear(values(asset, calibration, source), source, axes, window)

    def sources(self) -> Iterator[Asset]:
        """Bands and quality bands that it reads."""
        masks = (self.scene.masks[name] for name in self.recipe.masks)
        keys = {*self.recipe.bands, *self.scene.alpha, *(key for mask in masks for key in assets_of(mask))}
        return (self.scene.assets[key] for key in sorted(keys))

    def _way(self, asset: Asset) -> align.Axes | None:
        """From the product's grid to an asset's, None where they are one; raises `BadInput` where there is none."""
        if asset.geobox == self.geobox:
            return None
        try:
            return align.axes(asset.geobox, self.geobox)
        except UsageError as error:
            raise BadInput(f"lies on another grid: {error}.", asset.href, asset.key, hint=WARP) from error

    def _masked(self, valid: NDArray[np.bool_], window: Window) -> NDArray[np.bool_]:
        for asset, tests in masks_of(self.scene, self.recipe.masks, self.assets):
            valid &= ~flags.masked(self._quality(asset, window), tests)
            if asset.gaps:
                valid &= self._quality(asset, window, untold) == 0
        for asset in self.alpha:
            valid &= (self._quality(asset, window) > 0) & (self._quality(asset, window, untold) == 0)
        return valid

    def _quality(
        self, asset: Asset, window: Window, look: Callable[[Asset, Window], NDArray[Any]] = read
    ) -> NDArray[Any]:
        axes = self._way(asset)
        if axes is None:
            return look(asset, window)
        source = align.source_window(axes, window, tuple(asset.geobox.shape), align.NEAREST)
        return align.nearest(look(asset, source), source, axes, window)


def windows(run: Window, rows: int) -> Iterator[Window]:
    """Windows of at most `rows` rows that cover a rectangle, top to bottom."""
    for top in range(run.top, run.bottom, rows):
        yield Window(top=top, left=run.left, height=min(rows, run.bottom - top), width=run.width)


def columns(window: Window, width: int) -> Iterator[Window]:
    """Parts of a window of at most `width` columns, cut at multiples of it, as the sources' blocks are."""
    left = window.left
    while left < window.right:
        right = min((left // width + 1) * width, window.right)
        yield Window(top=window.top, left=left, height=window.height, width=right - left)
        left = right


def masks_of(scene: Scene, names: tuple[str, ...], bands: Sequence[Asset] = ()) -> list[tuple[Asset, tuple[Flag, ...]]]:
    """Named masks joined by quality band: asset and all its tests. `bands` are those that a mask of every band means."""
    joined: dict[str, tuple[Asset, tuple[Flag, ...]]] = {}
    for part in (part for name in names for part in _parts(scene.masks[name])):
        for asset in (scene.assets[part.asset],) if part.asset else bands:
            tests = joined[asset.key][1] if asset.key in joined else ()
            joined[asset.key] = (asset, tests + part.flags)
    return list(joined.values())


def assets_of(mask: Mask) -> tuple[str, ...]:
    """Keys of the quality bands a mask is read from."""
    return tuple(part.asset for part in _parts(mask) if part.asset)


def _parts(mask: Mask) -> Iterator[Mask]:
    yield mask
    for further in mask.also:
        yield from _parts(further)


def _rises(asset: Asset, table: NDArray[np.float32]) -> bool:
    """True if every stored number but nodata has a value, larger numbers no smaller ones."""
    good = np.delete(table, [n for n in [_nodata(asset)] if 0 <= n < table.size])
    return bool(np.isfinite(good).all() and (np.diff(good) >= 0).all())


def _nodata(asset: Asset) -> int:
    """As a stored whole number; what no pixel of integers can be is none."""
    number = None if asset.nodata is None else numbers.number_of(asset.nodata, asset.dtype)
    return NO_NODATA if number is None else int(number)


def untold(asset: Asset, window: Window) -> NDArray[np.uint8]:
    """1 in the gaps of a quality band, else 0: what nobody knows is as good as masked."""
    gap = lost(asset, window)
    return np.zeros((window.height, window.width), np.uint8) if gap is None else gap.astype(np.uint8)


def values(asset: Asset, calibration: Calibration, window: Window) -> NDArray[np.float32]:
    """Physical values of a window that may reach beyond the file, NaN there and where there is no data."""
    inside = window.within(tuple(asset.geobox.shape))
    whole = np.full((window.height, window.width), np.nan, np.float32)
    if inside is None:
        return whole
    stored = read(asset, inside)
    good = calibrate.physical(stored, calibration)
    if asset.nodata is not None:
        good[stored == asset.nodata] = np.nan
    if (gap := lost(asset, inside)) is not None:
        good[gap] = np.nan
    top, left = inside.top - window.top, inside.left - window.left
    whole[top : top + inside.height, left : left + inside.width] = good
    return whole
