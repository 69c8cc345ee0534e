"""A copy of a file that lies elsewhere: by ranges, gone on with where it was stopped, held to what was told of it, in its place in one step."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from gigascene.storage import _into_bucket, contents, hrefs, remote
from gigascene.storage._source import Copy, Source, damaged, source_of, too_short
from gigascene.storage.hrefs import is_bucket
from gigascene.storage.local import Target, discard, locked, writing

__all__ = ["Copy", "begun", "fetch", "is_there", "size_of", "size_there"]

Told = Callable[[int], None]
"""Told how many bytes have come; may raise to stop."""


def size_of(copy: Copy) -> int:
    """Bytes at the source, which is asked; raises `BadInput` where it is gone, or has another size than was told."""
    return source_of(copy).size


def size_there(copy: Copy) -> int:
    """Bytes of the copy, which is there."""
    if is_bucket(str(copy.path)):
        return _into_bucket.size(copy)
    return Path(copy.path).stat().st_size


def is_there(copy: Copy) -> bool:
    """True if the copy is whole: of the size and with the checksum that were told, or of the source's size."""
    if is_bucket(str(copy.path)):
        return _into_bucket.is_there(copy)
    path = Path(copy.path)
    if path.is_symlink() or not path.is_file():
        return False
    size = path.stat().st_size
    return size == (size_of(copy) if copy.size is None else copy.size) and _holds(copy, path)


def begun(copy: Copy) -> int:
    """Bytes of an earlier, interrupted copy; an object is begun anew."""
    with suppress(FileNotFoundError):
        return 0 if is_bucket(str(copy.path)) else Target(Path(copy.path)).sibling("part").stat().st_size
    return 0


def fetch(copy: Copy, told: Told) -> None:
    """Copy it. What was begun is gone on with if the source is still the same; if the whole does not hold then, once from the start.

    Raises
    ------
    BadInput
        The source is gone, refused, changed, or not what was told.
    WriteFailed
        No space, or another run is copying the same; or the bucket does not take it.
    """
    if is_bucket(str(copy.path)):
        _into_bucket.fetch(copy, told)
        return
    target = Target(Path(copy.path))
    target.check()
    source, notes = source_of(copy), target.sibling("from")
    with locked(target.sibling("part")) as part:
        start = _usable(part, copy, source, notes)
        told(start)
        _pour(source, part, target, start, told)
        if start and not _holds(copy, target.sibling("part")):
            told(-source.size)
            _pour(source, part, target, 0, told)
        if not _holds(copy, target.sibling("part")):
            told(-source.size)
            discard(target.sibling("part"), notes)
            raise damaged(copy)
        target.commit(target.sibling("part"))
    discard(notes)


def _usable(part: BinaryIO, copy: Copy, source: Source, notes: Path) -> int:
    """Bytes of what was begun that belong to this source; otherwise none, and a note of what begins now."""
    size = part.seek(0, 2)
    same = {"href": hrefs.public(copy.href), "size": source.size, "tag": source.tag}
    certain = source.ranges and (source.tag or copy.checksum)
    if 0 < size <= source.size and certain and _noted(notes) == same:
        return size
    with writing(Path(copy.path)):
        part.truncate(0)
        notes.write_text(json.dumps(same), encoding="utf-8")
    return 0


def _noted(notes: Path) -> Any:
    try:
        return json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _pour(source: Source, part: BinaryIO, target: Target, start: int, told: Told) -> None:
    if not source.ranges:
        _stream(source, part, target, told)
        return
    with writing(target.path):
        part.truncate(start)
        part.seek(start)
        while start < source.size:
            body = source.read(start)[: source.size - start]
            if not body:
                raise too_short(source, start)
            part.write(body)
            start += len(body)
            told(len(body))
        part.flush()


def _stream(source: Source, part: BinaryIO, target: Target, told: Told) -> None:
    """The whole, in one answer."""

    def put(body: bytes) -> None:
        with writing(target.path):
            part.write(body)
        told(len(body))

    def begin() -> Callable[[bytes], None]:
        told(-part.tell())
        with writing(target.path):
            part.seek(0)
            part.truncate()
        return put

    part.seek(0)
    remote.stream(source.href, begin)
    with writing(target.path):
        part.flush()
    if part.tell() != source.size:
        raise too_short(source, part.tell())


def _holds(copy: Copy, path: Path) -> bool:
    return copy.checksum is None or contents.digest(str(path), copy.checksum[0]) == copy.checksum[1]
