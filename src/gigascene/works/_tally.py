"""Counting pixels, piece by piece."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def tally(kinds: NDArray[np.uint8], names: Sequence[str], width: int) -> list[dict[str, int]]:
    """How many pixels are of each kind, from 1 on, in every piece of so many columns; windows (y, x) lie within a row of pieces."""
    starts = np.arange(0, kinds.shape[1], width)
    counts = [
        np.add.reduceat(np.count_nonzero(kinds == kind, axis=0), starts).tolist() for kind in range(1, len(names) + 1)
    ]
    return [dict(zip(names, piece, strict=True)) for piece in zip(*counts, strict=True)]
