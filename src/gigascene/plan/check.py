"""Is a plan from a file one that we could have made? It may be cut short, edited, or of another version."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gigascene.codecs._tiff_options import NUMBERS as TYPES
from gigascene.kernels import palette
from gigascene.kernels.numbers import number_of
from gigascene.model import wire
from gigascene.model.errors import BadInput, GigasceneError, UsageError
from gigascene.model.mosaic import Mosaicking
from gigascene.model.plan import KEPT, NUMBERS, Plan
from gigascene.model.product import Product
from gigascene.model.scene import Scene
from gigascene.plan import fingerprint
from gigascene.plan.tone import STEPS
from gigascene.registry import ENGINES, PRODUCTS, WRITERS
from gigascene.works.overlay import unpacked

T = TypeVar("T")


def read(kind: type[T], path: Path, hint: str) -> T:
    """What `kind` of value a JSON file of ours holds; raises `BadInput` naming the file, and `hint` says what to do."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read ({getattr(error, 'strerror', None) or error}).", str(path)) from error
    try:
        return wire.loads(kind, text)
    except BadInput as error:
        here, there = version("gigascene"), _version(text)
        other = f" It was written by gigascene {there}, and this is {here}." if there not in {here, None} else ""
        raise BadInput(f"{error}{other}", str(path), hint=hint) from error


def _version(text: str) -> Any:
    """Of gigascene, which a plan or the plan in a capsule names; None where that cannot be told."""
    with suppress(ValueError, KeyError, TypeError):
        whole = json.loads(text)
        return whole.get("plan", whole)["versions"]["gigascene"] if isinstance(whole, dict) else None
    return None


def check(plan: Plan) -> None:
    """Raise `BadInput` saying what cannot be."""
    try:
        product: Product | None = None if plan.recipe.product in KEPT else PRODUCTS[plan.recipe.product]
        writer, _ = WRITERS[plan.format.writer], ENGINES[plan.execution.engine]
    except GigasceneError as error:
        raise BadInput(f"this plan cannot be run: {error}") from error
    recipe, format, cut, execution = plan.recipe, plan.format, plan.cut, plan.execution
    if not _sources_fit(plan):
        raise BadInput("this plan does not have a source that could be run.")
    true = {
        "its bands": bool(recipe.bands) == bool(plan.scenes)
        and all(key in scene.assets for scene, keys in bands_of(plan) for key in (*keys, *scene.alpha)),
        "pixels": _pixels_fit(plan, product),
        "channels": product is None or _channels_fit(plan, product),
        "its masks": all(name in scene.masks for scene in plan.scenes for name in recipe.masks),
        "a depth": _numbers_fit(plan) if format.numbers else (format.dtype, recipe.packing) in STEPS,
        "a shape": format.shape == tuple(format.geobox.shape) and min(format.shape) > 0,
        "an overlay": _overlay_fits(plan),
        "gaps": all(
            gap.within(tuple(asset.geobox.shape)) == gap
            for scene in plan.scenes
            for asset in scene.assets.values()
            for gap in asset.gaps
        ),
        "a cut": min(cut.task_pieces, cut.window_rows, cut.window_columns, cut.cache, cut.cache_threads) > 0,
        "workers": min(execution.workers, execution.memory) > 0,
    }
    wrong = ", ".join(name for name, holds in true.items() if not holds)
    if wrong:
        raise BadInput(f"this plan does not have {wrong} that could be run.")
    quantities(plan)
    if writer.format(format) != format:
        raise BadInput(f"the options of {format.writer} are not those it would fill in.")


def bands_of(plan: Plan) -> list[tuple[Scene, tuple[str, ...]]]:
    """Of every scene, the bands the product is made from."""
    if plan.layers is None:
        return [(scene, plan.recipe.bands) for scene in plan.scenes]
    return [(scene, layer.bands) for scene, layer in zip(plan.scenes, plan.layers, strict=True)]


