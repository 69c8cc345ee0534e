"""Rows of tiles of every level, made as those of full resolution come, in the memory of two of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.serve.deep_zoom import DeepZoom
from gigascene.serve.encode import Validity


def pyramid(
    strips: Iterable[NDArray[Any]], zoom: DeepZoom, validity: Validity
) -> Iterator[tuple[int, int, NDArray[Any]]]:
    """Rows of tiles as (level, row, levels), each valid until the next is asked for.

    Parameters
    ----------
    strips : iterable of (y, x, band)
        Full resolution, cut into rows of tiles.
    """
    below: Below | None = None
    for row, strip in enumerate(strips):
        if below is None and zoom.top:
            below = Below(zoom, zoom.top - 1, strip, validity)
        yield zoom.top, row, strip
        if below is not None:
            yield from below.add(strip)


class Below:
    """A level that is filled by halves of the one above, and fills the one below."""

    def __init__(self, zoom: DeepZoom, level: int, like: NDArray[Any], validity: Validity) -> None:
        height, width = zoom.level_shape(level)
        self._level, self._left, self._row, self._have = level, height, 0, 0
        self._rows = np.empty((min(zoom.tile, height), width, like.shape[2]), like.dtype)
        self._validity = validity
        self._below = Below(zoom, level - 1, like, validity) if level else None

    def add(self, above: NDArray[Any]) -> Iterator[tuple[int, int, NDArray[Any]]]:
        """Take a row of tiles from above; give those that it completes, of this level and of those below."""
        rows = -(-len(above) // 2)
        self._validity.halved(above, out=self._rows[self._have : self._have + rows])
        self._have += rows
        full = min(len(self._rows), self._left)
        if self._have < full:
            return
        yield self._level, self._row, self._rows[:full]
        if self._below is not None:
            yield from self._below.add(self._rows[:full])
        self._row, self._left, self._have = self._row + 1, self._left - full, 0
