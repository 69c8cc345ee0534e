"""PNG, one file from any number of workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gigascene.codecs.png import CODEC, LEVELS, header, trailer
from gigascene.model.contracts import Piece, Placed
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.model.plan import Format, Plan
from gigascene.writers._body import Body
from gigascene.writers._sides import commit_with_sides

MAX_SIDE = 2**31 - 1


class PngSink:
    """Strips behind one another, between header and trailer."""

    def __init__(self, body: Path, plan: Plan, done: Sequence[Placed]) -> None:
        self._format = plan.format
        self._body = Body(body, Path(plan.target), done)
        if self._body.empty:
            self._body.append(header(plan.format))

    def put(self, piece: Piece) -> Placed:
        """Append the next strip."""
        return self._body.put(piece)

    def finish(self) -> Mapping[str, Any]:
        """Checksum and end chunk; the body itself becomes the file."""
        self._body.append(trailer(placed.facts for placed in self._body.placed))
        self._body.close()
        size = self._body.path.stat().st_size
        files = commit_with_sides(self._body.target, self._body.path, self._format)
        return {"bytes": size, "files": files, "in_place": True}

    def abort(self, *, keep: bool) -> None:
        """Keep what is there for a resume, or nothing."""
        self._body.abort(keep=keep)


class PngWriter:
    """Portable Network Graphics: 8 or 16 bit, grey or RGB, with or without alpha."""

    name = "png"
    suffixes = (".png",)
    options: tuple[str, ...] = ("level",)
    codec = CODEC

    def format(self, format: Format) -> Format:
        """Level `fast`, `default` or `small`; sides up to 2**31 - 1."""
        level = str(format.options.get("level", "default"))
        if level not in LEVELS:
            raise UsageError(f"PNG has the levels {', '.join(LEVELS)}, not {level!r}")
        if max(format.shape) > MAX_SIDE:
            raise WriteFailed("PNG", f"a side of {max(format.shape):,} is over {MAX_SIDE:,}", "Use .tif.")
        return replace(format, options={"level": level})

    def open(self, body: Path, plan: Plan, done: Sequence[Placed]) -> PngSink:
        """A sink on the body file."""
        return PngSink(body, plan, done)


WRITER = PngWriter()
