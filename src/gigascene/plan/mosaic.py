"""From a wish to the plan of a mosaic: which scenes, in which order, on which grid, with which numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from odc.geo.geobox import GeoBox

from gigascene.codecs.tile_grid import on_grid
from gigascene.model.contracts import Writer
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.grid import Window
from gigascene.model.mosaic import Best, Combine, Mosaicking, Resampling
from gigascene.model.plan import AS_IT_IS, Cut, Format, Plan, Recipe
from gigascene.model.scene import Scene
from gigascene.plan import fingerprint
from gigascene.plan.balance import gains, seam
from gigascene.plan.build import (
    Wish,
    check_gamma,
    check_not_of,
    check_target,
    check_wish,
    fitted,
    format_of,
    only_read,
    with_maxima,
    writer_of,
)
from gigascene.plan.clip import Region, region
from gigascene.plan.edges import edges
from gigascene.plan.grid_names import TILE, Bounds, grid, lattice, projected
from gigascene.plan.layers import Source, ordered, pictures, products
from gigascene.plan.merged import merged
from gigascene.plan.overlaps import Pair, overlaps
from gigascene.plan.overlay import overlaid
from gigascene.plan.tone import measured, spread, tone
from gigascene.plan.work import JUDGE, layered
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

    threshold: float = 0.0
    """Of ``combine="difference"``: what is beyond it has changed."""


def build(scenes: Sequence[Scene], wish: MosaicWish) -> Plan:
    """The plan of one mosaic. Reads headers, and pixels only where something must be measured."""
    writer = writer_of(wish.wish.target, wish.wish.writer, wish.wish.options)
    as_is = wish.wish.product == AS_IT_IS
    _check(wish, as_is=as_is)
    for scene in scenes:
        check_not_of(scene, wish.wish.target)
    judged = wish.combine == "best" and wish.best == JUDGE
    opened = pictures(scenes) if as_is else products(scenes, wish.wish, judged=judged)
    if writer.name == "tiles" and wish.grid is None:
        wish = replace(wish, grid="tiles:")
    grids = [source.gather.geobox for source in opened]
    output, area = _output(grids[:1] if wish.combine == "difference" and wish.grid is None else grids, wish)
    used, unused = _touching(opened, output, wish)
    sources = ordered(used, wish.combine, wish.best)
    if not as_is:
        sources = [replace(source, gather=with_maxima(source.gather, wish.wish)) for source in sources]
    mosaic = _mosaicking(sources, unused, output, area, wish)
    mosaic, pairs = _evened(_placed(sources, mosaic, output), mosaic, wish)
    placed = _placed(sources, mosaic, output)
    recipe = sources[0].gather.recipe if as_is else _shown(placed, wish.wish)
    mosaic = _told(mosaic, pairs, placed, recipe)
    placed = _placed(sources, mosaic, output)
    format = writer.format(_format(sources[0], recipe, writer, wish.wish, mosaic, output))
    return _plan(placed, mosaic, recipe, format, wish.wish)


def lies_off_tiles(scene: Scene, wish: Wish) -> bool:
    """True where map tiles are asked of a scene that lies on no tile grid: it is brought to one, as a mosaic of one scene."""
    tile = _map_tile(wish)
    try:
        for asset in scene.assets.values() if tile else ():
            on_grid(asset.geobox, tile)
    except UsageError:
        return True
    return False


def _map_tile(wish: Wish) -> int:
    """Side of a map tile; 0 where none are asked for. What is no number is the writer's to refuse."""
    if writer_of(wish.target, wish.writer, wish.options).name != "tiles":
        return 0
    said = wish.options.get("tile", TILE)
    return said if isinstance(said, int) and said > 0 else TILE


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


def _output(sources: Sequence[GeoBox], wish: MosaicWish) -> tuple[GeoBox, Region | None]:
    """The grid of the mosaic, and the region that is filled."""
    lines = lattice(wish.grid, sources, _map_tile(wish.wish) or TILE)
    area = None if wish.clip is None else region(wish.clip)
    asked = None
    if wish.bbox is not None or area is not None:
        if lines.crs is None:
            raise UsageError("scenes without a CRS have no place on the Earth that --bbox or --clip could cut")
        asked = _common(
            None if wish.bbox is None else projected(wish.bbox, lines.crs),
            None if area is None else area.bounds(lines.crs),
        )
    return grid(lines, sources, asked), area


def _common(one: Bounds | None, other: Bounds | None) -> Bounds:
    """What two rectangles share; either may be missing."""
    if one is None or other is None:
        shared = one or other
        assert shared is not None
        return shared
    shared = (max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3]))
    if shared[0] >= shared[2] or shared[1] >= shared[3]:
        raise UsageError("--clip lies outside --bbox: nothing would be left")
    return shared


