"""The finest level of a Deep Zoom picture or of web map tiles: any rows at once, tile by tile, in PNG, JPEG or WebP.

Tiles may overlap. Those that are not there are no data: alpha 0, or level 0 where that means no data.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gigascene.model.errors import BadInput
from gigascene.model.grid import DEEPEST_ZOOM, PieceGrid, Window
from gigascene.model.plain_picture import Depth, OnMap, PlainPicture, Tiling
from gigascene.readers import _webp, jpeg, png
from gigascene.readers._blocks import LARGEST_BLOCK, room
from gigascene.readers._samples import AGAIN, changed, check_columns, check_out, open_file, version
from gigascene.storage.folder import tiles_beside

Kind = Literal["png", "jpeg", "webp"]

KINDS: dict[str, Kind] = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}
"""By suffix."""

_NUMBER = re.compile(r"0|[1-9][0-9]{0,9}")
_NAME = re.compile(rf"({_NUMBER.pattern})_({_NUMBER.pattern})")
_kept = threading.local()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tile:
    """What a tile's header says."""

    shape: tuple[int, int]
    bands: int
    dtype: Depth
    alpha: bool
    nodata: int | None = None
    plain: PlainPicture | None = None
    """What its own reader takes, where that is no WebP."""


def describe(path: str | Path, shape: tuple[int, int], tiling: Tiling) -> PlainPicture:
    """The picture whose descriptor says this; bands and type are those of its first tile.

    It has alpha where any of its tiles has it, and where some are not there and nothing else can say so.

    Parameters
    ----------
    path : str or Path
        The descriptor, whose folder of tiles lies beside it; or the folder of web map tiles.
    shape : (int, int)
        Rows and columns.
    tiling : Tiling
        How it is cut; its kind is one of `KINDS`.

    Raises
    ------
    BadInput
        Naming the file: no tiles, or tiles that are not read.
    """
    href = str(path)
    side = min(tiling.side, max(shape)) + 2 * tiling.overlap
    if tiling.overlap > tiling.side or side * side * 8 > LARGEST_BLOCK:
        raise BadInput(f"has tiles of {tiling.side} pixels with {tiling.overlap} of overlap, which are not read.", href)
    grid = PieceGrid(shape=shape, piece=(tiling.side, tiling.side))
    first, there, alpha = _first(grid, tiling, href)
    seen = identity(href, tiling)
    lost = there < len(grid) and not alpha and first.nodata is None
    return PlainPicture(
        href=href,
        form="tiles",
        shape=shape,
        bands=first.bands + (lost or (alpha and not first.alpha)),
        dtype=first.dtype,
        alpha=lost or alpha,
        maxval=int(np.iinfo(first.dtype).max),
        packing="tiles",
        nodata=None if alpha or lost else first.nodata,
        tiling=tiling,
        identity=seen,
    )


def identity(href: str, tiling: Tiling) -> str:
    """Changes when any tile of the finest level may have: that of the descriptor or folder, and a sum over all tiles.

    The sum is of hashes of name, size and time of each, so that it is the same in whatever order they are listed.
    """
    total = 0
    for folder, entry, _ in _tiles(href, tiling):
        status = entry.stat()
        told = f"{folder}/{entry.name} {status.st_size} {status.st_mtime_ns}".encode()
        total += int.from_bytes(hashlib.blake2b(told, digest_size=16).digest())
    return f"{version(href)}+{total % (1 << 128):032x}"


def missing(picture: PlainPicture) -> int:
    """Tiles of the finest level that are not there."""
    grid, tiling = _grid(picture)
    return len(grid) - sum(1 for _ in _places(grid, tiling, picture.href))


