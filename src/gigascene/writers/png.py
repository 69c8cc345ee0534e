"""PNG, one file from any number of workers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from gigascene.codecs.png import CODEC, LEVELS, header, trailer
from gigascene.model.contracts import OnDisk, Record
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.model.plan import Format, Plan
from gigascene.writers._body import FileSink
from gigascene.writers._channels import check_alpha
from gigascene.writers._limits import MOST, check_sides
from gigascene.writers._on_disk import SHARES


class PngSink(FileSink):
    """Strips behind one another, between header and trailer."""

    codec = CODEC

    def __init__(self, body: Path, plan: Plan, done: Record) -> None:
        super().__init__(body, plan, done)
        if self._body.empty:
            self._body.append(header(plan.format))

    def _made(self) -> Mapping[str, Any]:
        """Checksum and end chunk."""
        self._body.append(trailer(placed.facts for placed in self._body.placed))
        return super()._made()

    def _told_beside(self) -> Format:
        return self._format


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
        check_alpha(format, "PNG")
        check_sides(format, "PNG")
        if CODEC.bound(format) > MOST:
            raise WriteFailed(
                "PNG", f"a row of {format.shape[1]:,} pixels is more than a chunk's {MOST:,} bytes", "Use .pam."
            )
        return replace(format, options={"level": level})

    def finishing(self, format: Format) -> int:
        """The body is the file."""
        return 0

    def on_disk(self, format: Format) -> OnDisk:
        """The body is the file."""
        return OnDisk(share=SHARES["png"])

    def offset(self, format: Format, index: int) -> None:
        """Behind the piece before it."""

    def open(self, body: Path, plan: Plan, done: Record) -> PngSink:
        """A sink on the body file."""
        return PngSink(body, plan, done)


WRITER = PngWriter()
