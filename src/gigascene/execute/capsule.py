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
from gigascene.model.errors import BadInput, Broken, TaskFailed, exit_code
from gigascene.model.plan import AS_IT_IS, Plan, Task
from gigascene.plan.check import check, read
from gigascene.registry import WRITERS
from gigascene.storage.local import Target

HINT = "Run the plan again: a task that fails leaves one."


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
    if isinstance(failed.error, Broken) and _may_have_gaps(plan):
        words = f"{words} (--allow-gaps goes on without.)"
    capsule = Capsule(plan=plan, task=failed.task, error=words, traceback=failed.traceback)
    kept = ""
    with suppress(OSError):  # a full or read-only disk must not hide the failure itself
        Target(path).write_text(wire.dumps(capsule, indent=1))
        kept = str(path)
    what = f"{plan.recipe.product}, pieces {failed.task.start}-{failed.task.stop - 1}"
    return TaskFailed(failed.task.index, what, words, exit_code(failed.error), kept)


def _may_have_gaps(plan: Plan) -> bool:
    """Of a picture of scenes; a comparison or a copy has no use for what is not there."""
    return (
        plan.picture is None
        and plan.comparison is None
        and (plan.mosaic is not None or plan.recipe.product != AS_IT_IS)
    )


def _check(capsule: Capsule, path: Path) -> None:
    """Raise `BadInput` where a capsule, which may be a stranger's, asks for what no plan could."""
    try:
        check(capsule.plan)
    except BadInput as error:
        raise BadInput(str(error), str(path), hint=HINT) from error
    task, format = capsule.task, capsule.plan.format
    count = len(WRITERS[format.writer].codec.pieces(format))
    if not 0 <= task.start < task.stop <= count:
        raise BadInput(f"names pieces {task.start} to {task.stop} of {count}.", str(path), hint=HINT)


def replay(path: Path, *, debug: bool = False) -> int:
    """Run the capsule's task again in this process; returns the bytes it made.

    What it raises is raised here; with `debug` the debugger opens where it happened.
    """
    capsule = read(Capsule, path, hint=HINT)
    _check(capsule, path)
    try:
        with unpacked(capsule.plan, lambda: None) as plan:
            return sum(len(piece.body) for piece in Job(plan).pieces(capsule.task))
    except Exception:
        if debug:
            pdb.post_mortem(sys.exc_info()[2])
        raise
