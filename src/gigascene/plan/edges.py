"""How far inside a scene its pixels lie: found for each window where the ramp is narrow, else once, cell by cell."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels import feather
from gigascene.model.grid import Window
from gigascene.model.mosaic import Edges
from gigascene.works._placed import Placed, packed
from gigascene.works._reach import pixel_size

NARROW = 64.0
"""Ramps of up to so many pixels are found from a window's own surroundings."""

CELLS = 8
"""Cells across a wider ramp."""

ROWS = 512
"""Rows looked at together."""


def edges(placed: Placed, width: float, workers: int) -> Edges:
    """The ramp of one scene, `width` in units of the output's CRS."""
    reach = width / pixel_size(placed.gather.geobox, placed.warp.output)
    if reach <= NARROW:
        return Edges(cell=0, reach=reach)
    cell = int(reach / CELLS)
    good = _cells(placed, cell, workers)
    margin = feather.halo(reach / cell)
    weights = feather.ramp(np.pad(good, margin), reach / cell)
    return Edges(cell=cell, reach=reach, shape=(good.shape[0], good.shape[1]), weights=packed(weights))


def _cells(placed: Placed, cell: int, workers: int) -> NDArray[np.bool_]:
    """Cells all of whose pixels have data."""
    rows, columns = placed.gather.geobox.shape
    step = max(ROWS // cell, 1) * cell
    with ThreadPoolExecutor(workers) as pool:
        strips = pool.map(lambda top: _strip(placed, top, min(step, rows - top), columns, cell), range(0, rows, step))
        return np.concatenate(list(strips))


def _strip(placed: Placed, top: int, height: int, columns: int, cell: int) -> NDArray[np.bool_]:
    missing = ~placed.covered(Window(top=top, left=0, height=height, width=columns))
    down = np.logical_or.reduceat(missing, np.arange(0, height, cell), axis=0)
    return ~np.logical_or.reduceat(down, np.arange(0, columns, cell), axis=1)
