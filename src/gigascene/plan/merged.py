"""One histogram of many scenes: one stretch for all of them, after they have been balanced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels import histogram
from gigascene.model.grid import Window
from gigascene.plan.survey import ENOUGH, Mode, survey
from gigascene.plan.tone import Counted
from gigascene.works._placed import Placed
from gigascene.works._reach import reach

LEAST = 1 << 18
"""Valid pixels that a sample wants of each scene, however many there are."""


def merged(placed: Sequence[Placed], mode: Mode, workers: int) -> tuple[Counted, ...]:
    """Histogram of every channel over all scenes, of what lies on the mosaic's grid."""
    enough = max(ENOUGH // len(placed), LEAST)
    found = [_counted(one, mode, workers, enough) for one in placed]
    return tuple(_joined(channel) for channel in zip(*found, strict=True))


def _counted(placed: Placed, mode: Mode, workers: int, enough: int) -> tuple[Counted, ...]:
    """Of one scene, balanced."""
    top, left, bottom, right = reach(placed.warp.output, placed.gather.geobox)
    within = Window(top=top, left=left, height=max(bottom - top, 1), width=max(right - left, 1))
    counted = survey(placed.gather, mode, workers, within, enough)
    if not placed.layer.gain:
        return counted
    starts = np.stack([channel.starts for channel in counted]).astype(np.float32)[:, None]
    balanced = placed.balanced(starts)[:, 0].astype(np.float64)
    return tuple(replace(channel, starts=row) for channel, row in zip(counted, balanced, strict=True))


def _joined(parts: Sequence[Counted]) -> Counted:
    """Bin by bin where all have the same bins; else in equal bins over all that was counted."""
    first = parts[0]
    if all(np.array_equal(part.starts, first.starts) for part in parts):
        return replace(first, counts=np.sum([part.counts for part in parts], axis=0, dtype=np.int64))
    occupied = [part.starts[part.counts > 0] for part in parts if part.counts.any()]
    if not occupied:
        return first
    low, high = float(min(v.min() for v in occupied)), float(max(v.max() for v in occupied))
    span = (low, high if high > low else low + 1)
    counts = np.zeros(histogram.BINS, np.int64)
    for part in parts:
        counts += _moved(part, span)
    return Counted(name=first.name, counts=counts, starts=histogram.bin_starts(span))


def _moved(part: Counted, span: tuple[float, float]) -> NDArray[np.int64]:
    """Counts in other bins: those of the bin that holds the old one's start."""
    low, high = span
    good = part.counts > 0
    place = ((part.starts[good] - low) * (histogram.BINS / (high - low))).clip(0, histogram.BINS - 1)
    counts = np.zeros(histogram.BINS, np.int64)
    np.add.at(counts, place.astype(np.int64), part.counts[good])
    return counts
