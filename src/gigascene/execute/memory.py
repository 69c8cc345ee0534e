"""How much memory the process tree held at most; and freed memory given back at once."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

INTERVAL_S = 0.1

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT = 8 << 20
"""Bytes of freed memory that each thread may keep for its next block: those of a strip and its code. glibc would raise this by what it sees, up to 64 MB."""


def give_back_freed() -> None:
    """Have the C library return freed memory to the system, where it is glibc."""
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.mallopt(M_TRIM_THRESHOLD, KEPT)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT)


class Peak:
    """Most resident memory of this process and of all below it, bytes.

    Of this process it is that of its whole life, as the system accounts it: a plan that was made here before counts, and in a
    session of Python all else. Of those below it is the highest sum that was sampled while work ran: pages that they share count in
    each, and what is over between two samples is missed.
    """

    def __init__(self) -> None:
        self.children = 0

    @property
    def bytes(self) -> int:
        """Both together, as if they had been at one moment."""
        return own_peak() + self.children

    def sample(self) -> None:
        """Look once."""
        try:
            total = sum(map(_resident, _below(os.getpid())))
        except FileNotFoundError:  # no Linux, or one that does not tell of children
            total = 0
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):
                    total += child.memory_info().rss
        self.children = max(self.children, total)


def _below(pid: int) -> Iterator[int]:
    """All processes below one: asked of themselves, for psutil looks at every process that there is, ten times a second."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, thread.joinpath("children").read_text().split()):
            yield child
            with suppress(OSError):
                yield from _below(child)


def _resident(pid: int) -> int:
    """Bytes; nothing where it has ended."""
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    return 0


def own_peak() -> int:
    """Peak of this process since it began, bytes. Not from getrusage on Linux: there a child starts with its parent's."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def watched() -> Iterator[Peak]:
    """Sample the children in the background."""
    peak, over = Peak(), threading.Event()

    def watch() -> None:
        while not over.wait(INTERVAL_S):
            peak.sample()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield peak
    finally:
        over.set()
        watcher.join()
