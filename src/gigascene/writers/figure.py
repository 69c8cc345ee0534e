"""A titled figure with axes and legend, as PDF, SVG or PNG: the picture reduced by the workers, drawn by Matplotlib."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gigascene.codecs.reduced import CODEC, reduced_shape
from gigascene.model.contracts import OnDisk, Record
from gigascene.model.errors import UsageError
from gigascene.model.plan import Format, Plan
from gigascene.writers._body import FileSink
from gigascene.writers._channels import check_alpha

KINDS = (".pdf", ".svg", ".png")

OPTIONS: Mapping[str, tuple[float, float, float]] = {
    "width_px": (2000, 16, 20_000),
    "dpi": (200, 20, 2400),
    "size_in": (8, 2, 100),
}
"""Default, smallest and largest: pixels of the reduced picture's longer side, dots an inch, inches of the figure's."""

MEMORY: Mapping[str, tuple[int, int]] = {".pdf": (28, 0), ".svg": (36, 0), ".png": (60, 48)}
"""Bytes that Matplotlib takes for a pixel of the reduced picture and for a dot of the canvas; measured, rounded up."""

LIBRARY = 64 << 20
"""Matplotlib itself, with its fonts."""

ROOM_IN = 2.5
"""Inches of the canvas beside the picture, at most."""

LEGEND = {"palette", "low", "high"}
"""What a legend must have; unit, label and gamma may be left out."""


class FigureSink(FileSink):
    """Reduced rows in the body, and a figure drawn of them."""

    codec = CODEC
    assembled = "figure"

    def _made(self) -> Mapping[str, Any]:
        """Draw it."""
        # Matplotlib takes most of a second to load, and `writers` are loaded to look up a suffix.
        from gigascene.writers._raw_figure import draw  # noqa: PLC0415

        shape = (*reduced_shape(self._format), self._format.bands)
        levels = np.fromfile(self._body.path, self._format.dtype).reshape(shape)
        draw(levels, self._format, self._temporary, self._body.target.path.suffix.lower()[1:])
        return {"reduced": list(shape[:2])}


class FigureWriter:
    """Figures for papers and talks: title, axes in the units of the CRS, colour bar."""

    name = "figure"
    suffixes = (".pdf", ".svg")
    options: tuple[str, ...] = ("title", "width_px", "dpi", "size_in", "legend")
    codec = CODEC

    def format(self, format: Format) -> Format:
        """Options `title` (else the metadata's), `width_px` (2000), `dpi` (200), `size_in` (8), `legend`."""
        if format.suffix not in KINDS:
            raise UsageError(f"a figure is {', '.join(KINDS)}, not {format.suffix or 'a file without suffix'}")
        if format.dtype != "uint8" or not 1 <= format.bands <= 4:
            raise UsageError(f"a figure takes 1 to 4 bands of uint8, not {format.bands} of {format.dtype}")
        check_alpha(format, "a figure")
        options: dict[str, Any] = {name: _number(name, format.options) for name in OPTIONS}
        options |= {name: format.options[name] for name in ("title", "legend") if format.options.get(name) is not None}
        missing = LEGEND - set(options.get("legend", LEGEND))
        if missing:
            raise UsageError(f"the legend lacks {', '.join(sorted(missing))}")
        return replace(format, options=options)

    def finishing(self, format: Format) -> int:
        """Matplotlib, its copies of the reduced picture, and of a PNG its canvas."""
        rows, columns = reduced_shape(format)
        longer, dpi = float(format.options["size_in"]) / max(format.shape), float(format.options["dpi"])
        canvas = math.prod(side * longer + ROOM_IN for side in format.shape) * dpi**2
        a_pixel, a_dot = MEMORY[format.suffix]
        return LIBRARY + int(rows * columns * a_pixel + canvas * a_dot)

    def on_disk(self, format: Format) -> OnDisk:
        """A drawing, made of a few pixels."""
        return OnDisk(share=1, assembled=True, reduced=True)

    def offset(self, format: Format, index: int) -> None:
        """Behind the piece before it."""

    def open(self, body: Path, plan: Plan, done: Record) -> FigureSink:
        """A sink on the body file."""
        return FigureSink(body, plan, done)


WRITER = FigureWriter()


def _number(name: str, options: Mapping[str, Any]) -> float:
    default, low, high = OPTIONS[name]
    try:
        number = float(options.get(name, default))
    except (TypeError, ValueError):
        number = -1.0
    if not low <= number <= high or (name == "width_px" and number % 1):
        raise UsageError(f"{name} is {low:g} to {high:g}, not {options[name]!r}")
    return int(number) if number % 1 == 0 else number
