"""From a wish to a plan: which bands, on which grid, with which limits, in which format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from odc.geo.geobox import GeoBox

from gigascene.kernels import palette
from gigascene.model.contracts import Writer
from gigascene.model.errors import UnknownName, UsageError
from gigascene.model.gap import Gap
from gigascene.model.look import Look
from gigascene.model.plan import Cut, Execution, Format, Plan, Recipe, Tone
from gigascene.model.product import Product
from gigascene.model.scene import Asset, Scene
from gigascene.plan import fingerprint
from gigascene.plan.find import chosen, grid_of, known_masks, needs_of, on_grid, quantity_of
from gigascene.plan.fit import fitted
from gigascene.plan.gaps import searched
from gigascene.plan.overlay import Drawn, overlaid
from gigascene.plan.resolution import notes
from gigascene.plan.survey import Mode, maxima, survey
from gigascene.plan.tone import Counted, measured, spread, tone
from gigascene.registry import PRODUCTS, WRITERS
from gigascene.sensors import settled
from gigascene.storage import hrefs
from gigascene.storage.folder import target_of
from gigascene.storage.identity import path_of
from gigascene.storage.presigned import is_signed
from gigascene.storage.scratch import absolute
from gigascene.storage.ways import way_to
from gigascene.works.gather import Gather, assets_of

NO_TONE = Tone(thresholds=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a user asks for; everything but product and target has a sensible default."""

    product: str
    target: str
    bands: tuple[str, ...] = ()
    """For products that work on any bands."""

    look: Look | None = None
    """None: the product's own."""

    resolution: float | None = None
    """Pixel size, metres; None: the finest that all bands have."""

    units: str = "default"
    masks: tuple[str, ...] = ()
    packing: Literal["nodata", "document"] = "nodata"
    depth: int = 8
    survey: Mode = "sample"
    overlay: Drawn | None = None
    writer: str | None = None
    """None: the target's suffix says."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """The writer's own."""

    execution: Execution = field(default_factory=Execution)
    allow_gaps: bool = False
    """Go on without what cannot be decoded, or is gone."""


def build(scene: Scene, wish: Wish) -> Plan:
    """The plan of one picture of one scene. Reads headers, and pixels only where the look must be measured."""
    writer = writer_of(wish.target, wish.writer, wish.options)
    check_wish(wish)
    check_not_of(scene, wish.target)
    gather, gaps = gapped(found(PRODUCTS[wish.product], scene, wish), wish)
    gather = with_maxima(gather, wish)
    count = partial(survey, gather, wish.survey, wish.execution.workers)
    gather = Gather(gather.scene, gather.product, shown(gather, wish, count), gather.geobox)
    format = writer.format(format_of(gather, writer, wish, gather.geobox))
    return _plan(gather, format, wish, gaps)


def gapped(gather: Gather, wish: Wish) -> tuple[Gather, tuple[Gap, ...]]:
    """The same, with the gaps of what it reads where they are allowed."""
    if not wish.allow_gaps:
        return gather, ()
    keys = [asset.key for asset in gather.sources()]
    scene, gaps = searched(gather.scene, keys, gather.geobox, gather.geobox, wish.execution, whole=True)
    return Gather(scene, gather.product, gather.recipe, gather.geobox), gaps


def gathered(scene: Scene, wish: Wish) -> Gather:
    """The product of a wish, ready to be read, without a look; maxima measured where it needs them."""
    product = PRODUCTS[wish.product]
    return with_maxima(found(product, scene, wish), wish)


def any_bands(
    scene: Scene, bands: tuple[str, ...], units: str, masks: tuple[str, ...], resolution: float | None = None
) -> Gather:
    """Any number of bands as they are, each in its own default calibration."""
    product = Product(name="bands", title="Bands", choose=len(bands), channels=(), quantity="")
    wish = Wish(product="", target="", bands=bands, units=units, masks=masks, resolution=resolution)
    return found(product, scene, wish)


def found(product: Product, scene: Scene, wish: Wish) -> Gather:
    """The bands of a product in a scene, on their grid; nothing measured."""
    scene, assets = _ready(product, scene, wish)
    grid = grid_of(product, scene, assets, wish.resolution)
    return Gather(on_grid(scene, grid), product, _recipe(product, scene, assets, wish), grid)


