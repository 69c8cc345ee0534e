"""PAM, PGM and PPM: raw rows behind a header of text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gigascene.codecs.pam import CODEC, classic_header, header, row_bytes
from gigascene.model.contracts import Piece, Placed
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.model.plan import Format, Plan
from gigascene.writers._body import Body
from gigascene.writers._sides import commit_with_sides

CLASSIC_BANDS = {".pgm": 1, ".ppm": 3}


class PamSink:
    """Rows behind one another, behind a header."""

    def __init__(self, body: Path, plan: Plan, done: Sequence[Placed]) -> None:
        self._format = plan.format
        start = _header_maker(plan.format)(plan.format)
        self._body = Body(body, Path(plan.target), done)
        self._size = len(start) + plan.format.shape[0] * row_bytes(plan.format)
        if self._body.empty:
            self._body.append(start)

    def put(self, piece: Piece) -> Placed:
        """Append the next strip."""
        return self._body.put(piece)

    def finish(self) -> Mapping[str, Any]:
        """The body itself becomes the file."""
        self._body.close()
        target, size = self._body.target, self._body.path.stat().st_size
        if size != self._size:
            raise WriteFailed(str(target.path), f"{size:,} of {self._size:,} bytes are there")
        files = commit_with_sides(target, self._body.path, self._format)
        return {"bytes": size, "files": files, "in_place": True}

    def abort(self, *, keep: bool) -> None:
        """Keep what is there for a resume, or nothing."""
        self._body.abort(keep=keep)


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

    def open(self, body: Path, plan: Plan, done: Sequence[Placed]) -> PamSink:
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
