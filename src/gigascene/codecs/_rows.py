"""From windows of any height to whole rows of pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.model.block import Shown
from gigascene.model.contracts import Piece
from gigascene.model.grid import PieceGrid

STRIP = 2 << 20
"""Bytes of a strip, unless one row is more."""


def run_levels(first: int, shown: Iterable[Shown], grid: PieceGrid) -> NDArray[Any]:
    """All levels of a run of pieces, (rows of one piece, run's width, band), from its windows top to bottom.

    A window that is the whole run is passed on without a copy.
    """
    top, height = grid[first].top, grid[first].height
    whole: NDArray[Any] | None = None
    done = 0
    for part in shown:
        if part.window.height == height:
            return part.levels
        if whole is None:
            whole = np.empty((height, *part.levels.shape[1:]), part.levels.dtype)
        done = part.window.bottom - top
        whole[part.window.top - top : done] = part.levels
    if whole is None or done != height:
        raise ValueError(f"the windows cover {done} of {height} rows")
    return whole


def piece_of(index: int, body: bytes, facts: Mapping[str, Any] | None = None) -> Piece:
    """A piece with its checksum."""
    return Piece(index=index, body=body, sha256=hashlib.sha256(body).hexdigest(), facts=facts or {})


def strip_grid(shape: tuple[int, int], row_bytes: int) -> PieceGrid:
    """Full-width strips of at most 2 MiB; a power of two rows high, so that they nest in the sources' blocks."""
    rows = 1
    while rows * 2 * row_bytes <= STRIP and rows < max(4096, shape[0]):
        rows *= 2
    return PieceGrid(shape=shape, piece=(rows, shape[1]))
