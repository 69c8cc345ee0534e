"""Which blocks of the sources cannot be decoded: every one that may matter is tried once, before anything is measured.

So the list is the same whatever the engine, the workers and the cut, and travels in the plan; a worker never tries what
is known to be broken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TypeVar

import numpy as np
from odc.geo.geobox import GeoBox

from gigascene.model.errors import BadInput, Broken, LimitExceeded, MissingBands
from gigascene.model.gap import Gap, rectangles
from gigascene.model.grid import PieceGrid, Window
from gigascene.model.plan import Execution
from gigascene.model.scene import Asset, Scene
from gigascene.plan.memory import MB, base
from gigascene.readers.window import read
from gigascene.works._placed import whole_shift
from gigascene.works._reach import pixel_size, reach

HALO = 4
"""Pixels around what is under the output that filters look at, of the larger of both grids: a cubic looks at two."""

AT_ONCE = 64 << 20
"""Bytes of decoded blocks in hand at once; at least one."""

COPIES = 4
"""What a block takes while it is decoded: itself, GDAL's, and JPEG 2000's samples of four bytes."""

T = TypeVar("T")
U = TypeVar("U")


def searched(
    scene: Scene, keys: Iterable[str], grid: GeoBox, output: GeoBox, execution: Execution, *, whole: bool = False
) -> tuple[Scene, tuple[Gap, ...]]:
    """The scene with the gaps of these assets, and what is told of each: by asset, from the north.

    Parameters
    ----------
    scene : Scene
        Its assets must have been looked at.
    keys : str
        Of the assets that will be read.
    grid : GeoBox
        On which the product is made of this scene.
    output : GeoBox
        What is made: blocks that cannot reach it do not matter.
    execution : Execution
        How many threads may decode, and in how much memory.
    whole : bool
        Every block matters, for numbers are measured over the whole scene.

    Raises
    ------
    LimitExceeded
        One block alone does not fit in the memory allowed.
    """
    assets, gaps = dict(scene.assets), []
    for key in sorted(set(keys)):
        asset = assets[key]
        copied = asset.geobox == grid
        found = [
            (one, _reached(asset, one, output, copied=copied)) for one in _broken(asset, output, execution, whole=whole)
        ]
        kept = tuple((one, there) for one, there in found if there is not None or whole)
        assets[key] = replace(asset, gaps=tuple(one for one, _ in kept))
        gaps += [
            Gap(scene=scene.id, band=key, file=asset.href, window=one, output=there, why="cannot be decoded")
            for one, there in kept
        ]
    return replace(scene, assets=assets), tuple(gaps)


def opened(items: Sequence[T], open_: Callable[[T], U], name: Callable[[T], str]) -> tuple[list[U], tuple[Gap, ...]]:
    """What can be opened, and a gap for each that is gone or broken; raises the first error where nothing is left."""
    good, gaps, first = [], [], None
    for item in items:
        try:
            good.append(open_(item))
        except BadInput as error:
            if not is_gap(error):
                raise
            first = first or error
            gaps.append(left_out(error, name(item)))
    if first is not None and not good:
        raise first
    return good, tuple(gaps)


def is_gap(error: BadInput) -> bool:
    """True where a file is gone or broken: not where somebody may not read it, or a server does not answer just now."""
    return isinstance(error, Broken) or (isinstance(error, MissingBands) and bool(error.args[4]))


def left_out(error: BadInput, scene: str) -> Gap:
    """A scene that is left out, and why."""
    if isinstance(error, MissingBands):
        return Gap(scene=scene, band=", ".join(error.args[2]), why=_sentence(str(error)))
    file = str(error.args[1]).removeprefix(f"scene {scene}: ")
    return Gap(scene=scene, band=str(error.args[2]), file=file, why=_sentence(str(error)))


def _sentence(words: str) -> str:
    line = " ".join(words.split())
    return line if line.endswith((".", "!", "?")) else f"{line}."


def _broken(asset: Asset, output: GeoBox, execution: Execution, *, whole: bool) -> tuple[Window, ...]:
    """Blocks that cannot be decoded, joined to rectangles."""
    area, threads = _area(asset, output, whole=whole), _threads(asset, execution)
    with ThreadPoolExecutor(threads) as pool:
        blocks = _blocks(asset, area)
        bad = []
        while some := list(islice(blocks, 64 * threads)):
            tried = pool.map(lambda block: _decodes(asset, block), some)
            bad += [block for block, good in zip(some, tried, strict=True) if not good]
    return rectangles(bad)


def _threads(asset: Asset, execution: Execution) -> int:
    """As many as may hold a block each; raises `LimitExceeded` where one may not."""
    rows, columns = (min(side, most) for side, most in zip(asset.blocks, asset.geobox.shape, strict=True))
    size = rows * columns * np.dtype(asset.dtype).itemsize * COPIES
    room = execution.memory - base()
    if size > room:
        raise LimitExceeded(
            f"{asset.href}, band {asset.key}: to try one of its blocks for --allow-gaps takes "
            f"{(base() + size) / MB:,.0f} MiB, and {execution.memory / MB:,.0f} MiB are allowed. Allow more with --memory."
        )
    return max(1, min(execution.workers, min(room, AT_ONCE * COPIES) // size))


def _decodes(asset: Asset, block: Window) -> bool:
    try:
        read(asset, block)
    except Broken:
        return False
    return True


def _blocks(asset: Asset, area: Window) -> Iterator[Window]:
    """The file's own blocks that touch an area, row-major."""
    grid = PieceGrid(shape=tuple(asset.geobox.shape), piece=asset.blocks)
    height, width = asset.blocks
    for row in range(area.top // height, (area.bottom - 1) // height + 1):
        for column in range(area.left // width, (area.right - 1) // width + 1):
            yield grid[row * grid.across + column]


def _area(asset: Asset, output: GeoBox, *, whole: bool) -> Window:
    """The asset's pixels that may matter."""
    every = Window(top=0, left=0, height=asset.geobox.shape[0], width=asset.geobox.shape[1])
    if whole or asset.geobox == output:
        return every
    top, left, bottom, right = reach(output, asset.geobox)
    if top == bottom:  # its outline does not tell, as that of half the Earth
        return every
    wide = Window(top=top, left=left, height=bottom - top, width=right - left).grown(_halo(output, asset.geobox))
    return wide.common(every) or every


def _reached(asset: Asset, window: Window, output: GeoBox, *, copied: bool) -> Window | None:
    """Pixels of the output that some of the asset's may touch, just these where they are `copied` to one lattice; None: there are none."""
    if copied and (shift := whole_shift(asset.geobox, output)) is not None:
        down, across = shift
        moved = replace(window, top=window.top - down, left=window.left - across)
        return moved.within(tuple(output.shape))
    wide = window.grown(HALO)
    a = asset.geobox.affine
    under = GeoBox((wide.height, wide.width), a @ a.translation(wide.left, wide.top), asset.geobox.crs)
    top, left, bottom, right = reach(under, output)
    return Window(top=top, left=left, height=bottom - top, width=right - left) if top < bottom else None


def _halo(output: GeoBox, source: GeoBox) -> int:
    """Source pixels that filters look at beyond the output's edge."""
    a = source.affine
    ratio = pixel_size(output, source) / min(math.hypot(a.a, a.d), math.hypot(a.b, a.e))
    return math.ceil(HALO * max(ratio, 1.0)) if math.isfinite(ratio) else HALO
