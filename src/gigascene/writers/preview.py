"""A small PNG of a picture of any size, for notebooks and lists: reduced by the workers in the same pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gigascene.codecs import png
from gigascene.codecs.reduced import CODEC, reduced_shape
from gigascene.model.block import Shown
from gigascene.model.contracts import OnDisk, Piece, Record
from gigascene.model.errors import UsageError
from gigascene.model.grid import Window
from gigascene.model.plan import Format, Plan
from gigascene.writers._body import FileSink
from gigascene.writers._channels import check_alpha


class PreviewSink(FileSink):
    """Reduced rows in the body, one PNG made of them."""

    codec = CODEC
    assembled = "preview"

    def _made(self) -> Mapping[str, Any]:
        """Encode it."""
        self._temporary.write_bytes(self._encoded())
        return {"reduced": list(reduced_shape(self._format))}

    def _encoded(self) -> bytes:
        """The whole PNG: it is small."""
        rows, columns = reduced_shape(self._format)
        levels = np.fromfile(self._body.path, self._format.dtype).reshape(rows, columns, self._format.bands)
        small = replace(self._format, shape=(rows, columns), options={"level": "default"})
        strips: list[Piece] = []
        for index in range(len(grid := png.CODEC.pieces(small))):
            window: Window = grid[index]
            part = Shown(window=window, levels=levels[window.top : window.bottom])
            strips += png.CODEC.encode(index, [part], small)
        bodies = b"".join(strip.body for strip in strips)
        return png.header(small) + bodies + png.trailer(strip.facts for strip in strips)


class PreviewWriter:
    """A reduced PNG; asked for by name, never by suffix."""

    name = "preview"
    suffixes: tuple[str, ...] = ()
    options: tuple[str, ...] = ("width_px",)
    codec = CODEC

    def format(self, format: Format) -> Format:
        """Option `width_px`: the longer side, 1000 unless said."""
        width = format.options.get("width_px", 1000)
        if not str(width).isdigit() or not 1 <= int(width) <= 20_000:
            raise UsageError(f"width_px is 1 to 20000, not {width!r}")
        check_alpha(format, "a preview")
        return replace(format, options={"width_px": int(width)})

    def finishing(self, format: Format) -> int:
        """The reduced picture, its strips, and the file that they are joined to."""
        rows, columns = reduced_shape(format)
        return 4 * rows * columns * format.bands

    def on_disk(self, format: Format) -> OnDisk:
        """A few pixels."""
        return OnDisk(share=1, assembled=True, reduced=True)

    def offset(self, format: Format, index: int) -> None:
        """Behind the piece before it."""

    def open(self, body: Path, plan: Plan, done: Record) -> PreviewSink:
        """A sink on the body file."""
        return PreviewSink(body, plan, done)


WRITER = PreviewWriter()
