"""Arrays of jobs on a Slurm cluster: results come back by files on the storage that the nodes share with the target.

Element k of n does tasks k, k + n, k + 2n …, so that results are there in about
the order in which they are claimed. An element that ends before its tasks are
done (killed, out of time, its node lost) is sent again, and does what is missing.
Whoever sends them may go away (`detach`): a job that begins behind them finishes the run.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from gigascene.engines import _preset, _sbatch
from gigascene.engines._array import Array
from gigascene.engines._jobscript import Place, finisher, script
from gigascene.engines._spool import Spool
from gigascene.model import wire
from gigascene.model.contracts import Done, Failed, Writing, nothing
from gigascene.model.errors import UsageError, WorkersLost
from gigascene.model.plan import Plan, Task
from gigascene.plan.explain import core_seconds
from gigascene.plan.fingerprint import sources
from gigascene.storage.hrefs import is_remote
from gigascene.storage.identity import path_of

DONE_BY = "gigascene.execute.element"
"""The module that a job runs."""

FINISHED_BY = "gigascene.execute.finish"
"""The module that the job behind them runs."""

USUAL_ARRAY = 1000
"""Elements that any cluster takes, unless somebody has set less."""

SHARE = 0.5
"""Of its time limit that an element's tasks shall take, as they are estimated: nodes differ, and so do pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A run whose sender goes away: numbers of jobs, as Slurm knows them."""

    array: str
    elements: int
    finisher: str


class Slurm:
    """Run tasks in an array of jobs, at most `array` at a time; `spool` is a folder that every node sees."""

    options: ClassVar[tuple[str, ...]] = ("partition", "account", "time", "array", "preset", "spool")
    in_place: Writing = "nobody"
    page = ""
    spools = True

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
        asked = _preset.asked(said, preset)
        self.workers = workers
        self.processes = workers + 1
        self.check: Callable[[], object] = nothing
        self._said = {name: value for name, value in said.items() if value is not None}
        if preset is not None:
            self._said["preset"] = str(Path(preset).absolute())
        self._most = _count(str(workers) if asked.array is None else asked.array)
        self._scratch, self._container, self._asked = asked.scratch, asked.container, asked.sbatch
        self._limit_s = _sbatch.seconds(asked.sbatch["time"]) if "time" in asked.sbatch else 0
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
        spool, plan = self._spooled(run)
        place = self._place(spool, plan)
        runs = spool.runs()
        count = spool.begin(plan, tasks)
        forsaken = spool.forsaken()
        if forsaken is not None:
            spool.nonce.unlink()
            spool = Spool(spool.folder, forsaken[0])
            _sbatch.cancel_finisher(spool.run)
        _sbatch.cancel(runs - {spool.run})  # of a coordinator that was killed
        spool.look()
        of = self._elements(plan, count) if forsaken is None else forsaken[1]
        array = self._array(spool, of, place, begun=forsaken is not None)
        try:
            for task in spool.tasks(0, 1):
                yield array.claimed(task, self.check)
        finally:
            array.cancel()
            spool.attend()

    def detach(self, run: Callable[[Task], Done | Failed], tasks: Iterable[Task]) -> Sent:
        """Send all tasks, and a job that finishes the run when they have ended; nobody waits for it here."""
        spool, plan = self._spooled(run)
        place = self._place(spool, plan)
        runs = spool.runs()
        count = spool.begin(plan, tasks)
        _sbatch.cancel(runs)
        spool.look()
        of = self._elements(plan, count)
        return self.sent_again(spool, of, place, missing=count + 1)

    def sent_again(self, spool: Spool, of: int, place: Place | None = None, *, missing: int) -> Sent:
        """Send what is missing of a run that nobody attends; the next one to look shall find less than `missing`."""
        place = place or self._place(spool, spool.plan())
        array = self._array(spool, of, place)
        try:
            job = array.send_missing()
            spool.detach(of)
            behind = _sbatch.submit_finisher(spool.run, job, self._finisher(spool, place, missing), self._asked)
        except BaseException:
            array.cancel()
            raise
        return Sent(array=job, elements=of, finisher=behind)

    def _spooled(self, run: Callable[[Task], Done | Failed]) -> tuple[Spool, str]:
        """A spool that is not begun, and the plan."""
        written: Callable[[], str] | None = getattr(run, "written", None)
        secrets: Callable[[], object] = getattr(run, "secrets", nothing)
        if self._folder is None or written is None:
            raise UsageError("the engine slurm runs plans, and needs a folder for their results")
        if secrets():
            raise UsageError(
                "the engine slurm cannot hand on secrets in hrefs; fetch these files first, or use --engine dask"
            )
        return Spool(Path(self._folder), uuid4().hex), written()

    def _elements(self, plan: str, count: int) -> int:
        """So many that the share of each fits into its time, as far as Slurm takes so many."""
        share = share_of(core_seconds(wire.loads(Plan, plan)) / count, self._limit_s)
        wanted = max(self._most, math.ceil(count / share)) if share else self._most
        wanted = min(wanted, count)
        return wanted if wanted <= USUAL_ARRAY else min(wanted, _sbatch.largest_array())

    def _array(self, spool: Spool, of: int, place: Place, *, begun: bool = False) -> Array:
        python = sys.executable if place.container is None else "python3"
        command = [python, "-m", DONE_BY, str(spool.folder), spool.run, str(of), str(self._limit_s)]
        words = str(spool.folder / f"{spool.run}.{{}}.out")
        text = script(command, nonce=str(spool.nonce), words=words, place=place)
        return Array(spool, of, text, self._asked, most=self._most, begun=begun)

    def _finisher(self, spool: Spool, place: Place, missing: int) -> str:
        python = sys.executable if place.container is None else "python3"
        command = [python, "-m", FINISHED_BY, str(spool.folder), spool.run, json.dumps(self._said), str(missing)]
        return finisher(command, nonce=str(spool.nonce), words=str(spool.words("finish")), place=place)

    def _place(self, spool: Spool, plan: str) -> Place:
        """Where a job works; a container must be shown what it reads and writes."""
        folders: tuple[str, ...] = ()
        if self._container is not None:
            folders = (str(spool.folder.parent), *_read_folders(wire.loads(Plan, plan)))
        return Place(scratch=self._scratch, container=self._container, folders=folders)


def abandon(folder: Path) -> None:
    """Remove a spool that nobody will claim, and cancel the jobs that may still work for it."""
    if runs := Spool(folder, "").runs():
        with suppress(UsageError, WorkersLost):  # they end by themselves where they do not see it
            _sbatch.cancel(runs)
    shutil.rmtree(folder, ignore_errors=True)


def share_of(cost_s: float, limit_s: float) -> int:
    """So many tasks of a cost may one element have, of a time limit (0: none, and no answer: 0).

    >>> share_of(2.0, 3600), share_of(7200, 3600), share_of(2.0, 0)
    (900, 1, 0)
    """
    return max(int(SHARE * limit_s / cost_s), 1) if limit_s else 0


def _read_folders(plan: Plan) -> set[str]:
    """Where the files lie that a plan reads, as far as they are on disk."""
    read = (source.href for source in sources(plan))
    return {str(path_of(href).parent) for href in read if not is_remote(href)}


def _count(said: str) -> int:
    if not said.isdecimal() or int(said) < 1:
        raise UsageError(f"--array must be 1 or more, not {said}")
    return int(said)


ENGINE = Slurm