def describe_map(
    folder: Path,
    *,
    south: bool = False,
    across: int = 1,
    zoom: int | None = None,
    side: int | None = None,
    kind: str | None = None,
) -> PlainPicture:
    """The finest zoom of a folder of web map tiles, as far as its tiles reach; what is not said is seen from its files.

    `across` is how many tiles zoom 0 has in a row. Raises `BadInput` naming the folder: no tiles, or tiles that are not read.
    """
    href = str(folder)
    level, kind = _finest(folder, zoom, kind)
    tiling = Tiling(side=1, overlap=0, kind=kind, level=level, on_map=OnMap(row=0, column=0, south=south))
    places = _turned_all(_on_map(href, tiling), tiling)
    within = (place for place in places if place[0] < 1 << level and place[1] < across << level)
    some = next(within, None)
    if some is None:
        raise BadInput(f"has no tile at its finest zoom, {level}.", href)
    top, left = bottom, right = some
    for row, column in within:
        top, bottom = min(top, row), max(bottom, row)
        left, right = min(left, column), max(right, column)
    side = side or _header(_path(folder / str(level), tiling, *some), tiling).shape[0]
    tiling = replace(tiling, side=side, on_map=OnMap(row=top, column=left, south=south))
    return describe(folder, ((bottom - top + 1) * side, (right - left + 1) * side), tiling)


def _finest(folder: Path, zoom: int | None, kind: str | None) -> tuple[int, str]:
    """The finest zoom that has tiles, and their kind, which is one."""
    href = str(folder)
    if kind is not None and kind not in KINDS:
        raise BadInput(f"has tiles of the kind {kind!r}; {', '.join(KINDS)} are read.", href)
    zooms = [int(entry.name) for entry in _folders(folder, href) if int(entry.name) <= DEEPEST_ZOOM]
    if not zooms and zoom is None:
        raise BadInput("holds no web map tiles: no folder in it has a zoom's number.", href)
    for level in sorted(zooms, reverse=True) if zoom is None else [zoom]:
        found = {suffix for _, suffix in _files(folder / str(level), href)}
        if len(found) > 1 or (kind is not None and found - {kind}):
            kinds = ", ".join(sorted(found))
            raise BadInput(f"has tiles of several kinds at zoom {level} ({kinds}), and those of one are read.", href)
        if found:
            return level, found.pop()
    level = max(zooms) if zoom is None else zoom
    raise BadInput(f"has no tile at its finest zoom, {level}.", href)


def _files(folder: Path, href: str) -> Iterator[tuple[str, str]]:
    """Of the tiles of a zoom, of any kind that is read: name and suffix."""
    for column in _folders(folder, href):
        for entry in _listed(folder / column.name, href):
            stem, _, suffix = entry.name.rpartition(".")
            if _NUMBER.fullmatch(stem) and suffix in KINDS:
                yield entry.name, suffix


