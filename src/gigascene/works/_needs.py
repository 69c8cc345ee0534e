"""What the planner must know of a work to foresee its memory."""

from __future__ import annotations

from dataclasses import dataclass

Sources = tuple[tuple[tuple[int, int], int], ...]
"""Of each band that is read by blocks: rows and columns of a block, and bytes of a sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Of reading and making one window."""

    pixel: int
    """Bytes that one pixel of a window costs on its way to levels, the levels left out."""

    block: tuple[int, int]
    """Rows and columns of the sources' own blocks."""

    sources: Sources

    square: int = 0
    """Side of the squares that windows are made in, where sources lie on other grids; 0 where they are not.

    Windows do not follow the blocks of sources then: the larger a window, the fewer blocks are decoded twice.
    """

    hand: int = 0
    """Bytes that one pixel of such a square costs."""

    counted: int = 0
    """Bytes that one pixel costs beside its levels until it is encoded: what it counts as."""

    kept: int = 0
    """Bytes that stay in each process: tables, fields of weights."""
