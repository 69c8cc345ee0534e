"""How often each value occurs, per band, and which limits would suit."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gigascene.api.compose import execution
from gigascene.api.scenes import Source, open_scene
from gigascene.execute import made
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.scene import Asset
from gigascene.plan.build import any_bands
from gigascene.plan.fingerprint import LIBRARIES
from gigascene.plan.survey import survey
from gigascene.plan.tone import Counted
from gigascene.storage.local import Target, discard, writing

COLOURS = {"red": "#d62728", "green": "#2ca02c", "blue": "#1f77b4", "coastal": "#17becf", "nir": "#9467bd"}
SUGGESTED = (1.0, 99.0)
"""Percentiles that are suggested as limits."""

SIZE_IN, DPI = (9.0, 5.0), 120
"""Of a plot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts of several bands of one scene."""

    scene: str
    units: str
    channels: tuple[Counted, ...]
    sources: tuple[Asset, ...] = ()
    """Bands and masks that were read."""

    options: Mapping[str, Any] = field(default_factory=dict)
    """What was asked for, for the receipt of a plot."""

    began: float = field(default_factory=time.monotonic)

    def limits(self, low: float = SUGGESTED[0], high: float = SUGGESTED[1]) -> dict[str, tuple[float, float]]:
        """Values at two percentiles, per band: a stretch that suits."""
        return {channel.name: (channel.value(low), channel.value(high)) for channel in self.channels}

    def to_json(self) -> dict[str, Any]:
        """Bins with any pixel, suggested limits, and the stretch as the command line takes it."""
        limits = self.limits()
        return {
            "scene": self.scene,
            "units": self.units,
            "suggested": {name: list(pair) for name, pair in limits.items()},
            "stretch": ",".join(f"{low:.6g}:{high:.6g}" for low, high in limits.values()),
            "bands": {channel.name: _bins(channel) for channel in self.channels},
        }

    def save(self, target: str | PathLike[str], title: str | None = None) -> None:
        """Plot to .png, .pdf or .svg: a line a band in its colour, suggested limits dashed; a receipt beside it."""
        from matplotlib.figure import Figure  # noqa: PLC0415  (slow to import, and only wanted here)

        figure = Figure(figsize=SIZE_IN, layout="constrained", facecolor="white")
        axes = figure.add_subplot()
        for number, channel in enumerate(self.channels):
            colour = COLOURS.get(channel.name, f"C{number}")
            starts, counts = plotted(channel)
            axes.plot(starts, counts, color=colour, label=channel.name, linewidth=1)
            for limit in self.limits()[channel.name]:
                axes.axvline(limit, color=colour, linestyle="--", linewidth=0.8)
        axes.set(title=title or self.scene, xlabel=self.units, ylabel="pixels", ylim=(0, None))
        axes.legend()
        path = Path(target).absolute()
        _write(figure, Target(path))
        made.write(path, self._made(title))

    def _made(self, title: str | None) -> made.Made:
        read = [
            {"scene": self.scene, "band": one.key, "href": one.href, "identity": one.identity} for one in self.sources
        ]
        rows, columns = round(SIZE_IN[1] * DPI), round(SIZE_IN[0] * DPI)
        return made.Made(
            verb="histogram",
            inputs=read,
            options={**self.options, **({"title": title} if title else {})},
            shape=(rows, columns),
            began=self.began,
            libraries=(*LIBRARIES, "matplotlib"),
        )


def histogram(
    source: Source,
    bands: Sequence[str] = ("red", "green", "blue"),
    *,
    units: str = "default",
    mask: Sequence[str] = (),
    resolution: float | None = None,
    mode: Literal["sample", "exact"] = "exact",
    workers: int | str | None = None,
    root: str | PathLike[str] | None = None,
    offset: str | None = None,
) -> Histogram:
    """Count the valid pixels of bands.

    Parameters
    ----------
    source, units, mask, resolution, root, offset
        As for `plan_compose`.
    bands : sequence of str
        Common names or the archive's own.
    mode : str
        ``"exact"`` counts every pixel, ``"sample"`` at least 4 million.

    Returns
    -------
    Histogram
        One bin a stored number for integers; no data is in no bin.
    """
    began = time.monotonic()
    scene = open_scene(source, root, offset=offset)
    count = execution("threads", workers, None).workers
    gathers = [any_bands(scene, (name,), units, tuple(mask), resolution) for name in bands]
    channels = tuple(survey(gather, mode, count)[0] for gather in gathers)
    if not any(channel.counts.any() for channel in channels):
        raise BadInput(f"scene {scene.id!r} has no valid pixel in {', '.join(bands)}.")
    sources = {asset.key: asset for gather in gathers for asset in gather.sources()}
    return Histogram(
        scene=scene.id,
        units=gathers[0].unit_label,
        channels=channels,
        sources=tuple(sources.values()),
        options={"bands": list(bands), "units": units, "masks": list(mask), "survey": mode, "resolution": resolution},
        began=began,
    )


def plotted(channel: Counted, most: int = 2000) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Bins from the first to the last with any pixel; neighbours summed where there are more than a plot can show."""
    used = np.flatnonzero(channel.counts)
    if used.size == 0:
        return channel.starts[:0], channel.counts[:0]
    first, last = used[0], used[-1] + 1
    step = max(1, -(-(last - first) // most))
    edges = np.arange(first, last, step)
    return channel.starts[edges], np.add.reduceat(channel.counts[:last], edges)


def _bins(channel: Counted) -> dict[str, Any]:
    used = np.flatnonzero(channel.counts)
    return {
        "pixels": int(channel.counts.sum()),
        "values": [float(value) for value in channel.starts[used]],
        "counts": channel.counts[used].tolist(),
    }


def _write(figure: Any, target: Target) -> None:
    """The same bytes every time; whole or not at all."""
    from gigascene.writers._raw_figure import UNTIMED, settled  # noqa: PLC0415  (brings Matplotlib)

    target.check()
    kind = target.path.suffix.lstrip(".").lower()
    if kind not in UNTIMED:
        raise UsageError(f"a histogram is written as .png, .pdf or .svg, not .{kind}")
    temporary = target.sibling("new")
    try:
        with settled(), writing(target.path):
            figure.savefig(temporary, format=kind, dpi=DPI, metadata=UNTIMED[kind])
        target.commit(temporary)
    except BaseException:
        discard(temporary)
        raise
