"""Two names of a plan: what it makes (written inside the output), and of exactly which files (for the journal)."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.metadata import version
from typing import Any

from gigascene.model import wire
from gigascene.model.comparison import Comparing
from gigascene.model.mosaic import Mosaicking
from gigascene.model.overlay import Overlay
from gigascene.model.plain_picture import PlainPicture
from gigascene.model.plan import Plan
from gigascene.model.scene import Asset, Scene

LIBRARIES = ("numpy", "numba", "rasterio", "isal", "imagecodecs", "odc-geo", "pyproj")
"""Those that can change a byte of a result."""


def versions(writer: str) -> dict[str, str]:
    """Of this package and of every library that can change a byte of this writer's output."""
    drawn = ("matplotlib",) if writer == "figure" else ()
    return {name: version(name) for name in ("gigascene", *LIBRARIES, *drawn)}


def summary(plan: Plan) -> dict[str, Any]:
    """The recipe for people: short, and without hosts, paths or clocks."""
    recipe = plan.recipe
    return {
        "product": recipe.product,
        "scenes": [scene.id for scene in plan.scenes],
        "bands": list(recipe.bands),
        "quantity": recipe.quantity or "default",
        "look": wire.to_wire(recipe.look),
        "packing": recipe.packing,
        "masks": list(recipe.masks),
        **({} if not plan.gaps else {"gaps": len(plan.gaps)}),
        **({} if plan.mosaic is None else {"mosaic": _mosaic(plan.mosaic)}),
        **({} if plan.comparison is None else {"comparison": comparison_facts(plan.comparison)}),
        **({} if plan.overlay is None else {"overlay": overlay_facts(plan.overlay)}),
    }


def _mosaic(mosaic: Mosaicking) -> dict[str, Any]:
    """How the scenes were joined, in a few words and numbers."""
    facts = {"combine": mosaic.combine, "resampling": mosaic.resampling, "feather": mosaic.feather}
    balanced = any(layer.gain for layer in mosaic.layers)
    return facts | {"best": mosaic.best, "balanced": balanced, "clipped": bool(mosaic.clip)}


def comparison_facts(comparison: Comparing) -> dict[str, Any]:
    """How two scenes were compared, in a few words and numbers."""
    told = {"resampling": comparison.resampling, "threshold": comparison.threshold}
    return told | {"clipped": bool(comparison.clip)}


def overlay_facts(overlay: Overlay) -> dict[str, Any]:
    """What is drawn over the picture; which file it came from is not told."""
    red, green, blue = overlay.color
    return {"color": f"#{red:02x}{green:02x}{blue:02x}", "width": overlay.width, "pieces of line": overlay.count}


def fingerprint(plan: Plan) -> str:
    """SHA-256 of recipe, format, scenes (with calibrations, grids and masks) and versions: the same wherever the files lie."""
    scenes = [_unplaced(scene) for scene in plan.scenes]
    format = {**wire.to_wire(plan.format), "metadata": {}}
    parts = [wire.to_wire(plan.recipe), format, scenes, dict(plan.versions)]
    if plan.mosaic is not None:
        parts.append(wire.to_wire(replace(plan.mosaic, unused=())))
    if plan.comparison is not None:
        parts.append(wire.to_wire(plan.comparison))
    if plan.overlay is not None:
        parts.append(wire.to_wire(plan.overlay))
    if plan.picture is not None:
        parts.append(wire.to_wire(replace(plan.picture, href="", identity="")))
    return wire.digest(parts)


def _unplaced(scene: Scene) -> Any:
    """All that decides pixels, without the place and the state of the files."""
    assets = {key: replace(asset, href="", identity="", aliases=()) for key, asset in scene.assets.items()}
    return wire.to_wire([scene.id, assets, scene.masks, scene.alpha])


def identity(plan: Plan) -> str:
    """SHA-256 of the fingerprint and of every input's place, size and time: what a journal belongs to."""
    return wire.digest([fingerprint(plan), [[source.href, source.identity] for source in sources(plan)]])


def sources(plan: Plan) -> tuple[Asset | PlainPicture, ...]:
    """All that a plan reads."""
    assets = tuple(asset for scene in plan.scenes for asset in scene.assets.values())
    return assets if plan.picture is None else (*assets, plan.picture)


def band_of(source: Asset | PlainPicture) -> str:
    """Its band, for messages; a picture has none."""
    return source.key if isinstance(source, Asset) else ""


def recipe_text(plan: Plan) -> str:
    """The summary as one line of JSON."""
    return json.dumps(summary(plan), sort_keys=True, separators=(",", ":"))