def _ready(product: Product, scene: Scene, wish: Wish) -> tuple[Scene, tuple[Asset, ...]]:
    """The assets a product is made from, and the scene with these and its masks' ready to be read."""
    assets = chosen(product, scene, wish.bands, wish.resolution)
    ready = settled(scene, [asset.key for asset in (*assets, *quality_of(scene, wish.masks))])
    return ready, tuple(ready.assets[asset.key] for asset in assets)


def read_for(
    product: Product, scene: Scene, bands: Sequence[str], masks: Sequence[str], resolution: float | None
) -> tuple[Asset, ...]:
    """All assets that a product and some masks are read from; none is opened."""
    return (*chosen(product, scene, bands, resolution), *quality_of(scene, masks))


def quality_of(scene: Scene, masks: Sequence[str]) -> tuple[Asset, ...]:
    """The quality bands of masks."""
    keys = {key for name in known_masks(scene, masks) for key in assets_of(scene.masks[name])}
    return tuple(scene.assets[key] for key in sorted(keys))


def with_maxima(gather: Gather, wish: Wish) -> Gather:
    """The same, with every band's maximum measured if the product needs it."""
    if not gather.product.maxima:
        return gather
    recipe = replace(gather.recipe, maxima=maxima(gather, wish.survey, wish.execution.workers))
    return Gather(gather.scene, gather.product, recipe, gather.geobox)


def _recipe(product: Product, scene: Scene, assets: Sequence[Asset], wish: Wish) -> Recipe:
    """All but the numbers that must be measured."""
    return Recipe(
        product=product.name,
        bands=tuple(asset.key for asset in assets),
        quantity=quantity_of(product, scene, assets, wish.units),
        look=wish.look or product.look,
        tone=NO_TONE,
        packing=wish.packing,
        masks=known_masks(scene, wish.masks),
    )


def shown(gather: Gather, wish: Wish, count: Callable[[], tuple[Counted, ...]]) -> Recipe:
    """Measure what the recipe leaves open, by `count` where pixels must be counted, and turn the look into thresholds."""
    recipe = gather.recipe
    channels = gather.product.channels or recipe.bands
    spread(recipe.look.limits, channels, "stretch")
    check_gamma(recipe.look, channels)
    counted = count() if recipe.look.needs_survey else ()
    look = measured(recipe.look, channels, counted)
    return replace(recipe, look=look, tone=tone(look, f"uint{wish.depth}", wish.packing, counted))


def check_gamma(look: Look, channels: Sequence[str]) -> None:
    """One gamma, or one a channel."""
    if len(look.gamma) not in {1, len(channels)}:
        raise UsageError(
            f"--gamma has {len(look.gamma)} parts, the product has {len(channels)} channels ({', '.join(channels)})"
        )


def writer_of(target: str, name: str | None, options: Mapping[str, Any]) -> Writer:
    """The writer that is named, or that of the target's suffix; it must know every option."""
    writer: Writer = WRITERS[name] if name is not None else _by_suffix(target)
    for option in options:
        if option not in writer.options:
            closest = next(iter(get_close_matches(option, writer.options)), "")
            raise UnknownName(option, f"option of {writer.name}", closest, writer.options)
    return writer


def _by_suffix(target: str) -> Writer:
    if target.endswith("/"):
        return cast(Writer, WRITERS["tiles"])
    suffix = Path(target).suffix.lower()
    writers: list[Writer] = [WRITERS[name] for name in WRITERS.names()]
    for writer in writers:
        if suffix in writer.suffixes:
            return writer
    known = tuple(sorted(suffix for writer in writers for suffix in writer.suffixes))
    raise UnknownName(suffix or target, "output format", next(iter(get_close_matches(suffix, known)), ""), known)


def check_wish(wish: Wish) -> None:
    """Tell what makes no sense before anything is read."""
    product: Product = PRODUCTS[wish.product]
    if wish.depth not in {8, 16}:
        raise UsageError(f"--depth is 8 or 16, not {wish.depth}")
    name = (wish.look or product.look).palette
    if name is not None:
        palette.colours(name)
        if (len(product.channels) or product.choose) != 1 or wish.depth != 8:
            raise UsageError("a palette paints one channel at depth 8; --palette grey is for none")


