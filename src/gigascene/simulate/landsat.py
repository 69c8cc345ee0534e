"""Landsat 8, Collection 2: a scene of Scoresby Sund cut from the procedural Earth, in the agency's own layout."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gigascene.model.errors import WriteFailed
from gigascene.simulate import _landsat_mtl as mtl
from gigascene.simulate._geotiff import Band
from gigascene.simulate._landsat_facts import Layout, Level, Size, layout
from gigascene.simulate._landsat_pixels import Square, square
from gigascene.storage.local import writing


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
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise WriteFailed(str(target), "it exists already", "Remove it, or choose another folder.")
        part = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
        try:
            _write(part, plan, seed, workers or _cores(), progress)
            part.chmod(0o755)
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
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
    """All squares in row-major order, made by threads (the kernels and codecs release the GIL), a few ahead."""
    down, across = plan.grid.tiles
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Square]] = deque()
        try:
            for index in range(down * across):
                waiting.append(pool.submit(square, plan, index // across, index % across, seed))
                if len(waiting) > workers + 2:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
