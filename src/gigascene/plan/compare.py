"""From a wish to the plan of a comparison: two scenes on one grid, and what counts as a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gigascene.model.comparison import Comparing
from gigascene.model.errors import BadInput
from gigascene.model.mosaic import Resampling
from gigascene.model.plan import Format, Plan
from gigascene.model.scene import Scene
from gigascene.plan import joined
from gigascene.plan.build import Wish, check_not_of, check_wish, format_of, with_maxima, writer_of
from gigascene.plan.ground import ground
from gigascene.plan.layers import products
from gigascene.works.gather import Gather


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareWish:
    """What a user asks for beyond what is asked of one scene."""

    wish: Wish
    grid: str | None = None
    """None: that of the earlier scene."""

    resampling: Resampling = "nearest"
    clip: str | None = None
    """A GeoJSON file."""

    threshold: float
    """What is beyond it has changed; in the product's unit."""


def build(scenes: Sequence[Scene], wish: CompareWish) -> Plan:
    """The plan of one comparison of two scenes, the earlier first. Reads headers."""
    asked = wish.wish
    writer = writer_of(asked.target, asked.writer, asked.options)
    check_wish(asked)
    for scene in scenes:
        check_not_of(scene, asked.target)
    opened, _ = products(scenes, asked, judged=False)
    named = joined.named_grid(wish.grid, asked)
    grids = [source.gather.geobox for source in opened]
    output, area = joined.output(grids[:1] if named is None else grids, named, asked, None, wish.clip)
    used, unused = joined.touching(opened, output, "the region" if wish.clip else "the grid")
    if unused:
        raise BadInput(f"{unused[0]} does not touch the grid: there is nothing to compare.")
    sources = [replace(source, gather=with_maxima(source.gather, asked)) for source in used]
    layers = tuple(replace(source.layer, maxima=source.gather.recipe.maxima) for source in sources)
    placed = joined.placed_on(sources, layers, wish.resampling, output)
    recipe = joined.shown(placed, asked)
    first = placed[0].gather
    format = format_of(Gather(first.scene, first.product, recipe, first.geobox), writer, asked, output)
    comparing = Comparing(
        layers=layers,
        resampling=wish.resampling,
        threshold=wish.threshold,
        ground=ground(output),
        clip=() if area is None else area.pixels(output),
    )
    before, after = (scene.gather.scene.id for scene in placed)
    title = f"Change of {_small(first.product.title)}, {before} to {after}"
    return joined.plan_of(placed, recipe, writer.format(_labelled(format)), asked, title, comparison=comparing)


def _labelled(format: Format) -> Format:
    """The legend is one of change."""
    legend = format.options.get("legend")
    if legend is None:
        return format
    label = f"Change of {_small(legend['label'])}"
    return replace(format, options={**format.options, "legend": {**legend, "label": label}})


def _small(title: str) -> str:
    """A title within a sentence; abbreviations keep their capitals."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]
