"""The tiles of a Deep Zoom picture, against the sums in its receipt."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from gigascene.execute.damage import Damage
from gigascene.execute.proof import LevelSum, Pyramid

TILE = re.compile(r"(?P<column>\d{1,10})_(?P<row>\d{1,10})\.(png|jpg|webp)")


def pyramid_damage(path: Path, pyramid: Pyramid) -> Iterator[Damage]:
    """Levels whose tiles are not those that were written: changed, gone, or more."""
    folder, last = path.with_name(pyramid.folder), len(pyramid.digests) - 1
    for number, wanted in enumerate(pyramid.digests):
        name = str(last - number)
        found = _sum(folder / name, name)
        if found != wanted:
            told = f"{found.tiles} tiles of {found.bytes} bytes, where {wanted.tiles} of {wanted.bytes} were written"
            same = (found.tiles, found.bytes) == (wanted.tiles, wanted.bytes)
            yield Damage(what=f"{pyramid.folder}/{name}: " + ("a tile was changed" if same else told))


def _sum(folder: Path, name: str) -> LevelSum:
    """What the tiles of a level add up to now."""
    digest, count, size = hashlib.sha256(), 0, 0
    for _, _, tile in sorted(_tiles(folder)):
        data = (folder / tile).read_bytes()
        digest.update(f"{name}/{tile} {len(data)} {hashlib.sha256(data).hexdigest()}\n".encode())
        count, size = count + 1, size + len(data)
    return LevelSum(tiles=count, bytes=size, sha256=digest.hexdigest())


def _tiles(folder: Path) -> Iterator[tuple[int, int, str]]:
    """Row, column and name of every tile."""
    for entry in folder.iterdir() if folder.is_dir() else ():
        if match := TILE.fullmatch(entry.name):
            yield int(match["row"]), int(match["column"]), entry.name
