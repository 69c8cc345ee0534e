"""A pool of processes: for libraries that hold the interpreter's lock, and for the sturdiest isolation.

When a worker dies (killed, out of memory, a crash in a library), the tasks that
were in flight are run again, one by one, each in a fresh worker. A task whose
worker dies again is the one to blame: it is named.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing import get_context
from typing import ClassVar

import psutil

from gigascene.engines._pool import bounded_map, shut
from gigascene.model.contracts import Done, Failed, Writing, nothing
from gigascene.model.errors import WorkersLost
from gigascene.model.plan import Task
from gigascene.settings import settings

FOLLOW_S = 0.5
"""How long a worker may outlive a killed coordinator."""

_run: Callable[[Task], Done | Failed] | None = None


class Processes:
    """Run tasks on `workers` processes, started by a fork server (no threads are ever forked)."""

    options: ClassVar[tuple[str, ...]] = ()
    in_place: Writing = "here"
    page = ""
    spools = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.processes = workers + 1
        self.check: Callable[[], object] = nothing

    def map(
        self,
        run: Callable[[Task], Done | Failed],
        tasks: Iterable[Task],
        *,
        ahead: int,
        bound: Callable[[Task], int],
    ) -> Generator[Done | Failed, None, None]:
        """Results in order; survives the death of workers."""
        remaining = iter(tasks)
        broken = True
        while broken:
            broken, flying = False, deque[Task]()
            pool = _pool(run, self.workers)
            try:
                drawn = _noting(remaining, flying)
                yield from bounded_map(
                    _submitter(pool),
                    drawn,
                    ahead=ahead,
                    bound=bound,
                    claimed=flying.popleft,
                )
            except BrokenProcessPool:
                broken = True
            finally:
                shut(pool)
            for task in flying:
                yield _alone(run, task)


def _noting(tasks: Iterator[Task], flying: deque[Task]) -> Iterator[Task]:
    """The tasks; each is noted as it is drawn, so that none is forgotten when the pool breaks."""
    for task in tasks:
        flying.append(task)
        yield task


def _submitter(pool: ProcessPoolExecutor) -> Callable[[Task], Future[Done | Failed]]:
    return lambda task: pool.submit(_call, task)


def _alone(run: Callable[[Task], Done | Failed], task: Task) -> Done | Failed:
    """Run one task in a fresh worker; if that dies too, the task is to blame."""
    pool = _pool(run, 1)
    try:
        return pool.submit(_call, task).result()
    except BrokenProcessPool:
        lost = WorkersLost(f"Task {task.index}: its worker died, and died again when it ran alone.")
        return Failed(task=task, error=lost, traceback="")
    finally:
        shut(pool)


def _pool(run: Callable[[Task], Done | Failed], workers: int) -> ProcessPoolExecutor:
    context = get_context("forkserver")
    given = (os.getpid(), dict(os.environ), pickle.dumps(run))
    return ProcessPoolExecutor(workers, mp_context=context, initializer=_start, initargs=given)


def _start(coordinator: int, environment: Mapping[str, str], run: bytes) -> None:
    """In the worker: the coordinator alone answers Ctrl-C; one thread each, for the others have theirs.

    The fork server has the environment of the day it was started; the coordinator's is the one that counts. `run`
    is unpacked last: that loads all libraries, and takes a while in which the coordinator may have been killed.
    """
    global _run  # noqa: PLW0603  (a worker process is a place to keep one thing)
    os.environ.clear()
    os.environ.update(environment)
    settings.cache_clear()
    threading.Thread(target=_go_with, args=(coordinator,), daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    _run = pickle.loads(run)  # noqa: S301  (from the coordinator, as this very function is)


def _go_with(coordinator: int) -> None:
    """End this process when the coordinator has ended, even by a kill that leaves it no word: its pipes may not tell.

    Whoever started it may first read to the end of its output, which this process holds open, and only then take note of its end.
    """
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(coordinator)
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(FOLLOW_S)
    os._exit(1)


def _call(task: Task) -> Done | Failed:
    assert _run is not None
    return _run(task)


ENGINE = Processes
