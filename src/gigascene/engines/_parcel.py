"""Results as bytes that tell their own end: what a worker elsewhere sends home, checked by SHA-256, read without pickle.

One record is a fixed head (a mark, the lengths of what follows, its SHA-256),
then JSON, then the pieces' bodies behind one another.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

from gigascene.model import failure, wire
from gigascene.model.contracts import Done, Failed, Piece, Placed
from gigascene.model.errors import BadInput
from gigascene.model.plan import Task

MARK = b"gigarec1"
HEAD = struct.Struct("<8sQQ32s")
"""Mark, bytes of JSON, bytes of bodies, SHA-256 of both."""


class Damaged(ValueError):
    """A record that is cut off or not what was written."""


def packed(result: Done | Failed) -> bytes:
    """One record."""
    bodies = [piece.body for piece in result.pieces] if isinstance(result, Done) else []
    text = json.dumps(_told(result), allow_nan=False).encode()
    digest = hashlib.sha256(text)
    for body in bodies:
        digest.update(body)
    return b"".join([HEAD.pack(MARK, len(text), sum(map(len, bodies)), digest.digest()), text, *bodies])


def length(head: bytes) -> int:
    """Bytes of the whole record that begins so; raises `Damaged`."""
    return HEAD.size + sum(_lengths(head))


def told_length(head: bytes) -> int:
    """Bytes of the JSON behind the head; raises `Damaged`."""
    return _lengths(head)[0]


def _lengths(head: bytes) -> tuple[int, int]:
    """Bytes of JSON and of bodies."""
    if len(head) < HEAD.size or head[: len(MARK)] != MARK:
        raise Damaged("no record begins here")
    _, text, bodies, _ = HEAD.unpack_from(head)
    return int(text), int(bodies)


def whose(text: bytes) -> tuple[Task, bool]:
    """Of which task a record tells, by its JSON alone, and whether it is done; not checked yet. Raises `Damaged`."""
    try:
        told = json.loads(text)
        return wire.from_wire(Task, told["task"]), "error" not in told
    except (KeyError, TypeError, ValueError, BadInput) as error:
        raise Damaged(f"a record cannot be understood: {error}") from error


def opened(record: bytes) -> Done | Failed:
    """The result in a record; raises `Damaged`."""
    if length(record) != len(record):
        raise Damaged(f"{len(record)} bytes of a record of {length(record)}")
    _, size, _, digest = HEAD.unpack_from(record)
    inner = memoryview(record)[HEAD.size :]
    if hashlib.sha256(inner).digest() != digest:
        raise Damaged("a record's bytes are not those that were written")
    try:
        return _result(json.loads(bytes(inner[:size])), inner[size:])
    except (KeyError, TypeError, ValueError, BadInput) as error:
        raise Damaged(f"a record cannot be understood: {error}") from error


def _told(result: Done | Failed) -> dict[str, Any]:
    told = {"task": wire.to_wire(result.task)}
    if isinstance(result, Failed):
        return told | {"error": failure.told(result.error), "traceback": result.traceback}
    return told | {"pieces": list(map(_told_piece, result.pieces)), "seconds": result.seconds, "author": result.author}


def _told_piece(piece: Piece) -> dict[str, Any]:
    """Of one that is in its place already, where that is too."""
    facts = {"sha256": piece.sha256, "facts": wire.to_wire(piece.facts)}
    placed = {} if piece.stored is None else {"stored": [piece.stored.offset, piece.stored.length]}
    return {"index": piece.index, "length": len(piece.body), **facts, **placed}


def _result(told: dict[str, Any], bodies: memoryview) -> Done | Failed:
    task = wire.from_wire(Task, told["task"])
    if "error" in told:
        return Failed(task=task, error=failure.raised(**told["error"]), traceback=str(told["traceback"]))
    pieces = tuple(_pieces(told["pieces"], bodies))
    return Done(task=task, pieces=pieces, seconds=float(told["seconds"]), author=str(told["author"]))


def _pieces(told: list[dict[str, Any]], bodies: memoryview) -> Iterator[Piece]:
    ends = accumulate((int(one["length"]) for one in told), initial=0)
    for one, (start, end) in zip(told, pairwise(ends), strict=True):
        body, index, facts = bytes(bodies[start:end]), int(one["index"]), dict(one["facts"])
        piece = Piece(index=index, body=body, sha256=str(one["sha256"]), facts=facts)
        yield replace(piece, stored=_stored(piece, *one["stored"])) if "stored" in one else piece


def _stored(piece: Piece, offset: Any, length: Any) -> Placed:
    return replace(piece.at(int(offset)), length=int(length))
