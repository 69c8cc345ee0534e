"""Work in squares: threads make them a few ahead, one hand takes them in order; and a folder that is whole or not there."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from gigascene.model.errors import WriteFailed
from gigascene.storage.local import writing

Key = TypeVar("Key")
Made = TypeVar("Made")


def in_order(make: Callable[[Key], Made], keys: Iterable[Key], pool: ThreadPoolExecutor, ahead: int) -> Iterator[Made]:
    """Results in the order of `keys`, while up to `ahead` more are made (the kernels and codecs release the GIL)."""
    waiting: deque[Future[Made]] = deque()
    try:
        for key in keys:
            waiting.append(pool.submit(make, key))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `target` in one step at the end, or is removed with all that is in it.

    Raises `WriteFailed` if `target` is there already, or cannot be written.
    """
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        refuse_existing(target)
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            yield part
            part.chmod(0o755)
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


def refuse_existing(target: Path) -> None:
    """Raise `WriteFailed` if something is there."""
    if target.exists():
        raise WriteFailed(str(target), "it exists already", "Remove it, or choose another folder.")


def cores() -> int:
    """Those this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
