"""One task after another, in this process: the reference every other engine must match."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable

from gigascene.model.contracts import Done, Failed
from gigascene.model.plan import Task


class Serial:
    """Run tasks in order. `workers` is 1 whatever is asked."""

    processes = 1

    def __init__(self, workers: int = 1) -> None:
        self.workers = 1

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
