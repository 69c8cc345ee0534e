"""Samples without a header, all bands of a pixel side by side: the mirror of what ``convert --raw`` reads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from gigascene.codecs._sample_rows import CODEC, offset
from gigascene.model.contracts import OnDisk, Record
from gigascene.model.errors import UsageError
from gigascene.model.plan import Format, Plan
from gigascene.writers._sample_rows import SampleSink, check_samples

ORDERS = ("big", "little")


class RawWriter:
    """Headerless samples: 8 or 16 bit, grey or RGB, with or without alpha."""

    name = "raw"
    suffixes = (".raw",)
    options: tuple[str, ...] = ("byteorder",)
    codec = CODEC

    def format(self, format: Format) -> Format:
        """Option `byteorder` of 16-bit samples, ``"big"`` (default) or ``"little"``."""
        check_samples(format, "raw")
        order = format.options.get("byteorder", "big")
        if order not in ORDERS:
            raise UsageError(f"the byte order is big or little, not {order!r}")
        return replace(format, options={"byteorder": order})

    def reading(self, format: Format) -> str:
        """How it is read again: the file itself does not say."""
        rows, columns = format.shape
        depth = " --depth 16" if format.dtype == "uint16" else ""
        order = " --byte-order little" if depth and format.options["byteorder"] == "little" else ""
        return f"a {format.suffix} has no header; it is read by: convert --raw {columns}x{rows}x{format.bands}{depth}{order}"

    def finishing(self, format: Format) -> int:
        """The body is the file."""
        return 0

    def on_disk(self, format: Format) -> OnDisk:
        """Samples as they are."""
        return OnDisk(share=1)

    def offset(self, format: Format, index: int) -> int:
        """Rows lie in the order of the picture."""
        return offset(index, format)

    def open(self, body: Path, plan: Plan, done: Record) -> SampleSink:
        """A sink on the body file."""
        return SampleSink(body, plan, done)


WRITER = RawWriter()
