"""A finished folder takes its place in one step: built beside, flushed, exchanged; and only one of ours is ever replaced.

A folder is whole if it holds its marker, ``.gigascene.json``, which is written last and says what must be there.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from gigascene.model.errors import WriteFailed
from gigascene.storage.local import Target, discard, fsync, writing

MARKER = ".gigascene.json"
KIND = "gigascene:folder"
"""What tells a marker of ours."""

SUFFIX = "/"
"""Instead of a file's suffix (`Format.suffix`): the target is a folder."""

SPOOL = "spool"
"""Tag of the folder of results on their way, beside the target."""

AT_FDCWD, RENAME_EXCHANGE = -100, 2
CANNOT = {errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP}
"""The kernel or the file system exchanges no names."""


def target_of(path: str, suffix: str, *, keep: bool = False) -> Target:
    """The target of a plan, by `Format.suffix`: a folder where that is a slash. What is there already stays if `keep`."""
    return FolderTarget(Path(path), keep=keep) if suffix == SUFFIX else Target(Path(path), keep=keep)


def marked(names: Sequence[str]) -> dict[str, Any]:
    """What a marker tells of a folder of ours: the names of all that lies in it."""
    return {KIND: 1, "names": list(names)}


def names_of(marker: Any) -> set[str]:
    """The names that a marker knows, its own too; none where a folder is not ours."""
    names = marker.get("names") if isinstance(marker, dict) and KIND in marker else None
    return {MARKER, *map(str, names)} if isinstance(names, list) else set()


def tiles_beside(descriptor: str) -> str:
    """Name of the folder of tiles that a Deep Zoom descriptor speaks for.

    >>> tiles_beside("world.dzi")
    'world_files'
    """
    return f"{Path(descriptor).stem}_files"


class FolderTarget(Target):
    """A folder to be written, and the temporary names beside it.

    While it is replaced the path holds the old whole folder or the new whole one. Where the system cannot exchange two
    names it holds nothing for a moment; who is killed just then leaves the old one to `recover`.
    """

    @property
    def fresh(self) -> Path:
        """Where it is built."""
        return self.sibling("new")

    @property
    def old(self) -> Path:
        """Where the former one waits while names cannot be exchanged."""
        return self.sibling("old")

    def check(self) -> None:
        """Raise `WriteFailed` now if the path can never be written, or holds what is not ours."""
        folder = self.path.parent
        if not folder.is_dir():
            raise WriteFailed(str(self.path), f"there is no folder {folder}", "Make it first.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise WriteFailed(str(self.path), f"the folder {folder} may not be written to", "Choose another folder.")
        if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
            raise WriteFailed(str(self.path), "it is a link or a file", "Name a folder.")
        self.check_free()
        with writing(self.path):
            strange = self._strange()
        if strange:
            raise WriteFailed(str(self.path), f"it holds {strange}, which was not written here", "Name a new folder.")

    def recover(self) -> None:
        """Undo half of a replacement, and clear away what lies under the temporary names."""
        with writing(self.path):
            if self.old.exists() and not self.path.exists():
                self.old.rename(self.path)
            for path in (self.fresh, self.old):
                shutil.rmtree(path, ignore_errors=True)

    def mark(self, facts: Mapping[str, Any]) -> None:
        """Flush what was built and write the marker last; `facts` tell what there is to verify."""
        with writing(self.path):
            names = sorted(path.name for path in self.fresh.iterdir())
            marker = {**marked(names), **facts}
            (self.fresh / MARKER).write_text(json.dumps(marker, indent=1, sort_keys=True) + "\n", encoding="utf-8")
            flush(self.fresh)

    def place(self) -> None:
        """Make the built and marked folder the target; the former one goes."""
        self.check()  # it may be long ago
        with writing(self.path):
            self.hush()
            if not self.path.exists():
                self.fresh.rename(self.path)
            elif not exchange(self.fresh, self.path):
                self._swap()
            fsync(self.path.parent)
        self.recover()

    def _swap(self) -> None:
        self.path.rename(self.old)
        try:
            self.fresh.rename(self.path)
        except OSError:
            self.old.rename(self.path)
            raise

    def _strange(self) -> str:
        """Something in the folder that its marker does not know; empty if there is nothing."""
        if not self.path.exists():
            return ""
        try:
            ours = names_of(json.loads((self.path / MARKER).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):
            ours = set()
        return min((path.name for path in self.path.iterdir() if path.name not in ours), default="")


def place_with_head(folder: FolderTarget, head: Target, temporary: Path) -> None:
    """Put a built and marked folder in its place, and then the file that speaks for it.

    A former head goes before its folder: wherever this is killed, a head that stands has its own whole folder beside it.
    """
    folder.check()
    head.check_free()
    with writing(head.path):
        flush(temporary)
        if head.path.exists():
            discard(head.path)
            fsync(head.path.parent)
    folder.place()
    head.commit(temporary)


def exchange(one: Path, other: Path) -> bool:
    """Let two names change places in one step (Linux); False where this cannot be done."""
    call = getattr(_libc(), "renameat2", None)
    if call is None:
        return False
    if call(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other), RENAME_EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in CANNOT:
        return False
    raise OSError(number, os.strerror(number), str(other))


def flush(path: Path) -> None:
    """Everything written to the file system that `path` lies on reaches the disk: one call, not one for each file."""
    call = getattr(_libc(), "syncfs", None)
    if call is None:
        os.sync()
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        if call(handle):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(handle)


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
