"""The STAC item beside an output that lies somewhere and was taken at a known time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gigascene.metadata import stac
from gigascene.model.plan import KEPT, Plan
from gigascene.registry import PRODUCTS
from gigascene.storage.local import ITEM, Target, discard

TILEJSON = "tilejson.json"

MOST_NAMED = 4
"""Scenes a title names; more are counted."""

COLORS = {1: ("grey",), 3: ("red", "green", "blue")}


def write(plan: Plan, *, masked: bool) -> None:
    """Write it, or remove that of an earlier picture at this path, which would speak for another.

    `masked` says that the file has no band or level for what is missing: JPEG, or a mask beside the bands. A folder of map
    tiles has its TileJSON for a file.
    An item without any time is none (STAC 1.1, "datetime" may be null only beside a begin and an end), and none is made up.
    """
    target = Path(plan.target)
    path = path_for(target)
    times = [scene.datetime for scene in plan.scenes if scene.datetime] or list(plan.times)
    file = target / TILEJSON if target.is_dir() else target
    if plan.format.geobox.crs is None or not times or not file.is_file():
        discard(path)
        return
    name = target.name if target.is_dir() else target.stem
    href, size, bands = f"./{file.relative_to(target.parent)}", file.stat().st_size, _bands(plan, masked=masked)
    item = stac.item(name, href, size, plan.format.geobox, bands, times, _properties(plan))
    Target(path).write_text(json.dumps(item, indent=1) + "\n")


def path_for(target: Path) -> Path:
    """Where the item of a target lies."""
    return target.with_name(target.name + ITEM)


def _bands(plan: Plan, *, masked: bool) -> list[dict[str, Any]]:
    format = plan.format
    colors = COLORS.get(format.bands - format.alpha, ())
    names = [*colors, *(["alpha"] if format.alpha and not masked else [])]
    nodata = {} if format.nodata is None or masked else {"nodata": format.nodata}
    return [{"name": name, "data_type": format.dtype, **nodata} for name in names]


def _properties(plan: Plan) -> dict[str, Any]:
    """What is the same of all scenes, and what was done with them."""
    said = [{"platform": scene.platform, **scene.properties} if scene.platform else {} for scene in plan.scenes] or [{}]
    shared = {key: value for key, value in said[0].items() if all(other.get(key) == value for other in said)}
    return {
        "title": _title(plan),
        **shared,
        "processing:software": {"gigascene": plan.versions["gigascene"]},
    }


def _title(plan: Plan) -> str:
    """What it is, and of what."""
    if plan.comparison is not None:
        return plan.format.metadata["Title"]
    title = plan.recipe.product if plan.recipe.product in KEPT else PRODUCTS[plan.recipe.product].title
    return f"{title}, {_of(plan)}"


def _of(plan: Plan) -> str:
    """The scenes, or how many there are."""
    ids = [scene.id for scene in plan.scenes] or [plan.format.metadata.get("Title", "")]
    return ", ".join(ids) if len(ids) <= MOST_NAMED else f"{len(ids)} scenes"
