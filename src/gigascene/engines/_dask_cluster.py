"""The Dask cluster that a run works on: one that is there, one of its own on this machine, or its own jobs of Slurm.

Dask speaks in pickles, so whoever may speak to a scheduler may run code on its workers: what is started here listens
to nobody without its certificate, and unless its workers are elsewhere, on loopback only.
"""

from __future__ import annotations

import logging
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from gigascene.engines._dask_jobs import Jobs
from gigascene.model.errors import UsageError, WorkersLost

if TYPE_CHECKING:
    from distributed import Client, LocalCluster

CONNECT_S = 10.0
"""For a scheduler to be reached."""

DEATHS = 1
"""Of workers that one task may survive before it must prove itself alone, where nobody says."""

PRIVATE: Mapping[str, Any] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.worker.daemon": True,
    "distributed.worker.profile.enabled": False,
}
"""Dask's settings for a cluster of our own: no pages, not even on loopback, for they ask for no certificate, and so
nobody to whom a profile, taken a hundred times a second, could be shown."""

STRAIGHT: Mapping[str, Any] = {"set_as_default": False, "direct_to_workers": True}
"""Results come straight from workers of our own: through the scheduler, which is in this process, they would be encrypted and copied twice."""


@contextmanager
def client_of(
    scheduler: str | None, workers: int, jobs: Jobs | None, deaths: int | None = None
) -> Iterator[tuple[Client, str]]:
    """A connection to the cluster that was asked for, or else is there, or else is made; and its page, which ours have not.

    Of one that is there, `deaths` cannot be said.
    """
    distributed = _library()
    from dask import config  # noqa: PLC0415

    survived = DEATHS if deaths is None else deaths
    if jobs is not None:
        with jobs.cluster(PRIVATE, survived) as cluster, distributed.Client(cluster, **STRAIGHT) as client:
            yield client, ""
        return
    current = None if scheduler else _current()
    scheduler = scheduler or config.get("scheduler-address", None)
    if (current is not None or scheduler) and deaths is not None:
        where = "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES where the scheduler is started"
        raise UsageError(f"--allowed-failures is for clusters of our own; of this one its scheduler decides ({where})")
    if current is not None:
        if current.asynchronous:
            raise UsageError("the current Dask client is asynchronous; give a synchronous one")
        yield current, str(current.dashboard_link or "")
    elif scheduler:
        with _connected(scheduler) as client:
            yield client, str(client.dashboard_link or "")
    else:
        with _own_cluster(workers, survived) as cluster, distributed.Client(cluster, **STRAIGHT) as client:
            yield client, ""


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
def _own_cluster(workers: int, deaths: int) -> Iterator[LocalCluster]:
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
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0", "allowed_failures": deaths},
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
