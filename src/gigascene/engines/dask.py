"""Workers of a Dask cluster: one that is already there, or one of our own, on this machine or as jobs of Slurm.

Tasks go out as numbers, results come home as records of our own
(`_parcel`), never as arrays or pickles. Dask itself speaks in pickles, so whoever
may speak to a scheduler may run code on its workers: what is started here listens
to nobody without its certificate, and unless its workers are elsewhere, on loopback only.

Dask runs the tasks of a lost worker elsewhere. A task that Dask gives up, because
its workers died, runs once more while nothing else does: so the one that kills is
named, and those that stood beside it are not.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import tempfile
import time
import traceback
from asyncio import CancelledError
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from gigascene.engines._dask_jobs import Jobs
from gigascene.engines._parcel import opened, packed
from gigascene.engines._pool import bounded_map
from gigascene.engines._sbatch import NoAnswer, Refused
from gigascene.model.contracts import Done, Failed
from gigascene.model.errors import UsageError, WorkersLost
from gigascene.model.plan import Task
from gigascene.settings import settings

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

LOOK_S = 5.0
"""How often it is asked whether anybody still works, while a result is waited for."""

TEND_S = 10.0
"""How often it is asked whether all jobs of Slurm that are workers are there, while results come."""

CONNECT_S = 10.0
"""For a scheduler to be reached."""

ANSWER_S = 30.0
"""A scheduler that takes longer for a word is gone."""

PATIENCE_S = 60.0
"""A cluster may be without any worker for so long: they are started anew, or still in a queue."""

DEATHS = 1
"""Of workers that one task may survive before it must prove itself alone."""

PRIVATE: Mapping[str, Any] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.daemon": True,
    "distributed.worker.profile.enabled": False,
}
"""Dask's settings for a cluster of our own: no pages, not even on loopback, for they ask for no certificate, and so
nobody to whom a profile, taken a hundred times a second, could be shown."""

HOSTS_OWN = {"GIGASCENE_CACHE", "GIGASCENE_SCENES", "GIGASCENE_MEMORY", "GIGASCENE_WORKERS"}
"""Settings that mean this machine, and not those of a cluster."""


class Dask:
    """Run tasks on a Dask cluster: at `scheduler`, that of the current client, that of Dask's own settings, or a new one.

    With `slurm`, the workers of the new one are so many jobs; `spool` is a folder that every node sees.
    """

    options = ("scheduler", "slurm", "partition", "account", "time", "preset", "spool")

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
        spool: str | None = None,
    ) -> None:
        said = {"partition": partition, "account": account, "time": time, "preset": preset}
        self.workers = workers
        self.processes = workers + 1
        self.check: Callable[[], object] = _nothing
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
        with _client(self._scheduler, self.workers, self._jobs) as client:
            flight = _Flight(client, run, self.check, self._jobs)
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
    ) -> None:
        self._check, self._jobs = check, jobs
        self._client = client
        self._flying: set[Future] = set()
        self._alive = self._looked = time.monotonic()
        with self._telling():
            # A task of its own, so that Dask hands it to each worker once, and makes it again if its holder dies.
            given = pickle.dumps((_environment(), run))
            self._given = client.submit(_Given, given, key=f"gigascene-job-{uuid4().hex}", pure=False)

    def begin(self, task: Task) -> _Promise:
        """Send a task."""
        return _Promise(self, task, self.send(task))

    def send(self, task: Task) -> Future:
        """A task, under a name of its own."""
        with self._telling():
            name = f"gigascene-task-{uuid4().hex}"
            future = self._client.submit(_call, self._given, task.index, task.start, task.stop, key=name, pure=False)
        self._flying.add(future)
        return future

    def claim(self, task: Task, future: Future) -> Done | Failed:
        """The result of a task; where its workers died, once more and alone."""
        from distributed import KilledWorker  # noqa: PLC0415

        try:
            return self._record(future)
        except KilledWorker:
            self._wait_for_others()
        try:
            return self._record(self.send(task))
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

    def _record(self, future: Future) -> Done | Failed:
        try:
            return opened(self._waited(future.result))
        finally:
            self._flying.discard(future)

    def _waited(self, ask: Callable[..., Any]) -> Any:
        """What a future says, as soon as it can say it; never waits for a cluster on which nobody works."""
        while True:
            self._check()
            self._tend()
            with self._telling():
                try:
                    return ask(timeout=LOOK_S)
                except TimeoutError:
                    self._look()

    def _wait_for_others(self) -> None:
        """Until nothing runs."""
        for future in self._flying:
            self._waited(future.exception)

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


@contextmanager
def _client(scheduler: str | None, workers: int, jobs: Jobs | None) -> Iterator[Client]:
    """A connection to the cluster that was asked for, or else is there, or else is made."""
    distributed = _library()
    from dask import config  # noqa: PLC0415

    if jobs is not None:
        with (
            jobs.cluster(PRIVATE, DEATHS) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield client
        return
    current = None if scheduler else _current()
    scheduler = scheduler or config.get("scheduler-address", None)
    if current is not None:
        if current.asynchronous:
            raise UsageError("the current Dask client is asynchronous; give a synchronous one")
        yield current
    elif scheduler:
        with _connected(scheduler) as client:
            yield client
    else:
        # Results come straight from the workers: through the scheduler they would be encrypted and copied twice.
        straight = {"set_as_default": False, "direct_to_workers": True}
        with _own_cluster(workers) as cluster, distributed.Client(cluster, **straight) as client:
            yield client


def _library() -> Any:
    try:
        import distributed  # noqa: PLC0415
    except ImportError as error:
        what = f"the engine dask needs a package that is not here ({error.name})"
        raise UsageError(f"{what}: pip install 'gigascene[dask]'") from error
    return distributed


def _current() -> Client | None:
    """The client that somebody in this process has made, if any."""
    from distributed import Client  # noqa: PLC0415

    with suppress(ValueError):
        return Client.current()
    return None


@contextmanager
def _connected(scheduler: str) -> Iterator[Client]:
    from distributed import Client  # noqa: PLC0415

    try:
        client = Client(scheduler, set_as_default=False, timeout=CONNECT_S)
    except (ValueError, TypeError) as error:  # no such protocol; TLS without certificates
        raise UsageError(f"{scheduler} is no Dask scheduler that can be asked: {error}") from error
    except OSError as error:
        raise WorkersLost(f"No Dask scheduler answers at {scheduler}.") from error
    with client:
        yield client


@contextmanager
def _own_cluster(workers: int) -> Iterator[LocalCluster]:
    """So many processes of one thread each, on loopback, behind a certificate that lives as long as they do."""
    import dask.config  # noqa: PLC0415
    from distributed import LocalCluster, Security  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="gigascene-dask-") as folder, dask.config.set(PRIVATE):
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                protocol="tls://",
                security=Security.temporary(),
                dashboard_address=None,
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0", "allowed_failures": DEATHS},
                memory_limit=0,  # the plan has seen to that
                local_directory=folder,
                preload=[__name__],
                silence_logs=logging.CRITICAL,
            )
        except ImportError as error:
            raise UsageError(
                f"a Dask cluster of our own needs a package: pip install 'gigascene[dask]' ({error})"
            ) from error
        except (OSError, RuntimeError) as error:
            raise WorkersLost(f"Dask's workers cannot be started: {error}") from error
        with cluster:
            yield cluster


def dask_setup(worker: Any) -> None:
    """In each worker of a cluster of our own, as Dask calls it: the coordinator alone answers Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _environment() -> dict[str, str]:
    """What workers must know of our environment: our settings. Those of our own cluster have all of it from the start."""
    return {name: said for name, said in os.environ.items() if name.startswith("GIGASCENE_") and name not in HOSTS_OWN}


