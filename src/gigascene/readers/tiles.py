"""The finest level of a Deep Zoom picture or of web map tiles: any rows at once, tile by tile, in PNG, JPEG or WebP.

Tiles may overlap. Those that are not there are no data: alpha 0, or level 0 where that means no data.
"""

from __future__ import annotations

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
from gigascene.model.grid import PieceGrid, Window
from gigascene.model.plain_picture import Depth, OnMap, PlainPicture, Tiling
from gigascene.readers import _webp, jpeg, png
from gigascene.readers._blocks import LARGEST_BLOCK, room
from gigascene.readers._samples import AGAIN, check_columns, check_out, check_unchanged, open_file, version
from gigascene.storage.folder import tiles_beside

Kind = Literal["png", "jpeg", "webp"]

KINDS: dict[str, Kind] = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "webp": "webp"}
"""By suffix."""

_NUMBER = re.compile(r"\d{1,10}")
_NAME = re.compile(r"(\d{1,10})_(\d{1,10})")
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

    It has alpha where its tiles have it (of WebP, any), and where some are not there and nothing else can say so.

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
    seen = version(href)
    side = min(tiling.side, max(shape)) + 2 * tiling.overlap
    if tiling.overlap > tiling.side or side * side * 8 > LARGEST_BLOCK:
        raise BadInput(f"has tiles of {tiling.side} pixels with {tiling.overlap} of overlap, which are not read.", href)
    grid = PieceGrid(shape=shape, piece=(tiling.side, tiling.side))
    first, there, alpha = _first(grid, tiling, href)
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


def missing(picture: PlainPicture) -> int:
    """Tiles of the finest level that are not there."""
    grid, tiling = _grid(picture)
    return len(grid) - sum(1 for _ in _places(grid, tiling, picture.href))


def describe_map(
    folder: Path, *, south: bool = False, zoom: int | None = None, side: int | None = None, kind: str | None = None
) -> PlainPicture:
    """The finest zoom of a folder of web map tiles, as far as its tiles reach; what is not said is seen from its files.

    Raises `BadInput` naming the folder: no tiles, or tiles that are not read.
    """
    href = str(folder)
    zooms = [int(name) for name in _listed(folder, href) if _NUMBER.fullmatch(name)]
    level = max(zooms, default=None) if zoom is None else zoom
    if level is None:
        raise BadInput("holds no web map tiles: no folder in it has a zoom's number.", href)
    kind = kind or next(_kinds(folder / str(level), href), "")
    if kind not in KINDS:
        has = f"has tiles of the kind {kind!r}" if kind else f"has no tile at its finest zoom, {level}"
        raise BadInput(f"{has}; {', '.join(KINDS)} are read.", href)
    places = ((_turned(row, level) if south else row, col) for row, col in _on_map(folder / str(level), kind, href))
    within = (place for place in places if 0 <= place[0] < 1 << level)
    some = next(within, None)
    if some is None:
        raise BadInput(f"has no tile at its finest zoom, {level}.", href)
    top, left = bottom, right = some
    for row, column in within:
        top, bottom = min(top, row), max(bottom, row)
        left, right = min(left, column), max(right, column)
    tiling = Tiling(side=1, overlap=0, kind=kind, level=level, on_map=OnMap(row=top, column=left, south=south))
    side = side or _header(_path(folder / str(level), tiling, some[0] - top, some[1] - left), tiling).shape[0]
    return describe(folder, ((bottom - top + 1) * side, (right - left + 1) * side), replace(tiling, side=side))


def read(picture: PlainPicture, top: int, height: int, out: NDArray[Any], left: int = 0) -> NDArray[Any]:
    """Rows from `top` on into `out`, (height, columns, bands) of the picture's dtype, C-contiguous; returns `out`.

    As many columns from `left` on as `out` has. Tiles are kept while there is room, for the rows below.

    Raises `BadInput` naming the tile that is broken, gone or unlike the others, and ValueError where `out` does not fit.
    """
    columns = out.shape[1]
    check_out(picture, top, height, out, columns)
    check_columns(picture, left, columns)
    check_unchanged(picture)
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
    folder, on_map = _folder(href, tiling), tiling.on_map
    if on_map is None:
        found = _beside(folder, tiling.kind, href)
    else:
        turned = (
            (_turned(row, tiling.level) if on_map.south else row, column)
            for row, column in _on_map(folder, tiling.kind, href)
        )
        found = ((row - on_map.row, column - on_map.column) for row, column in turned)
    return ((row, column) for row, column in found if 0 <= row < grid.down and 0 <= column < grid.across)


def _beside(folder: Path, kind: str, href: str) -> Iterator[tuple[int, int]]:
    """Of files ``COLUMN_ROW.png``."""
    for stem in _stems(folder, kind, href):
        if found := _NAME.fullmatch(stem):
            yield int(found[2]), int(found[1])


def _on_map(folder: Path, kind: str, href: str) -> Iterator[tuple[int, int]]:
    """Of files ``COLUMN/ROW.png``."""
    for column in filter(_NUMBER.fullmatch, _listed(folder, href)):
        for row in filter(_NUMBER.fullmatch, _stems(folder / column, kind, href)):
            yield int(row), int(column)


def _kinds(folder: Path, href: str) -> Iterator[str]:
    """Suffixes of the tiles of a zoom."""
    for column in filter(_NUMBER.fullmatch, _listed(folder, href)):
        for name in _listed(folder / column, href):
            stem, _, suffix = name.rpartition(".")
            if _NUMBER.fullmatch(stem) and suffix in KINDS:
                yield suffix


def _stems(folder: Path, kind: str, href: str) -> Iterator[str]:
    for name in _listed(folder, href):
        stem, _, suffix = name.rpartition(".")
        if suffix == kind:
            yield stem


def _listed(folder: Path, href: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries)
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
        if KINDS[tiling.kind] == "webp" and not alpha:  # those that are full leave it out
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
