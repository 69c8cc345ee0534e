"""Arrays of jobs on a Slurm cluster: results come back by files on the storage that the nodes share with the target.

Element k of n does tasks k, k + n, k + 2n …, so that results are there in about
the order in which they are claimed. An element that ends before its tasks are
done (killed, out of time, its node lost) is sent again, and does what is missing.
"""

from __future__ import annotations

import sys
import time
import tomllib
from collections.abc import Callable, Generator, Iterable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from gigascene.engines import _sbatch
from gigascene.engines._spool import Spool
from gigascene.model.contracts import Done, Failed
from gigascene.model.errors import UsageError, WorkersLost
from gigascene.model.plan import Task

POLL_S = 0.25
"""How often the logs are looked at."""

LOOK_S = 3.0
"""How often Slurm is asked who still works."""

PATIENCE_S = 300.0
"""Slurm may be without an answer for so long: its daemons are started anew without harm to jobs."""

TRIES = 3
"""An element that was sent so often, and made nothing, is lost."""

DONE_BY = "gigascene.execute.element"
"""The module that a job runs."""

PRESET = ("partition", "account", "time", "array", "mem", "qos", "cpus-per-task")


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
        asked = _preset(preset) | {name: value for name, value in said.items() if value is not None}
        self.workers = workers
        self.processes = workers + 1
        self.check: Callable[[], object] = _nothing
        self._most = _count(asked.pop("array", str(workers)))
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
        spool = Spool(Path(self._folder), uuid4().hex)
        _sbatch.cancel(spool.runs())  # of a coordinator that was killed
        count = spool.begin(written(), tasks)
        spool.look()
        array = _Array(spool, min(self._most, count), self._script(spool, min(self._most, count)), self._asked)
        try:
            for number, task in enumerate(spool.tasks(0, 1)):
                yield array.claimed(task, number, self.check)
        finally:
            array.cancel()

    def _script(self, spool: Spool, of: int) -> str:
        command = [sys.executable, "-m", DONE_BY, str(spool.folder), spool.run, str(of), str(self._limit_s)]
        return _sbatch.script(command, str(spool.folder / f"{spool.run}.{{}}.out"))


class _Array:
    """The elements of one run, sent again until all is done."""

    def __init__(self, spool: Spool, of: int, script: str, asked: dict[str, str]) -> None:
        self._spool, self._of, self._script, self._asked = spool, of, script, asked
        self._sent: dict[int, tuple[int, int]] = {}
        """Of each element, how often it was sent without making anything, and how many tasks it had left."""
        self._looked = self._answered = time.monotonic()
        self._started = self._submitted = False

    def claimed(self, task: Task, number: int, check: Callable[[], object]) -> Done | Failed:
        """The result of a task, as soon as it is there."""
        while (result := self._spool.result(task)) is None:
            self._spool.look()
            if self._spool.has(task):
                continue
            check()
            if not self._started or time.monotonic() - self._looked > LOOK_S:
                self._look()
                continue
            time.sleep(POLL_S)
        return result

    def _look(self) -> None:
        """Send what nobody works on."""
        try:
            alive = {one.index for one in _sbatch.alive(self._spool.run) if not self._is_stuck(one)}
            self._answered = time.monotonic()
        except WorkersLost:
            if time.monotonic() - self._answered > PATIENCE_S:
                raise
            self._looked = time.monotonic()
            return
        self._spool.look()  # after they were seen to be gone: what they made is there
        missing = [element for element in range(self._of) if element not in alive and self._left(element)]
        for element in missing:
            self._count(element)
        if missing:
            self._submitted = True  # before it is known: what timed out may be in the queue all the same
            _sbatch.submit(self._spool.run, missing, self._script, self._asked)
        self._started, self._looked = True, time.monotonic()

    def _is_stuck(self, element: _sbatch.Element) -> bool:
        if element.stuck:
            _sbatch.cancel_element(element)
        return bool(element.stuck)

    def _left(self, element: int) -> int:
        return sum(not self._spool.has(task) for task in self._spool.tasks(element, self._of))

    def _count(self, element: int) -> None:
        """One more try; raises `WorkersLost` when there were enough."""
        left = self._left(element)
        tries, before = self._sent.get(element, (0, left + 1))
        tries = tries + 1 if left == before else 1
        if tries > TRIES:
            raise WorkersLost(self._why(element))
        self._sent[element] = (tries, left)

    def _why(self, element: int) -> str:
        missing = [task.index for task in self._spool.tasks(element, self._of) if not self._spool.has(task)]
        words = self._spool.words(element)
        try:
            said = words.read_text(errors="replace").strip().splitlines()[-1:]
        except OSError:
            said = [f"it has written nothing: do the nodes see {self._spool.folder.parent}?"]
        named = ", ".join(map(str, missing[:10])) + (" …" if len(missing) > 10 else "")
        return f"Slurm ran element {element} {TRIES} times, and tasks {named} are missing. Its last word: {''.join(said) or 'none'}"

    def cancel(self) -> None:
        """Whatever still waits or runs."""
        if self._submitted:
            with suppress(WorkersLost):  # they end by themselves, and what they write is not read
                _sbatch.cancel([self._spool.run])


def _preset(said: str | None) -> dict[str, str]:
    """Options from a table of a TOML file: ``cluster.toml:big``."""
    if said is None:
        return {}
    file, _, table = said.rpartition(":")
    try:
        found = tomllib.loads(Path(file).read_text(encoding="utf-8"))[table]
        unknown = found.keys() - set(PRESET)
    except (OSError, KeyError, AttributeError, ValueError) as error:
        raise UsageError(f"--preset is FILE.toml:TABLE, and {said!r} gives none ({error})") from error
    if unknown:
        raise UsageError(f"the preset {said} has unknown {', '.join(sorted(unknown))}; known: {', '.join(PRESET)}")
    return {name: str(value) for name, value in found.items()}


def _count(said: str) -> int:
    if not said.isdecimal() or int(said) < 1:
        raise UsageError(f"--array must be 1 or more, not {said}")
    return int(said)


def _nothing() -> None:
    """Nobody asked to stop."""


ENGINE = Slurm
