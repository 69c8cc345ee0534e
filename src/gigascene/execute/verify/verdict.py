"""A finished file compared with its receipt, byte by byte, and decoded again."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gigascene.execute.digests import digests
from gigascene.execute.receipt import path_for
from gigascene.execute.verify.damage import Damage, Part, damage_words, piece_words
from gigascene.execute.verify.decoding import Decoded, decode
from gigascene.execute.verify.places import is_tiff, tiff_pieces
from gigascene.execute.verify.proof import Input, Proof, read_proof
from gigascene.execute.verify.pyramid import pyramid_damage
from gigascene.execute.verify.site import site_damage
from gigascene.model.errors import BadInput
from gigascene.model.gap import Gap
from gigascene.storage.identity import identity

MOST_TOLD = 100
"""Damaged places that are told one by one."""

GAPS_TOLD = 3
"""Gaps in words; `Verdict.gaps` has all."""

LARGEST_SIDE = 16 << 20
"""Bytes of a side file; ours have a few hundred."""

Watch = Callable[[int, int], None]
"""Told (done, of) in megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found of one file."""

    file: str
    state: Literal["whole", "damaged", "decoded"]
    """`decoded`: without a receipt, so that only decoders have spoken."""

    bytes: int
    pieces: int = 0
    """Pieces that are as the workers made them."""

    blocks: int = 0
    """Blocks beside the pieces that are as they were written."""

    tiles: int = 0
    """Tiles in a folder that are as they were written."""

    damage: tuple[Damage, ...] = ()
    """The first hundred places."""

    damaged: int = 0
    """Places in all."""

    decoded_by: tuple[str, ...] = ()
    """Decoders that have read every pixel; where there are two, they agree."""

    shape: tuple[int, int] | None = None
    """Rows, columns, as the decoder found them."""

    made: Mapping[str, Any] = field(default_factory=dict)
    """When, by which version, from which scenes or pictures."""

    gaps: tuple[Gap, ...] = ()
    """What of its sources could not be read when it was made, and was left out because that was allowed."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    """`unchanged`, `changed`, `gone` or `unknown`, by place."""

    notes: tuple[str, ...] = ()
    """What is worth knowing and no damage."""

    @property
    def holds(self) -> bool:
        """Nothing is damaged."""
        return self.state != "damaged"


def verify(path: Path, watch: Watch, *, quick: bool, decode_only: bool) -> Verdict:
    """See `gigascene.api.verify`."""
    if path.is_dir():
        return _folder(path, watch, decode_only=decode_only)
    size, seen = _looked_at(path)
    proof = None if decode_only else read_proof(path)
    verdict = _unproven(path, size, watch) if proof is None else _proven(path, size, proof, watch, quick=quick)
    if _looked_at(path)[1] != seen:
        raise BadInput("has changed while it was read.", str(path), hint="Wait until it is finished.")
    return verdict


def _looked_at(path: Path) -> tuple[int, str]:
    """Size and identity of an ordinary file."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BadInput("is no ordinary file.", str(path))
        return status.st_size, identity(str(path))
    except ValueError as error:
        raise BadInput(f"cannot be opened: {error}", str(path)) from error
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", str(path)) from error


def _proven(path: Path, size: int, proof: Proof, watch: Watch, *, quick: bool) -> Verdict:
    """Every byte against the receipt; what agrees with it is decoded."""
    with _reading(path):
        moved = not proof.in_place and not quick and is_tiff(path)
        meter = _Meter(proof.bytes, 1 + moved + (not quick), watch)
        parts = list(proof.spans())
        bad = _differing(path, parts, meter)
        damage = [*_length(size, proof), *damage_words(path, proof, bad)]
        pieces = len(proof.checksums) - sum(index is not None for _, index in bad) if proof.in_place else 0
        if moved and not damage:
            damage += _misplaced(path, proof, meter)
            pieces = 0 if any(one.piece is None for one in damage) else len(proof.checksums) - len(damage)
        if proof.pyramid is not None:
            damage += pyramid_damage(path.with_name(proof.pyramid.folder), proof.pyramid)
        decoded = Decoded(by=())
        if not damage and not quick:
            decoded, damage = _decoded(path, meter)
    return Verdict(
        file=str(path),
        state="damaged" if damage else "whole",
        bytes=size,
        pieces=pieces,
        tiles=0 if damage or proof.pyramid is None else proof.pyramid.tiles,
        blocks=sum(index is None for _, index in parts) - sum(index is None for _, index in bad),
        damage=tuple(damage[:MOST_TOLD]),
        damaged=len(damage),
        decoded_by=decoded.by,
        shape=decoded.shape,
        made=_made(proof),
        gaps=proof.gaps,
        inputs={one.href: _state(one) for one in proof.inputs},
        notes=(*([decoded.note] if decoded.note else []), *_notes(path, proof)),
    )


def _folder(path: Path, watch: Watch, *, decode_only: bool) -> Verdict:
    """Map tiles, or a static site: every file in the folder against its receipt."""
    if decode_only or not path_for(path).exists():
        raise BadInput("is a folder; name the files in it.", str(path))
    proof = read_proof(path)
    if not proof.alone:
        raise BadInput("is a folder, and its receipt is that of a file.", str(path))
    with _reading(path):
        damage = list(_folder_damage(path, proof))
    watch(1, 1)
    return Verdict(
        file=str(path),
        state="damaged" if damage else "whole",
        bytes=proof.bytes,
        tiles=0 if damage else proof.tiles,
        damage=tuple(damage[:MOST_TOLD]),
        damaged=len(damage),
        shape=proof.grid.shape,
        made=_made(proof),
        gaps=proof.gaps,
        inputs={one.href: _state(one) for one in proof.inputs},
        notes=tuple(_notes(path, proof)),
    )


