"""The scenes of a mosaic in hand: the product of each on its own grid, alike, and in order of precedence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from odc.geo.geobox import GeoBox

from gigascene.model.errors import BadInput, UsageError
from gigascene.model.gap import Gap
from gigascene.model.look import Look
from gigascene.model.mosaic import Layer
from gigascene.model.plan import AS_IT_IS, Recipe
from gigascene.model.product import Product
from gigascene.model.scene import Scene
from gigascene.plan.build import NO_TONE, Wish, found
from gigascene.plan.find import chosen
from gigascene.plan.gaps import opened, searched
from gigascene.plan.pictures import Picture, picture_of
from gigascene.plan.work import JUDGE, as_it_is
from gigascene.registry import PRODUCTS
from gigascene.works.gather import Gather

KEPT_TYPES = ("uint8", "uint16")
MOST_CHANNELS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A scene in hand: its product on its own grid, and what the plan says of it."""

    gather: Gather
    layer: Layer


def products(scenes: Sequence[Scene], wish: Wish, *, judged: bool) -> tuple[list[Source], tuple[Gap, ...]]:
    """The product in every scene, and scenes that are left out where gaps are allowed.

    Raises `BadInput` where they cannot stand side by side.
    """
    product: Product = PRODUCTS[wish.product]

    def source(scene: Scene) -> Source:
        gather = found(product, scene, wish)
        keys = tuple(asset.key for asset in chosen(PRODUCTS[JUDGE], scene)) if judged else ()
        return Source(gather=gather, layer=Layer(bands=gather.recipe.bands, grid=gather.geobox, judged=keys))

    if wish.allow_gaps:
        sources, gaps = opened(scenes, source, lambda scene: scene.id)
    else:
        sources, gaps = list(map(source, scenes)), ()
    _check_alike([source.gather for source in sources])
    return sources, gaps


def gapped(
    sources: Sequence[Source], output: GeoBox, wish: Wish, *, whole: bool
) -> tuple[list[Source], tuple[Gap, ...]]:
    """The same, each with the gaps of what is read of it, where they are allowed."""
    if not wish.allow_gaps:
        return list(sources), ()
    kept: list[Source] = []
    gaps: list[Gap] = []
    for source in sources:
        gather, layer = source.gather, source.layer
        keys = [*(asset.key for asset in gather.sources()), *layer.judged]
        measured = whole or bool(gather.product.maxima)
        scene, told = searched(gather.scene, keys, gather.geobox, output, wish.execution, whole=measured)
        gather = Gather(scene, gather.product, gather.recipe, gather.geobox)
        kept.append(replace(source, gather=gather))
        gaps += told
    return kept, tuple(gaps)


def _check_alike(gathers: Sequence[Gather]) -> None:
    """One unit, and one level of processing: reflectance above the air is not that of the ground."""
    kinds = {f"{_level(gather.scene)}, unit {gather.unit}": gather.scene.id for gather in reversed(gathers)}
    if len(kinds) > 1:
        told = "; ".join(f"{name} is {kind}" for kind, name in kinds.items())
        raise BadInput(f"these scenes cannot stand side by side: {told}.", hint="Make a mosaic of each kind.")


def _level(scene: Scene) -> str:
    if scene.sensor == "raster":
        return "a plain raster"
    return "of the surface (level 2)" if scene.sensor.endswith(("-l2", "-l2a")) else "of the top of the air (level 1)"


def pictures(scenes: Sequence[Scene]) -> list[Source]:
    """The stored numbers of plain GeoTIFFs; all must have as many bands of one type."""
    found = [picture_of(scene) for scene in scenes]  # each file is opened once more, for its colours
    kinds: dict[tuple[int, str], Picture] = {}
    for picture in found:
        kinds.setdefault((len(picture.bands), picture.dtype), picture)
    if len(kinds) > 1:
        told = "; ".join(f"{p.scene.id} has {count} of {dtype}" for (count, dtype), p in kinds.items())
        raise BadInput(f"these rasters differ in their bands: {told}.", hint="Choose bands, such as rgb --bands 1,2,3.")
    alone = any(picture.nodata != 0 for picture in found)
    _check_kept(found[0], alone=alone)
    return [_picture(picture, alone=alone) for picture in found]


