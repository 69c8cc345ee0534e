"""What one element of a job array does: its tasks, one after another, each result on disk before the next begins.

``python -m gigascene.execute.element SPOOL RUN ELEMENTS SECONDS ELEMENT``
"""

from __future__ import annotations

import os
import signal
import sys
import threading
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


def work(spool: Spool, element: int, of: int, limit_s: float, stop: threading.Event | None = None) -> None:
    """Do what is missing; of a time limit, seconds (0: none), or when it is time to `stop`, leave the rest to the next."""
    began = last = time.monotonic()
    longest = 0.0
    stop = stop or threading.Event()
    spool.look()
    run: Callable[[Task], Done | Failed] | None = None
    with spool.log(element) as log:
        for task in spool.tasks(element, of):
            if spool.has(task):
                continue
            if stop.is_set() or (limit_s and last - began + ROOM * longest > limit_s):
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


def left(limit_s: float) -> float:
    """Seconds until this job is out of time: as Slurm has told it, or at most of the limit that was asked for; 0: never."""
    end = os.environ.get("SLURM_JOB_END_TIME", "")
    if not end.isdecimal():
        return limit_s
    found = max(int(end) - time.time(), 1.0)
    return min(found, limit_s) if limit_s else found


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    folder, run, of, limit_s, element = sys.argv[1:]
    warned = threading.Event()
    # Slurm says so before a job is out of time, or must make room: what is in hand is finished, if it gives the time for that.
    signal.signal(signal.SIGTERM, lambda *_: warned.set())
    work(Spool(Path(folder), run), int(element), int(of), left(float(limit_s)), warned)
