"""A finished file takes its place in one step: temporary name beside it, fsync, rename, fsync the folder."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from gigascene.model.errors import GigasceneError, WriteFailed

RECEIPT, ITEM = ".receipt.json", ".stac.json"
TELLING = (RECEIPT, ITEM)
"""Behind a file's name: the names of those that tell of it, and are written when it is in its place."""

THERE, INSTEAD = "it is there already", "Leave out --no-overwrite, or name another."
"""What is said where nothing may be replaced."""

NOT_HERE = {errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP}
"""The kernel or the file system copies no ranges; we do it then."""

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Target:
    """A path to be written, and the temporary files beside it."""

    def __init__(self, path: Path, *, keep: bool = False) -> None:
        self.path = path
        self.keep = keep
        """True: what is there already is never replaced."""

    def sibling(self, tag: str) -> Path:
        """Temporary name in the target's own folder (so that a rename is atomic), hidden."""
        return self.path.with_name(f".{self.path.name}.{tag}")

    @contextmanager
    def alone(self) -> Iterator[None]:
        """For one run, from its first file to the last that tells of it; another is told so (`WriteFailed`)."""
        lock = self.sibling("lock")
        with locked(lock, str(self.path)):
            try:
                yield
            finally:
                discard(lock)

    def check(self) -> None:
        """Raise `WriteFailed` now if the path can never be written."""
        folder = self.path.parent
        if self.path.is_symlink():  # a rename would replace the link, and what it leads to would stay as it was
            aim = self.path.readlink()
            raise WriteFailed(str(self.path), f"it is a link to {aim}", "Name that file itself, or remove the link.")
        if self.path.is_dir():
            raise WriteFailed(str(self.path), "it is a folder", "Name a file.")
        if self.path.exists() and not self.path.is_file():
            raise WriteFailed(str(self.path), "it is not a regular file", "Name another path.")
        if not folder.is_dir():
            raise WriteFailed(str(self.path), f"there is no folder {folder}", "Make it first.")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise WriteFailed(str(self.path), f"the folder {folder} may not be written to", "Choose another folder.")
        self.check_free()

    def check_free(self) -> None:
        """Raise `WriteFailed` where something is that must be kept."""
        if self.keep and os.path.lexists(self.path):
            raise WriteFailed(str(self.path), THERE, INSTEAD)

    def write_text(self, text: str) -> None:
        """A small text file, whole or not at all."""
        self.write_parts([text])

    def write_parts(self, parts: Iterable[str]) -> None:
        """A text file of many parts, never in memory at once; whole or not at all."""
        temporary = self.sibling("new")
        try:
            with writing(self.path), temporary.open("w", encoding="utf-8") as file:
                file.writelines(parts)
            self.commit(temporary)
        except BaseException:
            discard(temporary)
            raise

    def commit(self, temporary: Path, sides: Mapping[Path, Path] | None = None, former: Iterable[Path] = ()) -> None:
        """Make `temporary` the target, with its side files.

        Wherever this is killed, the path holds the old file with its own side files, the new one with its own, or
        nothing: where side files change, the old file goes before them. What tells of the old file goes too.

        Parameters
        ----------
        temporary : Path
            The finished file, in the target's own folder.
        sides : mapping, optional
            Of each side file its temporary and its final name.
        former : paths
            Side files that the new file does not have; they may or may not be there.
        """
        self.check_free()
        moves, gone = sides or {}, [path for path in former if path.exists()]
        with writing(self.path):
            for source in (*moves, temporary):
                fsync(source)
            if not self.keep and (gone or not all(_alike(source, final) for source, final in moves.items())):
                discard(self.path)
                fsync(self.path.parent)
            discard(*gone)
            for source, final in moves.items():
                source.replace(final)
            self.hush()
            fsync(self.path.parent)
            if self.keep:
                self._take(temporary)
            else:
                temporary.replace(self.path)
            fsync(self.path.parent)

    def _take(self, temporary: Path) -> None:
        """The name, if nobody has it: a link is made in one step, and never upon another file."""
        try:
            os.link(temporary, self.path, follow_symlinks=False)
        except FileExistsError:
            raise WriteFailed(str(self.path), THERE, INSTEAD) from None
        except OSError as error:
            what = f"this file system cannot promise that nothing is replaced ({error.strerror})"
            raise WriteFailed(str(self.path), what, "Leave out --no-overwrite, or write elsewhere.") from error
        discard(temporary)

    def hush(self) -> None:
        """Remove what tells of the file that is there now: it must never tell of another."""
        discard(*(self.path.with_name(self.path.name + suffix) for suffix in TELLING))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the system's refusals while writing `path` into `WriteFailed`."""
    try:
        yield
    except GigasceneError:
        raise
    except OSError as error:
        raise _refusal(path, error) from error


def _refusal(path: Path, error: OSError) -> WriteFailed:
    if error.errno in NO_SPACE:
        return WriteFailed(str(path), "no space left", "Free some, or write elsewhere; nothing was kept.")
    return WriteFailed(str(path), error.strerror or str(error))


def write_at(file: int, data: bytes | bytearray, offset: int) -> None:
    """All of it, at this place of an open file; threads may do so at once."""
    rest, at = memoryview(data), offset
    while rest:
        count = os.pwrite(file, rest, at)
        rest, at = rest[count:], at + count


def copy(source: IO[bytes], offset: int, length: int, file: IO[bytes]) -> None:
    """Append part of a file to another, inside the kernel where it can."""
    end = offset + length
    while offset < end:
        copied = _copy_some(source.fileno(), offset, end - offset, file)
        if not copied:
            raise OSError(errno.EIO, f"the body ends {end - offset} bytes early")
        offset += copied


def _copy_some(source: int, offset: int, length: int, file: IO[bytes]) -> int:
    if hasattr(os, "copy_file_range"):
        try:
            return os.copy_file_range(source, file.fileno(), length, offset_src=offset)
        except OSError as error:
            if error.errno not in NOT_HERE:
                raise
    return os.write(file.fileno(), os.pread(source, min(length, 1 << 20), offset))


@contextmanager
def locked(path: Path, what: str = "") -> Iterator[BinaryIO]:
    """Open (or create) a file for one writer alone; a second one is told so, by the name of `what` is written."""
    while True:
        with writing(path), _making(path.parent):
            handle = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666), "r+b")
        with handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WriteFailed(what or str(path), "another run is writing it", "Wait for it, or stop it.") from None
            if _is_still(handle, path):
                yield handle
                return


@contextmanager
def _making(folder: Path) -> Iterator[None]:
    """Say it where a folder takes no new file, though it seemed so: ``/proc``, or a share that is read-only after all."""
    try:
        yield
    except (FileNotFoundError, PermissionError) as error:
        what = f"no file can be made in {folder} ({error.strerror})"
        raise WriteFailed(str(error.filename or folder), what, "Choose another folder.") from error


def _is_still(handle: BinaryIO, path: Path) -> bool:
    """False if another run finished in between: what was opened as a body has become its finished file."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def discard(*paths: Path) -> None:
    """Remove files that may or may not be there."""
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()


def _alike(one: Path, other: Path) -> bool:
    """Two small files with the same bytes."""
    with suppress(FileNotFoundError):
        return one.read_bytes() == other.read_bytes()
    return False


def fsync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
