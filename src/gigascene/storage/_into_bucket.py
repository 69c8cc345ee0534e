"""A copy of a file in a bucket: streamed in parts, held to what was told of it before the last part goes, there as a whole or not at all.

An object notes of which source it was made and the checksum it was held to, so that a later run need not read it again.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from gigascene.settings import settings
from gigascene.storage import bucket, contents, hrefs, remote
from gigascene.storage._source import CHUNK, Copy, Source, damaged, source_of, too_short
from gigascene.storage.local import writing

SOURCE, CHECKSUM = "gigascenesource", "gigascenechecksum"
"""Notes on an object. In such names Azure takes no dashes, and Ceph makes dashes of underscores."""

Told = Callable[[int], None]


def is_there(copy: Copy) -> bool:
    """True if the object is whole: as `fetched.is_there`, by its notes where it has them."""
    found = bucket.noted(str(copy.path))
    if found is None:
        return False
    size, notes = found
    if copy.checksum is not None:
        known = notes.get(CHECKSUM) == ":".join(copy.checksum)
        return copy.size in {None, size} and (known or _digest(copy) == copy.checksum[1])
    source = source_of(copy)
    return size == source.size and notes.get(SOURCE, _mark(source)) == _mark(source)


def size(copy: Copy) -> int:
    """Bytes of the object, which is there."""
    found = bucket.noted(str(copy.path))
    return 0 if found is None else found[0]


def fetch(copy: Copy, told: Told) -> None:
    """Copy it. Raises `BadInput` and `WriteFailed` as `fetched.fetch`."""
    source = source_of(copy)
    notes = {SOURCE: _mark(source), **({CHECKSUM: ":".join(copy.checksum)} if copy.checksum else {})}
    if source.ranges:
        _send(copy, source, _read(source), notes, told)
        return
    with _spooled(source) as file:
        _send(copy, source, iter(lambda: file.read(CHUNK), b""), notes, told)


def _send(copy: Copy, source: Source, parts: Iterator[bytes], notes: Mapping[str, str], told: Told) -> None:
    bucket.pour(str(copy.path), _held(copy, source, parts, told), source.size, notes)


def _held(copy: Copy, source: Source, parts: Iterator[bytes], told: Told) -> Iterator[bytes]:
    """The parts, each a step behind: the last is handed on when the whole is known to be right, and without it there is no object."""
    digest = hashlib.new(copy.checksum[0], usedforsecurity=False) if copy.checksum else None
    before, there = b"", 0
    for body in parts:
        if before:
            yield before
        before, there = body, there + len(body)
        if digest is not None:
            digest.update(body)
        told(len(body))
    if there != source.size:
        raise too_short(source, there)
    if digest is not None and copy.checksum is not None and digest.hexdigest() != copy.checksum[1]:
        told(-there)
        raise damaged(copy)
    yield before


def _read(source: Source) -> Iterator[bytes]:
    start = 0
    while start < source.size:
        body = source.read(start)[: source.size - start]
        if not body:
            return
        yield body
        start += len(body)


def _spooled(source: Source) -> IO[bytes]:
    """Of a server that sends no ranges the whole, in a file without a name."""
    scratch = Path(settings().scratch)
    with writing(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
        file = tempfile.TemporaryFile(dir=scratch)  # noqa: SIM115  (closed by the caller)

    def put(body: bytes) -> None:
        with writing(scratch):
            file.write(body)

    def begin() -> Callable[[bytes], None]:
        file.seek(0)
        file.truncate()
        return put

    try:
        remote.stream(source.href, begin)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def _mark(source: Source) -> str:
    """Tells one source, in one state, from others."""
    return hashlib.sha256(f"{hrefs.public(source.href)}\n{source.size}\n{source.tag}".encode()).hexdigest()


def _digest(copy: Copy) -> str:
    assert copy.checksum is not None
    remote.state(str(copy.path), fresh=True)  # what was there before may have been replaced
    return contents.digest(str(copy.path), copy.checksum[0])
