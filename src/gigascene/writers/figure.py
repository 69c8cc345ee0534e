"""A titled figure with axes and legend, as PDF, SVG or PNG: the picture reduced by the workers, drawn by Matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gigascene.codecs.reduced import CODEC, reduced_shape
from gigascene.model.contracts import Piece, Placed
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.model.plan import Format, Plan
from gigascene.storage.local import discard
from gigascene.writers._body import Body
from gigascene.writers._sides import commit_alone

KINDS = (".pdf", ".svg", ".png")

OPTIONS: Mapping[str, tuple[float, float, float]] = {
    "width_px": (2000, 16, 20_000),
    "dpi": (200, 20, 2400),
    "size_in": (8, 2, 100),
}
"""Default, smallest and largest: pixels of the reduced picture's longer side, dots an inch, inches of the figure's."""

LEGEND = {"palette", "low", "high"}
"""What a legend must have; unit, label and gamma may be left out."""


class FigureSink:
    """Reduced rows in the body, and a figure drawn of them."""

    def __init__(self, body: Path, plan: Plan, done: Sequence[Placed]) -> None:
        self._format = plan.format
        self._body = Body(body, Path(plan.target), done)
        self._temporary = self._body.target.sibling("figure")

    def put(self, piece: Piece) -> Placed:
        """Append the next reduced strip."""
        return self._body.put(piece)

    def finish(self) -> Mapping[str, Any]:
        """Draw under a temporary name and commit; the body is only read."""
        # Matplotlib takes most of a second to load, and `writers` are loaded to look up a suffix.
        from gigascene.writers._raw_figure import draw  # noqa: PLC0415

        self._body.close()
        target = self._body.target
        try:
            with self._body.writing():
                draw(self._levels(), self._format, self._temporary, target.path.suffix.lower()[1:])
                size = self._temporary.stat().st_size
            commit_alone(target, self._temporary)
        except BaseException:
            discard(self._temporary)
            raise
        discard(self._body.path)
        return {"bytes": size, "reduced": list(reduced_shape(self._format))}

    def abort(self, *, keep: bool) -> None:
        """Keep what is there for a resume, or nothing."""
        discard(self._temporary)
        self._body.abort(keep=keep)

    def _levels(self) -> Any:
        """The reduced picture (y, x, band)."""
        shape = (*reduced_shape(self._format), self._format.bands)
        levels = np.fromfile(self._body.path, self._format.dtype)
        if levels.size != np.prod(shape):
            raise WriteFailed(str(self._body.target.path), f"{levels.size:,} of {np.prod(shape):,} samples are there")
        return levels.reshape(shape)


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
        options: dict[str, Any] = {name: _number(name, format.options) for name in OPTIONS}
        options |= {name: format.options[name] for name in ("title", "legend") if format.options.get(name) is not None}
        missing = LEGEND - set(options.get("legend", LEGEND))
        if missing:
            raise UsageError(f"the legend lacks {', '.join(sorted(missing))}")
        return replace(format, options=options)

    def open(self, body: Path, plan: Plan, done: Sequence[Placed]) -> FigureSink:
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
