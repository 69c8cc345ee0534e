"""What was done, beside the output: inputs, parameters, versions, checksums, memory, time."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gigascene.model import wire
from gigascene.model.contracts import Placed
from gigascene.model.errors import WriteFailed
from gigascene.model.plan import Plan
from gigascene.plan.fingerprint import summary
from gigascene.storage.local import Target


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
    cpu_s: float
    """CPU seconds of the tasks."""

    peak_memory: int
    """Bytes, of the whole process tree."""

    projected_memory: int
    """What the plan foresaw, bytes."""

    path: str
    """Where the whole receipt is."""


def write(plan: Plan, receipt: Receipt, placed: Sequence[Placed], facts: Mapping[str, Any]) -> None:
    """The receipt as JSON beside the output."""
    whole = {
        "gigascene:receipt": 1,
        **wire.to_wire(receipt),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()},
        "recipe": summary(plan),
        "execution": wire.to_wire(plan.execution),
        "versions": dict(plan.versions),
        "inputs": [
            {"scene": scene.id, "band": asset.key, "href": asset.href, "identity": asset.identity}
            for scene in plan.scenes
            for asset in scene.assets.values()
        ],
        "files": facts.get("files", []),
        "checksums": [[p.index, p.offset, p.length, p.sha256] for p in placed],
    }
    try:
        Target(Path(receipt.path)).write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n")
    except WriteFailed as error:
        raise WriteFailed(receipt.path, error.args[1], f"{plan.target} itself is finished.") from error


def path_for(target: Path) -> Path:
    """Where the receipt of a target lies."""
    return target.with_name(f"{target.name}.receipt.json")
