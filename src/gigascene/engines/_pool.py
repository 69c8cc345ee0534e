"""Bounded, ordered mapping over anything that makes promises: an executor of `concurrent.futures`, a cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor
from typing import Any, Protocol

from gigascene.model.contracts import Done, Failed
from gigascene.model.plan import Task


class Promise(Protocol):
    """A result to come: a `Future` of any kind."""

    def result(self) -> Done | Failed:
        """Wait for it."""

    def cancel(self) -> Any:
        """Nobody wants it any more."""


def bounded_map(
    submit: Callable[[Task], Promise],
    tasks: Iterable[Task],
    *,
    ahead: int,
    bound: Callable[[Task], int],
    claimed: Callable[[], object] = lambda: None,
) -> Generator[Done | Failed, None, None]:
    """Results in task order, with at most `ahead` bytes (and always one task) in flight or held.

    Held results count: if the first task stalls, the others wait instead of filling memory.
    """
    waiting = iter(tasks)
    flying: deque[tuple[Promise, int]] = deque()
    room, following = ahead, next(waiting, None)
    try:
        while flying or following is not None:
            while following is not None and (not flying or bound(following) <= room):
                flying.append((submit(following), bound(following)))
                room -= flying[-1][1]
                following = next(waiting, None)
            future, size = flying[0]
            result = future.result()
            flying.popleft()
            claimed()
            room += size
            yield result
            del result, future
    finally:
        for future, _ in flying:
            future.cancel()


def shut(pool: Executor) -> None:
    """Wait for what runs, drop what has not started."""
    pool.shutdown(wait=True, cancel_futures=True)
