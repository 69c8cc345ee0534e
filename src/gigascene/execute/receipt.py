"""What was done, beside the output: inputs, parameters, versions, checksums, memory, time."""

from __future__ import annotations

import hashlib
import json
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from gigascene.execute.digests import Span, blocks
from gigascene.kernels.change import KINDS
from gigascene.model import wire
from gigascene.model.contracts import Record
from gigascene.model.errors import BadInput
from gigascene.model.gap import Gap
from gigascene.model.plan import Plan
from gigascene.model.scene import OFFSET
from gigascene.plan.fingerprint import summary
from gigascene.registry import WRITERS
from gigascene.storage.local import RECEIPT, Target, writing
from gigascene.works.compare import AREA

VERSION = 2
"""Of the receipt's own layout."""

MOST_NAMED = 4
"""Scenes in a message."""

PYRAMID = ("folder", "scheme", "finest", "tiles", "digests", "texts")
"""What is told of tiles in a folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Of a finished output."""

    target: str
    fingerprint: str
    """SHA-256 of recipe, format, scenes and versions; the same is written inside the output."""

    bytes: int
    pieces: int
    resumed: int
    """Pieces that were there already."""

    seconds: float
    came: Mapping[str, int] = field(default_factory=dict)
    """So many pieces of this run were written in place by workers (`target`), came by files (`spool`), or in hand (`return`)."""

    cpu_s: float
    """CPU seconds of the tasks."""

    peak_memory: int
    """Bytes, of the process tree on this machine, as `gigascene.execute.memory.Peak` counts them."""

    projected_memory: int
    """What the plan foresaw, bytes."""

    path: str
    """Where the whole receipt is."""

    mosaic: Mapping[str, Any] = field(default_factory=dict)
    """Of a mosaic: how many scenes were used and which were not, the share of pixels filled, jumps at seams."""

    gaps: tuple[Gap, ...] = ()
    """What could not be read of the sources, each once: by scene in the plan's order, band and place. Empty: nothing."""

    change: Mapping[str, Any] = field(default_factory=dict)
    """Of a comparison: the threshold, and pixels and area of decrease, no change, increase, and of what was not compared."""


def check_filled(plan: Plan, placed: Record) -> None:
    """Raise `BadInput` where a mosaic or a comparison shows nothing: outlines touch its grid, and not one pixel does."""
    if plan.mosaic is None and plan.comparison is None:
        return
    counted = ("filled",) if plan.mosaic is not None else tuple(KINDS)
    if not any(piece.facts.get(name, 0) for piece in placed for name in counted):
        whole = "filled" if plan.mosaic is not None else "compared"
        raise BadInput(
            f"not one pixel is {whole}: where the picture lies, the scenes hold no data, or it is masked or clipped away.",
            ", ".join(scene.id for scene in plan.scenes[:MOST_NAMED]) + (" …" if len(plan.scenes) > MOST_NAMED else ""),
            hint="Nothing is written. See where they lie: gigascene info SCENE",
        )


def mosaic_of(plan: Plan, placed: Record) -> dict[str, Any]:
    """What a receipt tells of a mosaic; nothing of other pictures."""
    if plan.mosaic is None:
        return {}
    rows, columns = plan.format.shape
    filled = sum(piece.facts["filled"] for piece in placed)
    facts = {
        "used": len(plan.scenes),
        "unused": list(plan.mosaic.unused),
        "coverage": round(filled / (rows * columns), 6),
    }
    return facts | ({"seam": dict(plan.mosaic.seam)} if plan.mosaic.seam else {})


def change_of(plan: Plan, placed: Record) -> dict[str, Any]:
    """What a receipt tells of a comparison; nothing of other pictures."""
    if plan.comparison is None:
        return {}
    sums: Counter[str] = Counter()
    for piece in placed:
        sums.update({name: piece.facts[name] for name in piece.facts if name.removeprefix(AREA) in {*KINDS, "missing"}})
    counts = {name: sums[name] for name in KINDS}
    counts["missing"] = plan.format.shape[0] * plan.format.shape[1] - sum(counts.values())
    ground = plan.comparison.ground
    areas = {} if ground is None else {name: sums[AREA + name] * ground.unit_km2 for name in counts}
    told = {name: {"pixels": count, "km2": round(areas[name], 6) if areas else None} for name, count in counts.items()}
    return {"threshold": plan.comparison.threshold, **told}


