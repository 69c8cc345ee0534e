"""PAM, PGM and PPM: raw rows behind a header of text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from gigascene.codecs.pam import CODEC, classic_header, header, offset
from gigascene.model.contracts import OnDisk, Piece, Record
from gigascene.model.errors import UsageError
from gigascene.model.plan import Format, Plan
from gigascene.writers._body import FileSink

CLASSIC_BANDS = {".pgm": 1, ".ppm": 3}


class PamSink(FileSink):
    """Rows behind one another, behind a header: all have their place before they are made, so workers write them there."""

    codec = CODEC

    def __init__(self, body: Path, plan: Plan, done: Record) -> None:
        super().__init__(body, plan, done)
        head = _header_maker(plan.format)(plan.format)
        self._begin = len(head)
        if self._body.empty:
            self._body.append(head)

    def store(self, piece: Piece) -> Piece:
        """Rows into their place; no queue."""
        return self._body.store(piece, self._begin + offset(piece.index, self._format))

    def _told_beside(self) -> Format:
        return self._format


class PamWriter:
    """Portable Arbitrary Map: 8 or 16 bit, grey or RGB, with or without alpha; without, also as .pgm and .ppm."""

    name = "pam"
    suffixes = (".pam", ".pgm", ".ppm")
    options: tuple[str, ...] = ()
    codec = CODEC

    def format(self, format: Format) -> Format:
        """No options; .pgm takes grey and .ppm RGB, without alpha."""
        _header_maker(format)
        if format.dtype not in {"uint8", "uint16"} or not 1 <= format.bands <= 4:
            raise UsageError(f"PAM takes 1 to 4 bands of uint8 or uint16, not {format.bands} of {format.dtype}")
        if format.alpha != (format.bands in {2, 4}):
            raise UsageError(f"PAM takes alpha as the last of 2 or 4 bands, not {format.bands} bands")
        return replace(format, options={})

    def finishing(self, format: Format) -> int:
        """The body is the file."""
        return 0

    def on_disk(self, format: Format) -> OnDisk:
        """Samples as they are."""
        return OnDisk(share=1)

    def open(self, body: Path, plan: Plan, done: Record) -> PamSink:
        """A sink on the body file."""
        return PamSink(body, plan, done)


WRITER = PamWriter()


def _header_maker(format: Format) -> Callable[[Format], bytes]:
    suffix = format.suffix
    wanted = CLASSIC_BANDS.get(suffix)
    if wanted is None:
        return header
    if format.bands != wanted:
        holds = {1: "grey", 3: "RGB"}[wanted]
        raise UsageError(f"{suffix} holds {holds} without alpha, and this has {format.bands} bands; write .pam")
    return classic_header
