"""Where an href's bytes lie on disk, and whether they have changed: size and modification time, as a text."""

from __future__ import annotations

import re
from pathlib import Path

from gigascene.storage import hrefs, remote

MEMBER = re.compile(r"/vsisubfile/(?P<offset>\d+)_(?P<size>\d+),(?P<path>.+)", re.DOTALL)
"""A member of a tar file, read in place: GDAL's name for a part of a file."""

ZIPPED = re.compile(r"/vsizip/\{(?P<path>.+)\}/(?P<member>[^{}]+)", re.DOTALL)
"""A member of a zip file, read in place: GDAL's name, with the file's own path in braces."""


def path_of(href: str) -> Path:
    """The file on disk in which an href's bytes lie."""
    inside = MEMBER.fullmatch(href) or ZIPPED.fullmatch(href)
    return Path(inside["path"] if inside else href)


def identity(href: str, *, fresh: bool = False) -> str:
    """Changes when the content may have changed. Raises OSError where there is no such file.

    A remote file is asked for its state once in a process, or again where it must be `fresh`.
    """
    if hrefs.is_remote(href):
        return remote.identity(href, fresh=fresh)
    status = path_of(href).stat()
    return f"{status.st_size}-{status.st_mtime_ns}"
