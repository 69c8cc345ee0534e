"""What servers and browsers are told that a file is; and who is told how much of it is under way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath

_TYPES = {
    ".png": "image/png",
    ".tif": "image/tiff",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".xml": "application/xml",
    ".dzi": "application/xml",
    ".json": "application/json",
}

Sent = Callable[[int], None]
"""Told how many bytes more are under way; may raise to stop."""


def kind_of(name: str) -> str:
    """The media type by a name's suffix.

    >>> kind_of("s3://pictures/alps.tif"), kind_of("alps.pgw")
    ('image/tiff', 'application/octet-stream')
    """
    return _TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
