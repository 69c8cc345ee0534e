"""Plans on disk: save, load, run."""

from __future__ import annotations

import os
from dataclasses import replace
from os import PathLike
from pathlib import Path

from gigascene.api.compose import execution
from gigascene.archives import is_unpacked
from gigascene.execute.deliver import run
from gigascene.execute.detach import detach
from gigascene.model import wire
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.plan import Plan
from gigascene.plan.build import check_not_of
from gigascene.plan.check import check, read
from gigascene.plan.fit import fitted
from gigascene.storage.local import Target

__all__ = ["detach", "load_plan", "run", "save_plan"]


def save_plan(plan: Plan, path: str | PathLike[str]) -> None:
    """Write a plan as JSON. Raises `UsageError` for scenes in compressed tar files, unpacked only while we run."""
    if any(is_unpacked(asset.href) for scene in plan.scenes for asset in scene.assets.values()):
        raise UsageError(
            "a plan of a compressed tar file cannot be kept, for its bands are unpacked only while a command runs; "
            "unpack it, or gunzip it to a plain .tar"
        )
    if Path(path).resolve() == Path(plan.target).resolve():
        raise UsageError(f"{path} is where the picture will be; save the plan elsewhere")
    for scene in plan.scenes:
        check_not_of(scene, os.fspath(path))
    target = Target(Path(path))
    target.check()
    target.write_text(wire.dumps(plan, indent=1) + "\n")


def load_plan(path: str | PathLike[str]) -> Plan:
    """Read a plan; raises `BadInput` where it is none."""
    plan = read(Plan, Path(path), hint="Plan again.")
    try:
        check(plan)
    except BadInput as error:
        raise BadInput(str(error), str(path), hint="Plan again.") from error
    return plan


def refitted(plan: Plan, *, engine: str | None, workers: int | str | None, memory: str | int | None) -> Plan:
    """The same plan cut for other hands; not a byte of the result changes."""
    before = plan.execution
    wanted = execution(
        engine or before.engine,
        workers if workers is not None else before.workers,
        memory if memory is not None else before.memory,
        overwrite=before.overwrite,
    )
    elastic = workers is None and before.elastic
    return fitted(replace(plan, execution=replace(wanted, elastic=elastic or wanted.elastic)))
