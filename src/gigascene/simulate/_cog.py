"""A Cloud-Optimised GeoTIFF that is filled from the top, rows of any height at a time, with all its overviews."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.codecs._tiff_header import header
from gigascene.codecs._tiff_levels import directories, empty_level
from gigascene.codecs._tiff_options import CLASSIC, level_shape, overviews, tiff_options
from gigascene.codecs._tiff_tile import framed, tile_coder
from gigascene.codecs.tile_rows import Half
from gigascene.metadata.geotiff_tags import geotiff_tags
from gigascene.model.plan import Format
from gigascene.writers.cog import copy_level


class CogFile:
    """One file being written: tiles go to a nameless file as they are full, and to their places at the end.

    Parameters
    ----------
    path : Path
        The file; its folder must be there.
    geobox : GeoBox
        Its pixels.
    dtype : "uint8" or "uint16"
    bands : int
        1 to 4.
    tile : int
        Side of a tile.
    labels : bool
        Numbers are names of classes: overviews take every second pixel, and do not average.
    """

    def __init__(
        self, path: Path, geobox: GeoBox, dtype: str, bands: int = 1, *, tile: int = 1024, labels: bool = False
    ) -> None:
        height, width = geobox.shape
        self._format = format = Format(
            writer="cog", shape=(height, width), bands=bands, dtype=dtype, alpha=False, nodata=0, geobox=geobox,
            options={"tile": tile},
        )  # fmt: skip
        numbers = range(overviews(format) + 1)
        self._levels = [empty_level(number, format) for number in numbers]
        self._rows_of = [0] * len(self._levels)
        """Rows of tiles that each level has."""

        half = _Every if labels else Half
        self._halves = [half(level_shape((height, width), number), tile, format) for number in numbers[1:]]
        self._rows = np.empty((min(tile, height), width, bands), dtype)
        self._have = self._done = 0
        self._coder = tile_coder(format)
        self._path = path
        self._spool = TemporaryFile(dir=path.parent)  # noqa: SIM115  (closed by `close`)

    def put(self, rows: NDArray[Any]) -> None:
        """Append rows: (y, x) or (y, x, band)."""
        rows = rows.reshape(len(rows), *self._rows.shape[1:])
        while len(rows):
            full = min(len(self._rows), self._format.shape[0] - self._done)
            take = min(full - self._have, len(rows))
            self._rows[self._have : self._have + take] = rows[:take]
            self._have, rows = self._have + take, rows[take:]
            if self._have == full:
                self._add(0, self._rows[:full])
                self._have, self._done = 0, self._done + full

    def finish(self) -> None:
        """Write the file."""
        assert self._done == self._format.shape[0]
        self._spool.flush()
        pictures = directories(self._levels, geotiff_tags(self._format.geobox), self._format)
        start = header(pictures, big=False, masked=False)
        if len(start) + sum(level.length for level in self._levels) > CLASSIC:
            start = header(pictures, big=True, masked=False)
        with self._path.open("wb") as file:
            file.write(start)
            file.flush()  # what follows goes past Python's buffer
            for level in reversed(self._levels):
                copy_level(level, self._spool, file)
        self.close()

    def close(self) -> None:
        """Give up what was not written."""
        self._spool.close()

    def _add(self, number: int, strip: NDArray[Any]) -> None:
        """Encode a row of tiles; then the one of the next level that it fills."""
        level, tile = self._levels[number], tiff_options(self._format).tile
        row = self._rows_of[number]
        self._rows_of[number] += 1
        for column in range(level.sizes.shape[1]):
            (data,) = self._coder.encode(strip, column)
            level.sizes[row, column] = len(data)
            if column % level.span == 0:
                level.starts[row, column // level.span] = self._spool.tell()
            self._spool.writelines(framed(data))
        assert -(-strip.shape[1] // tile) == level.sizes.shape[1]
        below = self._halves[number].add(strip) if number < len(self._halves) else None
        if below is not None:
            self._add(number + 1, below)


class _Every(Half):
    """Every second pixel of every second row."""

    def _halve(self, above: NDArray[Any], out: NDArray[Any]) -> None:
        out[:] = above[::2, ::2]
