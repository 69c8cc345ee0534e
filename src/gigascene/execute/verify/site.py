"""The files of a static site, against those in its receipt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from gigascene.execute.site import files
from gigascene.execute.verify.damage import Damage


def site_damage(folder: Path, tree: Sequence[tuple[str, int, str]]) -> Iterator[Damage]:
    """Every file that was changed, is gone, or was not written here."""
    wanted = {name: (size, sha256) for name, size, sha256 in tree}
    for name, size, sha256 in files(folder):
        told = wanted.pop(name, None)
        if told is None:
            yield Damage(what=f"{folder.name}/{name} was not written here")
        elif told != (size, sha256):
            yield Damage(what=f"{folder.name}/{name} was changed")
    for name in wanted:
        yield Damage(what=f"{folder.name}/{name} is gone")
