"""What a receipt says of its file, read with care: it may be cut short, forged, or that of another file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_type_hints

from gigascene.execute.digests import Span
from gigascene.execute.receipt import VERSION, path_for
from gigascene.model.errors import BadInput
from gigascene.model.gap import Gap
from gigascene.model.grid import PieceGrid
from gigascene.model.wire import from_wire

LARGEST = 128 << 20
"""Bytes of a receipt: more than a million pieces, a picture of some terabytes."""

DENSEST = {"[": 48, "{": 48, ",": 12}
"""A receipt has one of these at most every so many bytes, because most of it is checksums; JSON that is nothing else would
take twenty times its size in memory."""

SLACK = 20_000
"""Bytes of a small receipt, which may be denser."""

SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)

MOST_LEVELS = 64
"""Of a pyramid."""

ALONE = "Without it a file can be decoded, but not compared with what was made: gigascene verify --decode-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """A file it was made from."""

    scene: str = ""
    """Empty for a picture that was only converted."""

    band: str = ""
    href: str
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """How it was cut into pieces."""

    shape: tuple[int, int]
    piece: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSum:
    """What the tiles of one level add up to."""

    tiles: int
    bytes: int
    sha256: str
    """Of a line ``name size sha256`` for each tile, row by row from the north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pyramid:
    """Tiles in a folder: beside a file that speaks for them, or by themselves."""

    folder: str
    scheme: Literal["deepzoom", "xyz", "tms"]
    """Names: LEVEL/COLUMN_ROW, or ZOOM/COLUMN/ROW with rows from the north or the south."""

    finest: int
    """Number of the finest level."""

    tiles: int
    digests: tuple[LevelSum, ...]
    """From the finest level on."""

    texts: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of other files in the folder, by name."""

    @property
    def alone(self) -> bool:
        """The folder is the picture; no file speaks for it."""
        return self.scheme != "deepzoom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a finished file was when it was made."""

    target: str
    """Where it was made."""

    bytes: int
    finished: str
    fingerprint: str
    versions: Mapping[str, str]
    recipe: Mapping[str, Any]
    inputs: tuple[Input, ...]
    gaps: tuple[Gap, ...] = ()
    """What of its sources could not be read when it was made."""

    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of its side files, by name."""

    grid: Grid
    checksums: tuple[tuple[int, int, int, str], ...]
    """Of each piece as a worker made it: index, offset in the body, length, SHA-256."""

    in_place: bool
    """The offsets are those in the file too."""

    index: int = 0
    """Bytes at the beginning that say where all others belong; 0 where no part does."""

    blocks: tuple[tuple[int, int, str], ...]
    """Offset, length, SHA-256 of what no piece in place tells."""

    pyramid: Pyramid | None = None
    """The tiles that belong to it."""

    tree: tuple[tuple[str, int, str], ...] = ()
    """Of a static site, which is a folder: name, size and SHA-256 of every file in it and below."""

    @property
    def alone(self) -> bool:
        """The folder is the output; no file speaks for it."""
        return bool(self.tree) or (self.pyramid is not None and self.pyramid.alone)

    @property
    def tiles(self) -> int:
        """Tiles in its folder."""
        if self.tree:
            return sum("_files/" in name for name, _, _ in self.tree)
        return self.pyramid.tiles if self.pyramid else 0

    @property
    def pieces(self) -> PieceGrid:
        """Where each piece is in the picture."""
        return PieceGrid(shape=self.grid.shape, piece=self.grid.piece)

    def spans(self) -> Iterator[tuple[Span, int | None]]:
        """Every byte of the file once, in order; with the index of the piece that it is."""
        pieces = [(Span(*entry[1:]), entry[0]) for entry in self.checksums] if self.in_place else []
        others = [(Span(*entry), None) for entry in self.blocks]
        return iter(sorted([*pieces, *others], key=lambda pair: pair[0].offset))


def read_proof(file: Path) -> Proof:
    """The receipt beside a file. Raises `BadInput` that names the receipt where it is none, or cannot be true."""
    path = path_for(file)
    whole = _json(path)
    if not isinstance(whole, dict) or "gigascene:receipt" not in whole:
        raise BadInput("is no receipt of gigascene.", str(path), hint=ALONE)
    if whole["gigascene:receipt"] != VERSION:
        what = f"is a receipt of version {str(whole['gigascene:receipt'])[:20]}; this gigascene reads {VERSION}."
        raise BadInput(what, str(path), hint=ALONE)
    try:
        proof: Proof = from_wire(
            Proof, {**_known(Proof, whole), "inputs": [_known(Input, one) for one in whole["inputs"]]}
        )
        (_check_tree if proof.tree else _check)(proof)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError) as error:
        raise BadInput(f"is damaged ({str(error)[:200]}).", str(path), hint=ALONE) from error
    return proof


def _known(kind: type, data: Any) -> dict[str, Any]:
    """Those fields that matter here; a receipt tells more."""
    return {name: data[name] for name in get_type_hints(kind) if name in data}


def _json(path: Path) -> Any:
    try:
        if path.exists() and not path.is_file():
            raise BadInput("is no ordinary file.", str(path), hint=ALONE)
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except FileNotFoundError as error:
        raise BadInput("is not there: no receipt was kept beside the file.", str(path), hint=ALONE) from error
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot be read ({getattr(error, 'strerror', None) or error}).", str(path)) from error
    if len(data) > LARGEST or any(data.count(c.encode()) > (SLACK + len(data)) // n for c, n in DENSEST.items()):
        raise BadInput("is too large to be a receipt.", str(path), hint=ALONE)
    try:
        return json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is damaged ({error}).", str(path), hint=ALONE) from error


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _check(proof: Proof) -> None:
    """Raise ValueError where a receipt contradicts itself."""
    if not 0 <= proof.bytes < 1 << 63 or min(*proof.grid.shape, *proof.grid.piece) < 1:
        raise ValueError("its sizes cannot be")
    grid, count = proof.pieces, len(proof.checksums)
    if grid.across * grid.down != count or any(entry[0] != at for at, entry in enumerate(proof.checksums)):
        raise ValueError(f"{count} pieces are not those of {grid.shape[0]} x {grid.shape[1]} pixels")
    for sums in (proof.checksums, proof.blocks):
        if any(entry[-2] < 0 or not SHA256.fullmatch(str(entry[-1])) for entry in sums):
            raise ValueError("a checksum is none")
    at = 0
    for span, _ in proof.spans():
        if span.offset != at:
            raise ValueError(f"it says nothing, or two things, of byte {min(at, span.offset)}")
        at += span.length
    beside = [*proof.files]
    if proof.pyramid is not None:
        _check_pyramid(proof.pyramid)
        beside += [proof.pyramid.folder, *proof.pyramid.texts]
        at += sum(level.bytes for level in proof.pyramid.digests) if proof.pyramid.alone else 0
    if at != proof.bytes and not (proof.pyramid and proof.pyramid.alone and at < proof.bytes):
        raise ValueError(f"it says {proof.bytes} bytes, and tells of {at}")
    if any("/" in name or "\0" in name or name in {"", ".", ".."} for name in beside):
        raise ValueError("a side file lies elsewhere")


def _check_tree(proof: Proof) -> None:
    """The same for that of a static site."""
    if proof.checksums or proof.blocks or proof.files or proof.pyramid:
        raise ValueError("it is that of a folder and of a file")
    if any(size < 0 or not SHA256.fullmatch(sha256) for _, size, sha256 in proof.tree):
        raise ValueError("a checksum is none")
    if len({name for name, _, _ in proof.tree}) != len(proof.tree):
        raise ValueError("it says two things of one file")
    if (told := sum(size for _, size, _ in proof.tree)) != proof.bytes:
        raise ValueError(f"it says {proof.bytes} bytes, and tells of {told}")


def _check_pyramid(pyramid: Pyramid) -> None:
    if not len(pyramid.digests) - 1 <= pyramid.finest <= MOST_LEVELS:
        raise ValueError(f"{len(pyramid.digests)} levels do not end at {pyramid.finest}")
    if sum(level.tiles for level in pyramid.digests) != pyramid.tiles:
        raise ValueError(f"its levels do not have {pyramid.tiles} tiles")
    if any(min(level.tiles, level.bytes) < 0 or not SHA256.fullmatch(level.sha256) for level in pyramid.digests):
        raise ValueError("a checksum is none")
