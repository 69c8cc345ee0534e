"""Workers of a Dask cluster: one that is already there, or one of our own, on this machine or as jobs of Slurm.

Tasks go out as numbers, results come home as records of our own
(`_parcel`), never as arrays or pickles.

Dask runs the tasks of a lost worker elsewhere. A task that Dask gives up, because
its workers died, runs once more while nothing else does: so the one that kills is
named, and those that stood beside it are not.
"""

from __future__ import annotations

import time
from asyncio import CancelledError
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from gigascene.engines import _dask_task
from gigascene.engines._dask_cluster import client_of
from gigascene.engines._dask_jobs import Jobs
from gigascene.engines._dask_spool import fetched, folder_of, is_word
from gigascene.engines._parcel import Damaged, opened
from gigascene.engines._pool import bounded_map
from gigascene.engines._sbatch import NoAnswer, Refused
from gigascene.model.contracts import Done, Failed, Writing, nothing
from gigascene.model.errors import UsageError, WorkersLost
from gigascene.model.plan import Task

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK_S = 5.0
"""How often it is asked whether anybody still works, while a result is waited for."""

TEND_S = 10.0
"""How often it is asked whether all jobs of Slurm that are workers are there, while results come."""

ANSWER_S = 30.0
"""A scheduler that takes longer for a word is gone."""

PATIENCE_S = 60.0
"""A cluster may be without any worker for so long: they are started anew, or still in a queue."""


WAYS = ("return", "spool", "target")
"""How results come home."""


class Dask:
    """Run tasks on a Dask cluster: at `scheduler`, that of the current client, that of Dask's own settings, or a new one.

    With `slurm`, the workers of the new one are so many jobs; `spool` is a folder that every node sees. `delivery` is how results
    come home: in place if that can be (`target`), by files (`spool`), or by the network, as they do where a worker cannot do what was said (`return`).
    """

    options: ClassVar[tuple[str, ...]] = (
        "scheduler",
        "slurm",
        "partition",
        "account",
        "time",
        "preset",
        "delivery",
        "allowed_failures",
        "spool",
    )
    spools = False

    def __init__(
        self,
        workers: int,
        scheduler: str | None = None,
        *,
        slurm: str | None = None,
        partition: str | None = None,
        account: str | None = None,
        time: str | None = None,
        preset: str | None = None,
        delivery: str | None = None,
        allowed_failures: str | None = None,
        spool: str | None = None,
    ) -> None:
        said = {"partition": partition, "account": account, "time": time, "preset": preset}
        self.workers = workers
        self.processes = workers + 1
        self.check: Callable[[], object] = nothing
        self.page = ""
        self.in_place = _who_writes(delivery)
        self._spool = _spool(spool) if delivery == "spool" else None
        self._deaths = None if allowed_failures is None else _deaths(allowed_failures)
        self._scheduler, self._jobs = scheduler, None
        if slurm is not None:
            if scheduler is not None or spool is None:
                raise UsageError("--slurm starts workers of its own for a plan: it goes with no --scheduler")
            self._jobs = Jobs(slurm, Path(spool), said)
        elif any(value is not None for value in said.values()):
            raise UsageError(
                f"only --slurm gives Dask jobs with {', '.join(n for n, v in said.items() if v is not None)}"
            )

    def map(
        self,
        run: Callable[[Task], Done | Failed],
        tasks: Iterable[Task],
        *,
        ahead: int,
        bound: Callable[[Task], int],
    ) -> Generator[Done | Failed, None, None]:
        """Results in order; survives the death of workers, and raises `WorkersLost` when the scheduler is gone."""
        spooled = nullcontext() if self._spool is None else folder_of(uuid4().hex, self._spool, "results")
        with client_of(self._scheduler, self.workers, self._jobs, self._deaths) as found, spooled as spool:
            client, self.page = found
            flight = _Flight(client, run, self.check, self._jobs, spool)
            try:
                yield from bounded_map(flight.begin, tasks, ahead=ahead, bound=bound)
            finally:
                flight.end()


