"""One task after another, in this process: the reference every other engine must match."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import ClassVar

from gigascene.model.contracts import Done, Failed, Writing, nothing
from gigascene.model.plan import Task


class Serial:
    """Run tasks in order. `workers` is 1 whatever is asked."""

    options: ClassVar[tuple[str, ...]] = ()
    processes = 1
    in_place: Writing = "here"
    page = ""
    spools = False

    def __init__(self, workers: int = 1) -> None:
        self.workers = 1
        self.check: Callable[[], object] = nothing

    def map(
        self,
        run: Callable[[Task], Done | Failed],
        tasks: Iterable[Task],
        *,
        ahead: int,
        bound: Callable[[Task], int],
    ) -> Generator[Done | Failed, None, None]:
        """Each result as it is asked for."""
        yield from map(run, tasks)


ENGINE = Serial
