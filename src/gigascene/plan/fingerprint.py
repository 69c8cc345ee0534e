"""Two names of a plan: what it makes (written inside the output), and of exactly which files (for the journal)."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

from gigascene.model import wire
from gigascene.model.plan import Plan

LIBRARIES = ("numpy", "numba", "rasterio", "isal", "imagecodecs", "odc-geo")
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
    }


def fingerprint(plan: Plan) -> str:
    """SHA-256 of recipe, format, scenes and versions: the same wherever the files lie."""
    scenes = [[scene.id, [asset.key for asset in scene.assets.values()]] for scene in plan.scenes]
    format = {**wire.to_wire(plan.format), "metadata": {}}
    return wire.digest([wire.to_wire(plan.recipe), format, scenes, dict(plan.versions)])


def identity(plan: Plan) -> str:
    """SHA-256 of the fingerprint and of every input's place, size and time: what a journal belongs to."""
    inputs = [[asset.href, asset.identity] for scene in plan.scenes for asset in scene.assets.values()]
    return wire.digest([fingerprint(plan), inputs])


def recipe_text(plan: Plan) -> str:
    """The summary as one line of JSON."""
    return json.dumps(summary(plan), sort_keys=True, separators=(",", ":"))
