"""Many files copied side by side, with one count of their bytes, until they are there or somebody stops it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from gigascene.execute.signals import Stop, stopping
from gigascene.model.errors import BadInput
from gigascene.storage import fetched
from gigascene.storage.fetched import Copy
from gigascene.storage.hrefs import is_bucket
from gigascene.storage.local import writing

Watch = Callable[[int, int, int], None]
"""Told (bytes that are there, of, that were there before)."""


class Count:
    """Bytes that are there, told as they come, from any thread."""

    def __init__(self, done: int, total: int, before: int, watch: Watch) -> None:
        self._done, self._total, self._before, self._watch = done, total, before, watch
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """So many more, or fewer where something is begun anew."""
        with self._lock:
            self._done += count
            self._watch(self._done, self._total, self._before)


def copied(todo: Sequence[Copy], count: Count, workers: int) -> dict[str, BadInput]:
    """Copy them; by its path, what was wrong with each that failed."""
    failed: dict[str, BadInput] = {}
    with (
        stopping("What has come is kept: the same command goes on with it.") as stop,
        ThreadPoolExecutor(workers) as pool,
    ):
        running = {pool.submit(_copy, one, count, stop): str(one.path) for one in todo}
        waiting: set[Future[None]] = set(running)
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.2, return_when="FIRST_COMPLETED")
                stop.check()
                for one in done:
                    error = one.exception()
                    if isinstance(error, BadInput):
                        failed[running[one]] = error
                    elif error is not None:
                        raise error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop.signal = stop.signal or signal.SIGTERM  # whoever is still copying ends at the next part
            raise
    return failed


def _copy(copy: Copy, count: Count, stop: Stop) -> None:
    def told(size: int) -> None:
        stop.check()
        count.add(size)

    if not is_bucket(str(copy.path)):
        with writing(Path(copy.path)):
            Path(copy.path).parent.mkdir(parents=True, exist_ok=True)
    fetched.fetch(copy, told)
