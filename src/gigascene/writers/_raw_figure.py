"""Drawing a figure with Matplotlib's objects, never pyplot: no state, no display, the same bytes every time."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.codecs.reduced import factor
from gigascene.kernels.palette import colours
from gigascene.model.plan import Format

SETTINGS = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib, so the bytes do not depend on the fonts of the machine
    "svg.hashsalt": "gigascene",
    "svg.fonttype": "path",
    "pdf.fonttype": 3,
}
UNTIMED: Mapping[str, Mapping[str, None]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}
TITLE_CHARS_AN_INCH = 9
KILOMETRES_FROM = 10_000
"""Metres across from which axes count in kilometres."""


@contextmanager
def settled() -> Iterator[None]:
    """Matplotlib's settings as we need them, whatever the user's are."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(SETTINGS)
        yield


def draw(levels: NDArray[np.uint8], format: Format, path: Path, kind: str) -> None:
    """Draw the reduced picture (y, x, band) into a file of `kind` ``"pdf"``, ``"svg"`` or ``"png"``."""
    with settled():
        figure = composed(levels, format, "auto" if kind == "png" else "none")
        texts = {"Title": str(_title(format))}
        figure.savefig(
            path, format=kind, dpi=format.options["dpi"], facecolor="white", bbox_inches="tight",
            metadata={**UNTIMED[kind], **texts},
        )  # fmt: skip


def composed(levels: NDArray[np.uint8], format: Format, interpolation: str) -> Figure:
    """The figure: picture, axes, title, and the colour bar where there is a legend."""
    height, width = format.shape
    longer = float(format.options["size_in"])
    scale = longer / max(height, width)
    # Room beside the picture for labels and bar; what is not used is cut away when it is saved.
    figure = Figure(figsize=(width * scale + 2.5, height * scale + 1.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(textwrap.fill(_title(format), max(20, int((width * scale + 1) * TITLE_CHARS_AN_INCH))))
    _place(axes, levels, format, interpolation)
    legend = format.options.get("legend")
    if legend is not None:
        _bar(figure, axes, legend)
    return figure


def rgba(levels: NDArray[np.uint8], format: Format) -> NDArray[np.uint8]:
    """Levels as red, green, blue and opacity; transparent where there is no data.

    Parameters
    ----------
    levels : (y, x, band) uint8
        1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.

    Returns
    -------
    (y, x, 4) uint8
    """
    colors = levels[..., :-1] if format.alpha else levels
    out = np.full((*levels.shape[:2], 4), 255, np.uint8)
    out[..., :3] = colors
    if format.alpha:
        out[..., 3] = levels[..., -1]
    elif format.nodata is not None:
        out[..., 3] = np.where((levels != format.nodata).any(axis=-1), 255, 0)
    return out


def _title(format: Format) -> str:
    return str(format.options.get("title") or format.metadata.get("Title", ""))


def _place(axes: Axes, levels: NDArray[np.uint8], format: Format, interpolation: str) -> None:
    """Picture and axes at their coordinates. The blocks at the edges reach beyond the picture, which is cut there."""
    height, width = format.shape
    n = factor(format)
    unit, labels = _axes_of(format.geobox)
    a, _, left, _, e, top = format.geobox.affine[:6] if labels else (1.0, 0, 0.0, 0, 1.0, 0.0)
    rows, columns = levels.shape[:2]
    right, bottom = left + a * columns * n, top + e * rows * n
    extent = (left / unit, right / unit, bottom / unit, top / unit)
    axes.imshow(rgba(levels, format), extent=extent, interpolation=interpolation, origin="upper", aspect="equal")
    axes.set_xlim(left / unit, (left + a * width) / unit)
    axes.set_ylim((top + e * height) / unit, top / unit)
    axes.set_xlabel(labels[0] if labels else "column (pixels)")
    axes.set_ylabel(labels[1] if labels else "row (pixels)")
    axes.ticklabel_format(useOffset=False, style="plain")


def _axes_of(geobox: GeoBox) -> tuple[float, tuple[str, str] | None]:
    """Units of the CRS in one of the axes' units, and the axes' labels; None where rows and columns must do."""
    a, b, _, d, _, _ = geobox.affine[:6]
    if geobox.crs is None or b or d:
        return 1.0, None
    if geobox.crs.geographic:
        return 1.0, ("longitude (degrees)", "latitude (degrees)")
    name = geobox.crs.units[0]
    if name in {"metre", "meter", "m"}:
        if abs(a) * geobox.shape[1] >= KILOMETRES_FROM:
            return 1000.0, ("easting (km)", "northing (km)")
        name = "m"
    return 1.0, (f"easting ({name})", f"northing ({name})")


def _bar(figure: Figure, axes: Axes, legend: Mapping[str, Any]) -> None:
    """Colour bar: level 1 is `low`, 255 is `high`, and between them v ** (1 / gamma)."""
    norm = PowerNorm(1 / float(legend.get("gamma", 1)), float(legend["low"]), float(legend["high"]))
    bar = figure.colorbar(
        ScalarMappable(norm, ListedColormap(colours(legend["palette"])[1:] / 255)), ax=axes, shrink=0.8, pad=0.02
    )
    unit = legend.get("unit")
    bar.set_label(f"{legend.get('label', '')} ({unit})".strip() if unit else str(legend.get("label", "")))
