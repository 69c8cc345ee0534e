"""What a worker of a Dask cluster does with a task of ours, and what it must know for it."""

from __future__ import annotations

import os
import pickle
import threading
import traceback
from collections.abc import Callable
from functools import lru_cache

from gigascene.engines._parcel import packed
from gigascene.model.contracts import Done, Failed
from gigascene.model.plan import Task
from gigascene.settings import settings

HOSTS_OWN = {"GIGASCENE_CACHE", "GIGASCENE_SCENES", "GIGASCENE_MEMORY", "GIGASCENE_WORKERS"}
"""Settings that mean this machine, and not those of a cluster."""

_changing = threading.Lock()
"""Workers may have several threads."""


def given(run: Callable[[Task], Done | Failed]) -> bytes:
    """For every task of a run, as `Given` holds it."""
    return pickle.dumps((_environment(), run))


class Given:
    """What a worker needs for every task of a run: says nothing of itself, for Dask logs arguments."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def __repr__(self) -> str:
        return "<job>"


def call(given: Given, index: int, start: int, stop: int) -> bytes:
    """In a worker: one task. Nothing is raised, for Dask would send a pickle home and write arguments to its log."""
    task = Task(index=index, start=start, stop=stop)
    try:
        return packed(_run(given.body)(task))
    except Exception as error:  # noqa: BLE001
        return packed(Failed(task=task, error=error, traceback=traceback.format_exc()))


def _run(body: bytes) -> Callable[[Task], Done | Failed]:
    """What to do with tasks, under the settings of the run that they belong to.

    They are the process's: two runs that want different ones need workers of one thread, as ours have.
    """
    with _changing:
        environment, run = _unpacked(body)
        if (now := _environment()) != environment:
            for name in now.keys() - environment.keys():
                os.environ.pop(name, None)
            os.environ.update(environment)
            settings.cache_clear()
    return run


@lru_cache(maxsize=2)
def _unpacked(body: bytes) -> tuple[dict[str, str], Callable[[Task], Done | Failed]]:
    """Made once in each worker; two, for two runs may share a cluster."""
    environment, run = pickle.loads(body)  # noqa: S301  (from the coordinator, as this very function is)
    return environment, run


def _environment() -> dict[str, str]:
    """What workers must know of our environment: our settings. Those of our own cluster have all of it from the start."""
    return {name: said for name, said in os.environ.items() if name.startswith("GIGASCENE_") and name not in HOSTS_OWN}
