"""Arrays in hand, and where they belong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.model.grid import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Physical values (float32) or stored numbers (integers) of one window."""

    window: Window
    data: NDArray[Any]
    """(band, y, x)."""

    valid: NDArray[np.bool_]
    """(y, x), True where good; the one mask of the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Display levels of one window, ready for a codec."""

    window: Window
    levels: NDArray[Any]
    """(y, x, band) uint8 or uint16, C-contiguous rows; alpha, where the format has it, is the last band."""

    kinds: NDArray[np.uint8] | None = None
    """(y, x): what each pixel counts as, whatever is drawn over it; 0 where there is no data; None where nothing is counted."""
