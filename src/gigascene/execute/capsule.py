"""A failed task in a file: enough to run it again, alone, here or elsewhere, under the debugger."""

from __future__ import annotations

import pdb
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gigascene.execute.run import Job
from gigascene.execute.unpack import unpacked
from gigascene.model import wire
from gigascene.model.contracts import Failed
from gigascene.model.errors import TaskFailed, exit_code
from gigascene.model.plan import Plan, Task
from gigascene.plan.check import read
from gigascene.storage.local import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Capsule:
    """What went wrong, and all that is needed to see it again."""

    plan: Plan
    task: Task
    error: str
    traceback: str


def failure(plan: Plan, failed: Failed) -> TaskFailed:
    """Write a capsule beside the target and say so."""
    path = Path(plan.target).with_name(f"{Path(plan.target).name}.capsule-{failed.task.index}.json")
    words = f"{type(failed.error).__name__}: {failed.error}"
    capsule = Capsule(plan=plan, task=failed.task, error=words, traceback=failed.traceback)
    kept = ""
    with suppress(OSError):  # a full or read-only disk must not hide the failure itself
        Target(path).write_text(wire.dumps(capsule, indent=1))
        kept = str(path)
    what = f"{plan.recipe.product}, pieces {failed.task.start}-{failed.task.stop - 1}"
    return TaskFailed(failed.task.index, what, words, exit_code(failed.error), kept)


def replay(path: Path, *, debug: bool = False) -> int:
    """Run the capsule's task again in this process; returns the bytes it made.

    What it raises is raised here; with `debug` the debugger opens where it happened.
    """
    capsule = read(Capsule, path, hint="Run the plan again: a task that fails leaves one.")
    try:
        with unpacked(capsule.plan, lambda: None) as plan:
            return sum(len(piece.body) for piece in Job(plan).pieces(capsule.task))
    except Exception:
        if debug:
            pdb.post_mortem(sys.exc_info()[2])
        raise
