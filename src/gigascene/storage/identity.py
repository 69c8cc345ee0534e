"""Has a file changed? Size and modification time, as a text."""

from __future__ import annotations

import re
from pathlib import Path

MEMBER = re.compile(r"/vsisubfile/(?P<offset>\d+)_(?P<size>\d+),(?P<path>.+)", re.DOTALL)
"""A member of a tar file, read in place: GDAL's name for a part of a file."""


def path_of(href: str) -> Path:
    """The file on disk in which an href's bytes lie."""
    member = MEMBER.fullmatch(href)
    return Path(member["path"] if member else href)


def identity(href: str) -> str:
    """Changes when the content may have changed. Raises OSError where there is no such file."""
    status = path_of(href).stat()
    return f"{status.st_size}-{status.st_mtime_ns}"
