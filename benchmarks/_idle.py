"""A job whose pieces cost nothing: one of each kind is made for real, and handed out again under every number.

A module of its own, so that workers in other processes find it.
"""

from __future__ import annotations

from typing import Any

from gigascene.execute.in_place import Place
from gigascene.execute.run import Job, received
from gigascene.model.contracts import Done, Failed, Piece
from gigascene.model.plan import Plan, Task


class Idle(Job):
    """The plan's own job, which works for its last piece only: an empty one, or a million would fill the disk."""

    def __init__(self, plan: Plan, place: Place | None = None) -> None:
        super().__init__(plan, place)
        last = len(self.codec.pieces(plan.format)) - 1
        (self._made,) = self.pieces(Task(index=last, start=last, stop=last + 1))

    def __reduce__(self) -> tuple[Any, ...]:
        return idle, (self.written(), self.secrets(), self.place)

    def __call__(self, task: Task) -> Done | Failed:
        """Pieces of the right number, and the wrong content."""
        made = self._made
        pieces = (
            Piece(index=index, body=made.body, sha256=made.sha256, facts=dict(made.facts))
            for index in range(task.start, task.stop)
        )
        return Done(task=task, pieces=tuple(map(self.stored, pieces)), seconds=0.0, author=self.author)


def idle(text: str, secrets: dict[str, str], place: Place | None = None) -> Idle:
    """In a worker."""
    return Idle(received(text, secrets).plan, place)