def _touching(sources: list[Source], output: GeoBox, wish: MosaicWish) -> tuple[list[Source], tuple[str, ...]]:
    """Scenes that reach into the grid, and the ids of the others; raises `BadInput` where none does."""
    whole = Window(top=0, left=0, height=output.shape[0], width=output.shape[1])
    top, left, bottom, right = reaches([source.gather.geobox for source in sources], output)
    near = (top < min(whole.bottom, 1 << 60)) & (bottom > top) & (right > left)
    used = [source for source, touches in zip(sources, near.tolist(), strict=True) if touches]
    if not used:
        where = "the bounding box" if wish.bbox else "the region" if wish.clip else "the grid"
        raise BadInput(
            f"none of the {len(sources)} scenes touches {where}.", hint="See where they lie: gigascene info SCENE"
        )
    unused = (source.gather.scene.id for source, touches in zip(sources, near.tolist(), strict=True) if not touches)
    if wish.combine == "difference" and len(used) < len(sources):
        raise BadInput(f"{next(unused)} does not touch the grid: there is nothing to compare.")
    return used, tuple(unused)


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
        threshold=wish.threshold,
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


def _told(mosaic: Mosaicking, pairs: Sequence[Pair], placed: Sequence[Placed], recipe: Recipe) -> Mosaicking:
    """With the step of its sums, and the jumps at its seams."""
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


def _placed(sources: Sequence[Source], mosaic: Mosaicking, output: GeoBox) -> list[Placed]:
    pairs = zip(sources, mosaic.layers, strict=True)
    return [layered(s.gather.scene, layer, s.gather.recipe, mosaic, output) for s, layer in pairs]


def _shown(placed: Sequence[Placed], wish: Wish) -> Recipe:
    """One look for all scenes: limits measured over all of them, then thresholds."""
    gather = placed[0].gather
    recipe = gather.recipe
    channels = gather.product.channels or recipe.bands
    spread(recipe.look.limits, channels, "stretch")
    check_gamma(recipe.look, channels)
    counted = merged(placed, wish.survey, wish.execution.workers) if recipe.look.needs_survey else ()
    look = measured(recipe.look, channels, counted)
    return replace(recipe, maxima={}, look=look, tone=tone(look, f"uint{wish.depth}", wish.packing, counted))


def _format(source: Source, recipe: Recipe, writer: Writer, wish: Wish, mosaic: Mosaicking, output: GeoBox) -> Format:
    gather = Gather(source.gather.scene, source.gather.product, recipe, source.gather.geobox)
    if recipe.product != AS_IT_IS:
        return _labelled(format_of(gather, writer, wish, output), mosaic)
    depth = 8 * np.dtype(gather.assets[0].dtype).itemsize
    return format_of(gather, writer, replace(wish, depth=depth, packing=recipe.packing), output)


def _labelled(format: Format, mosaic: Mosaicking) -> Format:
    """The legend of a comparison is one of change."""
    legend = format.options.get("legend")
    if mosaic.combine != "difference" or legend is None:
        return format
    label = f"Change of {_small(legend['label'])}"
    return replace(format, options={**format.options, "legend": {**legend, "label": label}})


def _small(title: str) -> str:
    """A title within a sentence; abbreviations keep their capitals."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _plan(placed: Sequence[Placed], mosaic: Mosaicking, recipe: Recipe, format: Format, wish: Wish) -> Plan:
    overlay, notes = overlaid(wish.overlay, recipe, format)
    plan = Plan(
        target=str(Path(wish.target).absolute()),
        recipe=recipe,
        format=format,
        scenes=tuple(_read(one) for one in placed),
        mosaic=mosaic,
        overlay=overlay,
        notes=notes,
        cut=Cut(task_pieces=1, window_rows=1),
        execution=wish.execution,
        versions=fingerprint.versions(format.writer),
    )
    check_target(plan)
    title = f"{placed[0].gather.product.title}, {_named(plan.scenes)}"
    if mosaic.combine == "difference":
        title = f"Change of {_small(placed[0].gather.product.title)}, {plan.scenes[0].id} to {plan.scenes[1].id}"
    texts = {
        "Title": title,
        "Software": f"gigascene {plan.versions['gigascene']}",
        "gigascene:recipe": fingerprint.recipe_text(plan),
        "gigascene:fingerprint": fingerprint.fingerprint(plan),
    }
    return fitted(replace(plan, format=replace(format, metadata={**format.metadata, **texts})))


def _read(placed: Placed) -> Scene:
    """The scene with only what is read of it."""
    scene, layer = only_read(placed.gather), placed.layer
    others = {*layer.judged, *([layer.alpha] if layer.alpha else [])}
    more = {key: asset for key, asset in placed.gather.scene.assets.items() if key in others}
    return replace(scene, assets={**scene.assets, **more}, absent={}, properties=dict(scene.properties))


def _named(scenes: Sequence[Scene]) -> str:
    ids = [scene.id for scene in scenes]
    return ", ".join(ids) if len(ids) <= 4 else f"mosaic of {len(ids)} scenes"
