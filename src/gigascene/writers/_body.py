"""The growing body file of a sink, pieces appended one behind the other; and what all sinks of one file share."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

from gigascene.model.contracts import Codec, Piece, Placed, Record
from gigascene.model.errors import WriteFailed
from gigascene.model.plan import Format, Plan
from gigascene.storage.local import Target, discard, write_at, writing
from gigascene.writers._sides import commit_alone, commit_with_sides, sweep


class Body:
    """Pieces in a file, in the order they came; notes in `placed` where each lies."""

    def __init__(self, path: Path, plan: Plan, done: Record) -> None:
        self.path = path
        self.target = Target(Path(plan.target), keep=not plan.execution.overwrite)
        self.placed = done
        with self.writing():
            self._file = path.open("r+b", buffering=0)  # so that closing never has a refused tail to write
            self._end = self._file.seek(0, os.SEEK_END)

    def writing(self) -> AbstractContextManager[None]:
        """Turn refusals of the system into `WriteFailed` for the target."""
        return writing(self.target.path)

    def append(self, data: bytes | bytearray) -> int:
        """Write bytes that are no piece; returns their offset."""
        offset = self._end
        self.write(data, offset)
        return offset

    def write(self, data: bytes | bytearray, offset: int) -> None:
        """All of it, at this place."""
        with self.writing():
            write_at(self._file.fileno(), data, offset)
        self._end = max(self._end, offset + len(data))

    def put(self, piece: Piece, offset: int | None = None) -> Placed:
        """Note that one piece is there; or write it, to this place or behind the last one."""
        placed = piece.stored
        if placed is None:
            placed = piece.at(self._end if offset is None else offset)
            self.write(piece.body, placed.offset)
        self._end = placed.offset + placed.length
        self.placed.append(placed)
        return placed

    @property
    def empty(self) -> bool:
        """Nothing written yet, not even a header."""
        return self._end == 0

    def check_size(self) -> None:
        """Raise `WriteFailed` where it does not end with its last piece, whoever wrote to it."""
        found = size_of(self.path)
        if found != self._end:
            raise WriteFailed(str(self.target.path), f"its body has {found} bytes, not {self._end}", "Run it again.")

    def close(self) -> None:
        """No more bytes will come."""
        with self.writing():
            self._file.close()

    def abort(self, *, keep: bool) -> None:
        """Close; remove the file unless it is kept for a resume."""
        self._file.close()
        if not keep:
            discard(self.path)


class FileSink:
    """Pieces into a body, one finished file out of it: the body itself, or another that is assembled from it."""

    codec: ClassVar[Codec]
    assembled: ClassVar[str] = ""
    """Tag of the temporary name where another file is made, and the body only read; empty: the body becomes the file."""

    def __init__(self, body: Path, plan: Plan, done: Record) -> None:
        self._format = plan.format
        self._body = Body(body, plan, done)
        self._temporary = self._body.target.sibling(self.assembled) if self.assembled else body

    def put(self, piece: Piece) -> Placed:
        """Append the next piece."""
        return self._body.put(piece)

    def finish(self) -> Mapping[str, Any]:
        """Write what is left, check, commit; where a file is assembled, this can be done again after a failure."""
        target = self._body.target
        missing = len(self.codec.pieces(self._format)) - len(self._body.placed)
        if missing:
            raise WriteFailed(str(target.path), f"{missing} pieces are missing")
        try:
            with self._body.writing():
                try:
                    facts = self._made()
                finally:
                    self._body.close()
                size = size_of(self._temporary)
            told = self._told_beside()
            if told is None:
                commit_alone(target, self._temporary)
            else:
                facts = {**facts, "files": commit_with_sides(target, self._temporary, told)}
        except BaseException:
            self._clear()
            raise
        sweep(target)
        if self.assembled:
            discard(self._body.path)
        return {"bytes": size, **facts}

    def abort(self, *, keep: bool) -> None:
        """Keep what is there for a resume, or nothing."""
        self._clear()
        self._body.abort(keep=keep)

    def _made(self) -> Mapping[str, Any]:
        """Write what is left under the temporary name, and check it; facts for the receipt. Here: nothing is left."""
        return {"in_place": True}

    def _told_beside(self) -> Format | None:
        """What side files must say of the picture; None where the file says it, or nobody can."""
        return None

    def _clear(self) -> None:
        """Remove what was being assembled."""
        sweep(self._body.target)
        if self.assembled:
            discard(self._temporary)


def size_of(path: Path) -> int:
    """Bytes of a file; opened for it, for a network's file system may remember what was so before others wrote to it."""
    with path.open("rb") as file:
        return os.fstat(file.fileno()).st_size
