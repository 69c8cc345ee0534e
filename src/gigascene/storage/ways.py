"""How an output goes to where it belongs, by its path: to a bucket, or to a WebDAV server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol

from gigascene.storage import bucket, dav
from gigascene.storage.hrefs import is_bucket
from gigascene.storage.kinds import Sent


class Way(Protocol):
    """What a place for outputs can do. Each raises `WriteFailed`."""

    def check(self, url: str) -> None:
        """Refuse what can never be a file there; asks no server."""

    def probe(self, url: str) -> None:
        """Write and remove a small file beside it."""

    def exists(self, url: str) -> bool:
        """True where something is."""

    def send(self, url: str, path: Path, sent: Sent, *, keep: bool = False) -> None:
        """Upload a file, which appears whole or not at all; what is there already stays if `keep`."""

    def put(self, url: str, data: bytes) -> None:
        """A small file."""

    def get(self, url: str, most: int) -> bytes | None:
        """A small file; None where there is none, or a larger one."""

    def delete(self, urls: Iterable[str]) -> None:
        """Remove files that may or may not be there."""

    def inside(self, url: str) -> Iterator[tuple[str, int, str]]:
        """Files in a folder and below: name in it, size, tag."""

    def top(self, url: str) -> set[str]:
        """Names of what lies directly in a folder."""


def way_to(url: str) -> Way:
    """The one for a path.

    >>> way_to("s3://pictures/a.png") is bucket, way_to("davs://example.org/a.png") is dav
    (True, True)
    """
    return bucket if is_bucket(url) else dav
