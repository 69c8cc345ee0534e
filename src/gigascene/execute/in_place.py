"""Workers write pieces into the body file themselves, where each has a place that is known before and the worker sees the file.

Of PAM and samples the body is the file, and pieces lie in it where they belong. Of formats that are assembled from a body (COG, Deep
Zoom, map tiles, JPEG with a mask) it does not matter where in it they lie: workers in other processes leave each in a slot that holds
the largest, and what they do not fill takes no room on the disk.

A worker in another process, maybe on another machine, opens the body by a name that no other run has: a hard link. The next run on the
same target removes it before it makes a body of its own, so a worker that outlives its coordinator finds none, and whoever finds one has
the right file. A run that goes on with a body that such workers may have in hand goes on with a copy. Who finds none sends its pieces home: another machine without this disk, a file system without hard links.

Two machines that write to one file of a network's file system must not share pages in their caches: NFS may send back a whole
page of which a few bytes were changed, and with it what others' bytes were before. Writes that reach the server before they return
(`O_DSYNC`) are sent as they are, so elsewhere every write is one; and it is on the disk before anybody says so. On this machine all
share one cache, which the commit flushes.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

from gigascene.model.contracts import Done, Piece
from gigascene.model.errors import WorkersLost
from gigascene.model.plan import Format
from gigascene.registry import WRITERS
from gigascene.storage.local import copy, discard, fsync, write_at

BOOT = Path("/proc/sys/kernel/random/boot_id")
"""What no other running machine has; containers have that of their host."""


PAGE = 1 << 16
"""Slots begin at multiples of it, so that no two machines share a page."""

LARGEST = 8 << 40
"""Of a body with slots, bytes: ext4 takes 16 TB in a file."""

PROBED = 1 << 26
"""Bytes that a file system must leave out of a file to be one that leaves them out."""


def place_in_body(format: Format, index: int, *, apart: bool) -> int | None:
    """First byte of a piece in the body, where that is known before any is made; None: behind the one before it.

    It is its place in the file, or, for processes that work `apart`, its slot.
    """
    writer = WRITERS[format.writer]
    found: int | None = writer.offset(format, index)
    there = writer.on_disk(format)
    if found is not None or not apart or not there.assembled or there.reduced:
        return found
    slot = -(-writer.codec.bound(format) // PAGE) * PAGE
    return index * slot if len(writer.codec.pieces(format)) * slot <= LARGEST else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The body file of one run, as its workers find it."""

    path: Path
    machine: str
    file: tuple[int, int]
    """Device and inode, as that machine numbers them."""

    apart: bool = True
    """Whether its workers are processes of their own."""

    afar: bool = True
    """Whether those on other machines may write, too."""

    def near(self) -> bool:
        """Whether this process sees the very file of the coordinator's machine, through the same cache."""
        try:
            found = self.path.stat()
        except OSError:
            return False
        return (_machine(), (found.st_dev, found.st_ino)) == (self.machine, self.file)

    def store(self, piece: Piece, offset: int, *, sync: bool) -> Piece:
        """Write a piece where it belongs; as it was, where that cannot be: whoever holds it then will see why."""
        flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | (os.O_DSYNC if sync else 0)
        try:
            file = os.open(self.path, flags)
            try:
                write_at(file, piece.body, offset)
            finally:
                os.close(file)
        except OSError:
            return piece
        return replace(piece, body=b"", stored=piece.at(offset))


def has_places(body: Path, format: Format, *, apart: bool) -> bool:
    """Whether pieces have places in a body, in the file, or in slots of one that takes no more room for them."""
    if place_in_body(format, 0, apart=False) is not None:
        return True
    return place_in_body(format, 0, apart=apart) is not None and _leaves_out(body)


@contextmanager
def shared(body: Path, *, processes: int, afar: bool = True) -> Iterator[Place | None]:
    """The body for so many processes, while they work; None where others than this one cannot be let in."""
    if processes == 1:
        yield _place(body, apart=False, afar=False)
        return
    link = _another(body)
    yield _place(link, apart=True, afar=afar) if _linked(body, link) else None
    discard(link)  # but not behind an error: it tells the run that goes on that others may hold this file


def _linked(body: Path, link: Path) -> bool:
    """Under a second name, with all that is in it on the disk."""
    try:
        fsync(body)
        os.link(body, link, follow_symlinks=False)
    except OSError:
        return False
    return True


def _leaves_out(body: Path) -> bool:
    """Whether the file system keeps nothing of what was never written."""
    try:
        with TemporaryFile(dir=body.parent) as file:
            os.pwrite(file.fileno(), b"\0", PROBED)
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_blocks * 512 < PROBED // 2
    except OSError:
        return False


def _place(path: Path, *, apart: bool, afar: bool) -> Place:
    found = path.stat()
    return Place(path=path, machine=_machine(), file=(found.st_dev, found.st_ino), apart=apart, afar=afar)


def held(body: Path) -> bool:
    """Whether somebody of a run that did not come to its end may have it in hand."""
    return any(_links(body))


def shut_out(body: Path) -> None:
    """Nobody of such a run finds it any more."""
    discard(*list(_links(body)))


def _links(body: Path) -> Iterator[Path]:
    ours = re.compile(re.escape(body.name) + r"\.[0-9a-f]{32}")
    return (path for path in body.parent.iterdir() if ours.fullmatch(path.name))


def renewed(body: Path) -> None:
    """The same bytes in a new file, of which nobody knows; what was never written takes no room there either."""
    new = _another(body)
    with body.open("rb") as source, new.open("xb", buffering=0) as file:
        size = os.fstat(source.fileno()).st_size
        try:
            file.truncate(size)
            for begin, end in _written(source.fileno(), size):
                file.seek(begin)
                copy(source, begin, end - begin, file)
        except BaseException:
            file.truncate(0)  # it stays, without its bytes, and tells the next run that others may still hold the body
            raise
    new.replace(body)


def _written(file: int, size: int) -> Iterator[tuple[int, int]]:
    """Parts of a file that hold something."""
    end = 0
    while end < size:
        try:
            begin = os.lseek(file, end, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # nothing from here on
                return
            raise
        end = os.lseek(file, begin, os.SEEK_HOLE)
        yield begin, end


def _another(body: Path) -> Path:
    """A name beside a body that no run had before."""
    return body.with_name(f"{body.name}.{uuid4().hex}")


def author() -> str:
    """Who works here, in words."""
    return f"process {os.getpid()} on {platform.node()}"


class Witness:
    """Looks once at what each author on another machine has written: it may have another file under the same name."""

    def __init__(self, body: Path) -> None:
        self._body = body
        self._known = {""}

    def check(self, done: Done) -> None:
        """Raise `WorkersLost` where its pieces are not here."""
        if done.author in self._known:
            return
        for piece in filter(lambda piece: piece.stored, done.pieces):
            if not self._is_here(piece):
                raise WorkersLost(
                    f"{done.author} wrote piece {piece.index} to {self._body}, and it is not there: it has another file under "
                    "this name. Go on with --resume and --delivery return."
                )
            self._known.add(done.author)

    def _is_here(self, piece: Piece) -> bool:
        assert piece.stored is not None
        with self._body.open("rb") as file:
            file.seek(piece.stored.offset)
            return hashlib.sha256(file.read(piece.stored.length)).hexdigest() == piece.sha256


def _machine() -> str:
    try:
        return BOOT.read_text(encoding="ascii").strip()
    except OSError:
        return platform.node()
