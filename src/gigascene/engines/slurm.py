"""Arrays of jobs on a Slurm cluster: results come back by files on the storage that the nodes share with the target.

Element k of n does tasks k, k + n, k + 2n …, so that results are there in about
the order in which they are claimed. An element that ends before its tasks are
done (killed, out of time, its node lost) is sent again, and does what is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from uuid import uuid4

from gigascene.engines import _preset, _sbatch
from gigascene.engines._array import Array
from gigascene.engines._jobscript import Place, script
from gigascene.engines._spool import Spool
from gigascene.model import wire
from gigascene.model.contracts import Done, Failed
from gigascene.model.errors import UsageError
from gigascene.model.plan import Plan, Task
from gigascene.plan.fingerprint import sources
from gigascene.storage.hrefs import is_remote
from gigascene.storage.identity import path_of

DONE_BY = "gigascene.execute.element"
"""The module that a job runs."""


class Slurm:
    """Run tasks in an array of at most `array` jobs; `spool` is a folder that every node sees."""

    options = ("partition", "account", "time", "array", "preset", "spool")

    def __init__(
        self,
        workers: int,
        *,
        partition: str | None = None,
        account: str | None = None,
        time: str | None = None,
        array: str | None = None,
        preset: str | None = None,
        spool: str | None = None,
    ) -> None:
        said = {"partition": partition, "account": account, "time": time, "array": array}
        asked = _preset.preset(preset) | {name: value for name, value in said.items() if value is not None}
        self.workers = workers
        self.processes = workers + 1
        self.check: Callable[[], object] = _nothing
        self._most = _count(asked.pop("array", str(workers)))
        self._scratch = _preset.path("scratch", asked.pop("scratch", None))
        self._container = _preset.path("container", asked.pop("container", None))
        self._asked = _sbatch.checked(asked)
        self._limit_s = _sbatch.seconds(asked["time"]) if "time" in asked else 0
        self._folder = spool

    def map(
        self,
        run: Callable[[Task], Done | Failed],
        tasks: Iterable[Task],
        *,
        ahead: int,
        bound: Callable[[Task], int],
    ) -> Generator[Done | Failed, None, None]:
        """Results in order. They wait on disk, so `ahead` bounds none but the one in hand."""
        written: Callable[[], str] | None = getattr(run, "written", None)
        secrets: Callable[[], object] = getattr(run, "secrets", _nothing)
        if self._folder is None or written is None:
            raise UsageError("the engine slurm runs plans, and needs a folder for their results")
        if secrets():
            raise UsageError(
                "the engine slurm cannot hand on secrets in hrefs; fetch these files first, or use --engine dask"
            )
        spool, plan = Spool(Path(self._folder), uuid4().hex), written()
        place = self._place(spool, plan)
        _sbatch.cancel(spool.runs())  # of a coordinator that was killed
        count = spool.begin(plan, tasks)
        spool.look()
        of = min(self._most, count)
        array = Array(spool, of, self._script(spool, of, place), self._asked)
        try:
            for task in spool.tasks(0, 1):
                yield array.claimed(task, self.check)
        finally:
            array.cancel()

    def _place(self, spool: Spool, plan: str) -> Place:
        """Where a job works; a container must be shown what it reads and writes."""
        folders: tuple[str, ...] = ()
        if self._container is not None:
            folders = (str(spool.folder.parent), *_read_folders(wire.loads(Plan, plan)))
        return Place(scratch=self._scratch, container=self._container, folders=folders)

    def _script(self, spool: Spool, of: int, place: Place) -> str:
        python = sys.executable if place.container is None else "python3"
        command = [python, "-m", DONE_BY, str(spool.folder), spool.run, str(of), str(self._limit_s)]
        words = str(spool.folder / f"{spool.run}.{{}}.out")
        return script(command, nonce=str(spool.nonce), words=words, place=place)


def _read_folders(plan: Plan) -> set[str]:
    """Where the files lie that a plan reads, as far as they are on disk."""
    read = (source.href for source in sources(plan))
    return {str(path_of(href).parent) for href in read if not is_remote(href)}


def _count(said: str) -> int:
    if not said.isdecimal() or int(said) < 1:
        raise UsageError(f"--array must be 1 or more, not {said}")
    return int(said)


def _nothing() -> None:
    """Nobody asked to stop."""


ENGINE = Slurm
