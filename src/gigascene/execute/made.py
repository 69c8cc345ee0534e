"""Receipts of what is made without a plan: a site, a histogram."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gigascene.execute.digests import blocks, digests
from gigascene.execute.memory import own_peak
from gigascene.execute.receipt import common, path_for, told
from gigascene.model import wire
from gigascene.plan.fingerprint import LIBRARIES
from gigascene.storage.local import Target, writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How something was made, and of what."""

    verb: str
    inputs: Sequence[Mapping[str, Any]]
    """Of each file: `href` and `identity`, and `scene` and `band` or the number of the `picture`."""

    options: Mapping[str, Any]
    shape: tuple[int, int]
    """Rows and columns."""

    began: float
    """By `time.monotonic`."""

    libraries: tuple[str, ...] = LIBRARIES
    """Those that can change a byte of it."""


def receipt(target: Path, made: Made) -> dict[str, Any]:
    """All that a receipt tells but sizes and checksums."""
    versions = {name: version(name) for name in ("gigascene", *made.libraries)}
    recipe = {"product": made.verb, **made.options}
    return {
        **common(recipe, versions, made.inputs, shape=made.shape, piece=made.shape),
        "target": str(target),
        "path": str(path_for(target)),
        "fingerprint": wire.digest([recipe, list(made.shape), versions]),
        "seconds": round(time.monotonic() - made.began, 3),
        "peak_memory": own_peak(),
        "checksums": [],
        "blocks": [],
        "in_place": False,
    }


def write(target: Path, made: Made) -> None:
    """The receipt beside a finished file of one piece."""
    with writing(path_for(target)):
        size = target.stat().st_size
        spans = list(blocks(target, 0, size, workers=1))
        [sha256] = digests(target, [((0, size),)])
    whole = {**receipt(target, made), "bytes": size}
    Target(path_for(target)).write_parts(told(whole, blocks=spans, checksums=[(0, 0, size, sha256)]))
