"""What a plan will do, in words and numbers, before a pixel is read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox

from gigascene.model.plan import Plan
from gigascene.plan.memory import MB
from gigascene.registry import ENGINES, WRITERS

RATE = 90e6
"""Output bytes one core makes in a second, reading included; measured on 2020s server cores, order of magnitude."""

COMPRESSED = 0.6
"""Share of the raw size that a picture of the Earth usually keeps."""


def explain(plan: Plan) -> dict[str, Any]:
    """Facts of a plan: JSON values."""
    format, codec = plan.format, WRITERS[plan.format.writer].codec
    pieces = len(codec.pieces(format))
    raw = format.shape[0] * format.shape[1] * format.bands * np.dtype(format.dtype).itemsize
    workers = ENGINES[plan.execution.engine](plan.execution.workers).workers
    return {
        "target": plan.target,
        "product": plan.recipe.product,
        "scenes": [scene.id for scene in plan.scenes],
        "bands": list(plan.recipe.bands),
        "limits": [[limits.low, limits.high] for limits in plan.recipe.look.limits],
        "writer": format.writer,
        "size": f"{format.shape[1]} x {format.shape[0]} x {format.bands} {format.dtype}",
        "crs": crs_name(format.geobox),
        "resolution": abs(format.geobox.affine.a),
        "pieces": pieces,
        "tasks": -(-pieces // plan.cut.task_pieces),
        "engine": f"{plan.execution.engine}, {workers} workers",
        "memory_mb": round(plan.execution.projected / MB),
        "memory_allowed_mb": round(plan.execution.memory / MB),
        "read_mb": round(bytes_to_read(plan) / MB),
        "write_mb": round(raw * COMPRESSED / MB),
        "write_mb_at_most": round(pieces * codec.bound(format) / MB),
        "disk_free_mb": disk_free(Path(plan.target)) // MB,
        "seconds": round(max(raw / RATE / workers, 0.1), 1),
        "notes": list(plan.notes),
    }


def crs_name(geobox: GeoBox) -> str | None:
    """``EPSG:…`` where there is such a code, else the WKT; None without a CRS."""
    if geobox.crs is None:
        return None
    return f"EPSG:{geobox.crs.epsg}" if geobox.crs.epsg else str(geobox.crs)


def bytes_to_read(plan: Plan) -> int:
    """Uncompressed bytes of all bands that are read."""
    assets = [asset for scene in plan.scenes for asset in scene.assets.values()]
    return sum(asset.geobox.shape[0] * asset.geobox.shape[1] * np.dtype(asset.dtype).itemsize for asset in assets)


def disk_free(target: Path) -> int:
    """Bytes free where the target will be."""
    status = os.statvfs(target.parent)
    return status.f_bavail * status.f_frsize
