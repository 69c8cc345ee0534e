"""Where a copied catalogue goes: a folder, or the beginning of keys in a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Protocol

from gigascene.metadata.stac_tree import ROOT
from gigascene.model.errors import WriteFailed
from gigascene.storage import bucket, hrefs
from gigascene.storage.folder import MARKER
from gigascene.storage.local import Target, writing

LARGEST_DOCUMENT = 64 << 20
"""Bytes of an item or catalogue that was written here."""


class Shelf(Protocol):
    """Names are relative, with ``/``."""

    @property
    def said(self) -> str:
        """As the user gave it, for messages."""

    def check(self, source: str) -> None:
        """Raise `WriteFailed` now if a catalogue from there (empty: from no one place) can never be put here; nothing is changed."""

    def begin(self) -> None:
        """Make it ready to take files."""

    def place(self, name: str) -> Path | str:
        """Where a file of it lies."""

    def has(self, name: str) -> bool:
        """True if there is such a file."""

    def read(self, name: str) -> bytes | None:
        """A document; None where there is none."""

    def write(self, name: str, text: str) -> None:
        """A document, whole or not at all."""


def shelf(target: str | PathLike[str]) -> Shelf:
    """For a target as the user gave it. Raises `WriteFailed` for a web server's."""
    said = fspath(target)
    if hrefs.is_remote(said) and not hrefs.is_bucket(said):
        raise WriteFailed(
            hrefs.public(said), "copies go into folders and buckets only", "Name one, or mount the server."
        )
    return InBucket(said.rstrip("/")) if hrefs.is_bucket(said) else InFolder(Path(said))


@dataclass(frozen=True, slots=True)
class InFolder:
    """On this machine."""

    path: Path

    @property
    def said(self) -> str:
        """As the user gave it."""
        return str(self.path)

    def check(self, source: str) -> None:
        """Raise `WriteFailed` if it can never be put here."""
        if source and not hrefs.is_remote(source) and Path(source).resolve().is_relative_to(self.path.resolve()):
            raise WriteFailed(self.said, "the catalogue itself lies there", "Name another folder.")
        if self.path.is_symlink() or (self.path.exists() and not self.path.is_dir()):
            raise WriteFailed(self.said, "it is a link or a file", "Name a folder.")
        if not self.path.parent.is_dir():
            raise WriteFailed(self.said, f"there is no folder {self.path.parent}", "Make it first.")
        if (self.path / MARKER).exists():
            raise WriteFailed(self.said, "it holds another catalogue, which was built there", "Name a new folder.")

    def begin(self) -> None:
        """Make it ready."""
        with writing(self.path):
            self.path.mkdir(exist_ok=True)

    def place(self, name: str) -> Path:
        """Of a file."""
        return self.path / name

    def has(self, name: str) -> bool:
        """True if it is there."""
        return (self.path / name).is_file()

    def read(self, name: str) -> bytes | None:
        """A document, or None."""
        try:
            return (self.path / name).read_bytes()
        except OSError:
            return None

    def write(self, name: str, text: str) -> None:
        """A document, whole or not at all."""
        file = self.path / name
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        Target(file).check()
        Target(file).write_text(text)


@dataclass(frozen=True, slots=True)
class InBucket:
    """Objects whose keys begin alike."""

    said: str

    def check(self, source: str) -> None:
        """Raise `WriteFailed` if it can never be put here."""
        if f"{source}/".startswith(f"{self.said}/"):
            raise WriteFailed(self.said, "the catalogue itself lies there", "Name another place.")
        bucket.check(self.place(ROOT))

    def begin(self) -> None:
        """Make it ready."""
        bucket.probe(self.place(ROOT))

    def place(self, name: str) -> str:
        """Of a file."""
        return f"{self.said}/{name}"

    def has(self, name: str) -> bool:
        """True if it is there."""
        return bucket.noted(self.place(name)) is not None

    def read(self, name: str) -> bytes | None:
        """A document, or None."""
        return bucket.get(self.place(name), LARGEST_DOCUMENT)

    def write(self, name: str, text: str) -> None:
        """A document, whole or not at all."""
        bucket.put(self.place(name), text.encode())