def _folder_damage(path: Path, proof: Proof) -> Iterator[Damage]:
    return site_damage(path, proof.tree) if proof.pyramid is None else pyramid_damage(path, proof.pyramid)


def _unproven(path: Path, size: int, watch: Watch) -> Verdict:
    """By decoders alone."""
    with _reading(path):
        decoded, damage = _decoded(path, _Meter(size, 1, watch), both=True)
    if not damage and not decoded.by:
        raise BadInput(f"cannot be decoded: {decoded.note}.", str(path))
    return Verdict(
        file=str(path),
        state="damaged" if damage else "decoded",
        bytes=size,
        damage=tuple(damage),
        damaged=len(damage),
        decoded_by=decoded.by,
        shape=decoded.shape,
        notes=(decoded.note,) if decoded.note else (),
    )


class _Meter:
    """Adds up what several passes over a file have done."""

    def __init__(self, size: int, passes: int, watch: Watch) -> None:
        self._size, self._of, self._watch, self._done = size, size * passes, watch, 0

    def add(self, count: int) -> None:
        """So many bytes more."""
        self._done += count
        self._tell(self._done)

    def share(self, part: float) -> None:
        """So much of the last pass, 0 to 1."""
        self._tell(self._done + int(self._size * part))

    def _tell(self, done: int) -> None:
        self._watch(min(done, self._of) // 1_000_000, max(1, self._of // 1_000_000))


def _differing(path: Path, parts: Sequence[Part], meter: _Meter) -> list[Part]:
    """The parts of a file that are not as its receipt says."""
    bad = []
    for part, found in zip(parts, digests(path, (span.segments for span, _ in parts)), strict=True):
        if found != part[0].sha256:
            bad.append(part)
        meter.add(part[0].length)
    return bad


def _misplaced(path: Path, proof: Proof, meter: _Meter) -> Iterator[Damage]:
    """Pieces that came into the file otherwise than they left the worker, though the file is as it was written."""
    try:
        places = list(tiff_pieces(path, proof.pieces))
        if (told := sum(length for _, _, length, _ in proof.checksums)) > proof.bytes:
            raise ValueError(f"they have {told:,} bytes, and it has {proof.bytes:,}")
    except ValueError as error:
        yield Damage(what=f"its header does not tell where the pieces lie ({error})")
        return
    lengths = (length for _, _, length, _ in proof.checksums)
    fitting = (
        place if sum(size for _, size in place) == length else () for place, length in zip(places, lengths, strict=True)
    )
    for (index, _, length, sha256), found in zip(proof.checksums, digests(path, fitting), strict=True):
        if found != sha256:
            yield Damage(what=f"{piece_words(proof, index)} came into the file otherwise than it was made", piece=index)
        meter.add(length)


def _decoded(path: Path, meter: _Meter, *, both: bool = False) -> tuple[Decoded, list[Damage]]:
    try:
        return decode(path, meter.share, both=both), []
    except BadInput as error:
        what, _, _, window, _ = error.args
        return Decoded(by=()), [Damage(what=f"it {what.rstrip('.')}{f' ({window})' if window else ''}")]


def _length(size: int, proof: Proof) -> Iterator[Damage]:
    if size < proof.bytes:
        what = f"it is cut short: {size:,} of {proof.bytes:,} bytes are there"
        yield Damage(what=what, offset=size, length=proof.bytes - size)
    elif size > proof.bytes:
        what = f"it goes on for {size - proof.bytes:,} bytes behind its end"
        yield Damage(what=what, offset=proof.bytes, length=size - proof.bytes)


def _made(proof: Proof) -> dict[str, Any]:
    return {
        "finished": proof.finished,
        "gigascene": proof.versions.get("gigascene", "?"),
        "sources": list(dict.fromkeys(one.scene or Path(one.href).name for one in proof.inputs)),
        "product": str(proof.recipe.get("product", "?")),
        "fingerprint": proof.fingerprint,
        "target": proof.target,
    }


def _state(one: Input) -> str:
    if not one.identity or "://" in one.href or one.href.startswith("/vsicurl"):
        return "unknown"
    try:
        return "unchanged" if identity(one.href) == one.identity else "changed"
    except (OSError, ValueError):
        return "gone"


def _notes(path: Path, proof: Proof) -> Iterator[str]:
    """What else is not as it was, or was not whole from the beginning."""
    if proof.gaps:
        some = " ".join(map(str, proof.gaps[:GAPS_TOLD])) + (" …" if len(proof.gaps) > GAPS_TOLD else "")
        count = "a gap that was" if len(proof.gaps) == 1 else f"{len(proof.gaps):,} gaps that were"
        yield f"it was made with {count} allowed: {some}"
    if (name := Path(proof.target).name) != path.name:
        yield f"its receipt calls it {name}"
    for name, sha256 in proof.files.items():
        side = path.with_name(name)
        try:
            usual = side.is_file() and side.stat().st_size <= LARGEST_SIDE
            same = usual and hashlib.sha256(side.read_bytes()).hexdigest() == sha256
        except OSError:
            same = False
        if not same:
            yield f"its side file {name} {'has changed' if side.exists() else 'is gone'}"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror or error}", str(path), hint="Is the disk sound?") from error
