"""One run's elements on a Slurm cluster: sent, looked after, sent again until all is done, or given up with words."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice

from gigascene.engines import _sbatch
from gigascene.engines._spool import Spool
from gigascene.model.contracts import Done, Failed
from gigascene.model.errors import WorkersLost
from gigascene.model.plan import Task

POLL_S = 0.25
"""How often the logs are looked at."""

LOOK_S = 3.0
"""How often Slurm is asked who still works."""

LOOK_MOST_S = 30.0
"""How seldom, where its answer has not changed for long: many ask the same controller."""

PATIENCE_S = 300.0
"""Slurm may be without an answer for so long, or without a node that works: both are started anew without harm to jobs."""

TRIES = 3
"""An element that was sent so often, and made nothing, is lost."""

IDLE = ("PENDING", "COMPLETING", "REQUEUE")
"""States (beginnings of them) in which an element does not work."""


class Array:
    """The elements of one run. `script` is what each of them does, `asked` are options of sbatch.

    At most `most` work at a time. `begun`: they were sent before, by somebody who went away.
    """

    def __init__(
        self, spool: Spool, of: int, script: str, asked: Mapping[str, str], *, most: int, begun: bool = False
    ) -> None:
        self._spool, self._of, self._script, self._asked, self._most = spool, of, script, asked, most
        spool.divide(of)
        self._sent: dict[int, tuple[int, int]] = {}
        """Of each element, how often it was sent without making anything, and how many tasks it had left."""
        self._jobs: dict[int, str] = {}
        """Of each element, the array in which it was last sent."""
        self._said: dict[int, str] = {}
        """Of an element that could not be started, what Slurm said."""
        self._begun = begun
        self._seen: set[tuple[int, str]] = set()
        """Elements and their states, as Slurm told them last."""
        self._looked = self._answered = self._workable = self._changed = time.monotonic()

    def claimed(self, task: Task, check: Callable[[], object]) -> Done | Failed:
        """The result of a task, as soon as it is there."""
        while (result := self._spool.result(task)) is None:
            self._spool.look()
            if self._spool.has(task):
                continue
            check()
            self._tend()
            time.sleep(POLL_S)
        self._spool.claim(task)
        return result

    def cancel(self) -> None:
        """Whatever still waits or runs."""
        if self._begun:
            with suppress(WorkersLost, _sbatch.Refused):  # they end by themselves, and what they write is not read
                _sbatch.cancel([self._spool.run])

    def _tend(self) -> None:
        """Send all at first; then look now and then, and bear with a Slurm that says nothing for a while."""
        if not self._begun:
            self._start()
        if time.monotonic() - self._looked < max(LOOK_S, min((self._looked - self._changed) / 10, LOOK_MOST_S)):
            return
        try:
            self._look()
            self._answered = time.monotonic()
        except (_sbatch.NoAnswer, _sbatch.Refused) as error:
            if time.monotonic() - self._answered > PATIENCE_S:
                raise WorkersLost(f"{error}\n{self._missing()}") from error
        self._looked = time.monotonic()

    def _start(self) -> None:
        """Slurm may refuse: then nobody has worked, and nothing is left."""
        self.send_missing()
        self._looked = self._answered = self._workable = self._changed = time.monotonic()

    def send_missing(self) -> str:
        """Send every element that has something to do; the number of the array, empty where none has."""
        missing = [element for element in range(self._of) if self._spool.left(element)]
        return self._send(missing, self._most) if missing else ""

    def _look(self) -> None:
        """Send what nobody works on; raises `WorkersLost` where waiting would be without end."""
        found = _sbatch.alive(self._spool.run)
        if (seen := {(one.index, one.state) for one in found}) != self._seen:
            self._seen, self._changed = seen, time.monotonic()
        self._spool.look()  # after they were seen to be gone: what they made is there
        for one in found:
            if one.unlaunched:
                self._said[one.index] = f"Slurm could not start it: {one.reason}"
                _sbatch.cancel_element(one)
        alive = {one.index: one for one in found if not one.unlaunched}
        missing = [element for element in range(self._of) if element not in alive and self._spool.left(element)]
        if missing and (room := self._most - len(alive)) > 0:
            self._send(missing, room)
        elif alive:
            self._check_held(list(alive.values()))
        self._check_nodes(list(alive.values()))

    def _send(self, elements: Sequence[int], most: int) -> str:
        for element in elements:
            self._check_tries(element)
        self._begun = True  # before it is known: what timed out may be in the queue all the same
        job = _sbatch.submit(self._spool.run, elements, self._script, self._asked, most=most)
        for element in elements:
            left = self._spool.left(element)
            tries, before = self._sent.get(element, (0, left))
            self._sent[element] = (tries + 1 if left == before else 1, left)
            self._jobs[element] = job
        return job

    def _check_tries(self, element: int) -> None:
        """Whether it may be sent once more: not where it made nothing, and will make nothing."""
        tries, before = self._sent.get(element, (0, 0))
        if not tries or self._spool.left(element) != before:
            return
        silent = not self._spool.words(element).exists()
        if silent and (node := _sbatch.blind(self._jobs[element], element)):
            raise WorkersLost(
                f"The node {node} does not see {self._spool.folder.parent} as it is here."
                " Put the target on storage that the nodes share with this machine."
            )
        if tries >= TRIES:
            raise WorkersLost(
                f"Slurm ran element {element} {TRIES} times in vain. {self._missing(element)} {self._why(element)}"
            )

    def _check_held(self, alive: list[_sbatch.Element]) -> None:
        """Those that are held are told when nobody else works any more: what others make is kept."""
        if all(one.held for one in alive):
            named = ", ".join(f"{one.job} ({one.reason})" for one in alive[:5]) + (" …" if len(alive) > 5 else "")
            raise WorkersLost(
                f"Slurm holds jobs that waiting does not free: {named}. {self._missing(*(one.index for one in alive))}"
                " The jobs are cancelled; find out who holds them, and why, and run again with --resume."
            )

    def _check_nodes(self, alive: list[_sbatch.Element]) -> None:
        """Whether there is a node left that could work."""
        ailing = _ailing(alive)
        if not ailing:
            self._workable = time.monotonic()
        elif time.monotonic() - self._workable > PATIENCE_S:
            named = ", ".join(ailing[:5]) + (" …" if len(ailing) > 5 else "")
            raise WorkersLost(f"No node works: {named}. {self._missing()}")

    def _missing(self, *elements: int) -> str:
        """Which tasks these have not done; or of all."""
        of = self._of if elements else 1
        tasks = (task for element in elements or (0,) for task in self._spool.tasks(element, of))
        found = list(islice((task.index for task in tasks if not self._spool.has(task)), 11))
        return f"Tasks {', '.join(map(str, sorted(found[:10])))}{' …' if len(found) > 10 else ''} are missing."

    def _why(self, element: int) -> str:
        """What is known of an element that makes nothing."""
        try:
            said = self._spool.words(element).read_text(errors="replace").strip().splitlines()[-1:]
        except OSError:
            return self._said.get(
                element,
                f"It has written nothing: do the nodes see {self._spool.folder.parent}, and can they start jobs?",
            )
        return f"Its last word: {''.join(said) or 'none'}"


def _ailing(alive: list[_sbatch.Element]) -> list[str]:
    """Why none of those that wait can begin; empty if one works, or could."""
    if not alive or not all(one.state.startswith(IDLE) for one in alive):
        return []
    if all(one.misfit for one in alive):
        return [f"the partition {alive[0].partition} has none with what is asked for (PartitionConfig)"]
    return _sbatch.unfit(one.partition for one in alive)
