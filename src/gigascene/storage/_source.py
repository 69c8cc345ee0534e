"""Files that are copied from where they lie: on this machine, behind an address, in a bucket; in parts, and the same from first to last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gigascene.model.errors import BadInput
from gigascene.storage import hrefs, remote
from gigascene.storage.identity import identity

CHUNK = 8 << 20
"""Bytes that are asked for at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What is copied, and where to."""

    href: str
    """A path, or an address as `hrefs.remember` returns it."""

    path: Path | str
    """A path, or the place of an object (``s3://…``)."""

    size: int | None = None
    """Bytes it must have; None where nobody says."""

    checksum: tuple[str, str] | None = None
    """hashlib's name of the algorithm, and the hex digest it must have."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file, asked for its size."""

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


def source_of(copy: Copy) -> Source:
    """The file that is copied; raises `BadInput` where it is gone, or has another size than was told."""
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
    return Source(copy.href, size, tag, ranges)


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


def too_short(source: Source, there: int) -> BadInput:
    """For one that ends before it should."""
    return BadInput(f"ends after {there:,} of {source.size:,} bytes.", hrefs.public(source.href))


def damaged(copy: Copy) -> BadInput:
    """For one that is not what its catalogue tells."""
    what = f"has not the {copy.checksum[0] if copy.checksum else 'checksum'} that its catalogue tells."
    return BadInput(what, hrefs.public(copy.href), hint="It is damaged, or has been replaced; nothing was kept.")
