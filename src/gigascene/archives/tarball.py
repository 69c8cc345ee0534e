"""A scene as one tar file, plain or compressed, as the archives deliver it.

A plain tar is read in place: GDAL opens a range of its bytes. A compressed one
cannot be read from the middle, so the members that are asked for are unpacked
into a private temporary folder, which is removed when the last process that uses
it ends. Asked for in the order of `names`, they cost one pass.
"""

from __future__ import annotations

import bz2
import os
import shutil
import tarfile
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from isal import igzip, isal_zlib

from gigascene.archives._stat import LARGEST_METADATA, absolute, checked_size, identity, shown
from gigascene.archives._unpacked import unpacked_folder
from gigascene.model.errors import BadInput, WriteFailed

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2")

_MOST_MEMBERS = 10_000
FOREIGN = "No agency packs that; fetch the scene again from its own archive."
_BROKEN: tuple[Any, ...] = (tarfile.TarError, EOFError, ValueError, isal_zlib.error)
_MAGIC = {b"\x1f\x8b": igzip.open, b"BZ": bz2.open}


class Tarball:
    """The regular files of one tar file.

    Raises BadInput where it cannot be read, or holds what a scene never does:
    an absolute path, a path with ``..``, a link, a device, a name twice.

    Parameters
    ----------
    path : path
        The tar file; magic bytes, not the suffix, say how it is compressed.
    name : str, optional
        What the user gave, if that was something else: a scene id.
    """

    def __init__(self, path: str | os.PathLike[str], name: str = "") -> None:
        self._name = name or os.fspath(path)
        self._path = absolute(path)
        self._folder: Path | None = None
        with self._explained():
            self._stream, self._plain = _opened(self._path)
            weakref.finalize(self, self._stream.close)
            self._tar = tarfile.open(fileobj=self._stream, mode="r:")  # type: ignore[call-overload] # noqa: SIM115
            self._members = self._listed()

    @property
    def name(self) -> str:
        """Path as the user gave it."""
        return self._name

    def names(self) -> Sequence[str]:
        """Names of all files, in the order they lie in the tar file."""
        return tuple(self._members)

    def read(self, name: str) -> bytes:
        """Whole content of one small file."""
        member = self._member(name)
        checked_size(member.size, f"{self._name}: {name}")
        with self._explained(name):
            file = self._tar.extractfile(member)
            return file.read() if file else b""

    def href(self, name: str) -> str:
        """GDAL's name of the member's bytes, or the path where it is unpacked."""
        member = self._member(name)
        if self._plain:
            return f"/vsisubfile/{member.offset_data}_{member.size},{self._path}"
        target = self._private() / member.name
        if not target.exists():
            self._unpack(member, target)
        return str(target)

    def identity(self, name: str) -> str:
        """Size and modification time of the tar file, or of the member where it is unpacked."""
        return identity(self.href(name))

    def _member(self, name: str) -> tarfile.TarInfo:
        if name not in self._members:
            raise BadInput(f"has no file {name}", self._name)
        return self._members[name]

    def _listed(self) -> dict[str, tarfile.TarInfo]:
        members: dict[str, tarfile.TarInfo] = {}
        for count, member in enumerate(self._tar):
            _check(member, self._name)
            name = member.name.removeprefix("./")
            if name in members or count >= _MOST_MEMBERS:
                why = "stands twice" if name in members else f"is one of more than {_MOST_MEMBERS}"
                raise BadInput(f"member {name!r} {why}", self._name)
            if member.isreg() and shown(name):
                members[name] = member
        while self._stream.read(1 << 20):  # the checksum of a compressed tar stands at its end
            pass
        if not members:
            raise BadInput("holds no file", self._name)
        return members

    def _private(self) -> Path:
        if self._folder is None:
            self._folder = unpacked_folder(self._path)
        return self._folder

    def _unpack(self, member: tarfile.TarInfo, target: Path) -> None:
        free = shutil.disk_usage(self._private()).free
        if member.size > free:
            needs = f"{member.name} needs {member.size / 1e6:.0f} MB, {free / 1e6:.0f} are free"
            raise WriteFailed(str(self._private()), needs, "Set TMPDIR to a folder with more space.")
        part = tempfile.mkdtemp(dir=self._private())
        with self._explained(member.name):
            self._tar.extract(member, part, filter="data")
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(part, member.name).replace(target)
        shutil.rmtree(part)

    @contextmanager
    def _explained(self, member: str = "") -> Iterator[None]:
        """Errors of the archive as `BadInput`, and of the disk as `WriteFailed`."""
        where = f"{self._name}: {member}" if member else self._name
        try:
            yield
        except BadInput:
            raise
        except _BROKEN as error:
            raise BadInput(f"is no readable tar file: {error}", where, hint="It may be cut short.") from error
        except OSError as error:
            if error.filename and self._folder and str(error.filename).startswith(str(self._folder)):
                raise WriteFailed(str(self._folder), str(error.strerror)) from error
            raise BadInput(f"cannot be read: {error.strerror or error}", where) from error


class _Careful:
    """A file that refuses to be read whole: tarfile believes the sizes that headers declare."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_METADATA:
            raise tarfile.ReadError(f"a header declares {size} bytes")
        return bytes(self._file.read(size))


def _opened(path: Path) -> tuple[_Careful, bool]:
    """The tar's bytes, unpacked, and whether they lie there as they are."""
    with path.open("rb") as file:
        magic = file.read(2)
    opener: Any = _MAGIC.get(magic, open)
    file_: BinaryIO = opener(path, "rb")
    return _Careful(file_), opener is open


def _check(member: tarfile.TarInfo, archive: str) -> None:
    """Refuse what could reach outside the archive."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or not member.name:
        raise BadInput(f"member {member.name!r} points outside the archive", archive, hint=FOREIGN)
    if member.issym() or member.islnk():
        raise BadInput(f"member {member.name!r} is a link", archive, hint=FOREIGN)
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise BadInput(f"member {member.name!r} is neither a file nor a folder", archive)
