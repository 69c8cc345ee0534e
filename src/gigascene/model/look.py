"""How physical values are shown: numbers only, so that a plan can carry them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from gigascene.model.errors import UsageError

LEAST_CONTRAST, MOST_CONTRAST = 0.1, 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Values shown darkest and brightest."""

    low: float
    high: float
    percent: bool = False
    """True: `low` and `high` are percentiles (0 to 100), to be measured by the survey."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and math.isfinite(self.high - self.low)):
            raise UsageError(f"limits must be finite numbers, got {self.low:g}:{self.high:g}")
        if not self.low < self.high:
            raise UsageError(f"low must be below high, got {self.low:g}:{self.high:g}")
        if self.percent and not (self.low >= 0 and self.high <= 100):
            raise UsageError(f"percentiles lie between 0% and 100%, got {self.low:g}%:{self.high:g}%")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Limits, gamma and curve. One entry serves all channels; else one for each."""

    limits: tuple[Limits, ...] = (Limits(low=1, high=99, percent=True),)
    gamma: tuple[float, ...] = (1.0,)
    """v ** (1 / gamma): above 1 brightens the middle."""

    curve: Literal["linear", "sigmoid", "equalize"] = "linear"
    """Sigmoid raises contrast in the middle; equalize gives every level as many pixels."""

    contrast: float = 10.0
    """Steepness of the sigmoid, `LEAST_CONTRAST` to `MOST_CONTRAST`: 1 is next to a straight line, 50 next to a step."""

    palette: str | None = None
    """Name of a palette for single-channel products, or None for grey."""

    rounding: Literal["packing", "nearest"] = "packing"
    """Packing ``document`` cuts fractions off; ``"nearest"`` rounds them all the same."""

    def __post_init__(self) -> None:
        if not all(0.01 <= g <= 100 for g in self.gamma):
            raise UsageError(f"gamma must be between 0.01 and 100, got {', '.join(f'{g:g}' for g in self.gamma)}")
        if not LEAST_CONTRAST <= self.contrast <= MOST_CONTRAST:
            raise UsageError(
                f"the contrast of a sigmoid is {LEAST_CONTRAST:g} to {MOST_CONTRAST:g}, not {self.contrast:g}"
            )

    @property
    def needs_survey(self) -> bool:
        """True if pixels must be counted before this look is known."""
        return self.curve == "equalize" or any(limits.percent for limits in self.limits)


def parse_stretch(text: str) -> tuple[Limits, ...]:
    """Read limits as the command line gives them.

    >>> parse_stretch("0.02:0.30")
    (Limits(low=0.02, high=0.3, percent=False),)
    >>> [pair.percent for pair in parse_stretch("2%:98%,1%:99%,0:1")]
    [True, True, False]
    """
    return tuple(_pair(pair) for pair in text.split(","))


def _pair(text: str) -> Limits:
    low, colon, high = text.strip().partition(":")
    percents = low.endswith("%"), high.endswith("%")
    try:
        if not colon or percents[0] != percents[1]:
            raise ValueError
        return Limits(low=float(low.rstrip("%")), high=float(high.rstrip("%")), percent=percents[0])
    except UsageError:
        raise
    except ValueError:
        raise UsageError(
            f"cannot read the stretch {text!r}; write low:high, such as 0.02:0.30 or 2%:98%, "
            "one pair for all channels or one each, separated by commas"
        ) from None
