"""A folder on shared storage between a coordinator and jobs elsewhere: the plan, its tasks, and logs of results.

Every job appends records (`_parcel`) to a log of its own, so that no two ever
write one file, whatever a scheduler starts twice. What is not whole or not what
was written counts as not there. A spool that an interrupted run of the same plan left
is used again, apart from failures, which may be mended by now.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import stat
import struct
from array import array
from collections.abc import Generator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from gigascene.engines._parcel import HEAD, Damaged, length, opened, packed, told_length, whose
from gigascene.model.contracts import Done, Failed
from gigascene.model.errors import WriteFailed
from gigascene.model.plan import Task
from gigascene.storage.local import writing

TASK = struct.Struct("<QQQ")
"""Index, start, stop."""


class Spool:
    """One run's share of a spool folder; the run's name is in the name of each of its files."""

    def __init__(self, folder: Path, run: str) -> None:
        self.folder, self.run = folder, run
        self.failed = False
        """Whether a task of this run was seen to have failed."""
        self._read: dict[Path, int] = {}
        """Bytes of each log that are understood; -1: it is damaged from there on."""
        self._logs: list[Path] = []
        self._numbers: dict[Path, int] = {}
        """The same logs by their numbers, from 1 on, and the other way round."""
        self._log_of, self._offset_of = array("I"), array("Q")
        """Where the result of each task lies, if it is there: number of its log (from 1 on), offset. Twelve bytes for each task of a run."""
        self._claimed = 0
        """So many of the first tasks are claimed."""
        self._first: Task | None = None
        self._left: list[int] = []
        """Of each element, how many of its tasks are not there; empty where nobody asks."""

    def begin(self, plan: str, tasks: Iterable[Task]) -> int:
        """Lay out the folder; how many tasks there are."""
        with writing(self.folder):
            if self.folder.exists() and not self._is_of(plan):
                shutil.rmtree(self.folder)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            check_owner(self.folder)
            if not self._is_of(plan):  # jobs of a run that goes on may be reading it
                (self.folder / "plan.json").write_text(plan, encoding="utf-8")
            with self._tasks.open("wb") as file:
                for task in tasks:
                    file.write(_packed(task))
        return self._tasks.stat().st_size // TASK.size

    def _is_of(self, plan: str) -> bool:
        with suppress(OSError, UnicodeDecodeError):
            return (self.folder / "plan.json").read_text(encoding="utf-8") == plan
        return False

    @property
    def _tasks(self) -> Path:
        return self.folder / f"{self.run}.tasks"

    @property
    def nonce(self) -> Path:
        """A file that is there since this run began, and was nowhere before: who has it sees this folder."""
        return self._tasks

    def detach(self, of: int) -> None:
        """Whoever sent its elements goes away: another who finishes it may go on with them."""
        with writing(self._detached):
            self._detached.write_text(str(of), encoding="utf-8")

    def attend(self) -> None:
        """From now on somebody is there again."""
        self._detached.unlink(missing_ok=True)

    @property
    def _detached(self) -> Path:
        return self.folder / f"{self.run}.detached"

    def forsaken(self) -> tuple[str, int] | None:
        """A run of just these tasks whose sender went away, and how many elements it has."""
        for path in sorted(self.folder.glob("*.detached")):
            other = Spool(self.folder, path.stem)
            with suppress(OSError, ValueError):
                if filecmp.cmp(other.nonce, self.nonce, shallow=False):
                    return other.run, int(path.read_text(encoding="utf-8"))
        return None

    def plan(self) -> str:
        """The plan, as JSON."""
        return (self.folder / "plan.json").read_text(encoding="utf-8")

    def runs(self) -> set[str]:
        """Names of all runs that used this folder."""
        return {path.stem for path in self.folder.glob("*.tasks")}

    def tasks(self, element: int, of: int) -> Generator[Task]:
        """Every `of`-th task from `element` on."""
        with self._tasks.open("rb") as file:
            while True:
                file.seek(element * TASK.size)
                record = file.read(TASK.size)
                if len(record) < TASK.size:
                    return
                index, start, stop = TASK.unpack(record)
                yield Task(index=index, start=start, stop=stop)
                element += of

    def log(self, element: int) -> BinaryIO:
        """A new log."""
        return (self.folder / f"{self.run}.{element}.{uuid4().hex}.log").open("xb", buffering=0)

    def words(self, element: int | str) -> Path:
        """Where a job's own output goes."""
        return self.folder / f"{self.run}.{element}.out"

    def has(self, task: Task) -> bool:
        """Whether its result was there at the last look, or is claimed."""
        position = self._position(task)
        return position < self._claimed or self._log_of[position] > 0

    def divide(self, of: int) -> None:
        """From now on know how many tasks of each of so many elements are missing."""
        self._left = [0] * of
        for position, task in enumerate(self.tasks(0, 1)):
            self._left[position % of] += not self.has(task)

    def left(self, element: int) -> int:
        """So many tasks of an element were missing at the last look."""
        return self._left[element]

    def claim(self, task: Task) -> None:
        """Its result is in the right hands."""
        self._claimed = self._position(task) + 1

    def _position(self, task: Task) -> int:
        if self._first is None:
            self._first = next(self.tasks(0, 1))
            total = self._tasks.stat().st_size // TASK.size
            self._log_of, self._offset_of = array("I", [0]) * total, array("Q", [0]) * total
        return task.index - self._first.index

    def result(self, task: Task) -> Done | Failed | None:
        """The result of a task, if it is there, and is what was written."""
        position = self._position(task)
        if not self._log_of[position]:
            return None
        log = self._logs[self._log_of[position] - 1]
        try:
            with log.open("rb") as file:
                return opened(_record(file, self._offset_of[position]))
        except (Damaged, OSError):
            self._forget(log)
            return None

    def look(self) -> None:
        """Read what has been added to any log: which results there are; they are checked when they are claimed."""
        for log in sorted(self.folder.glob("*.log")):
            if log not in self._read:
                self._logs.append(log)
                self._read[log], self._numbers[log] = 0, len(self._logs)
            start = self._read[log]
            with suppress(OSError):
                if start >= 0 and log.stat().st_size >= start + HEAD.size:
                    self._read[log] = self._understood(log, start)

    def _understood(self, log: Path, offset: int) -> int:
        """Note the whole records from an offset on; where they end."""
        number, ours = self._numbers[log], log.name.startswith(f"{self.run}.")
        with log.open("rb") as file, self._tasks.open("rb") as tasks:
            while True:
                try:
                    file.seek(offset)
                    head = file.read(HEAD.size)
                    if len(head) < HEAD.size or offset + length(head) > os.fstat(file.fileno()).st_size:
                        return offset
                    task, done = whose(file.read(told_length(head)))
                except Damaged:
                    self._forget(log)
                    return -1
                self.failed |= ours and not done
                if (done or ours) and self._is_of_this_run(task, tasks):
                    self._note(task, number, offset)
                offset += length(head)

    def _is_of_this_run(self, task: Task, tasks: BinaryIO) -> bool:
        """The same plan cuts the same tasks, but a run that goes on may begin within one, or behind many."""
        position = self._position(task)
        if not 0 <= position < len(self._log_of):
            return False
        tasks.seek(position * TASK.size)
        return tasks.read(TASK.size) == _packed(task)

    def _note(self, task: Task, log: int, offset: int) -> None:
        """A result is there."""
        if not self.has(task):
            position = self._position(task)
            self._log_of[position], self._offset_of[position] = log, offset
            self._count(position, -1)

    def _count(self, position: int, change: int) -> None:
        """What an element has left."""
        if self._left:
            self._left[position % len(self._left)] += change

    def _forget(self, log: Path) -> None:
        """A log that has changed is worth nothing, and no job shall take it for done."""
        self._read[log] = -1
        number = self._numbers[log]
        for position, found in enumerate(self._log_of):
            if found == number:
                self._log_of[position] = 0
                if position >= self._claimed:
                    self._count(position, 1)
        with suppress(OSError):
            log.rename(log.with_suffix(".damaged"))


def check_owner(folder: Path) -> None:
    """Raise `WriteFailed` where others may write to it too: they would decide what is in the picture, and read keys."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise WriteFailed(str(folder), "it is not ours alone: others may write to it", "Remove it.")


def _packed(task: Task) -> bytes:
    return TASK.pack(task.index, task.start, task.stop)


def _record(file: BinaryIO, offset: int) -> bytes:
    """The whole record at an offset; raises `Damaged`."""
    file.seek(offset)
    size = length(file.read(HEAD.size))
    if offset + size > os.fstat(file.fileno()).st_size:
        raise Damaged("a log is shorter than it was")
    file.seek(offset)
    return file.read(size)


def append(log: BinaryIO, result: Done | Failed) -> None:
    """One record at a log's end, on the disk before anything else happens."""
    write(log, packed(result))


def write(log: BinaryIO, record: bytes) -> None:
    """All of it, and wait until it is on the disk."""
    rest = memoryview(record)
    while rest:
        rest = rest[log.write(rest) :]
    os.fsync(log.fileno())
