"""Sentinel-2, level 2A: overlapping tiles around Scoresby Sund on several dates, cut from the procedural Earth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gigascene.model.errors import UsageError
from gigascene.simulate import _sentinel2_facts as facts
from gigascene.simulate import _sentinel2_stac as stac
from gigascene.simulate._cog import CogFile
from gigascene.simulate._sentinel2_facts import Frame, Pass, Tile
from gigascene.simulate._sentinel2_pixels import HEIGHT, WIDTH, Square, View, square
from gigascene.simulate._sentinel2_safe import Image, SafeProduct
from gigascene.simulate._sentinel2_scene import Counts, Scene
from gigascene.simulate._squares import cores, in_order, refuse_existing, whole_folder
from gigascene.storage.local import Target, discard, writing

Layout = Literal["stac", "safe"]

TRUTH_BANDS = ("B04", "B03", "B02", "B08")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What was asked."""

    size: int
    tiles: tuple[Tile, ...]
    passes: tuple[Pass, ...]
    seed: int
    assets: tuple[str, ...]
    version: str
    applied: bool


def simulate(
    folder: Path,
    *,
    size: int | str = "full",
    tiles: tuple[int, int] = (1, 1),
    dates: int = 1,
    neighbor: bool = False,
    layout: Layout = "stac",
    bands: Sequence[str] | None = None,
    truth: bool = False,
    stac_version: str = "1.0.0",
    offset_applied: bool = False,
    seed: int = 0,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write all tiles of a region on all dates.

    Parameters
    ----------
    folder : Path
        Where the scenes' own folders are made, and for `layout` "stac" ``scenes.json``, which lists them.
    size : int or name in `SIZES`
        Pixels of 10 m along a side of a tile, a multiple of 6. Less than ``"full"``: tiles are cut down and lie closer, so that they
        overlap as the full ones do; swath and clouds shrink with them.
    tiles : (down, across)
        Around the tile 26WND. What a tile shows does not depend on how many there are.
    dates : int
        Passes: the first two of Sentinel-2A, three days apart on neighbouring tracks, then two of Sentinel-2B five days later, and so on.
    neighbor : bool
        Also the tiles of UTM zone 27 that overlap the region's eastern edge. They show the same Earth, resampled.
    layout : "stac" or "safe"
        Cloud-Optimised GeoTIFFs with STAC items, or the agency's own folders with JPEG 2000.
    bands : sequence of asset keys, optional
        Such as ``("red", "green", "blue", "nir", "scl")``; all by default. `layout` "stac" only, as the next but one and the one behind it.
    truth : bool
        Also write, for each date, the whole region without clouds, shade and swath edges: ``truth_YYYYMMDD.tif`` with red, green, blue
        and nir. Wherever a scene is clear, also around, its pixels are these.
    stac_version : "1.0.0" or "1.1.0"
        Spelling of the bands: ``eo:bands`` and ``raster:bands``, or ``bands``.
    offset_applied : bool
        Add the offset of -1000 to the pixels, as the catalogue has done for part of the archive.
    seed : int
        Of the Earth.
    workers : int, optional
        Threads; by default one for each core this process may use.
    progress : (done, total) -> None, optional
        Called after each part.

    Returns
    -------
    Path
        ``scenes.json``, an ItemCollection with relative references; of SAFE products the folder that holds them. The same arguments give
        the same bytes, with any number of workers.

    Raises
    ------
    WriteFailed
        One of the outputs exists already, or cannot be written. What is there is whole; the scene at hand is not left behind.
    UsageError
        A size, number or name that makes no sense.
    """
    pixels = facts.checked_size(size)
    if layout not in {"stac", "safe"}:
        raise UsageError(f"there is no layout {layout!r}; choose stac or safe")
    if layout == "safe" and (bands or offset_applied):
        raise UsageError("SAFE products have all bands, and no offset applied; choose the layout stac")
    if stac_version not in stac.EXTENSIONS:
        raise UsageError(f"there is no STAC {stac_version!r} here; choose {' or '.join(stac.EXTENSIONS)}")
    region = facts.region(*tiles, pixels)
    order = _Order(
        size=pixels, tiles=region + facts.neighbors(region) if neighbor else region, passes=facts.passes(dates), seed=seed,
        assets=_assets(bands), version=stac_version, applied=offset_applied,
    )  # fmt: skip
    folder, scenes = Path(folder), [scene for scene in _scenes(order) if scene.outline]
    index = folder / "scenes.json"
    truths = _truths(folder, order) if truth else {}
    names = [scene.product if layout == "safe" else scene.item for scene in scenes]
    for path in (*([index] if layout == "stac" else []), *truths, *(folder / name for name in names)):
        refuse_existing(path)
    with ThreadPoolExecutor(workers or cores()) as pool:
        run = _Run(order, pool, _Progress(progress, _frames(scenes, order, len(truths))))
        if layout == "safe":
            for scene in scenes:
                run.safe(folder, scene)
        else:
            _write_index(index, [run.stac(folder, scene) for scene in scenes])
        for path, view in truths.items():
            run.truth(path, view)
    return index if layout == "stac" else folder


def _write_index(path: Path, items: Sequence[dict[str, Any]]) -> None:
    content = stac.collection_of([stac.moved(item, item["id"]) for item in items])
    Target(path).write_text(json.dumps(content, indent=1) + "\n")


def _scenes(order: _Order) -> Iterator[Scene]:
    for flown in order.passes:
        swath = facts.swath(flown, order.size)
        for tile in order.tiles:
            yield Scene(tile=tile, flown=flown, swath=swath)


def _frames(scenes: Sequence[Scene], order: _Order, truths: int) -> list[Frame]:
    """All that will be filled."""
    return [scene.tile.frame for scene in scenes] + truths * [facts.around(order.tiles)]


def _assets(bands: Sequence[str] | None) -> tuple[str, ...]:
    """Keys of assets, in the catalogue's order."""
    for name in bands or ():
        if name not in stac.IMAGES:
            raise UsageError(f"no asset is called {name!r}; choose from {', '.join(stac.IMAGES)}")
    return tuple(key for key in stac.IMAGES if not bands or key in bands)


def _truths(folder: Path, order: _Order) -> dict[Path, View]:
    """File and view of every date."""
    return {
        folder / f"truth_{flown.start:%Y%m%d}.tif": View(
            flown=flown, seed=order.seed, swath=facts.swath(flown, order.size),
            images=frozenset(f"{name}_10m" for name in TRUTH_BANDS), clear=True,
        )
        for flown in order.passes
    }  # fmt: skip


class _Progress:
    """Strips done, of all."""

    def __init__(self, tell: Callable[[int, int], None] | None, frames: Sequence[Frame]) -> None:
        self._tell = tell
        self._done, self._total = 0, sum(-(-frame.rows // HEIGHT) for frame in frames)

    def __call__(self) -> None:
        """One more."""
        self._done += 1
        if self._tell:
            self._tell(self._done, self._total)


class _Run:
    """The threads at work on one order."""

    def __init__(self, order: _Order, pool: ThreadPoolExecutor, progress: _Progress) -> None:
        self._order, self._pool, self._progress = order, pool, progress

    def stac(self, folder: Path, scene: Scene) -> dict[str, Any]:
        """Write one tile on one date as Cloud-Optimised GeoTIFFs; its item."""
        order, frame = self._order, scene.tile.frame
        with whole_folder(folder / scene.item) as part:
            paths = {key: part / stac.file_name(key) for key in order.assets}
            files = {stac.IMAGES[key]: _cog(path, key, frame) for key, path in paths.items()}
            view = View(flown=scene.flown, seed=order.seed, swath=scene.swath, images=frozenset(files))
            counts = self._fill(files, view, frame)
            sizes = {key: path.stat().st_size for key, path in paths.items()}
            item = stac.item(scene, counts, sizes, order.version, applied=order.applied)
            (part / f"{scene.item}.json").write_text(json.dumps(item, indent=1) + "\n", encoding="utf-8")
        return item

    def safe(self, folder: Path, scene: Scene) -> None:
        """Write one tile on one date as a SAFE product."""
        with whole_folder(folder / scene.product) as part:
            product = SafeProduct(part, scene)
            view = View(
                flown=scene.flown, seed=self._order.seed, swath=scene.swath, images=frozenset(product.files)
            )  # fmt: skip
            product.finish(self._fill(product.files, view, scene.tile.frame))

    def truth(self, path: Path, view: View) -> None:
        """Write the region as one date's sun shows it."""
        frame, part = facts.around(self._order.tiles), path.with_name(f".{path.name}.part")
        file = CogFile(part, frame.geobox(10), "uint16", len(TRUTH_BANDS))
        try:
            with writing(path):
                self._fill({"truth": file}, view, frame)
            Target(path).commit(part)
        except BaseException:
            discard(part)
            raise

    def _fill(self, files: Mapping[str, Image], view: View, frame: Frame) -> Counts:
        """All images of a frame, strip by strip: while one is encoded, the squares of the next are made."""
        counts = Counts()
        with ExitStack() as stack:
            for file in files.values():
                stack.callback(file.close)
            for strip in self._strips(view, frame):
                for part in strip:
                    counts.add(part)
                list(self._pool.map(partial(self._put, strip), files, files.values()))
                self._progress()
            list(self._pool.map(lambda file: file.finish(), files.values()))
        return counts

    def _put(self, strip: Sequence[Square], name: str, file: Image) -> None:
        file.put(self._rows(strip, name))

    def _strips(self, view: View, frame: Frame) -> Iterator[list[Square]]:
        rows = list(facts.pieces(frame, HEIGHT, WIDTH))
        pieces = (piece for row in rows for piece in row)
        made = in_order(partial(square, view), pieces, self._pool, len(rows[0]) + 1)
        for row in rows:
            yield [next(made) for _ in row]

    def _rows(self, strip: Sequence[Square], name: str) -> NDArray[Any]:
        """Rows of an image, across all squares."""
        if name == "truth":
            return np.concatenate(
                [np.stack([part.images[f"{band}_10m"] for band in TRUTH_BANDS], axis=-1) for part in strip], axis=1
            )
        rows = np.concatenate([part.images[name] for part in strip], axis=1)
        if self._order.applied and name.startswith("B"):
            rows = np.where(rows > 0, np.maximum(rows, 1001) - 1000, 0).astype(np.uint16)
        return rows


def _cog(path: Path, key: str, frame: Frame) -> CogFile:
    """File of an asset."""
    plain = key in {"scl", "visual"}
    return CogFile(
        path, frame.geobox(stac.gsd(key)), "uint8" if plain else "uint16", 3 if key == "visual" else 1,
        labels=key == "scl",
    )  # fmt: skip
