"""What one element of a job array does: its tasks, one after another, each result on disk before the next begins.

``python -m gigascene.execute.element SPOOL RUN ELEMENTS SECONDS ELEMENT``
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from gigascene.engines._spool import Spool, append
from gigascene.execute.run import received
from gigascene.model.contracts import Done, Failed
from gigascene.model.plan import Task

ROOM = 1.5
"""A task is begun only if the longest so far would fit into the time that is left, so many times."""


def work(spool: Spool, element: int, of: int, limit_s: float) -> None:
    """Do what is missing; of a time limit, seconds (0: none), leave the rest to the next."""
    began = last = time.monotonic()
    longest = 0.0
    spool.look()
    run: Callable[[Task], Done | Failed] | None = None
    with spool.log(element) as log:
        for task in spool.tasks(element, of):
            if spool.has(task):
                continue
            if limit_s and last - began + ROOM * longest > limit_s:
                return
            try:
                run = run or received(spool.plan(), {})
                result = run(task)
            except Exception as error:  # noqa: BLE001  (this host cannot work: the coordinator shall know why)
                append(log, Failed(task=task, error=error, traceback=traceback.format_exc()))
                return
            append(log, result)
            now = time.monotonic()
            longest, last = max(longest, now - last), now


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder, run, of, limit_s, element = sys.argv[1:]
    work(Spool(Path(folder), run), int(element), int(of), float(limit_s))
