"""The growing body file of a sink: pieces appended one behind the other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from gigascene.model.contracts import Piece, Placed
from gigascene.storage.local import Target, discard, writing


class Body:
    """Pieces in a file, in the order they came; remembers where each lies."""

    def __init__(self, path: Path, target: Path, done: Sequence[Placed]) -> None:
        self.path = path
        self.target = Target(target)
        self.placed = list(done)
        with self.writing():
            self._file = path.open("r+b", buffering=0)  # so that closing never has a refused tail to write
            self._end = self._file.seek(0, os.SEEK_END)

    def writing(self) -> AbstractContextManager[None]:
        """Turn refusals of the system into `WriteFailed` for the target."""
        return writing(self.target.path)

    def append(self, data: bytes | bytearray) -> int:
        """Write bytes that are no piece; returns their offset."""
        offset = self._end
        rest = memoryview(data)
        with self.writing():
            while rest:
                rest = rest[self._file.write(rest) :]
        self._end += len(data)
        return offset

    def put(self, piece: Piece) -> Placed:
        """Append one piece."""
        offset = self.append(piece.body)
        placed = Placed(
            index=piece.index, offset=offset, length=len(piece.body), sha256=piece.sha256, facts=piece.facts
        )
        self.placed.append(placed)
        return placed

    @property
    def empty(self) -> bool:
        """Nothing written yet, not even a header."""
        return self._end == 0

    def close(self) -> None:
        """No more bytes will come."""
        with self.writing():
            self._file.close()

    def abort(self, *, keep: bool) -> None:
        """Close; remove the file unless it is kept for a resume."""
        self._file.close()
        if not keep:
            discard(self.path)
