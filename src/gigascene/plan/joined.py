"""What mosaics and comparisons are planned alike by: scenes on one grid, under one look, as one plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from odc.geo.geobox import GeoBox

from gigascene.model.errors import BadInput, UsageError
from gigascene.model.grid import Window
from gigascene.model.mosaic import Layer, Resampling
from gigascene.model.plan import Cut, Format, Plan, Recipe
from gigascene.model.scene import Scene
from gigascene.plan import build, fingerprint
from gigascene.plan.build import Wish, completed, only_read, writer_of
from gigascene.plan.clip import Region, region
from gigascene.plan.grid_names import TILE, Bounds, Lattice, grid, lattice, projected
from gigascene.plan.layers import Source
from gigascene.plan.merged import merged
from gigascene.plan.overlay import overlaid
from gigascene.plan.work import layered
from gigascene.storage.scratch import absolute
from gigascene.works._placed import Placed
from gigascene.works._reach import reaches

WHERE = "See where they lie: gigascene info SCENE"


def named_grid(said: str | None, wish: Wish) -> str | None:
    """The grid asked for; that of map tiles where these are made and nobody says."""
    tiles = writer_of(wish.target, wish.writer, wish.options).name == "tiles"
    return "tiles:" if said is None and tiles else said


def map_tile(wish: Wish) -> int:
    """Side of a map tile; 0 where none are asked for. What is no number is the writer's to refuse."""
    if writer_of(wish.target, wish.writer, wish.options).name != "tiles":
        return 0
    said = wish.options.get("tile", TILE)
    return said if isinstance(said, int) and said > 0 else TILE


def output(
    sources: Sequence[GeoBox], said: str | None, wish: Wish, bbox: Bounds | None, clip: str | None
) -> tuple[GeoBox, Region | None]:
    """The grid of the picture, and the region that is filled."""
    lines = lattice(said, sources, map_tile(wish) or TILE)
    area = None if clip is None else region(clip)
    if lines.crs is None and (bbox is not None or area is not None):
        raise UsageError("scenes without a CRS have no place on the Earth that --bbox or --clip could cut")
    wide = grid(lines, sources, None if bbox is None else projected(bbox, lines.crs, lines.world))
    return (wide, None) if area is None else (_under(area, wide, lines, boxed=bbox is not None), area)


def _under(area: Region, wide: GeoBox, lines: Lattice, *, boxed: bool) -> GeoBox:
    """As much of a grid as a region needs; raises `UsageError` or `BadInput` where that is none."""
    part = area.within(wide)
    if part is None and boxed:
        raise UsageError("--clip lies outside --bbox: nothing would be left")
    if part is None:
        raise BadInput("none of its polygons lies where the scenes are.", area.path, hint=WHERE)
    west, north = wide.affine @ (part.left, part.top)
    east, south = wide.affine @ (part.right, part.bottom)
    return lines.around((west, south, east, north))


def touching(sources: Sequence[Source], output: GeoBox, where: str) -> tuple[list[Source], tuple[str, ...]]:
    """Scenes that reach into the grid, and the ids of the others; raises `BadInput` where none does."""
    whole = Window(top=0, left=0, height=output.shape[0], width=output.shape[1])
    top, left, bottom, right = reaches([source.gather.geobox for source in sources], output)
    near = ((top < min(whole.bottom, 1 << 60)) & (bottom > top) & (right > left)).tolist()
    used = [source for source, touches in zip(sources, near, strict=True) if touches]
    if not used:
        raise BadInput(f"none of the {len(sources)} scenes touches {where}.", hint=WHERE)
    return used, tuple(source.gather.scene.id for source, touches in zip(sources, near, strict=True) if not touches)


def placed_on(
    sources: Sequence[Source], layers: Sequence[Layer], resampling: Resampling, output: GeoBox
) -> list[Placed]:
    """Every scene on the grid of the picture."""
    pairs = zip(sources, layers, strict=True)
    return [layered(s.gather.scene, layer, s.gather.recipe, resampling, output) for s, layer in pairs]


def shown(placed: Sequence[Placed], wish: Wish) -> Recipe:
    """One look for all scenes: limits measured over all of them, then thresholds."""
    count = partial(merged, placed, wish.survey, wish.execution.workers)
    return replace(build.shown(placed[0].gather, wish, count), maxima={})


def plan_of(placed: Sequence[Placed], recipe: Recipe, format: Format, wish: Wish, title: str, **joined: Any) -> Plan:
    """The whole plan, cut into tasks; `joined` is how the scenes become one picture."""
    overlay, notes = overlaid(wish.overlay, recipe, format)
    plan = Plan(
        target=absolute(wish.target),
        recipe=recipe,
        format=format,
        scenes=tuple(map(only_placed, placed)),
        overlay=overlay,
        notes=notes,
        cut=Cut(task_pieces=1, window_rows=1),
        execution=wish.execution,
        versions=fingerprint.versions(format.writer),
        **joined,
    )
    return completed(plan, title)


def only_placed(placed: Placed) -> Scene:
    """The scene with only what is read of it."""
    scene, layer = only_read(placed.gather), placed.layer
    more = {key: asset for key, asset in placed.gather.scene.assets.items() if key in layer.judged}
    return replace(scene, assets={**scene.assets, **more}, absent={}, properties=dict(scene.properties))