def _sources_fit(plan: Plan) -> bool:
    """One scene or picture; or as many scenes as there are layers, each with its own numbers for every channel."""
    if plan.layers is None:
        return len(plan.scenes) + (plan.picture is not None) == 1
    layers, count = plan.layers, len(plan.recipe.bands)
    joined = _mosaic_fits(plan.mosaic) if plan.comparison is None else _comparison_fits(plan)
    return (
        joined
        and plan.picture is None
        and len(plan.scenes) == len(layers) > 0
        and all(len(layer.bands) == count and len(layer.gain) == len(layer.offset) for layer in layers)
    )


def _numbers_fit(plan: Plan) -> bool:
    """Of one type in all files, and a number of it for no data."""
    format, said = plan.format, plan.format.numbers
    assert said is not None
    floats = np.dtype(format.dtype).kind == "f" if format.dtype in TYPES else None
    types = {scene.assets[key].dtype for scene, keys in bands_of(plan) for key in keys if key in scene.assets}
    known = floats if said.nodata is None else floats is not None and number_of(said.nodata, format.dtype) is not None
    colors = not said.colors or (len(said.colors) == 6 * 256 and not set(said.colors) - set("0123456789abcdef"))
    made = plan.recipe.product == NUMBERS and plan.mosaic is not None and types == {format.dtype}
    return made and bool(known) and colors


def _comparison_fits(plan: Plan) -> bool:
    """Two scenes, and ground at nodes that a worker can look between."""
    comparison = plan.comparison
    if comparison is None or plan.mosaic is not None or len(comparison.layers) != 2:
        return False
    areas = () if comparison.ground is None else comparison.ground.areas
    return comparison.ground is None or (min(len(areas), *map(len, areas)) > 1 and len(set(map(len, areas))) == 1)


def _mosaic_fits(mosaic: Mosaicking | None) -> bool:
    return mosaic is not None and mosaic.step > 0 and mosaic.feather >= 0


def _overlay_fits(plan: Plan) -> bool:
    """None; or a colour and lines that can be drawn on what is made."""
    if (overlay := plan.overlay) is None:
        return True
    try:
        unpacked(overlay)
    except (ValueError, MemoryError):
        return False
    channels = plan.format.bands - plan.format.alpha
    return plan.recipe.product not in KEPT and channels in {1, 3} and all(0 <= part <= 255 for part in overlay.color)


def quantities(plan: Plan) -> None:
    """Every band must give the quantity of the recipe."""
    for scene, keys in bands_of(plan):
        for key in keys:
            if plan.recipe.quantity not in {"", "dn", *scene.assets[key].calibrations}:
                raise BadInput(f"band {key} gives no {plan.recipe.quantity!r}.")


def check_versions(plan: Plan) -> None:
    """Raise `UsageError` where other libraries are installed than those the plan was made with: bytes may differ."""
    here = fingerprint.versions(plan.format.writer)
    other = [
        f"{name} {plan.versions.get(name)} (here {here[name]})"
        for name in here
        if plan.versions.get(name) != here[name]
    ]
    if other:
        raise UsageError(f"the plan was made with {', '.join(other)}. Plan again.")


def _pixels_fit(plan: Plan, product: Product | None) -> bool:
    """Thresholds for every channel; or as many bands as are passed on."""
    if product is not None:
        return plan.picture is None and _thresholds_fit(plan, len(product.channels) or product.choose)
    picture, format = plan.picture, plan.format
    if picture is None:
        return len(plan.recipe.bands) == format.bands - (format.alpha and plan.mosaic is not None)
    return (picture.shape, picture.bands, picture.dtype) == (format.shape, format.bands, format.dtype)


def _channels_fit(plan: Plan, product: Product) -> bool:
    """As many bands in the file as are made: those of a palette or of the product, and alpha; and as many read as it needs."""
    recipe, shown = plan.recipe, len(product.channels) or product.choose
    if recipe.look.palette is not None:
        if recipe.look.palette not in palette.names() or shown != 1:
            return False
        shown = 3
    wanted = product.choose or len(product.needs)
    return plan.format.bands == shown + plan.format.alpha and (not recipe.bands or len(recipe.bands) == wanted)


def _thresholds_fit(plan: Plan, channels: int) -> bool:
    steps = STEPS.get((plan.format.dtype, plan.recipe.packing), -1)
    found = plan.recipe.tone.thresholds
    return len(found) == channels and all(t.size == steps and bool((t[1:] >= t[:-1]).all()) for t in found)
