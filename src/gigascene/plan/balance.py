"""Gains and offsets that bring scenes together where they overlap, while their mean stays what it was.

For every pair of scenes and every group of like pixels: ``g1 a + o1 = g2 b + o2``. Least squares over all of them, under
two constraints for scenes that hang together (mean gain 1, mean value unchanged). Groups that do not agree with the others
of their pair, such as clouds that moved, hardly count: weights begin with the residuals of each pair's median line
(Theil 1950, Sen 1968) and fall off as Geman and McClure have it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels import stretch
from gigascene.model.mosaic import Layer
from gigascene.model.plan import Tone
from gigascene.plan.overlaps import Pair

F64 = NDArray[np.float64]

ROUNDS = 12
"""Times that equations are weighted anew by how well they are met."""

TIGHT = 1e-3
"""Residuals below this share of the values' spread are as good as none."""

STIFF = 1e-5
"""Weight of "change nothing", for what the overlaps leave open: the gain over ground that is all alike."""

SANE = (0.2, 5.0)
"""Gains beyond these come from overlaps that tell nothing of gain; then only offsets are used."""


def gains(pairs: Sequence[Pair], scenes: int, channels: int) -> tuple[F64, F64]:
    """Gain and offset, (scene, channel) each; 1 and 0 for scenes that overlap no other."""
    gain, offset = np.ones((scenes, channels)), np.zeros((scenes, channels))
    for group in _together(pairs, scenes):
        if len(group) < 2:
            continue
        number = {scene: at for at, scene in enumerate(group)}
        inside = [pair for pair in pairs if pair.one in number]
        links = np.array([(number[pair.one], number[pair.other]) for pair in inside])
        for channel in range(channels):
            here, there = (np.stack([side[channel] for side in sides]) for sides in _sides(inside))
            found = _solved(links, here, there, len(group), stiff=STIFF)
            if not (SANE[0] <= found[0].min() and found[0].max() <= SANE[1]):
                found = _solved(links, here, there, len(group), stiff=1e9)
            gain[group, channel], offset[group, channel] = found
    return _rounded(gain), _rounded(offset)


def _sides(pairs: Sequence[Pair]) -> tuple[list[F64], list[F64]]:
    return [pair.here for pair in pairs], [pair.there for pair in pairs]


def _rounded(values: F64) -> F64:
    """Seven digits: what a linear-algebra library does in its last bits cannot be seen."""
    return np.array([[float(f"{value:.7g}") for value in row] for row in values.tolist()])


def _together(pairs: Sequence[Pair], scenes: int) -> list[list[int]]:
    """Scenes that hang together by overlaps, each group in order."""
    head = list(range(scenes))

    def root(scene: int) -> int:
        while head[scene] != scene:
            scene = head[scene]
        return scene

    for pair in pairs:
        low, high = sorted((root(pair.one), root(pair.other)))
        head[high] = low
    groups: dict[int, list[int]] = {}
    for scene in range(scenes):
        groups.setdefault(root(scene), []).append(scene)
    return list(groups.values())


def _solved(links: NDArray[np.int64], here: F64, there: F64, scenes: int, *, stiff: float) -> tuple[F64, F64]:
    """Gains and offsets of scenes that hang together; `here` and `there` are (pair, group)."""
    middle = float(np.median(np.concatenate([here.ravel(), there.ravel()])))
    spread = float(np.std(np.concatenate([here.ravel(), there.ravel()]))) or 1.0
    a, b = (here - middle) / spread, (there - middle) / spread
    weight = np.stack([_weights(_off_line(*pair)) for pair in zip(a, b, strict=True)])
    gain: F64 = np.ones(scenes)
    offset: F64 = np.zeros(scenes)
    for _ in range(ROUNDS):
        gain, offset = _least_squares(links, a, b, weight, scenes, stiff)
        one, other = links.T
        residual = gain[one, None] * a + offset[one, None] - gain[other, None] * b - offset[other, None]
        weight = np.stack([_weights(row) for row in residual])
    # From units of the spread, counted from the middle, back to values.
    return gain, offset * spread + middle * (1 - gain)


def _off_line(a: F64, b: F64) -> F64:
    """How far each group lies from the line with the median slope and the median intercept."""
    one, other = np.triu_indices(len(a), 1)
    run, rise = a[other] - a[one], b[other] - b[one]
    steep = np.abs(run) > TIGHT
    slope = float(np.median(rise[steep] / run[steep])) if steep.any() else 1.0
    away: F64 = b - slope * a
    return away - np.median(away)


def _weights(residual: F64) -> F64:
    """Near 1 for most of a pair's groups, near 0 for those far beyond most."""
    scale = max(3 * float(np.median(np.abs(residual))), TIGHT)
    weights: F64 = 1 / (1 + (residual / scale) ** 2) ** 2
    return weights


def _least_squares(links: NDArray[np.int64], a: F64, b: F64, weight: F64, scenes: int, stiff: float) -> tuple[F64, F64]:
    """Unknowns: a gain of each scene, then an offset of each, then two multipliers for the constraints."""
    count = 2 * scenes
    matrix, right = np.zeros((count + 2, count + 2)), np.zeros(count + 2)
    total = weight.sum() / len(links)
    for (one, other), here, there, share in zip(links.tolist(), a, b, weight, strict=True):
        places = [one, scenes + one, other, scenes + other]
        rows = np.stack([here, np.ones_like(here), -there, -np.ones_like(there)])
        matrix[np.ix_(places, places)] += (rows * share) @ rows.T
    each = np.arange(scenes)
    matrix[each, each] += stiff * total
    right[:scenes] += stiff * total
    matrix[scenes + each, scenes + each] += STIFF * total
    _constrain(matrix, right, links, a, b, scenes)
    found = np.asarray(np.linalg.solve(matrix, right), np.float64)
    return found[:scenes], found[scenes:count]


def _constrain(matrix: F64, right: F64, links: NDArray[np.int64], a: F64, b: F64, scenes: int) -> None:
    """Mean gain 1; and the mean over all scenes of what the overlaps hold stays what it was."""
    sums, counts = np.zeros(scenes), np.zeros(scenes)
    for side, values in zip(links.T, (a, b), strict=True):
        np.add.at(sums, side, values.mean(axis=1))
        np.add.at(counts, side, 1)
    means, count = sums / counts, 2 * scenes
    for row, line, value in (
        (count, np.concatenate([np.ones(scenes), np.zeros(scenes)]), float(scenes)),
        (count + 1, np.concatenate([means, np.ones(scenes)]), float(means.sum())),
    ):
        matrix[row, :count] = line
        matrix[:count, row] = line
        right[row] = value


def seam(pairs: Sequence[Pair], layers: Sequence[Layer], tone: Tone) -> float:
    """Median jump between two scenes over the same ground, levels; parts of a level between thresholds count."""
    jumps = [
        np.abs(_level(pair.here, layers[pair.one], tone) - _level(pair.there, layers[pair.other], tone))
        for pair in pairs
    ]
    return round(float(np.median(np.concatenate([jump.ravel() for jump in jumps]))), 3)


def _level(values: F64, layer: Layer, tone: Tone) -> F64:
    """Levels with their fractions, channel by channel, as the layer's gains make them."""
    if layer.gain:
        values = values * np.array(layer.gain)[:, None] + np.array(layer.offset)[:, None]
    rows = zip(values, tone.thresholds, strict=True)
    return np.stack([stretch.fraction(row, thresholds, tone.base) for row, thresholds in rows])