def _check_kept(picture: Picture, *, alone: bool) -> None:
    """What is kept as it is must be what pictures hold: up to four channels, alpha among them, of whole numbers."""
    href, count = picture.scene.assets[picture.bands[0]].href, len(picture.bands)
    hint = "Say how it is shown: gigascene mosaic rgb … --bands 1,2,3 --stretch 2%:98%"
    if count < 3:
        which = "the numbers" if count == 1 else "the numbers of one"
        chosen = "" if count == 1 else " --bands 1"
        hint = (
            f"For computing keep {which}: gigascene mosaic numbers …{chosen} -o OUT.tif. "
            "For a picture scale it first: gdal_translate -ot UInt16 -scale LOW HIGH 1 65535 -a_nodata 0 IN OUT"
        )
    if picture.dtype not in KEPT_TYPES:
        raise BadInput(f"holds {picture.dtype}, and pictures are uint8 or uint16.", href, hint=hint)
    if count + alone > MOST_CHANNELS:
        beside = ", and no data needs one more" if alone else ""
        raise BadInput(f"has {count} bands{beside}; pictures have up to {MOST_CHANNELS}.", href, hint=hint)


def _picture(picture: Picture, *, alone: bool) -> Source:
    """`alone`: what is no data is told by an alpha band, for not all can tell it by a 0."""
    recipe = Recipe(product=AS_IT_IS, bands=picture.bands, quantity="dn", look=Look(), tone=NO_TONE)
    recipe = replace(recipe, packing="document" if alone else "nodata")
    gather = Gather(picture.scene, as_it_is(len(picture.bands)), recipe, picture.grid)
    return Source(gather=gather, layer=Layer(bands=picture.bands, grid=picture.grid))


def ordered(sources: list[Source], combine: str, best: str) -> list[Source]:
    """In order of precedence; those that are alike stay in the order they were given."""
    if combine == "latest":
        return sorted(sources, key=_known(_when, sources, "--combine latest", "an acquisition time"), reverse=True)
    if combine != "best" or best == JUDGE:
        return sources
    kind, _, said = best.partition(":")
    if kind == "clear" and not said:
        return sorted(sources, key=_known(_cloud, sources, "--best clear", "a cloud cover"))
    if kind == "near":
        day = _day(said)
        when = _known(_when, sources, "--best near", "an acquisition time")
        return sorted(sources, key=lambda source: abs((when(source) - day).total_seconds()))
    raise UsageError(f"--best is clear, ndvi or near:2024-07-15, not {best!r}")


def _known(fact: Callable[[Source], Any], sources: Sequence[Source], option: str, what: str) -> Callable[[Source], Any]:
    """The same function, once every scene is known to have it."""
    lacking = [source.gather.scene.id for source in sources if fact(source) is None]
    if lacking:
        hint = "; a plain raster tells none: give them in order, and --combine first" if _plain(sources) else ""
        raise UsageError(f"{option} needs {what} of every scene; there is none of {', '.join(lacking[:3])}{hint}")
    return fact


def _plain(sources: Sequence[Source]) -> bool:
    return any(source.gather.scene.sensor == "raster" for source in sources)


def _when(source: Source) -> datetime | None:
    said = source.gather.scene.datetime
    return datetime.fromisoformat(said) if said else None


def _cloud(source: Source) -> float | None:
    cover = source.gather.scene.properties.get("eo:cloud_cover")
    return None if cover is None else float(cover)


def _day(said: str) -> datetime:
    try:
        day = datetime.fromisoformat(said)
    except ValueError:
        raise UsageError(f"cannot read the date {said!r}; write near:2024-07-15") from None
    return day if day.tzinfo else day.replace(tzinfo=UTC)
