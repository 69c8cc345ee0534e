"""A scene as one zip file, read in place: GDAL and Python both find a member by the zip's own index."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

from gigascene.archives._stat import absolute, checked_size, identity, shown
from gigascene.model.errors import BadInput

SUFFIXES = (".zip",)

FOREIGN = "No agency packs that; fetch the scene again from its own archive."
_MOST_MEMBERS = 20_000
_MOST_INFLATED = 100
"""Times its own size that a zip file may unpack to; pictures hardly shrink, and metadata to a fortieth."""

_SMALL = 256 << 20
"""Bytes that may always be unpacked."""


class Zipped:
    """The regular files of one zip file.

    Raises BadInput where it cannot be read, or holds what a scene never does: an
    absolute path, a path with ``..``, a link, a name twice, an encrypted member, members that lie over each other
    or unpack to a hundred times the file.

    Parameters
    ----------
    path : path
        The zip file.
    name : str, optional
        What the user gave, if that was something else: a scene id.
    """

    def __init__(self, path: str | os.PathLike[str], name: str = "") -> None:
        self._name = name or os.fspath(path)
        self._path = absolute(path)
        if "{" in str(self._path) or "}" in str(self._path):
            raise BadInput("has braces in its path, which GDAL cannot read zip files from", self._name, hint="Move it.")
        with self._opened() as archive:
            self._members = self._listed(archive)

    @property
    def name(self) -> str:
        """Path as the user gave it."""
        return self._name

    def names(self) -> Sequence[str]:
        """Names of all files, sorted."""
        return tuple(sorted(self._members))

    def read(self, name: str) -> bytes:
        """Whole content of one small file."""
        member = self._member(name)
        size = checked_size(member.file_size, f"{self._name}: {name}")
        with self._opened(name) as archive, archive.open(member) as file:
            return file.read(size + 1)[:size]

    def href(self, name: str) -> str:
        """GDAL's name of the member's bytes."""
        return f"/vsizip/{{{self._path}}}/{self._member(name).filename}"

    def identity(self, name: str) -> str:
        """Size and modification time of the zip file."""
        return identity(self.href(name))

    def _member(self, name: str) -> zipfile.ZipInfo:
        if name not in self._members:
            raise BadInput(f"has no file {name}", self._name)
        return self._members[name]

    def _listed(self, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for member in archive.infolist():
            _check(member, self._name)
            if member.is_dir():
                continue
            if member.filename in members:
                raise BadInput(f"member {member.filename!r} stands twice", self._name, hint=FOREIGN)
            members[member.filename] = member
        self._check_sizes(members)
        kept = {name: member for name, member in members.items() if all(map(shown, PurePosixPath(name).parts))}
        if not kept:
            raise BadInput("holds no file", self._name)
        return kept

    def _check_sizes(self, members: dict[str, zipfile.ZipInfo]) -> None:
        """Refuse what is made to fill a disk: too many, too large, or the same bytes many times over."""
        size = self._path.stat().st_size
        packed = sum(member.compress_size for member in members.values())
        inflated = sum(member.file_size for member in members.values())
        if len(members) > _MOST_MEMBERS or packed > size or inflated > max(_SMALL, _MOST_INFLATED * size):
            raise BadInput(
                f"holds {len(members)} files that unpack from {size / 1e6:.1f} MB to {inflated / 1e6:.0f} MB, "
                "which no scene does",
                self._name,
                hint=FOREIGN,
            )

    @contextmanager
    def _opened(self, member: str = "") -> Iterator[zipfile.ZipFile]:
        where = f"{self._name}: {member}" if member else self._name
        try:
            with zipfile.ZipFile(self._path) as archive:
                yield archive
        except BadInput:
            raise
        except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
            raise BadInput(f"is no readable zip file: {error}.", where, hint="It may be cut short.") from error
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror or error}", where) from error


def _check(member: zipfile.ZipInfo, archive: str) -> None:
    """Refuse what could reach outside the archive, and what cannot be read in place."""
    name = member.orig_filename
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not name or any(letter in name for letter in "\\{}\0"):
        raise BadInput(f"member {name!r} points outside the archive", archive, hint=FOREIGN)
    if stat.S_ISLNK(member.external_attr >> 16):
        raise BadInput(f"member {name!r} is a link", archive, hint=FOREIGN)
    if member.flag_bits & 1:
        raise BadInput(f"member {name!r} is encrypted", archive, hint="Unpack it first.")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise BadInput(f"member {name!r} is packed by a method that is not read in place", archive, hint="Unpack it.")