def _nothing() -> None:
    """Nobody asked to stop."""


class _Given:
    """What a worker needs for every task of a run: says nothing of itself, for Dask logs arguments."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __repr__(self) -> str:
        return "<job>"


def _call(given: _Given, index: int, start: int, stop: int) -> bytes:
    """In a worker: one task. Nothing is raised, for Dask would send a pickle home and write arguments to its log."""
    task = Task(index=index, start=start, stop=stop)
    try:
        return packed(_run(given.body)(task))
    except Exception as error:  # noqa: BLE001
        return packed(Failed(task=task, error=error, traceback=traceback.format_exc()))


def _run(body: bytes) -> Callable[[Task], Done | Failed]:
    """What to do with tasks, under the settings of the run that they belong to, and of no other."""
    environment, run = _unpacked(body)
    if _environment() != environment:
        for name in _environment():
            del os.environ[name]
        os.environ.update(environment)
        settings.cache_clear()
    return run


@lru_cache(maxsize=2)
def _unpacked(body: bytes) -> tuple[dict[str, str], Callable[[Task], Done | Failed]]:
    """Made once in each worker; two, for two runs may share a cluster."""
    environment, run = pickle.loads(body)  # noqa: S301  (from the coordinator, as this very function is)
    return environment, run


ENGINE = Dask
