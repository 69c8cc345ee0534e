"""Tiles that are there already: a Deep Zoom folder, as this package or another program wrote it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyproj.exceptions import CRSError

from gigascene.metadata.deep_zoom import check_written, parse_descriptor
from gigascene.model.errors import BadInput, UsageError
from gigascene.serve.encode import FORMATS, Coder
from gigascene.serve.picture import Facts, Tile
from gigascene.serve.place import from_json
from gigascene.storage.folder import MARKER, tiles_beside


class DeepZoomFolder:
    """``NAME.dzi`` and the tiles in ``NAME_files``.

    Raises
    ------
    BadInput
        There is no such descriptor, or its tiles are not beside it.
    """

    def __init__(self, path: Path, name: str) -> None:
        zoom, format, overlap = parse_descriptor(_read(path), str(path))
        self._tiles = path.with_name(tiles_beside(path.name)).resolve()
        if not self._tiles.is_dir():
            raise BadInput(f"has no tiles: there is no folder {self._tiles.name} beside it.", str(path))
        if format not in FORMATS:
            raise BadInput(f"has tiles of format {format!r}, which browsers do not show.", str(path))
        facts = Facts(name=name, title=path.name, zoom=zoom, format=format, overlap=overlap)
        self.facts = _with_gaps(_with_view(facts, path), self._tiles)

    def check(self) -> None:
        """All tiles are there."""

    def tile(self, level: int, row: int, column: int) -> bytes:
        """The file as it is."""
        path = self._path(level, row, column)
        if (level, row, column) not in self.facts.zoom or not path.resolve().is_relative_to(self._tiles):
            raise KeyError((level, row, column))
        try:
            return path.read_bytes()
        except FileNotFoundError:
            raise KeyError((level, row, column)) from None
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", str(path)) from error

    def values(self, row: int, column: int) -> list[int] | None:
        """Only what is shown is known, and the page can see that itself."""
        raise KeyError((row, column))

    def every_tile(self, coder: Coder) -> Iterator[Tile]:
        """All that are there, as they are: what was left out or lost is not brought back by encoding again."""
        if coder.format != self.facts.format:
            raise UsageError(f"{self.facts.title} has {self.facts.format} tiles already; leave --format {coder.format}")
        for level in range(self.facts.zoom.top + 1):
            tiles = self.facts.zoom.tiles(level)
            for row, column in ((row, column) for row in range(tiles.down) for column in range(tiles.across)):
                if self._path(level, row, column).exists():
                    yield level, row, column, self.tile(level, row, column)

    def close(self) -> None:
        """Nothing is open."""

    def _path(self, level: int, row: int, column: int) -> Path:
        return self._tiles / str(level) / f"{column}_{row}.{self.facts.format}"


def descriptors(folder: Path) -> list[Path]:
    """The pictures in a folder: in the order of its page, if it has one.

    Raises
    ------
    BadInput
        There is none, or there are several and no page that says which.
    """
    found = sorted(folder.glob("*.dzi"))
    paged = [folder / f"{facts['name']}.dzi" for facts in view_of(folder)]
    if paged and all(path in found for path in paged):
        return paged
    if len(found) != 1:
        has = "no .dzi in it" if not found else f"{len(found)} of them: {', '.join(path.name for path in found)}"
        raise BadInput(
            f"is no folder of one Deep Zoom picture: there is {has}.",
            str(folder),
            hint="Name a .dzi file, or a GeoTIFF.",
        )
    return found


def _with_view(facts: Facts, path: Path) -> Facts:
    """What the page beside a descriptor says of it: title, bands, depth, place."""
    for said in view_of(path.parent):
        if said.get("name") == path.stem:
            try:
                written = _checked(facts, said.get("written", ()))
                where = from_json(said["place"]) if said["place"] else None
                names = tuple(map(str, said["bands"]))
                title, depth = str(said["title"]), int(said["depth"])
                return replace(facts, title=title, bands=names, depth=depth, place=where, written=written)
            except (KeyError, TypeError, ValueError, CRSError) as error:
                raise BadInput(
                    f"says of {path.name} what no view says ({error!r}).", str(path.parent / VIEW)
                ) from error
    return facts


def _with_gaps(facts: Facts, tiles: Path) -> Facts:
    """Which tiles its writer left out because they are blank, where it says so."""
    marker = tiles / MARKER
    if facts.written or not marker.exists():
        return facts
    try:
        return replace(facts, written=_checked(facts, json.loads(_read(marker)).get("written", [])[::-1]))
    except (AttributeError, TypeError, ValueError) as error:
        raise BadInput(f"says of its tiles what no writer says ({error!r}).", str(marker)) from error


def _checked(facts: Facts, written: Sequence[str]) -> tuple[str, ...]:
    """Nothing, or one text for each level; raises ValueError or TypeError."""
    if written and len(written) != facts.zoom.top + 1:
        raise ValueError(f"{len(written)} levels instead of {facts.zoom.top + 1}")
    for level, text in enumerate(written):
        check_written(text, len(facts.zoom.tiles(level)))
    return tuple(written)


VIEW = "view.json"
"""The facts of a page's pictures."""


def view_of(folder: Path) -> list[dict[str, Any]]:
    """Pictures of the page in a folder; none where there is no page."""
    path = folder / VIEW
    if not path.exists():
        return []
    try:
        return [dict(facts) for facts in json.loads(_read(path))["pictures"]]
    except (ValueError, TypeError, KeyError) as error:
        raise BadInput("cannot be read as the facts of a page.", str(path)) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", str(path)) from error