def write(plan: Plan, receipt: Receipt, placed: Record, facts: Mapping[str, Any]) -> None:
    """The receipt as JSON beside the output, which is read for those of its bytes that no piece tells."""
    grid = WRITERS[plan.format.writer].codec.pieces(plan.format)
    with writing(Path(receipt.path)):
        sides = {name: _whole(Path(plan.target).with_name(name)) for name in facts.get("files", [])}
    whole = {
        **common(summary(plan), plan.versions, _inputs(plan), shape=grid.shape, piece=grid.piece),
        **wire.to_wire(receipt),
        **_size(Path(plan.target), facts),
        "execution": wire.to_wire(plan.execution),
        **_offsets(plan),
        "files": sides,
        "in_place": bool(facts.get("in_place")),
        "index": int(facts.get("index", 0)),
    }
    checksums = ((p.index, p.offset, p.length, p.sha256) for p in placed)
    Target(Path(receipt.path)).write_parts(
        told(whole, blocks=_rest(receipt, placed, facts, plan.execution.workers), checksums=checksums)
    )


def common(
    recipe: Mapping[str, Any],
    versions: Mapping[str, str],
    inputs: Iterable[Mapping[str, Any]],
    *,
    shape: tuple[int, int],
    piece: tuple[int, int],
) -> dict[str, Any]:
    """What every receipt tells, of an output with a plan or without; `shape` and `piece` are rows and columns."""
    return {
        "gigascene:receipt": VERSION,
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()},
        "recipe": dict(recipe),
        "versions": dict(versions),
        "inputs": [dict(one) for one in inputs],
        "grid": {"shape": list(shape), "piece": list(piece)},
    }


def _inputs(plan: Plan) -> Iterator[dict[str, Any]]:
    for scene in plan.scenes:
        for asset in scene.assets.values():
            yield {"scene": scene.id, "band": asset.key, "href": asset.href, "identity": asset.identity}
    if plan.picture is not None:
        yield {"picture": plan.picture.index, "href": plan.picture.href, "identity": plan.picture.identity}


def told(whole: Mapping[str, Any], **long: Iterable[Sequence[int | str]]) -> Iterator[str]:
    """JSON with sorted keys; of the long lists one line for each entry, none of them ever in memory as a whole."""
    rest = json.dumps({**whole, **dict.fromkeys(long, ())}, indent=1, sort_keys=True)
    for name in sorted(long):
        before, key, rest = rest.partition(f'\n "{name}": [')
        yield before + key
        comma = ""
        for entry in long[name]:
            yield f"{comma}\n  {json.dumps(entry, separators=(',', ':'))}"
            comma = ","
    yield rest + "\n"


def _offsets(plan: Plan) -> dict[str, Any]:
    """How the offset of Sentinel-2 was found to stand, and why, where that was a question."""
    found = {scene.id: scene.properties[OFFSET] for scene in plan.scenes if OFFSET in scene.properties}
    return {"offsets": found} if found else {}


def _size(target: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Of the file itself; what belongs to it in a folder, or is that folder, is told beside."""
    if "folder" not in facts:
        return {}
    size = {"bytes": target.stat().st_size} if target.is_file() else {}
    return {**size, "pyramid": {key: facts[key] for key in PYRAMID}}


def _rest(receipt: Receipt, placed: Record, facts: Mapping[str, Any], workers: int) -> Iterator[Span]:
    """Digests of the finished file: between pieces that lie in it as they were made; else of all, its index by itself."""
    target, at = Path(receipt.target), 0
    if not target.is_file():
        return  # a folder; what lies in it has its own digests there
    inside = ((p.offset, p.offset + p.length) for p in (placed if facts.get("in_place") else ()))
    index = int(facts.get("index", 0))
    size = target.stat().st_size  # not `receipt.bytes`, which counts a pyramid's tiles too
    for begin, end in chain(inside, [(index, index), (size, size)]):
        if begin > at:
            yield from blocks(target, at, begin, workers)
        at = max(at, end)


def _whole(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def path_for(target: Path) -> Path:
    """Where the receipt of a target lies."""
    return target.with_name(target.name + RECEIPT)
