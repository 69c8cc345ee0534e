"""From a wish to the plan of a mosaic: which scenes, in which order, on which grid, with which numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from odc.geo.geobox import GeoBox

from gigascene.codecs.tile_grid import on_grid
from gigascene.model.contracts import Writer
from gigascene.model.errors import UsageError
from gigascene.model.gap import Gap
from gigascene.model.mosaic import Best, Combine, Mosaicking, Resampling
from gigascene.model.plan import AS_IT_IS, KEPT, NUMBERS, Format, Plan, Recipe
from gigascene.model.scene import Scene
from gigascene.plan import joined
from gigascene.plan.balance import gains, seam
from gigascene.plan.build import (
    Wish,
    check_not_of,
    check_wish,
    format_of,
    with_maxima,
    writer_of,
)
from gigascene.plan.clip import Region
from gigascene.plan.edges import edges
from gigascene.plan.grid_names import Bounds
from gigascene.plan.layers import Source, gapped, ordered, pictures, products
from gigascene.plan.numbers import Kept, check_resampling, check_writer, numbers
from gigascene.plan.overlaps import Pair, overlaps
from gigascene.plan.work import JUDGE
from gigascene.works._placed import Placed
from gigascene.works._reach import reaches
from gigascene.works.gather import Gather

FEATHERED = ("first", "latest", "best", "mean")
"""Rules that feathering makes sense with: those that pick a value by its value have no edges to soften."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicWish:
    """What a user asks for beyond what is asked of one scene."""

    wish: Wish
    grid: str | None = None
    """None: the one that most scenes share."""

    bbox: Bounds | None = None
    """West, south, east, north, degrees; None: all that the scenes cover."""

    combine: Combine = "first"
    best: str = "clear"
    """``"clear"``, ``"ndvi"`` or ``"near:2024-07-15"``."""

    feather: float = 0.0
    """Units of the output's CRS."""

    balance: bool = False
    resampling: Resampling = "nearest"
    clip: str | None = None
    """A GeoJSON file."""

    nodata: float | None = None
    """Of numbers: what means no data; None: what the files declare."""

    lost: tuple[Gap, ...] = ()
    """Scenes that could not be opened, where gaps are allowed."""


def build(scenes: Sequence[Scene], wish: MosaicWish) -> Plan:
    """The plan of one mosaic. Reads headers, and pixels only where something must be measured."""
    writer = writer_of(wish.wish.target, wish.wish.writer, wish.wish.options)
    as_is = wish.wish.product in KEPT
    _check(wish, as_is=as_is)
    for scene in scenes:
        check_not_of(scene, wish.wish.target)
    judged = wish.combine == "best" and wish.best == JUDGE
    kept, lost = _kept(scenes, wish, writer), wish.lost
    if kept is not None:
        opened = kept.sources
    elif as_is:
        opened = pictures(scenes)
    else:
        opened, more = products(scenes, wish.wish, judged=judged)
        lost += more
    grids = [source.gather.geobox for source in opened]
    output, area = joined.output(grids, joined.named_grid(wish.grid, wish.wish), wish.wish, wish.bbox, wish.clip)
    where = "the bounding box" if wish.bbox else "the region" if wish.clip else "the grid"
    used, unused = joined.touching(opened, output, where)
    sources, gaps = gapped(ordered(used, wish.combine, wish.best), output, wish.wish, whole=wish.feather > 0)
    if not as_is:
        sources = [replace(source, gather=with_maxima(source.gather, wish.wish)) for source in sources]
    mosaic = _mosaicking(sources, unused, output, area, wish)
    mosaic, pairs = _evened(_placed(sources, mosaic, output), mosaic, wish)
    placed = _placed(sources, mosaic, output)
    recipe = sources[0].gather.recipe if as_is else joined.shown(placed, wish.wish)
    mosaic = _told(mosaic, pairs, placed, recipe)
    placed = _placed(sources, mosaic, output)
    format = _format(sources[0], recipe, writer, wish.wish, output)
    if kept is not None:
        format = replace(format, dtype=kept.dtype, nodata=None, numbers=kept.numbers)
    title = f"{placed[0].gather.product.title}, {_named([one.gather.scene for one in placed])}"
    plan = joined.plan_of(placed, recipe, writer.format(format), wish.wish, title, gaps=(*lost, *gaps), mosaic=mosaic)
    told = (*(() if kept is None else kept.notes), *(_uneven(placed, pairs) if wish.balance else ()))
    return replace(plan, notes=(*plan.notes, *told)) if told else plan


def _kept(scenes: Sequence[Scene], wish: MosaicWish, writer: Writer) -> Kept | None:
    """Rasters whose numbers are kept for computing; None where a picture is made."""
    if wish.wish.product != NUMBERS:
        if wish.nodata is not None:
            raise UsageError(f"--nodata is of {NUMBERS}; pictures have level 0 or alpha for no data")
        return None
    check_writer(writer)
    if wish.feather or wish.balance:
        raise UsageError(f"{NUMBERS} are kept as they are: --feather and --balance would change them")
    if wish.wish.packing != "nodata" or wish.wish.units != "default":
        raise UsageError(f"{NUMBERS} are kept as they are: --packing and --units are of pictures")
    mixed = wish.resampling != "nearest" or wish.combine == "mean"
    kept = numbers(scenes, wish.wish.bands, wish.nodata, mixed=mixed)
    check_resampling(kept.dtype, wish.resampling)
    return kept


def _placed(sources: Sequence[Source], mosaic: Mosaicking, output: GeoBox) -> list[Placed]:
    return joined.placed_on(sources, mosaic.layers, mosaic.resampling, output)


