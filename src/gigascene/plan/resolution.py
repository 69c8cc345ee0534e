"""At which pixel size a product is made, where the archive has bands at several: 10, 20 and 60 m of Sentinel-2 level 2A."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from affine import Affine
from odc.geo.geobox import GeoBox

from gigascene.model.errors import UsageError
from gigascene.model.scene import Asset, Scene

_AT = re.compile(r".+_(\d+)m")


def size_of(asset: Asset) -> float:
    """Side of a pixel, in the unit of the CRS."""
    return abs(float(asset.geobox.affine.a))


def candidates(scene: Scene, need: str) -> tuple[Asset, ...]:
    """Assets that serve a need such as ``"nir|nir08"``: those of the first name before those of the next, finest first."""
    return tuple(asset for name in need.split("|") for asset in scene.assets_of(name))


def picked(scene: Scene, needs: Sequence[str], resolution: float | None) -> tuple[Asset | None, ...]:
    """One asset for each need, or None where there is none.

    Without a resolution: all at the finest size that every need has; where there is no such size, each
    at its own finest. With one: at that size, else of the next finer size (to be averaged), else of the next coarser
    (to be interpolated); None where the archive should have that very size of it and its file is missing.
    """
    found = [candidates(scene, need) for need in needs]
    if resolution is not None:
        _check(scene, resolution)
        return tuple(_nearest(scene, assets, resolution) for assets in found)
    sizes = [{size_of(asset) for asset in assets} for assets in found]
    common = set.intersection(*sizes) if sizes else set()
    if not common:
        return tuple(next(iter(assets), None) for assets in found)
    finest = min(common)
    return tuple(next(asset for asset in assets if size_of(asset) == finest) for assets in found)


def missing_at(scene: Scene, assets: Sequence[Asset], resolution: float) -> tuple[str, ...]:
    """Keys that one band's assets would have at this size, of which the archive says that they should be there."""
    keys = (f"{asset.key.rpartition('_')[0]}_{resolution:g}m" for asset in assets)
    return tuple(dict.fromkeys(key for key in keys if key in scene.absent))


def grid_at(scene: Scene, assets: Sequence[Asset], resolution: float) -> GeoBox:
    """The scene's own grid of this pixel size, or the finest one's with its pixels replaced."""
    there = next((a for a in (*assets, *scene.assets.values()) if size_of(a) == resolution), None)
    if there is not None:
        return there.geobox
    base = min(assets, key=size_of).geobox
    factor = resolution / size_of(min(assets, key=size_of))
    shape = tuple(math.ceil(side / factor) for side in base.shape)
    return GeoBox(shape, base.affine @ Affine.scale(factor), base.crs)


def notes(scene: Scene, needs: Sequence[str], assets: Sequence[Asset], grid: GeoBox) -> tuple[str, ...]:
    """What was decided, in words, where there was anything to decide."""
    size = abs(float(grid.affine.a))
    several = any(len({size_of(asset) for asset in candidates(scene, need)}) > 1 for need in needs)
    finer = [key for need in needs for key in _finer_absent(scene, need, size)]
    said = []
    if several or finer:
        said.append(f"Made at {size:g} m from {', '.join(asset.key for asset in assets)}.")
    if finer:
        said.append(f"Not there: {', '.join(finer)}.")
    for need, asset in zip(needs, assets, strict=True):
        if size_of(asset) != size:
            said.append(f"{asset.key} is brought from {size_of(asset):g} m to {size:g} m.")
        first = need.partition("|")[0]
        if asset.name != first and "|" in need:
            said.append(f"{asset.key} ({asset.name}) serves as {first}.")
    return tuple(said)


def _nearest(scene: Scene, assets: Sequence[Asset], resolution: float) -> Asset | None:
    exact = next((asset for asset in assets if size_of(asset) == resolution), None)
    if exact is not None or missing_at(scene, assets, resolution):
        return exact
    finer = [asset for asset in assets if size_of(asset) < resolution]
    coarser = [asset for asset in assets if size_of(asset) > resolution]
    return max(finer, key=size_of) if finer else min(coarser, key=size_of, default=None)


def _check(scene: Scene, resolution: float) -> None:
    """Only sizes that the archive has, or should have."""
    said = (match[1] for key in scene.absent if (match := _AT.fullmatch(key)))
    sizes = sorted({*(size_of(asset) for asset in scene.assets.values()), *map(float, said)})
    if sizes and resolution not in sizes:
        has = ", ".join(f"{size:g}" for size in sizes)
        raise UsageError(f"scene {scene.id} has bands at {has} m, not at {resolution:g}; leave --resolution away")


def _finer_absent(scene: Scene, need: str, size: float) -> list[str]:
    """Keys of files of one need that would have been finer than what was taken."""
    bands = {asset.key.rpartition("_")[0] for asset in candidates(scene, need.partition("|")[0])}
    sizes = {key: float(match[1]) for key in scene.absent if (match := _AT.fullmatch(key))}
    return [key for key, at in sizes.items() if at < size and key.rpartition("_")[0] in bands]
