"""A run that kills its worker on some tasks; importable by the workers."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from gigascene.model.contracts import Done


@dataclass(frozen=True)
class Mortal:
    always: int
    """Task that kills every worker it meets."""

    once: str
    """Path of a marker: without `always`, one task kills the first worker it meets and no other."""

    def __call__(self, task):
        if task.index == self.always:
            os._exit(9)
        if self.always < 0 and task.index == 3 and not Path(self.once).exists():
            Path(self.once).touch()
            os._exit(9)
        return Done(task=task, pieces=(), seconds=0.0)


@dataclass(frozen=True)
class Often:
    deaths: int
    """Of workers that task 3 meets, until it lets one live."""

    folder: str
    """Where it counts them."""

    def __call__(self, task):
        if task.index == 3 and len(list(Path(self.folder).iterdir())) < self.deaths:
            Path(self.folder, str(os.getpid())).touch()
            os._exit(9)
        return Done(task=task, pieces=(), seconds=0.0)


def asleep(task):
    """A task that ends long after everybody has gone."""
    time.sleep(600)


def secretive(task):
    """Fails over what it was given."""
    raise ValueError(f"it is {os.environ['GIGASCENE_TEST_NAME']}")