def format_of(gather: Gather, writer: Writer, wish: Wish, geobox: GeoBox) -> Format:
    """Nodata is level 0 where the format can say so; a document's packing keeps its mask as alpha."""
    painted = gather.recipe.look.palette is not None
    channels = len(gather.product.channels) or len(gather.assets)
    alpha = wish.packing == "document"
    return Format(
        writer=writer.name,
        suffix=Path(wish.target).suffix.lower(),
        shape=(geobox.shape[0], geobox.shape[1]),
        bands=(3 if painted else channels) + alpha,
        dtype=np.dtype(f"uint{wish.depth}").name,
        alpha=alpha,
        nodata=None if alpha else 0,
        geobox=geobox,
        options={**_legend(gather, writer), **wish.options},
    )


def _legend(gather: Gather, writer: Writer) -> dict[str, Any]:
    """What a colour bar must say, for writers that draw one."""
    look = gather.recipe.look
    if "legend" not in writer.options or look.palette is None or look.curve != "linear":
        return {}
    limits, label = look.limits[0], gather.product.title
    bar = {"palette": look.palette, "low": limits.low, "high": limits.high, "gamma": look.gamma[0], "label": label}
    return {"legend": bar | ({"unit": gather.unit} if gather.unit != "1" else {})}


def _plan(gather: Gather, format: Format, wish: Wish, gaps: tuple[Gap, ...]) -> Plan:
    overlay, told = overlaid(wish.overlay, gather.recipe, format)
    resolved = notes(gather.scene, needs_of(gather.product, gather.scene, wish.bands), gather.assets, gather.geobox)
    plan = Plan(
        target=absolute(wish.target),
        recipe=gather.recipe,
        format=format,
        scenes=(only_read(gather),),
        overlay=overlay,
        cut=Cut(task_pieces=1, window_rows=1),
        execution=wish.execution,
        versions=fingerprint.versions(format.writer),
        gaps=gaps,
        notes=(*resolved, *told),
    )
    return completed(plan, f"{gather.product.title}, {gather.scene.id}")


def completed(plan: Plan, title: str) -> Plan:
    """The plan with what is written inside its file, cut into tasks; raises `UsageError` and `LimitExceeded`.

    Inside are what it shows, of what, and the fingerprint; no clock, host or path.
    """
    check_target(plan)
    texts = {
        "Title": title,
        "Software": f"gigascene {plan.versions['gigascene']}",
        "gigascene:recipe": fingerprint.recipe_text(plan),
        "gigascene:fingerprint": fingerprint.fingerprint(plan),
    }
    told = getattr(WRITERS[plan.format.writer], "reading", None)
    notes = plan.notes if told is None else (*plan.notes, told(plan.format))
    return fitted(replace(plan, format=replace(plan.format, metadata={**plan.format.metadata, **texts}), notes=notes))


def only_read(gather: Gather) -> Scene:
    """The scene with only the assets and masks that are read."""
    scene, recipe = gather.scene, gather.recipe
    masks = {name: scene.masks[name] for name in recipe.masks}
    keys = {*recipe.bands, *scene.alpha, *(key for mask in masks.values() for key in assets_of(mask))}
    assets = {key: scene.assets[key] for key in scene.assets if key in keys}
    unread = {asset.href for asset in scene.assets.values()} - {asset.href for asset in assets.values()}
    checksums = {href: said for href, said in scene.checksums.items() if href not in unread}
    return replace(scene, assets=assets, masks=masks, checksums=checksums)


def check_not_of(scene: Scene, target: str) -> None:
    """Raise `UsageError` where a path is a file of the scene: any band, or what its archive put beside them."""
    path = Path(target).resolve()
    files = {path_of(asset.href).resolve() for asset in scene.assets.values()}
    starts = {file.name.rpartition("_")[0] for file in files if file.parent == path.parent}
    kept = path.with_name(f"{path.name}.receipt.json").exists()  # one of ours, in the scene's own folder
    beside = path.exists() and not kept and any(start and path.name.startswith(start) for start in starts)
    if path in files or beside:
        raise UsageError(f"{target} is an input: a file of scene {scene.id}; write to another path")


def check_target(plan: Plan) -> None:
    """The output must be a place that can be written, and none of its own inputs."""
    if hrefs.is_remote(plan.target):
        if not is_signed(plan.target):
            way_to(plan.target).check(plan.target)
        if any(source.href == plan.target for source in fingerprint.sources(plan)):
            raise UsageError(f"{plan.target} is an input of this picture; write to another path")
        return
    target_of(plan.target, plan.format.suffix, keep=not plan.execution.overwrite).check()
    target = Path(plan.target).resolve()
    for source in fingerprint.sources(plan):
        if path_of(source.href).resolve() == target:
            raise UsageError(f"{plan.target} is an input of this picture; write to another path")