class _Flight:
    """The tasks that are on a cluster now."""

    def __init__(
        self,
        client: Client,
        run: Callable[[Task], Done | Failed],
        check: Callable[[], object],
        jobs: Jobs | None = None,
        spool: Path | None = None,
    ) -> None:
        self._check, self._jobs, self._spool = check, jobs, spool
        self._client = client
        self._flying: set[Future] = set()
        self._alive = self._looked = time.monotonic()
        with self._telling():
            # A task of its own, so that Dask hands it to each worker once, and makes it again if its holder dies.
            given = _dask_task.given(run, None if spool is None else str(spool))
            self._given = client.submit(_dask_task.Given, given, key=f"gigascene-job-{uuid4().hex}", pure=False)

    def begin(self, task: Task) -> _Promise:
        """Send a task."""
        return _Promise(self, task, self.send(task))

    def send(self, task: Task, *, in_hand: bool = False) -> Future:
        """A task, under a name of its own."""
        with self._telling():
            name = f"gigascene-task-{uuid4().hex}"
            words = (self._given, task.index, task.start, task.stop)
            future = self._client.submit(_dask_task.call, *words, in_hand=in_hand, key=name, pure=False)
        self._flying.add(future)
        return future

    def claim(self, task: Task, future: Future) -> Done | Failed:
        """The result of a task; where its workers died, once more and alone."""
        from distributed import KilledWorker  # noqa: PLC0415

        try:
            return self._result(task, future)
        except KilledWorker:
            self._wait_for_others()
        try:
            return self._result(task, self.send(task))
        except KilledWorker:
            lost = WorkersLost(f"Task {task.index}: its worker died, and died again when it ran alone.")
            return Failed(task=task, error=lost, traceback="")

    def drop(self, future: Future) -> None:
        """Nobody waits for it any more."""
        self._flying.discard(future)
        with suppress(Exception, CancelledError):
            future.cancel()

    def end(self) -> None:
        """Let go of the rest; a shared cluster keeps nothing of ours."""
        for future in (*self._flying, self._given):
            self.drop(future)

    def _result(self, task: Task, future: Future) -> Done | Failed:
        """What a task has brought; what was left in a folder and is not there is brought once more, in hand."""
        told = self._told(future)
        if self._spool is None or not is_word(told):
            return _opened(task, told)
        try:
            found = opened(fetched(self._spool, told))
        except Damaged:
            return _opened(task, self._told(self.send(task, in_hand=True)))
        return replace(found, spooled=True) if isinstance(found, Done) else found

    def _told(self, future: Future) -> bytes:
        try:
            return bytes(self._waited(future, future.result))
        finally:
            self._flying.discard(future)

    def _waited(self, future: Future, ask: Callable[..., Any]) -> Any:
        """What a future says, as soon as it can say it; never waits for a cluster on which nobody works."""
        while True:
            self._check()
            with self._telling():
                self._tend()
                try:
                    return ask(timeout=LOOK_S)
                except TimeoutError:
                    self._look()
                except UnboundLocalError as error:  # so says `distributed.utils.sync` where its waiting was cancelled
                    if future.cancelled():
                        raise CancelledError from error
                    self._look()

    def _wait_for_others(self) -> None:
        """Until nothing runs."""
        for future in self._flying:
            self._waited(future, future.exception)

    def _look(self) -> None:
        """Raise `WorkersLost` when nobody has been there to work for a while, or the scheduler does not answer."""
        try:
            there = self._client.sync(self._client.scheduler.ncores, workers=None, callback_timeout=ANSWER_S)
        except TimeoutError:
            raise WorkersLost(f"The Dask scheduler gave no answer for {ANSWER_S:.0f} s.") from None
        now = time.monotonic()
        coming = self._expected() if self._jobs is not None and len(there) < self._jobs.count else False
        self._alive = now if there or coming else self._alive
        if now - self._alive > PATIENCE_S:
            raise WorkersLost(f"The Dask cluster has had no worker for {PATIENCE_S:.0f} s.")

    def _tend(self) -> None:
        """Workers that are jobs end, and are sent again while others go on."""
        if self._jobs is not None and time.monotonic() - self._looked > TEND_S:
            self._looked = time.monotonic()
            self._look()

    def _expected(self) -> bool:
        """Whether Slurm may still start a worker; not where it is silent."""
        assert self._jobs is not None
        try:
            return self._jobs.expected()
        except (NoAnswer, Refused):
            return False

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Whatever Dask raises means that the cluster could not do it: what goes wrong in a task is a result."""
        from distributed import KilledWorker  # noqa: PLC0415

        try:
            yield
        except (WorkersLost, KilledWorker, TimeoutError):
            raise
        except (CancelledError, OSError) as error:
            raise WorkersLost("The connection to the Dask scheduler is lost.") from error
        except Exception as error:
            raise WorkersLost(f"The Dask cluster cannot work: {type(error).__name__}: {error}") from error


class _Promise:
    """A task on its way."""

    def __init__(self, flight: _Flight, task: Task, future: Future) -> None:
        self._flight, self._task, self._future = flight, task, future

    def result(self) -> Done | Failed:
        """Wait for it."""
        return self._flight.claim(self._task, self._future)

    def cancel(self) -> None:
        """Nobody wants it any more."""
        self._flight.drop(self._future)


def _opened(task: Task, record: bytes) -> Done | Failed:
    try:
        return opened(record)
    except Damaged as error:
        what = f"Task {task.index}: a worker has sent what cannot be understood ({error}). Is its gigascene another version?"
        raise WorkersLost(what) from error


def _who_writes(delivery: str | None) -> Writing:
    """Workers on this machine, where nobody says how results shall come home."""
    if delivery not in {None, *WAYS}:
        raise UsageError(f"results come home by {', '.join(WAYS)}, not {delivery!r}")
    return "here" if delivery is None else "everybody" if delivery == "target" else "nobody"


def _spool(folder: str | None) -> Path:
    if folder is None:
        raise UsageError("results come by files only where a plan is run, beside its target")
    return Path(folder)


def _deaths(said: str) -> int:
    if not said.isdecimal():
        raise UsageError(f"--allowed-failures must be 0 or more, not {said}")
    return int(said)


ENGINE = Dask
