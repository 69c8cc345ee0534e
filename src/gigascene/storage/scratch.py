"""Where an output is made: at its own path; or, where that lies elsewhere (a bucket, a server), in a folder of this machine first."""

from __future__ import annotations

import hashlib
from os import PathLike, fspath
from pathlib import Path

from gigascene.settings import settings
from gigascene.storage.hrefs import is_remote, remember


def named(target: str | PathLike[str]) -> str:
    """A target as it was said, without the secrets in it: these stay in memory.

    >>> named("https://pictures.example.org/a.png?X-Amz-Signature=0")
    'https://pictures.example.org/a.png'
    """
    text = fspath(target)
    return remember(text) if text[:8].lower().startswith(("http://", "https://")) else text


def absolute(target: str) -> str:
    """A target as a plan holds it: an absolute path, or an address as it is.

    >>> absolute("s3://pictures/fjord.png"), absolute("s3://pictures/tiles/"), absolute("/data/../data/fjord.png")
    ('s3://pictures/fjord.png', 's3://pictures/tiles', '/data/../data/fjord.png')
    """
    return target.rstrip("/") if is_remote(target) else str(Path(target).absolute())


def made_at(target: str) -> Path:
    """The path on disk: for an address one in a folder that belongs to this target alone, the same every time."""
    if not is_remote(target):
        return Path(target)
    root = Path(settings().scratch).absolute()
    return root / hashlib.sha256(target.encode()).hexdigest()[:24] / target.rpartition("/")[2]


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    return next(folder for folder in (path, *path.parents) if folder.exists())
