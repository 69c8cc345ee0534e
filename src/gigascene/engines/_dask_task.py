"""What a worker of a Dask cluster does with a task of ours, and what it must know for it."""

from __future__ import annotations

import os
import pickle
import threading
import traceback
from collections.abc import Callable
from functools import lru_cache

from gigascene.engines._dask_spool import left
from gigascene.engines._parcel import packed
from gigascene.model.contracts import Done, Failed
from gigascene.model.plan import Task
from gigascene.settings import settings

HOSTS_OWN = {"GIGASCENE_CACHE", "GIGASCENE_SCENES", "GIGASCENE_MEMORY", "GIGASCENE_WORKERS"}
"""Settings that mean this machine, and not those of a cluster."""

_changing = threading.Lock()
"""Workers may have several threads."""


def given(run: Callable[[Task], Done | Failed], spool: str | None = None) -> bytes:
    """For every task of a run, as `Given` holds it; `spool` is the folder for results, where they shall come by one."""
    return pickle.dumps((_environment(), run, spool))


class Given:
    """What a worker needs for every task of a run: says nothing of itself, for Dask logs arguments."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __repr__(self) -> str:
        return "<job>"


def call(given: Given, index: int, start: int, stop: int, *, in_hand: bool = False) -> bytes:
    """In a worker: one task; its record, or a word of where that lies, unless it is wanted `in_hand`.

    Nothing is raised, for Dask would send a pickle home and write arguments to its log.
    """
    task = Task(index=index, start=start, stop=stop)
    try:
        run, spool = _run(given.body)
        result = run(task)
        if spool is None or in_hand or isinstance(result, Failed):
            return packed(result)
        return left(spool, packed(result))
    except Exception as error:  # noqa: BLE001
        return packed(Failed(task=task, error=error, traceback=traceback.format_exc()))


def _run(body: bytes) -> tuple[Callable[[Task], Done | Failed], str | None]:
    """What to do with tasks, under the settings of the run that they belong to, and where results are left.

    They are the process's: two runs that want different ones need workers of one thread, as ours have.
    """
    with _changing:
        environment, run, spool = _unpacked(body)
        if (now := _environment()) != environment:
            for name in now.keys() - environment.keys():
                os.environ.pop(name, None)
            os.environ.update(environment)
            settings.cache_clear()
    return run, spool


@lru_cache(maxsize=2)
def _unpacked(body: bytes) -> tuple[dict[str, str], Callable[[Task], Done | Failed], str | None]:
    """Made once in each worker; two, for two runs may share a cluster."""
    environment, run, spool = pickle.loads(body)  # noqa: S301  (from the coordinator, as this very function is)
    return environment, run, spool


def _environment() -> dict[str, str]:
    """What workers must know of our environment: our settings. Those of our own cluster have all of it from the start."""
    return {name: said for name, said in os.environ.items() if name.startswith("GIGASCENE_") and name not in HOSTS_OWN}
