"""What a plan will do, in words and numbers, before a pixel is read."""

from __future__ import annotations

from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from gigascene.codecs._tiff_options import CLASSIC, tiff_options
from gigascene.model.mosaic import Mosaicking
from gigascene.model.plan import KEPT, Format, Plan
from gigascene.model.scene import OFFSET, Asset
from gigascene.plan.chunks import advice
from gigascene.plan.fingerprint import comparison_facts, overlay_facts
from gigascene.plan.memory import MB, of_worker
from gigascene.plan.space import check_space
from gigascene.registry import ENGINES, WRITERS
from gigascene.works._reach import reach

RATE = 90e6
"""Output bytes one core makes in a second, reading included; measured on 2020s server cores, order of magnitude."""

JPEG2000_RATE = 6.7e6
"""Samples of a JPEG 2000 file that one core decodes in a second (OpenJPEG, measured on Sentinel-2): most of the time there is."""


def explain(plan: Plan) -> dict[str, Any]:
    """Facts of a plan: JSON values. Raises `WriteFailed` where the disk cannot hold it."""
    format, codec = plan.format, WRITERS[plan.format.writer].codec
    pieces = len(codec.pieces(format))
    disk = check_space(plan)
    engine = ENGINES[plan.execution.engine](plan.execution.workers)
    workers = engine.workers
    return {
        "target": plan.target,
        "product": plan.recipe.product,
        "scenes": [scene.id for scene in plan.scenes],
        "bands": list(plan.recipe.bands),
        **_offset(plan),
        **({} if plan.recipe.product in KEPT else {"limits": [[at.low, at.high] for at in plan.recipe.look.limits]}),
        "writer": format.writer,
        "size": f"{format.shape[1]} x {format.shape[0]} x {format.bands} {format.dtype}",
        "crs": crs_name(format.geobox),
        "resolution": abs(format.geobox.affine.a),
        "pieces": pieces,
        "tasks": -(-pieces // plan.cut.task_pieces),
        "engine": f"{plan.execution.engine}, {workers} workers",
        "memory_mb": round(plan.execution.projected / MB),
        "memory_allowed_mb": round(plan.execution.memory / MB),
        **({"memory_worker_mb": round(of_worker(plan.execution) / MB)} if engine.processes > 1 else {}),
        "read_mb": round(bytes_to_read(plan) / MB),
        **({"chunks": chunks} if (chunks := advice(plan)) else {}),
        "write_mb": round(disk.file / MB),
        "write_mb_at_most": round(pieces * codec.bound(format) / MB),
        **_bigtiff(format, pieces * codec.bound(format), disk.file),
        "disk_needed_mb": round(disk.likely / MB),
        "disk_free_mb": disk.free // MB,
        "seconds": round(max(core_seconds(plan) / workers, 0.1), 1),
        **({} if not plan.gaps else {"gaps": [str(gap) for gap in plan.gaps]}),
        "notes": list(plan.notes),
        **({"warning": disk.doubt} if disk.doubt else {}),
        **({} if plan.mosaic is None else {"mosaic": mosaic_facts(plan.mosaic)}),
        **({} if plan.comparison is None else {"comparison": comparison_facts(plan.comparison)}),
        **({} if plan.overlay is None else {"overlay": overlay_facts(plan.overlay)}),
    }


def core_seconds(plan: Plan) -> float:
    """What it takes one core, in order of magnitude."""
    format = plan.format
    raw = format.shape[0] * format.shape[1] * format.bands * np.dtype(format.dtype).itemsize
    return raw / RATE + samples_to_decode(plan) / JPEG2000_RATE


def mosaic_facts(mosaic: Mosaicking) -> dict[str, Any]:
    """How many scenes, how they are joined, and what was measured of their seams."""
    return {
        "used": len(mosaic.layers),
        "unused": list(mosaic.unused),
        "most over one place": mosaic.depth,
        "combine": f"best ({mosaic.best})" if mosaic.combine == "best" else mosaic.combine,
        "resampling": mosaic.resampling,
        "feather": mosaic.feather,
        "balanced": any(layer.gain for layer in mosaic.layers),
        "seam": dict(mosaic.seam),
    }


def _offset(plan: Plan) -> dict[str, str]:
    found = [scene.properties[OFFSET] for scene in plan.scenes if OFFSET in scene.properties]
    return {"offset": "; ".join(f"{one['state']}: {one['why']}" for one in found)} if found else {}


def _bigtiff(format: Format, most: int, likely: int) -> dict[str, str]:
    """Whether a GeoTIFF will be a BigTIFF, which its size decides."""
    if format.writer != "cog":
        return {}
    if tiff_options(format).bigtiff:
        return {"bigtiff": "yes"}
    return {"bigtiff": "no" if most <= CLASSIC else "probably" if likely > CLASSIC else "if it is over 4.2 GB"}


def crs_name(geobox: GeoBox) -> str | None:
    """``EPSG:…`` where there is such a code, else the WKT; None without a CRS."""
    if geobox.crs is None:
        return None
    return f"EPSG:{geobox.crs.epsg}" if geobox.crs.epsg else str(geobox.crs)


def bytes_to_read(plan: Plan) -> int:
    """Uncompressed bytes of all that is read."""
    if plan.picture is not None:
        picture = plan.picture
        return picture.shape[0] * picture.shape[1] * picture.bands * np.dtype(picture.dtype).itemsize
    if plan.layers is not None:
        return sum(_touched(asset, plan) for scene in plan.scenes for asset in scene.assets.values())
    assets = [asset for scene in plan.scenes for asset in scene.assets.values()]
    return sum(asset.geobox.shape[0] * asset.geobox.shape[1] * np.dtype(asset.dtype).itemsize for asset in assets)


def samples_to_decode(plan: Plan) -> int:
    """Samples of all JPEG 2000 files that are read."""
    assets = [asset for scene in plan.scenes for asset in scene.assets.values()]
    shapes = [asset.geobox.shape for asset in assets if asset.href.lower().endswith((".jp2", ".j2k"))]
    return sum(rows * columns for rows, columns in shapes)


def _touched(asset: Asset, plan: Plan) -> int:
    top, left, bottom, right = reach(plan.format.geobox, asset.geobox)
    return (bottom - top) * (right - left) * np.dtype(asset.dtype).itemsize
