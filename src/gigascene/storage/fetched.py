"""A copy of a file that lies elsewhere: by ranges, gone on with where it was stopped, held to what was told of it, in its place in one step."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gigascene.model.errors import BadInput
from gigascene.storage import contents, hrefs, remote
from gigascene.storage.identity import identity
from gigascene.storage.local import Target, discard, locked, writing

CHUNK = 8 << 20
"""Bytes that are asked for at once."""

Told = Callable[[int], None]
"""Told how many bytes have come; may raise to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What is copied, and where to."""

    href: str
    """A path, or an address as `hrefs.remember` returns it."""

    path: Path
    size: int | None = None
    """Bytes it must have; None where nobody says."""

    checksum: tuple[str, str] | None = None
    """hashlib's name of the algorithm, and the hex digest it must have."""


@dataclass(frozen=True, slots=True)
class _Source:
    href: str
    size: int
    tag: str
    """Changes when the content does; empty where nobody can tell."""

    ranges: bool = True
    """False: its server sends it only whole."""

    def read(self, start: int) -> bytes:
        """The next bytes; raises `BadInput` where the file has changed."""
        if hrefs.is_remote(self.href):
            return remote.read(self.href, start, CHUNK)
        try:
            with Path(self.href).open("rb") as file:
                file.seek(start)
                return file.read(CHUNK)
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", self.href) from error


def size_of(copy: Copy) -> int:
    """Bytes at the source, which is asked; raises `BadInput` where it is gone, or has another size than was told."""
    return _source(copy).size


def is_there(copy: Copy) -> bool:
    """True if the copy is whole: of the size and with the checksum that were told, or of the source's size."""
    if copy.path.is_symlink() or not copy.path.is_file():
        return False
    size = copy.path.stat().st_size
    return size == (size_of(copy) if copy.size is None else copy.size) and _holds(copy, copy.path)


def begun(copy: Copy) -> int:
    """Bytes of an earlier, interrupted copy."""
    with suppress(FileNotFoundError):
        return Target(copy.path).sibling("part").stat().st_size
    return 0


def fetch(copy: Copy, told: Told) -> None:
    """Copy it. What was begun is gone on with if the source is still the same; if the whole does not hold then, once from the start.

    Raises
    ------
    BadInput
        The source is gone, refused, changed, or not what was told.
    WriteFailed
        No space, or another run is copying the same.
    """
    target = Target(copy.path)
    target.check()
    source, notes = _source(copy), target.sibling("from")
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
            what = f"has not the {copy.checksum[0] if copy.checksum else 'checksum'} that its catalogue tells."
            raise BadInput(what, hrefs.public(copy.href), hint="It is damaged, or has been replaced; nothing was kept.")
        target.commit(target.sibling("part"))
    discard(notes)


def _state(href: str) -> tuple[int, str, bool]:
    """Size and tag, and whether parts of it can be had."""
    try:
        state = remote.state(href)
    except remote.NoRanges:
        size = remote.length(href)
        if size < 0:
            raise BadInput("does not tell how large it is, and cannot be read in parts.", hrefs.public(href)) from None
        return size, "", False
    return state.size, state.tag, True


def _source(copy: Copy) -> _Source:
    ranges = True
    if hrefs.is_remote(copy.href):
        size, tag, ranges = _state(copy.href)
    else:
        try:
            size, tag = Path(copy.href).stat().st_size, identity(copy.href)
        except OSError as error:
            raise BadInput(f"is gone ({error.strerror}).", copy.href) from error
    if copy.size not in {None, size}:
        what = f"has {size:,} bytes, and its catalogue says {copy.size:,}."
        raise BadInput(what, hrefs.public(copy.href), hint="It has been replaced; build or search the catalogue again.")
    return _Source(copy.href, size, tag, ranges)


def _usable(part: BinaryIO, copy: Copy, source: _Source, notes: Path) -> int:
    """Bytes of what was begun that belong to this source; otherwise none, and a note of what begins now."""
    size = part.seek(0, 2)
    same = {"href": hrefs.public(copy.href), "size": source.size, "tag": source.tag}
    certain = source.ranges and (source.tag or copy.checksum)
    if 0 < size <= source.size and certain and _noted(notes) == same:
        return size
    with writing(copy.path):
        part.truncate(0)
        notes.write_text(json.dumps(same), encoding="utf-8")
    return 0


def _noted(notes: Path) -> Any:
    try:
        return json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _pour(source: _Source, part: BinaryIO, target: Target, start: int, told: Told) -> None:
    if not source.ranges:
        _stream(source, part, target, told)
        return
    with writing(target.path):
        part.truncate(start)
        part.seek(start)
        while start < source.size:
            body = source.read(start)[: source.size - start]
            if not body:
                raise BadInput(f"ends after {start:,} of {source.size:,} bytes.", hrefs.public(source.href))
            part.write(body)
            start += len(body)
            told(len(body))
        part.flush()


def _stream(source: _Source, part: BinaryIO, target: Target, told: Told) -> None:
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
        raise BadInput(f"ends after {part.tell():,} of {source.size:,} bytes.", hrefs.public(source.href))


def _holds(copy: Copy, path: Path) -> bool:
    return copy.checksum is None or contents.digest(str(path), copy.checksum[0]) == copy.checksum[1]
