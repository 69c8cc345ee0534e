"""The bytes behind an href: of a file, of a member of a tar file or of a zip file."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from gigascene.model.errors import BadInput, Broken
from gigascene.storage import hrefs, remote
from gigascene.storage.identity import MEMBER, ZIPPED

_STEP = 1 << 20


def start(href: str, count: int) -> bytes:
    """The first so many bytes. Raises OSError where there is no such file, and `BadInput` where a zip file is broken."""
    with _opened(href) as (file, size):
        return file.read(count if size is None else min(count, size))


def whole(href: str, limit: int) -> bytes:
    """All bytes, where there are no more than `limit`; raises as `start` does."""
    found = start(href, limit + 1)
    if len(found) > limit:
        raise BadInput(f"is larger than {limit / 1e6:.0f} MB", href)
    return found


def digest(href: str, algorithm: str) -> str:
    """Checksum of all bytes by a name of `hashlib`, hex; raises as `start` does."""
    found = hashlib.new(algorithm, usedforsecurity=False)
    with _opened(href) as (file, size):
        left = size
        while part := file.read(_STEP if left is None else min(_STEP, left)):
            found.update(part)
            left = None if left is None else left - len(part)
    return found.hexdigest()


@contextmanager
def _opened(href: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """A file at the first byte, and how many belong to it (None: all that follow)."""
    if member := ZIPPED.fullmatch(href):
        try:
            with zipfile.ZipFile(member["path"]) as archive, archive.open(member["member"]) as file:
                yield file, None
        except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
            raise Broken(f"cannot be read from its zip file: {error}", href) from error
        return
    if hrefs.is_remote(href):
        with remote.RangeFile(href) as file:
            yield cast("IO[bytes]", file), None
        return
    part = MEMBER.fullmatch(href)
    with Path(part["path"] if part else href).open("rb") as file:
        file.seek(int(part["offset"]) if part else 0)
        yield file, int(part["size"]) if part else None
