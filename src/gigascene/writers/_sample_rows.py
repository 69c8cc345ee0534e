"""Rows of samples behind a header, or behind none."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gigascene.codecs._sample_rows import CODEC, offset
from gigascene.model.contracts import Piece, Placed, Record
from gigascene.model.errors import UsageError
from gigascene.model.plan import Format, Plan
from gigascene.writers._body import FileSink


class SampleSink(FileSink):
    """All rows have their place before they are made, so workers may write them there: the order of writing means nothing."""

    codec = CODEC

    def __init__(self, body: Path, plan: Plan, done: Record, head: bytes = b"") -> None:
        super().__init__(body, plan, done)
        self._begin = len(head)
        self._body.write(head, 0)

    def put(self, piece: Piece) -> Placed:
        """Rows into their place, if they are not there."""
        return self._body.put(piece, self._begin + offset(piece.index, self._format))

    def _made(self) -> Mapping[str, Any]:
        self._body.check_size()
        return super()._made()

    def _told_beside(self) -> Format:
        return self._format


def check_samples(format: Format, what: str) -> None:
    """Raise `UsageError` for what readers of plain samples do not take."""
    if format.dtype not in {"uint8", "uint16"} or not 1 <= format.bands <= 4:
        raise UsageError(f"{what} takes 1 to 4 bands of uint8 or uint16, not {format.bands} of {format.dtype}")
    if format.alpha != (format.bands in {2, 4}):
        raise UsageError(f"{what} takes alpha as the last of 2 or 4 bands, not {format.bands} bands")
