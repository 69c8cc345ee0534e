"""A scene as files in a folder and the folders inside it, as Sentinel's SAFE products come."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gigascene.archives._stat import absolute, checked_size, identity, shown
from gigascene.model.errors import BadInput

MOST_FILES = 20_000
"""A product of many tiles has some thousands; more is no product but somebody's disk."""

DEEPEST = 8


class Tree:
    """The regular files of a folder and of all folders inside; no links to files elsewhere.

    Raises BadInput where there is no file, or more than any product has.

    Parameters
    ----------
    path : path
        The outermost folder.
    name : str, optional
        What the user gave, if that was something else: a file or folder inside it, a scene id.
    """

    def __init__(self, path: str | os.PathLike[str], name: str = "") -> None:
        self._name = name or os.fspath(path)
        self._path = absolute(path)
        try:
            self._names = tuple(sorted(self._walk(self._path, 0)))
        except OSError as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"cannot be listed: {error.strerror}", self._name) from error
        if not self._names:
            raise BadInput("holds no file", self._name)

    @property
    def name(self) -> str:
        """Path as the user gave it."""
        return self._name

    def names(self) -> Sequence[str]:
        """Names of all files, relative to the outermost folder, sorted."""
        return self._names

    def read(self, name: str) -> bytes:
        """Whole content of one small file."""
        path = Path(self.href(name))
        try:
            with path.open("rb") as file:
                checked_size(os.fstat(file.fileno()).st_size, name)
                return file.read()
        except OSError as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"cannot be read: {error.strerror}", str(path)) from error

    def href(self, name: str) -> str:
        """Absolute path of one file."""
        if name not in self._names:
            raise BadInput(f"has no file {name}", self._name)
        return str(self._path / name)

    def identity(self, name: str) -> str:
        """Size and modification time of one file."""
        return identity(self.href(name))

    def _walk(self, folder: Path, depth: int) -> Iterator[str]:
        count = 0
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False) and depth < DEEPEST and shown(entry.name):
                inside = self._walk(Path(entry.path), depth + 1)
            elif entry.is_file() and shown(entry.name) and Path(entry.path).resolve().is_relative_to(self._path):
                inside = iter((Path(entry.path).relative_to(self._path).as_posix(),))
            else:
                continue
            for name in inside:
                count += 1
                if count > MOST_FILES:
                    raise BadInput(f"holds more than {MOST_FILES} files; it is no scene", self._name)
                yield name
