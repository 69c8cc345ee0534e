"""A scene as files in one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gigascene.archives._stat import absolute, checked_size, identity, shown
from gigascene.model.errors import BadInput


@dataclass(frozen=True, slots=True)
class Folder:
    """The regular files of one folder; not those of folders inside, nor links to files elsewhere, which a stranger's archive may hold.

    Raises BadInput where there is no such folder or no file in it.

    Parameters
    ----------
    path : path
        The folder.
    name : str, optional
        What the user gave, if that was something else: a file inside it, a scene id.
    """

    path: Path
    name: str = ""
    _names: tuple[str, ...] = field(init=False, repr=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.name or os.fspath(self.path))
        object.__setattr__(self, "path", absolute(self.path))
        object.__setattr__(self, "_names", _files(self.path, self.name))

    def names(self) -> Sequence[str]:
        """Names of all files, sorted."""
        return self._names

    def read(self, name: str) -> bytes:
        """Whole content of one small file."""
        try:
            with Path(self.href(name)).open("rb") as file:
                checked_size(os.fstat(file.fileno()).st_size, name)
                return file.read()
        except OSError as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"cannot be read: {error.strerror}", self.href(name)) from error

    def href(self, name: str) -> str:
        """Absolute path of one file."""
        if name not in self._names:
            raise BadInput(f"has no file {name}", self.name)
        return str(self.path / name)

    def identity(self, name: str) -> str:
        """Size and modification time of one file."""
        return identity(self.href(name))


def _files(path: Path, name: str) -> tuple[str, ...]:
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise BadInput(f"cannot be listed: {error.strerror}", name) from error
    inside = path.resolve()
    there = [entry for entry in entries if entry.is_file() and shown(entry.name)]
    files = tuple(entry.name for entry in there if Path(entry.path).resolve().is_relative_to(inside))
    if files:
        return files
    if there:
        what = f"holds only links to files elsewhere ({there[0].name} …), which are not followed."
        raise BadInput(what, name, hint="Name the folder where the files lie, or the links one by one as bands.")
    folders = [entry.name for entry in entries if entry.is_dir()]
    if folders:
        some = ", ".join(folders[:5]) + (" …" if len(folders) > 5 else "")
        raise BadInput(f"holds only folders: {some}.", name, hint="Give the path of one of them.")
    raise BadInput("is an empty folder", name, hint="Name the folder that holds the bands and the MTL file.")
