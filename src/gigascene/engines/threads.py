"""A pool of threads, the default: readers, kernels and codecs all release the interpreter's lock."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

from gigascene.engines._pool import bounded_map, shut
from gigascene.model.contracts import Done, Failed, Writing, nothing
from gigascene.model.plan import Task


class Threads:
    """Run tasks on `workers` threads."""

    options: ClassVar[tuple[str, ...]] = ()
    processes = 1
    in_place: Writing = "here"
    page = ""
    spools = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self.check: Callable[[], object] = nothing

    def map(
        self,
        run: Callable[[Task], Done | Failed],
        tasks: Iterable[Task],
        *,
        ahead: int,
        bound: Callable[[Task], int],
    ) -> Generator[Done | Failed, None, None]:
        """Results in order."""
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="gigascene")
        try:
            yield from bounded_map(lambda task: pool.submit(run, task), tasks, ahead=ahead, bound=bound)
        finally:
            shut(pool)


ENGINE = Threads
