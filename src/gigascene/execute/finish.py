"""The job behind the jobs of a run that nobody attends: it sends again what is missing, or puts all in its place.

``python -m gigascene.execute.finish SPOOL RUN OPTIONS MISSING``
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from gigascene.engines._spool import Spool
from gigascene.engines.slurm import Slurm
from gigascene.execute.coordinate import engine_of, run
from gigascene.model import wire
from gigascene.model.errors import GigasceneError, exit_code
from gigascene.model.plan import Plan


def finish(spool: Spool, where: Mapping[str, str], before: int) -> str:
    """What was done. As long as less is missing than `before`, and nothing failed, it waits for nobody: the next one looks again."""
    plan = wire.loads(Plan, spool.plan())
    spool.look()
    missing = sum(not spool.has(task) for task in spool.tasks(0, 1))
    forsaken = spool.forsaken()
    if 0 < missing < before and forsaken is not None and not spool.failed:
        engine = engine_of(plan, where)
        assert isinstance(engine, Slurm)
        sent = engine.sent_again(spool, forsaken[1], missing=missing)
        return f"{missing} tasks are missing: sent again as job {sent.array}, to be finished by job {sent.finisher}"
    return f"{run(plan, resume=True, where=where).target} is finished"


if __name__ == "__main__":
    folder, name, options, missing = sys.argv[1:]
    try:
        told = finish(Spool(Path(folder), name), json.loads(options), int(missing))
        sys.stdout.write(f"{told}\n")
    except GigasceneError as error:
        sys.stderr.write(f"gigascene: {error}\n")
        sys.exit(exit_code(error))
