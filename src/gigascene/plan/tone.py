"""From a look to a tone: limits measured where they were percentiles, then thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels import histogram, stretch
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.look import Limits, Look
from gigascene.model.plan import Tone

STEPS = {
    ("uint8", "nodata"): 254,
    ("uint16", "nodata"): 65534,
    ("uint8", "document"): 255,
    ("uint16", "document"): 65535,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """Histogram of one channel."""

    name: str
    counts: NDArray[np.int64]
    starts: NDArray[np.float64]
    """Smallest value of each bin, in the product's unit, ascending."""

    def value(self, percent: float) -> float:
        """The percentile's value: the start of the first bin whose cumulative share reaches it."""
        try:
            return float(self.starts[histogram.percentile(self.counts, percent / 100)])
        except ValueError:
            raise BadInput(
                "no valid pixel to measure the stretch from.",
                band=self.name,
                hint="Give limits with --stretch low:high.",
            ) from None


def measured(look: Look, channels: Sequence[str], counted: Sequence[Counted]) -> Look:
    """The look with one pair of limits a channel, percentiles replaced by the values that were counted."""
    limits = spread(look.limits, channels, "stretch")
    if not look.needs_survey:
        return replace(look, limits=limits)
    pairs = zip(limits, counted, strict=True)
    return replace(look, limits=tuple(_measured(pair, channel) for pair, channel in pairs))


def _measured(limits: Limits, channel: Counted) -> Limits:
    if not limits.percent:
        return limits
    low, high = channel.value(limits.low), channel.value(limits.high)
    if low == high:  # a flat picture: one bin wide, so that it is shown, not refused
        later = channel.starts[channel.starts > low]
        high = float(later[0]) if later.size else low + 1.0
    return Limits(low=low, high=high)


def tone(look: Look, dtype: str, packing: str, counted: Sequence[Counted] = ()) -> Tone:
    """Thresholds of every channel of a measured look."""
    steps, rounding = STEPS[dtype, packing], packing if look.rounding == "packing" else "nodata"  # which rounds
    gammas = look.gamma * (len(look.limits) if len(look.gamma) == 1 else 1)
    thresholds = tuple(
        _thresholds(look, steps, rounding, limits, gamma, counted[channel] if counted else None)
        for channel, (limits, gamma) in enumerate(zip(look.limits, gammas, strict=True))
    )
    return Tone(thresholds=thresholds, base=0 if packing == "document" else 1)


def _thresholds(
    look: Look, steps: int, rounding: str, limits: Limits, gamma: float, counted: Counted | None
) -> NDArray[np.float32]:
    if look.curve == "equalize" and counted is not None:
        return stretch.equalized(steps, counted.counts, counted.starts, gamma, rounding)
    if look.curve == "sigmoid":
        return stretch.sigmoid(steps, limits.low, limits.high, look.contrast, gamma, rounding)
    return stretch.linear(steps, limits.low, limits.high, gamma, rounding)


def spread(items: tuple[Limits, ...], channels: Sequence[str], option: str) -> tuple[Limits, ...]:
    """One for each channel; a single one serves all."""
    if len(items) == 1:
        return items * len(channels)
    if len(items) != len(channels):
        raise UsageError(
            f"--{option} has {len(items)} parts, the product has {len(channels)} channels ({', '.join(channels)})"
        )
    return items
