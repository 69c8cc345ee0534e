"""What the planner must know of a work to foresee its memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """Of reading and making one window."""

    pixel: int
    """Bytes that one pixel costs on its way to levels, the levels left out."""

    block: tuple[int, int]
    """Rows and columns of the sources' own blocks."""

    sources: tuple[tuple[tuple[int, int], int], ...]
    """Of each band that is read by blocks: rows and columns of a block, and bytes of a sample."""

    counted: int = 0
    """Bytes that one pixel costs beside its levels until it is encoded: what it counts as."""

    kept: int = 0
    """Bytes that stay in each process: tables, fields of weights."""
