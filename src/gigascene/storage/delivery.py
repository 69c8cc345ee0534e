"""A finished output goes into a bucket or to a server: what tells of the former one goes first, what tells of the new one comes last.

A file's own object changes in one step. What consists of several objects is whole if the last of them is there: the
marker of a folder, the descriptor beside one, the picture beside its side files; so that goes before anything else
changes. A folder that is being changed holds `UNFINISHED`.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeVar

from gigascene.model.errors import WriteFailed
from gigascene.storage import presigned
from gigascene.storage._former import listed
from gigascene.storage.folder import MARKER, marked, names_of, tiles_beside
from gigascene.storage.hrefs import public
from gigascene.storage.local import INSTEAD, ITEM, RECEIPT, TELLING, THERE
from gigascene.storage.ways import way_to

UNFINISHED = ".gigascene.unfinished"
"""In a folder: not all of it is there."""

LARGEST_TEXT = 64 << 20
"""Bytes of a marker, or of the receipt of a picture that has side files."""

THREADS = 8
BATCH = 256
"""Small files at a time."""

T = TypeVar("T")

Sent = Callable[[int, int], None]
"""Told (done, of) in bytes; may raise to stop."""


class Delivery:
    """The way of one output from the folder where it is made to its place."""

    def __init__(self, url: str, made: Path, *, keep: bool = False) -> None:
        self.url, self.made, self._way, self._keep = url, made, way_to(url), keep
        self._base = url.rpartition("/")[0]
        self.receipt = url + RECEIPT

    def check(self, folder: str = "") -> None:
        """Raise `WriteFailed` now if this can never be written: `folder` is the name of one that belongs to it, if any."""
        self._way.check(self.url)
        if self._keep and self._way.exists(f"{self.url}/{MARKER}" if folder == self.made.name else self.url):
            raise WriteFailed(public(self.url), THERE, INSTEAD)
        self._way.probe(self.url)
        if folder:
            self._refuse_strangers(f"{self._base}/{folder}")

    def deliver(self, receipt: bytes, sent: Sent) -> None:
        """Upload everything; wherever this is killed, no object tells of another than that which is there."""
        beside = [path for path in self._beside() if path != self.made]
        folder = next((path for path in (self.made, *beside) if path.is_dir()), None)
        sides = [path for path in beside if path.is_file()]
        last = [self.made] if self.made.is_file() else []
        meter = _Meter(chain(sides, last, _files(folder) if folder else ()), sent)
        former = self._former_sides()
        if folder:
            self._way.put(f"{self._base}/{folder.name}/{UNFINISHED}", _marker(folder))
        if not self._keep:
            self._way.delete(f"{self.url}{suffix}" for suffix in TELLING)
            if folder or sides or former:
                self._way.delete([self.url] if last else [])
        self._way.delete(f"{self._base}/{name}" for name in former - {path.name for path in sides})
        if folder:
            self._folder(folder, meter)
        for path in sides:
            self._way.send(f"{self._base}/{path.name}", path, meter.more)
        for path in last:
            self._way.send(self.url, path, meter.more, keep=self._keep)
        self._tell(receipt, folder)

    def _tell(self, receipt: bytes, folder: Path | None) -> None:
        item = self.made.with_name(self.made.name + ITEM)
        if item.exists():
            self._way.put(f"{self.url}{ITEM}", item.read_bytes())
        self._way.put(f"{self.url}{RECEIPT}", receipt)
        if folder:
            self._way.delete([f"{self._base}/{folder.name}/{UNFINISHED}"])

    def _beside(self) -> list[Path]:
        """What belongs to the output, its receipt and its item left out."""
        telling = {self.made.name + suffix for suffix in TELLING}
        temporary = f".{self.made.name}", f".{tiles_beside(self.made.name)}"
        names = (path for path in self.made.parent.iterdir() if not path.name.startswith(temporary))
        return sorted(path for path in names if path.name not in telling)

    def _former_sides(self) -> set[str]:
        """Names of the side files of what is there now, as its receipt tells."""
        told = _read(self._way.get(f"{self.url}{RECEIPT}", LARGEST_TEXT))
        names = told.get("files") if isinstance(told.get("files"), dict) else {}
        stem = Path(self.url).stem
        return {str(name) for name in names or () if str(name).startswith(f"{stem}.") and "/" not in name}

    def _folder(self, folder: Path, meter: _Meter) -> None:
        """All files of a folder; those of the former one that the new one has not go; its marker comes last."""
        place = f"{self._base}/{folder.name}"
        self._way.delete([f"{place}/{MARKER}"])
        notes = self.made.with_name(f".{self.made.name}.former")
        with listed(self._way.inside(place), notes) as former, ThreadPoolExecutor(THREADS) as pool:
            files = (path for path in _files(folder) if path.name != MARKER)
            for some in _batches((path, path.relative_to(folder).as_posix()) for path in files):
                tags = [former.tag(name, path.stat().st_size) for path, name in some]
                list(pool.map(lambda one, tag: self._renew(f"{place}/{one[1]}", one[0], tag, meter), some, tags))
            gone = (name for name in former if name != UNFINISHED and not (folder / name).is_file())
            for names in _batches(gone):
                list(pool.map(lambda name: self._way.delete([f"{place}/{name}"]), names))
        self._way.send(f"{place}/{MARKER}", folder / MARKER, meter.more)

    def _renew(self, url: str, path: Path, tag: str | None, meter: _Meter) -> None:
        """Send a file, unless one of the same size and with its checksum for a tag is there."""
        if tag is not None and tag.strip('"') == _md5(path):
            meter.more(path.stat().st_size)
        else:
            self._way.send(url, path, meter.more)

    def _refuse_strangers(self, place: str) -> None:
        """Only a folder of ours is replaced: one whose marker knows all that is in it."""
        ours = {MARKER, UNFINISHED}
        for name in (MARKER, UNFINISHED):
            ours |= names_of(_read(self._way.get(f"{place}/{name}", LARGEST_TEXT)))
        if strange := min(self._way.top(place) - ours, default=""):
            raise WriteFailed(public(place), f"it holds {strange}, which was not written here", "Name a new folder.")


class SignedDelivery:
    """The way of one file to an address that is signed for it alone: nothing goes with it, neither side files nor receipt."""

    receipt = ""

    def __init__(self, url: str, made: Path, *, keep: bool) -> None:
        self.url, self.made, self._keep = url, made, keep

    def check(self, folder: str = "") -> None:
        """Raise `WriteFailed` now if this can never be written."""
        presigned.check(self.url, folder)

    def deliver(self, _receipt: bytes, sent: Sent) -> None:
        """Upload it."""
        presigned.check(self.url)
        presigned.send(self.url, self.made, _Meter([self.made], sent).more, keep=self._keep)


class _Meter:
    """How much of all that goes is under way; threads may tell it at once."""

    def __init__(self, files: Iterable[Path], sent: Sent) -> None:
        self._of, self._done, self._sent = sum(path.stat().st_size for path in files), 0, sent
        self._lock = threading.Lock()

    def more(self, size: int) -> None:
        """So many bytes more."""
        with self._lock:
            self._done += size
            self._sent(self._done, self._of)


def _files(folder: Path) -> Iterator[Path]:
    """Every file in a folder and below."""
    for path in folder.iterdir():
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _batches(items: Iterable[T]) -> Iterator[list[T]]:
    left = iter(items)
    while some := list(islice(left, BATCH)):
        yield some


def _marker(folder: Path) -> bytes:
    """Whose it is, for who finds it unfinished."""
    return json.dumps(marked(sorted(path.name for path in folder.iterdir()))).encode()


def _md5(path: Path) -> str:
    """As servers tag an object that came in one part."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _read(text: bytes | None) -> dict[str, Any]:
    try:
        found = json.loads(text or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
