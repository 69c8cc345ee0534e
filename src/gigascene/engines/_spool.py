"""A folder on shared storage between a coordinator and jobs elsewhere: the plan, its tasks, and logs of results.

Every job appends records (`_parcel`) to a log of its own, so that no two ever
write one file, whatever a scheduler starts twice. What is not whole or not what
was written counts as not there. A spool that an interrupted run of the same plan left
is used again, apart from failures, which may be mended by now.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from gigascene.engines._parcel import HEAD, Damaged, length, opened, packed
from gigascene.model.contracts import Done, Failed
from gigascene.model.errors import WriteFailed
from gigascene.model.plan import Task
from gigascene.storage.local import writing

TASK = struct.Struct("<QQQ")
"""Index, start, stop."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a record lies."""

    log: Path
    offset: int
    length: int


class Spool:
    """One run's share of a spool folder; the run's name is in the name of each of its files."""

    def __init__(self, folder: Path, run: str) -> None:
        self.folder, self.run = folder, run
        self._places: dict[tuple[int, int], _Place] = {}
        self._read: dict[Path, int] = {}
        """Bytes of each log that are understood; -1: it is damaged from there on."""

    def begin(self, plan: str, tasks: Iterable[Task]) -> int:
        """Lay out the folder; how many tasks there are."""
        with writing(self.folder):
            if self.folder.exists() and not self._is_of(plan):
                shutil.rmtree(self.folder)
            self.folder.mkdir(mode=0o700, exist_ok=True)
            self._check_owner()
            (self.folder / "plan.json").write_text(plan, encoding="utf-8")
            with self._tasks.open("wb") as file:
                for task in tasks:
                    file.write(TASK.pack(task.index, task.start, task.stop))
        return self._tasks.stat().st_size // TASK.size

    def _check_owner(self) -> None:
        """Whoever may write here decides what is in the picture."""
        found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise WriteFailed(str(self.folder), "it is not ours alone: others may write to it", "Remove it.")

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

    def plan(self) -> str:
        """The plan, as JSON."""
        return (self.folder / "plan.json").read_text(encoding="utf-8")

    def runs(self) -> set[str]:
        """Names of all runs that used this folder."""
        return {path.stem for path in self.folder.glob("*.tasks")}

    def tasks(self, element: int, of: int) -> Iterator[Task]:
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

    def words(self, element: int) -> Path:
        """Where a job's own output goes."""
        return self.folder / f"{self.run}.{element}.out"

    def has(self, task: Task) -> bool:
        """Whether its result was there at the last look."""
        return (task.start, task.stop) in self._places

    def result(self, task: Task) -> Done | Failed | None:
        """The result of a task, if it is there."""
        place = self._places.get((task.start, task.stop))
        if place is None:
            return None
        try:
            with place.log.open("rb") as file:
                file.seek(place.offset)
                return opened(file.read(place.length))
        except (Damaged, OSError):
            self._forget(place.log)
            return None

    def look(self) -> None:
        """Read what has been added to any log."""
        for log in sorted(self.folder.glob("*.log")):
            start = self._read.get(log, 0)
            with suppress(OSError):
                if start >= 0 and log.stat().st_size >= start + HEAD.size:
                    self._read[log] = self._understood(log, start)

    def _understood(self, log: Path, offset: int) -> int:
        """Note the whole records from an offset on; where they end."""
        with log.open("rb") as file:
            while True:
                file.seek(offset)
                head = file.read(HEAD.size)
                if len(head) < HEAD.size:
                    return offset
                try:
                    size = length(head)
                    rest = file.read(size - HEAD.size)
                    if len(rest) < size - HEAD.size:
                        return offset
                    result = opened(head + rest)
                except Damaged:
                    return -1
                if isinstance(result, Done) or log.name.startswith(f"{self.run}."):
                    self._places[result.task.start, result.task.stop] = _Place(log, offset, size)
                offset += size

    def _forget(self, log: Path) -> None:
        """A log that has changed is worth nothing."""
        self._read[log] = -1
        self._places = {task: place for task, place in self._places.items() if place.log != log}


def append(log: BinaryIO, result: Done | Failed) -> None:
    """One record at a log's end, on the disk before anything else happens."""
    rest = memoryview(packed(result))
    while rest:
        rest = rest[log.write(rest) :]
    os.fsync(log.fileno())
