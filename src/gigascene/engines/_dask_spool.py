"""Results of Dask's workers by files: over the network goes where a record lies, and its head, with the checksum of all the rest.

Each record is a file of its own, and no log: what is read is off the disk at once, so that no more lies there than is `ahead`.
The folder has a name that no run before had: who sees it is of this run, and sees the disk that this run sees.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from gigascene.engines._parcel import HEAD, Damaged
from gigascene.engines._spool import check_owner, write
from gigascene.storage.local import discard, writing

MARK = b"gigaleft"
"""A word of where a record lies begins so, and no record does."""

NAME = 16
"""Bytes of a record's name."""


@contextmanager
def folder_of(run: str, spool: Path, kind: str) -> Iterator[Path]:
    """A folder of a run, which nobody else may read, for as long as it lasts. Those that killed runs left go."""
    with writing(spool):
        spool.mkdir(mode=0o700, exist_ok=True)
        check_owner(spool)
        for former in spool.glob(f"*.{kind}"):
            shutil.rmtree(former, ignore_errors=True)
        found = spool / f"{run}.{kind}"
        found.mkdir(mode=0o700)
    try:
        yield found
    finally:
        shutil.rmtree(found, ignore_errors=True)
        with suppress(OSError):
            spool.rmdir()


def left(folder: str, record: bytes) -> bytes:
    """In a worker: lay a record down, and say where; or the record, where that cannot be."""
    name = uuid4()
    path = Path(folder, name.hex)
    try:
        with path.open("xb", buffering=0) as file:
            write(file, record)
    except OSError:
        with suppress(OSError):
            path.unlink()
        return record
    return MARK + name.bytes + record[: HEAD.size]


def is_word(told: bytes) -> bool:
    """Whether it says where a record lies, instead of being one."""
    return told.startswith(MARK)


def fetched(folder: Path, word: bytes) -> bytes:
    """The record, which is gone then; raises `Damaged` where it is not the one that the word is of."""
    name, head = word[len(MARK) :][:NAME], word[len(MARK) + NAME :]
    path = folder / name.hex()
    try:
        record = path.read_bytes()
    except OSError as error:
        raise Damaged(f"{path} cannot be read: {error.strerror}") from error
    finally:
        with suppress(OSError):
            discard(path)
    if record[: HEAD.size] != head:
        raise Damaged(f"{path} is not what was written")
    return record