def lies_off_tiles(scene: Scene, wish: Wish) -> bool:
    """True where map tiles are asked of a scene that lies on no tile grid: it is brought to one, as a mosaic of one scene."""
    tile = joined.map_tile(wish)
    try:
        for asset in scene.assets.values() if tile else ():
            on_grid(asset.geobox, tile)
    except UsageError:
        return True
    return False


def _check(wish: MosaicWish, *, as_is: bool) -> None:
    """Tell what makes no sense before anything is read."""
    if not as_is:
        check_wish(wish.wish)
    elif wish.wish.look is not None or wish.wish.masks:
        raise UsageError("stored numbers are kept as they are: choose a product, such as rgb, to stretch or mask them")
    if not 0 <= wish.feather < float("inf"):
        raise UsageError(f"--feather is a width of 0 or more, not {wish.feather:g}")
    if wish.feather and (wish.combine not in FEATHERED or (wish.combine == "best" and wish.best == JUDGE)):
        said = f"best {wish.best}" if wish.combine == "best" else wish.combine
        raise UsageError(
            f"--feather goes with first, latest, mean and the best scene, not with {said}: it has no edges"
        )


def _mosaicking(
    sources: Sequence[Source], unused: tuple[str, ...], output: GeoBox, area: Region | None, wish: MosaicWish
) -> Mosaicking:
    """All that is known before pixels are looked at."""
    best: Best = "ndvi" if wish.best == "ndvi" else "near" if wish.best.startswith("near") else "clear"
    return Mosaicking(
        combine=wish.combine,
        best=best,
        resampling=wish.resampling,
        layers=tuple(replace(s.layer, maxima=s.gather.recipe.maxima) for s in sources),
        feather=float(wish.feather),
        depth=_depth([source.gather.geobox for source in sources], output),
        clip=() if area is None else area.pixels(output),
        unused=unused,
    )


def _depth(sources: Sequence[GeoBox], output: GeoBox) -> int:
    """Most outlines over any one place: never fewer than scenes, often just as many."""
    top, left, bottom, right = reaches(sources, output)
    most = 0
    for row in np.unique(top):
        here = (top <= row) & (bottom > row)
        begins = left[here]
        most = max(most, *(int(((begins <= x) & (right[here] > x)).sum()) for x in np.unique(begins)))
    return most


def _evened(placed: Sequence[Placed], mosaic: Mosaicking, wish: MosaicWish) -> tuple[Mosaicking, list[Pair]]:
    """With ramps and gains where they were asked for, and what the overlaps say."""
    workers, layers = wish.wish.execution.workers, list(mosaic.layers)
    if wish.feather:
        found = [edges(one, wish.feather, workers) for one in placed]
        layers = [replace(layer, edges=ramp) for layer, ramp in zip(layers, found, strict=True)]
    pairs = overlaps(placed, workers) if (wish.balance or wish.feather) and len(placed) > 1 else []
    if wish.balance and pairs:
        gain, offset = gains(pairs, len(placed), len(pairs[0].here))
        rows = zip(layers, gain.tolist(), offset.tolist(), strict=True)
        layers = [replace(layer, gain=tuple(g), offset=tuple(o)) for layer, g, o in rows]
    return replace(mosaic, layers=tuple(layers)), pairs


def _uneven(placed: Sequence[Placed], pairs: Sequence[Pair]) -> Iterator[str]:
    """Which scenes could not be balanced, where that was asked for."""
    compared = {number for pair in pairs for number in (pair.one, pair.other)}
    alone = [one.gather.scene for number, one in enumerate(placed) if number not in compared]
    if alone:
        yield f"{len(alone)} of {len(placed)} scenes show no ground together with another, and are not balanced: {_named(alone)}"


def _told(mosaic: Mosaicking, pairs: Sequence[Pair], placed: Sequence[Placed], recipe: Recipe) -> Mosaicking:
    """With the step of its sums, and the jumps at its seams."""
    if recipe.product == NUMBERS:
        return mosaic
    mosaic = replace(mosaic, step=_step(placed, recipe))
    if not pairs or not recipe.tone.thresholds:
        return mosaic
    bare = [replace(layer, gain=(), offset=()) for layer in mosaic.layers]
    jumps = {"pairs": float(len(pairs)), "before": seam(pairs, bare, recipe.tone)}
    if mosaic.layers[0].gain:
        jumps["after"] = seam(pairs, mosaic.layers, recipe.tone)
    return replace(mosaic, seam=jumps)


def _step(placed: Sequence[Placed], recipe: Recipe) -> float:
    """A power of two, 2**30 of which no value exceeds by much: that of the largest number that can be stored, or shown."""
    limits = [abs(side) for pair in recipe.look.limits for side in (pair.low, pair.high)]
    most = 16 * max([*limits, *map(abs, placed[0].gather.product.range)])
    if recipe.product == AS_IT_IS or all(one.gather.tabled for one in placed):
        tables = (one.balanced(one.gather.tables[:, None]) for one in placed)
        most = max(float(np.nanmax(np.abs(table))) for table in tables)
    return float(2.0 ** (math.ceil(math.log2(max(most, 1e-30))) - 30))


def _format(source: Source, recipe: Recipe, writer: Writer, wish: Wish, output: GeoBox) -> Format:
    gather = Gather(source.gather.scene, source.gather.product, recipe, source.gather.geobox)
    if recipe.product not in KEPT:
        return format_of(gather, writer, wish, output)
    depth = 8 * np.dtype(gather.assets[0].dtype).itemsize
    return format_of(gather, writer, replace(wish, depth=depth, packing=recipe.packing), output)


def _named(scenes: Sequence[Scene]) -> str:
    ids = [scene.id for scene in scenes]
    return ", ".join(ids) if len(ids) <= 4 else f"mosaic of {len(ids)} scenes"
