"""Tiles in a folder, against the sums in their receipt."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from gigascene.execute.verify.damage import Damage
from gigascene.execute.verify.proof import LevelSum, Pyramid
from gigascene.storage.folder import MARKER

DEEP_ZOOM = re.compile(r"(?P<column>\d{1,10})_(?P<row>\d{1,10})\.(png|jpg|webp)", re.ASCII)
MAP = re.compile(r"(?P<row>\d{1,10})\.(png|jpg|webp)", re.ASCII)
NUMBER = re.compile(r"\d{1,10}", re.ASCII)


def pyramid_damage(folder: Path, pyramid: Pyramid) -> Iterator[Damage]:
    """Levels whose tiles are not those that were written: changed, gone, or more; other files that are not."""
    for number, wanted in enumerate(pyramid.digests):
        level = str(pyramid.finest - number)
        found = _sum(folder, level, pyramid.scheme)
        if found != wanted:
            told = f"{found.tiles} tiles of {found.bytes} bytes, where {wanted.tiles} of {wanted.bytes} were written"
            same = (found.tiles, found.bytes) == (wanted.tiles, wanted.bytes)
            yield Damage(what=f"{folder.name}/{level}: " + ("a tile was changed" if same else told))
    for name, sha256 in pyramid.texts.items():
        file = folder / name
        if not file.is_file():
            yield Damage(what=f"{folder.name}/{name} is gone")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            yield Damage(what=f"{folder.name}/{name} was changed")
    for name in _strange(folder, pyramid):
        yield Damage(what=f"{folder.name}/{name} was not written here")


def _sum(folder: Path, level: str, scheme: str) -> LevelSum:
    """What the tiles of a level add up to now."""
    digest, count, size = hashlib.sha256(), 0, 0
    tiles = _deep_zoom(folder / level) if scheme == "deepzoom" else _map(folder / level)
    south = -1 if scheme == "tms" else 1
    for _, _, name in sorted((south * row, column, name) for row, column, name in tiles):
        data = (folder / level / name).read_bytes()
        digest.update(f"{level}/{name} {len(data)} {hashlib.sha256(data).hexdigest()}\n".encode())
        count, size = count + 1, size + len(data)
    return LevelSum(tiles=count, bytes=size, sha256=digest.hexdigest())


def _deep_zoom(level: Path) -> Iterator[tuple[int, int, str]]:
    """Row, column and name of every tile."""
    for name in _names(level):
        if match := DEEP_ZOOM.fullmatch(name):
            yield int(match["row"]), int(match["column"]), name


def _map(level: Path) -> Iterator[tuple[int, int, str]]:
    for column in filter(NUMBER.fullmatch, _names(level)):
        for name in _names(level / column):
            if match := MAP.fullmatch(name):
                yield int(match["row"]), int(column), f"{column}/{name}"


def _strange(folder: Path, pyramid: Pyramid) -> list[str]:
    levels = range(pyramid.finest - len(pyramid.digests) + 1, pyramid.finest + 1)
    return sorted(set(_names(folder)) - {MARKER, *pyramid.texts, *map(str, levels)})


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
