"""Tiles of a pyramid: pieces in a body, and at the end a folder of files out of it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.codecs._tiff_options import SPAN
from gigascene.codecs._tile_image import BLANK, TileImage, unpacked
from gigascene.codecs._tile_layout import TileLayout
from gigascene.codecs.tile_rows import Half, pyramid
from gigascene.codecs.tiles import TileCodec
from gigascene.metadata.deep_zoom import written
from gigascene.model.contracts import OnDisk, Piece, Placed, Record
from gigascene.model.errors import WriteFailed
from gigascene.model.plan import Format, Plan
from gigascene.storage.folder import FolderTarget, place_with_head
from gigascene.storage.local import Target, discard
from gigascene.writers._body import Body
from gigascene.writers._on_disk import SHARES, WITH_SMALLER


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """What tells one kind of tile folder from another."""

    folder: Path
    name: Callable[[int, int, int], str]
    """File in the folder, of (level, row, column): level 0 is full resolution, rows and columns are those of its grid."""

    scheme: str
    """How `name` makes names: ``deepzoom``, ``xyz`` or ``tms``."""

    finest: int
    """Number of full resolution in them."""

    files: Mapping[str, str] = field(default_factory=dict)
    """Small texts in the folder."""

    head: str | None = None
    """Text of the target itself, where that is a file beside the folder."""


class TilesSink:
    """Encoded tiles into a body; a folder out of it."""

    def __init__(self, body: Path, plan: Plan, done: Record, codec: TileCodec, tree: Tree) -> None:
        self._format, self._codec, self._tree = plan.format, codec, tree
        self._layout = codec.layout(plan.format)
        self._folder = FolderTarget(tree.folder, keep=tree.head is None and not plan.execution.overwrite)
        self._folder.recover()
        self._folder.check()
        self._body = Body(body, plan, done)
        self._head = Target(Path(plan.target)).sibling("head")

    def put(self, piece: Piece) -> Placed:
        """Append the tiles of the next piece."""
        return self._body.put(piece)

    def finish(self) -> Mapping[str, Any]:
        """Every tile a file, the smaller levels among them; the body is only read, so that this can be done again."""
        missing = len(self._codec.pieces(self._format)) - len(self._body.placed)
        if missing:
            raise WriteFailed(str(self._body.target.path), f"{missing} pieces are missing")
        self._body.close()
        try:
            facts = self._build()
            self._place()
        except BaseException:
            self._clear()
            raise
        discard(self._body.path)
        return facts

    def abort(self, *, keep: bool) -> None:
        """Keep what is there for a resume, or nothing."""
        self._clear()
        self._body.abort(keep=keep)

    def _clear(self) -> None:
        discard(self._head)
        self._folder.recover()

    def _place(self) -> None:
        if self._tree.head is None:
            self._folder.place()
        else:
            place_with_head(self._folder, self._body.target, self._head)

    def _build(self) -> dict[str, Any]:
        """The folder under its temporary name; facts for the receipt."""
        tree, layout = self._tree, self._layout
        with self._body.writing():
            self._folder.recover()
            self._folder.fresh.mkdir()
            levels = [_Level(self._folder.fresh, tree, layout, level) for level in range(layout.depth + 1)]
            with self._body.path.open("rb", buffering=0) as body:
                self._spread(body.fileno(), levels)
                self._reduce(body.fileno(), levels)
            for name, text in tree.files.items():
                (self._folder.fresh / name).write_text(text, encoding="utf-8")
            if tree.head is not None:
                self._head.write_text(tree.head, encoding="utf-8")
        texts = [text.encode() for text in (*tree.files.values(), tree.head or "")]
        tiles, size = sum(level.tiles for level in levels), sum(level.bytes for level in levels)
        self._folder.mark(self._marker(levels))
        return {
            "bytes": size + sum(map(len, texts)),
            "files": [],
            "masked": self._layout.kind == "jpg",
            "folder": tree.folder.name,
            "scheme": tree.scheme,
            "finest": tree.finest,
            "texts": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in tree.files.items()},
            "tiles": tiles,
            "levels": len(levels),
            "digests": [level.facts() for level in levels],
        }

    def _marker(self, levels: Sequence[_Level]) -> dict[str, Any]:
        """What must be in the folder, and which tiles of a viewer's grid are blank and need not be."""
        gaps = self._tree.scheme == "deepzoom" and self._layout.sparse
        return {
            **({"written": [written(level.written) for level in levels]} if gaps else {}),
            "writer": self._format.writer,
            "levels": [level.facts() for level in levels],
            "files": {name: hashlib.sha256(text.encode()).hexdigest() for name, text in self._tree.files.items()},
            "texts": dict(self._format.metadata),
        }

    def _spread(self, body: int, levels: Sequence[_Level]) -> None:
        """Files of the tiles that workers made."""
        across = self._codec.pieces(self._format).across
        for number in range(self._layout.made + 1):
            for row, column, offset, length in placed_tiles(self._body.placed, across, number, self._layout):
                levels[number].add(row, column, os.pread(body, length, offset))

    def _reduce(self, body: int, levels: Sequence[_Level]) -> None:
        """Files of all smaller tiles, from the exact pixels of the deepest level that workers made."""
        layout, format = self._layout, self._format
        rest = range(layout.made + 1, layout.depth + 1)
        if not rest:
            return
        image = TileImage(layout, format)
        below = [Half(layout.level_shape(number), layout.tile, format, layout.lead(number)) for number in rest]
        done = [0] * len(levels)
        for number, strip in pyramid(self._exact_rows(body), layout.made, below):
            if number > layout.made:
                for column in range(-(-strip.shape[1] // layout.tile)):
                    levels[number].add(done[number], column, image.encode(strip, column))
                done[number] += 1

    def _exact_rows(self, body: int) -> Iterator[NDArray[Any]]:
        """The deepest level that workers made, by rows of tiles."""
        layout, format = self._layout, self._format
        height, width = layout.level_shape(layout.made)
        strip = np.empty((min(layout.tile, height), width, format.bands), format.dtype)
        across = self._codec.pieces(format).across
        last = 0
        for row, column, offset, length in placed_tiles(self._body.placed, across, None, layout):
            if row != last:
                yield strip[: height - last * layout.tile]
                last = row
            part = strip[: height - row * layout.tile, column * layout.tile : (column + 1) * layout.tile]
            part[:] = unpacked(os.pread(body, length, offset), part.shape[:2], format)
        yield strip[: height - last * layout.tile]


def finishing(layout: TileLayout, format: Format) -> int:
    """Memory of `TilesSink.finish`, bytes: rows of tiles of the level workers made last and of all smaller ones, each twice."""
    rows, columns = layout.level_shape(layout.made)
    return 4 * min(layout.tile, rows) * columns * format.bands * np.dtype(format.dtype).itemsize


def on_disk(layout: TileLayout) -> OnDisk:
    """What a folder takes on the disk."""
    return OnDisk(share=SHARES[layout.kind] * WITH_SMALLER, assembled=True)


class _Level:
    """Files of one level, row by row, and what they add up to."""

    def __init__(self, folder: Path, tree: Tree, layout: TileLayout, number: int) -> None:
        self._folder, self._name, self._number = folder, tree.name, number
        self._top, self._left = layout.first(number)
        self._digest = hashlib.sha256()
        self.tiles = self.bytes = 0
        self.written = bytearray()
        """0 for each tile that was left out, else 1; row by row."""

    def add(self, row: int, column: int, data: bytes) -> None:
        """Write one tile, unless it is left out; row by row."""
        self.written.append(data != BLANK)
        if data == BLANK:
            return
        name = self._name(self._number, self._top + row, self._left + column)
        path = f"{self._folder}/{name}"
        try:
            _write(path, data)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            _write(path, data)
        self._digest.update(f"{name} {len(data)} {hashlib.sha256(data).hexdigest()}\n".encode())
        self.tiles += 1
        self.bytes += len(data)

    def facts(self) -> dict[str, Any]:
        """Number and bytes of its tiles; SHA-256 of a line ``name size sha256`` for each, row by row from the north."""
        return {"tiles": self.tiles, "bytes": self.bytes, "sha256": self._digest.hexdigest()}


def _write(path: str, data: bytes) -> None:
    """A new file: there may be a million of them, so nothing is buffered."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]
    finally:
        os.close(file)


def placed_tiles(
    placed: Record, across: int, level: int | None, layout: TileLayout
) -> Iterator[tuple[int, int, int, int]]:
    """Tiles of a level in the body, row by row: (row, column, offset, length); None for the exact pixels."""
    number = layout.made if level is None else level
    side, columns = SPAN >> number, -(-layout.level_shape(number)[1] // layout.tile)
    for top in range(0, len(placed), across):
        found: list[list[tuple[int, int, int, int]]] = [[] for _ in range(side)]
        for place, piece in enumerate(placed[top : top + across]):
            left = place * side
            wide = min(side, columns - left)
            offset, lengths = _lengths(piece, level)
            for at, length in enumerate(lengths):
                y, x = divmod(at, wide)
                found[y].append((top // across * side + y, left + x, offset, length))
                offset += length
        for row in found:
            yield from row


def _lengths(piece: Placed, level: int | None) -> tuple[int, list[int]]:
    """Where the tiles of a level, or the exact pixels, begin in the body; and the length of each."""
    every: list[list[int]] = [*piece.facts["tiles"], piece.facts["exact"]]
    number = len(every) - 1 if level is None else level
    return piece.offset + sum(map(sum, every[:number])), every[number]