def read(picture: PlainPicture, top: int, height: int, out: NDArray[Any], left: int = 0) -> NDArray[Any]:
    """Rows from `top` on into `out`, (height, columns, bands) of the picture's dtype, C-contiguous; returns `out`.

    As many columns from `left` on as `out` has. Tiles are kept while there is room, for the rows below.

    Raises `BadInput` naming the tile that is broken, gone or unlike the others, and ValueError where `out` does not fit.
    """
    columns = out.shape[1]
    check_out(picture, top, height, out, columns)
    check_columns(picture, left, columns)
    if version(picture.href) != picture.identity.partition("+")[0]:
        raise changed(picture)
    grid, _ = _grid(picture)
    side, window = grid.piece[0], Window(top=top, left=left, height=height, width=columns)
    for row in range(top // side, (window.bottom - 1) // side + 1):
        for column in range(left // side, (window.right - 1) // side + 1):
            at = grid[row * grid.across + column]
            rows = slice(max(at.top, top), min(at.bottom, window.bottom))
            across = slice(max(at.left, left), min(at.right, window.right))
            tile = _tile(picture, row, column, at)
            to = out[rows.start - top : rows.stop - top, across.start - left : across.stop - left]
            to[:] = tile[rows.start - at.top : rows.stop - at.top, across.start - at.left : across.stop - at.left]
    return out


def _grid(picture: PlainPicture) -> tuple[PieceGrid, Tiling]:
    assert picture.tiling is not None
    return PieceGrid(shape=picture.shape, piece=(picture.tiling.side,) * 2), picture.tiling


def _folder(href: str, tiling: Tiling) -> Path:
    base = Path(href) if tiling.on_map else Path(href).with_name(tiles_beside(Path(href).name))
    return base / str(tiling.level)


def _places(grid: PieceGrid, tiling: Tiling, href: str) -> Iterator[tuple[int, int]]:
    """Row and column of every tile that is there, in no order."""
    on_map = tiling.on_map
    if on_map is None:
        found = ((int(name[2]), int(name[1])) for _, _, name in _tiles(href, tiling))
    else:
        turned = _turned_all(_on_map(href, tiling), tiling)
        found = ((row - on_map.row, column - on_map.column) for row, column in turned)
    return ((row, column) for row, column in found if 0 <= row < grid.down and 0 <= column < grid.across)


def _on_map(href: str, tiling: Tiling) -> Iterator[tuple[int, int]]:
    """Row, as files are named, and column."""
    return ((int(name[0]), int(folder)) for folder, _, name in _tiles(href, tiling))


def _turned_all(places: Iterator[tuple[int, int]], tiling: Tiling) -> Iterator[tuple[int, int]]:
    """Rows from the north."""
    assert tiling.on_map is not None
    if not tiling.on_map.south:
        return places
    turned = ((_turned(row, tiling.level), column) for row, column in places)
    return (place for place in turned if place[0] >= 0)


def _tiles(href: str, tiling: Tiling) -> Iterator[tuple[str, os.DirEntry[str], re.Match[str]]]:
    """Files of the finest level: the folder they are in, the file, what its name says."""
    folder = _folder(href, tiling)
    if tiling.on_map is None:
        yield from (("", *found) for found in _named(folder, tiling.kind, _NAME, href))
        return
    for column in _folders(folder, href):
        yield from ((column.name, *found) for found in _named(folder / column.name, tiling.kind, _NUMBER, href))


def _named(
    folder: Path, kind: str, pattern: re.Pattern[str], href: str
) -> Iterator[tuple[os.DirEntry[str], re.Match[str]]]:
    for entry in _listed(folder, href):
        stem, _, suffix = entry.name.rpartition(".")
        if suffix == kind and (found := pattern.fullmatch(stem)):
            yield entry, found


def _folders(folder: Path, href: str) -> Iterator[os.DirEntry[str]]:
    """Those that are named by a number."""
    return (entry for entry in _listed(folder, href) if _NUMBER.fullmatch(entry.name) and entry.is_dir())


def _listed(folder: Path, href: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        what = f"has no tiles of its full resolution: {folder.parent.name}/{folder.name} cannot be listed ({error.strerror})."
        raise BadInput(what, href, hint=AGAIN) from error


def _turned(row: int, level: int) -> int:
    """A row counted from the other side."""
    return (1 << level) - 1 - row


def _first(grid: PieceGrid, tiling: Tiling, href: str) -> tuple[_Tile, int, bool]:
    """What the first tile says; how many there are; and whether they have alpha."""
    first, there, alpha = None, 0, False
    folder = _folder(href, tiling)
    for there, place in enumerate(_places(grid, tiling, href), 1):  # noqa: B007  (counted)
        first = place if first is None else min(first, place)
        if KINDS[tiling.kind] != "jpeg" and not alpha:  # those that are full may leave it out
            alpha = _header(_path(folder, tiling, *place), tiling).alpha
    if first is None:
        raise BadInput("has no tiles of its full resolution.", href, hint=AGAIN)
    found = _header(_path(folder, tiling, *first), tiling)
    return found, there, alpha or found.alpha


def _path(folder: Path, tiling: Tiling, row: int, column: int) -> Path:
    if (at := tiling.on_map) is None:
        return folder / f"{column}_{row}.{tiling.kind}"
    own = _turned(row + at.row, tiling.level) if at.south else row + at.row
    return folder / str(column + at.column) / f"{own}.{tiling.kind}"


def _header(path: Path, tiling: Tiling) -> _Tile:
    if KINDS[tiling.kind] == "webp":
        with os.fdopen(open_file(str(path)), "rb") as file:
            rows, columns, bands = _webp.shape_of(file.read(_webp.HEADER), str(path))
        return _Tile(shape=(rows, columns), bands=bands, dtype="uint8", alpha=bands == 4)
    found = (png if KINDS[tiling.kind] == "png" else jpeg).describe(path)
    return _Tile(
        shape=found.shape,
        bands=found.bands,
        dtype=found.dtype,
        alpha=found.alpha,
        nodata=found.nodata,
        plain=found,
    )


def _tile(picture: PlainPicture, row: int, column: int, at: Window) -> NDArray[Any]:
    """Levels of a tile, (rows, columns, bands), what it shares with others left out: this thread's own, or from its file."""
    kept: OrderedDict[Any, NDArray[Any]] = _kept.__dict__.setdefault("tiles", OrderedDict())
    key = (picture.href, picture.identity, row, column)
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    held = at.height * at.width * picture.bands * np.dtype(picture.dtype).itemsize
    held += sum(tile.nbytes for tile in kept.values())
    while kept and held > room():
        held -= kept.popitem(last=False)[1].nbytes
    kept[key] = _decoded(picture, row, column, at)
    return kept[key]


def _decoded(picture: PlainPicture, row: int, column: int, at: Window) -> NDArray[Any]:
    grid, tiling = _grid(picture)
    path = _path(_folder(picture.href, tiling), tiling, row, column)
    out = np.zeros((at.height, at.width, picture.bands), picture.dtype)
    if not path.exists():
        if not picture.alpha and picture.nodata is None:
            raise BadInput("is gone.", str(path), hint="Begin again.")
        return out
    before = (min(at.top, tiling.overlap), min(at.left, tiling.overlap))
    bottom, right = (
        min(end + tiling.overlap, most) for end, most in zip((at.bottom, at.right), grid.shape, strict=True)
    )
    shape = (bottom - at.top + before[0], right - at.left + before[1])
    levels = _levels(path, tiling, shape, picture)[before[0] :, before[1] :][: at.height, : at.width]
    out[..., : levels.shape[2]] = levels
    if levels.shape[2] < picture.bands:
        out[..., -1] = np.iinfo(picture.dtype).max
    return out


def _levels(path: Path, tiling: Tiling, shape: tuple[int, int], picture: PlainPicture) -> NDArray[Any]:
    """All of a tile's file, which must be what the others are."""
    found = _header(path, tiling)
    colors = (picture.bands - picture.alpha, picture.dtype)
    if found.shape != shape or (found.bands - found.alpha, found.dtype) != colors or found.alpha > picture.alpha:
        what = f"is a tile of {found.shape[1]} x {found.shape[0]} pixels with {found.bands} bands of {found.dtype}"
        want = f"{shape[1]} x {shape[0]} with {picture.bands} of {picture.dtype}"
        raise BadInput(f"{what}, and belongs to a picture where it should be {want}.", str(path), hint=AGAIN)
    if found.plain is None:
        return _webp.decoded(_whole(path), str(path))
    out = np.empty((*shape, found.bands), found.dtype)
    with (png.PngRows if found.plain.form == "png" else jpeg.JpegRows)(found.plain) as rows:
        return rows.read(0, shape[0], out)


def _whole(path: Path) -> bytes:
    with os.fdopen(open_file(str(path)), "rb") as file:
        data = file.read(LARGEST_BLOCK + 1)
    if len(data) > LARGEST_BLOCK:
        raise BadInput(f"has more than {LARGEST_BLOCK:,} bytes, and is a tile.", str(path))
    return data
