"""Landsat 8, Collection 2: a scene of Scoresby Sund cut from the procedural Earth, in the agency's own layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from gigascene.simulate import _landsat_mtl as mtl
from gigascene.simulate._geotiff import Band
from gigascene.simulate._landsat_facts import Layout, Level, Size, layout
from gigascene.simulate._landsat_pixels import Square, square
from gigascene.simulate._squares import cores, in_order, whole_folder


def simulate(
    folder: Path,
    *,
    size: Size = "full",
    seed: int = 0,
    level: Level = "l1",
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write one scene.

    Parameters
    ----------
    folder : Path
        Where the scene's own folder, named by its product id, is made.
    size : (rows, columns) or "full" or "small"
        Pixels of the 30 m bands. Smaller scenes show the middle of the full one.
    seed : int
        Of the Earth: another seed, another coast.
    level : "l1" or "l2"
        Level 1 (top of the air, 11 bands) or Level 2 (surface reflectance and temperature).
    workers : int, optional
        Threads; by default one for each core this process may use.
    progress : (done, total) -> None, optional
        Called after each part.

    Returns
    -------
    Path
        The scene's folder. The same arguments give the same bytes, with any number of workers.

    Raises
    ------
    WriteFailed
        The scene's folder exists already, or cannot be written. Nothing is left behind.
    UsageError
        A size or level that makes no sense.
    """
    plan = layout(size, level)
    target = Path(folder) / plan.product_id
    with whole_folder(target) as part:
        _write(part, plan, seed, workers or cores(), progress)
    return target


@dataclass(slots=True)
class _Counts:
    """Pixels, summed over the squares."""

    valid: int = 0
    cloudy: int = 0
    land: int = 0
    cloudy_land: int = 0

    def add(self, part: Square) -> None:
        self.valid += part.valid
        self.cloudy += part.cloudy
        self.land += part.land
        self.cloudy_land += part.cloudy_land

    @property
    def weather(self) -> mtl.Weather:
        land = 100 * self.cloudy_land / self.land if self.land else -1.0
        return mtl.Weather(cloud=100 * self.cloudy / max(self.valid, 1), cloud_land=land)


def _write(folder: Path, plan: Layout, seed: int, workers: int, progress: Callable[[int, int], None] | None) -> None:
    """All files of the scene."""
    start = f"{plan.product_id}_"
    bands = {
        name: Band(folder / f"{start}{name}.TIF", grid, nodata=1 if name == "QA_PIXEL" else 0)
        for name, grid in plan.files.items()
    }
    try:
        counts = _fill(bands, plan, seed, workers, progress)
        for band in bands.values():
            band.finish()
    finally:
        for band in bands.values():
            band.close()
    content = mtl.groups(plan, counts.weather)
    for suffix, spell in {"txt": mtl.odl, "xml": mtl.xml, "json": mtl.jsons}.items():
        (folder / f"{start}MTL.{suffix}").write_text(spell(content), encoding="ascii")


def _fill(
    bands: dict[str, Band], plan: Layout, seed: int, workers: int, progress: Callable[[int, int], None] | None
) -> _Counts:
    counts, total = _Counts(), plan.grid.tiles[0] * plan.grid.tiles[1]
    for done, part in enumerate(_squares(plan, seed, workers), start=1):
        counts.add(part)
        for name, tiles in part.tiles.items():
            for row, column, body in tiles:
                bands[name].put(row, column, body)
        if progress:
            progress(done, total)
    return counts


def _squares(plan: Layout, seed: int, workers: int) -> Iterator[Square]:
    """All squares in row-major order."""
    down, across = plan.grid.tiles
    with ThreadPoolExecutor(workers) as pool:
        places = product(range(down), range(across))
        yield from in_order(lambda place: square(plan, *place, seed), places, pool, workers + 2)
