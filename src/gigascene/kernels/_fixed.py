"""Positions on a source grid in fixed point: whole numbers, so that the same position is the same everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

I64 = NDArray[np.int64]

ONE = 1 << 24
"""A source pixel in fixed point. A weight of 24 bits and its complement are both exact in float32."""

NOWHERE = -(1 << 62)
"""Instead of a position: this output pixel has none in the source."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Positions:
    """Source positions of a window of an output's points (its pixels' centres or corners), in units of 1 / `ONE`."""

    y: I64
    """(y, x); 0 is the centre of the source's first row. `NOWHERE` where there is none."""

    x: I64
    """(y, x); 0 is the centre of the source's first column. `NOWHERE` where there is none."""


Whole = TypeVar("Whole", int, I64)


def pixel_under(fixed: Whole) -> Whole:
    """The pixel whose square holds the position; on a border, the later one, as GDAL has it."""
    return (fixed + ONE // 2) // ONE
