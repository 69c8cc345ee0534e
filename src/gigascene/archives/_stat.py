"""What the archives share: which names they show, how much metadata they read, how a file's state is written down."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from gigascene.model.errors import BadInput
from gigascene.storage.identity import identity as identity_of
from gigascene.storage.identity import path_of

LARGEST_METADATA = 64 << 20
"""Bytes of one file that may be read whole."""


def identity(href: str) -> str:
    """Size and modification time of the file behind a path or a ``/vsisubfile/`` name.

    Of a member of a tar file: those of the tar file. Raises BadInput where it is gone.
    """
    try:
        return identity_of(href)
    except OSError as error:
        raise BadInput(f"cannot be looked at: {error.strerror}", str(path_of(href))) from error


def shown(name: str) -> bool:
    """False for hidden files, such as the ``._x.TIF`` that macOS leaves in archives."""
    return not PurePosixPath(name).name.startswith(".")


def absolute(path: str | os.PathLike[str]) -> Path:
    """The path from the root on, links followed: an href means the same in every worker and to the end of the run."""
    return Path(path).resolve()


def checked_size(size: int, file: str) -> int:
    """The size, if a file of it may be read whole."""
    if size > LARGEST_METADATA:
        raise BadInput(f"is {size / 1e6:.0f} MB; metadata is at most {LARGEST_METADATA / 1e6:.0f} MB", file)
    return size
