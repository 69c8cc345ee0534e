"""A finished picture in another format, pixel for pixel."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from gigascene.api.compose import check_resampling, execution
from gigascene.execute.coordinate import Watcher
from gigascene.execute.deliver import run as run_plan
from gigascene.execute.receipt import Receipt
from gigascene.model.errors import UsageError
from gigascene.model.mosaic import Resampling
from gigascene.model.plain_picture import ByteOrder, Depth
from gigascene.model.plan import AS_IT_IS, Plan
from gigascene.model.scene import Scene
from gigascene.plan.build import Wish
from gigascene.plan.convert import Conversion, Found, build, found, of_picture, times
from gigascene.plan.mosaic import MosaicWish, lies_off_tiles
from gigascene.plan.mosaic import build as build_mosaic
from gigascene.readers import raw as raw_reader
from gigascene.storage.scratch import named


def plan_convert(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    image: int = 0,
    raw: tuple[int, int, int] | None = None,
    depth: int = 8,
    byteorder: ByteOrder = "big",
    offset: int = 0,
    datetime: str = "",
    resampling: Resampling = "nearest",
    writer: str | None = None,
    options: Mapping[str, Any] | None = None,
    engine: str = "threads",
    workers: int | str | None = None,
    memory: str | int | None = None,
    overwrite: bool = True,
) -> Plan:
    """Work out how a picture will be converted. Reads headers only.

    Parameters
    ----------
    source : path, or address of a TIFF
        PNG, JPEG, PAM, PNM (P1 to P6), TIFF (also Cloud-Optimised), Deep Zoom (``.dzi``) or a folder of web map tiles, of 8 or 16 bits,
        grey or RGB, with or without alpha. Where it lies is taken from the file, from ``.aux.xml`` or from a world file beside it;
        of map tiles from their numbers.
    target : path
        Its suffix picks the writer.
    image : int
        Which image of a Netpbm file that holds several, from 0.
    raw : (columns, rows, bands)
        The source is samples without a header.
    depth, byteorder, offset
        Of `raw`: bits of a sample (8 or 16), ``"big"`` or ``"little"``, bytes before the first sample.
    datetime : str
        When it was taken, such as ``"2020-07-01T10:00:00Z"``, or begin and end with a slash between. No picture says so itself,
        and without it a georeferenced one has no STAC item, which needs a time.
    resampling, writer, options, engine, workers, memory, overwrite
        As for `plan_compose`.

    Raises
    ------
    GigasceneError
        `UsageError`, `BadInput`, `LimitExceeded` when `memory` is too small, `WriteFailed`.
    """
    wish = Conversion(
        target=named(target),
        writer=writer,
        options=options or {},
        execution=execution(engine, workers, memory, overwrite=overwrite),
        when=datetime,
    )
    check_resampling(resampling)
    path = os.fspath(source)
    picture = found(path, image) if raw is None else _raw(Path(path), raw, depth, byteorder, offset)
    return _on_tiles(picture.scene, wish, resampling) or build(picture, wish)


def convert(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    resume: bool = False,
    watch: Watcher | None = None,
    **wishes: Any,
) -> Receipt:
    """Write a picture in another format. Takes all that `plan_convert` takes; `resume` and `watch` as for `compose`."""
    return run_plan(plan_convert(source, target, **wishes), resume=resume, watch=watch)


def _on_tiles(scene: Scene | None, wish: Conversion, resampling: Resampling) -> Plan | None:
    """The plan of map tiles of a GeoTIFF that does not lie on their grid; None for anything else."""
    own = Wish(product=AS_IT_IS, target=wish.target, writer=wish.writer, options=wish.options, execution=wish.execution)
    if scene is None or not lies_off_tiles(scene, own):
        return None
    return replace(build_mosaic([scene], MosaicWish(wish=own, resampling=resampling)), times=times(wish.when))


def _raw(path: Path, raw: tuple[int, int, int], depth: int, byteorder: ByteOrder, offset: int) -> Found:
    if depth not in {8, 16}:
        raise UsageError(f"--depth is 8 or 16, not {depth}")
    columns, rows, bands = raw
    dtype: Depth = "uint8" if depth == 8 else "uint16"
    return of_picture(raw_reader.describe(path, (rows, columns), bands, dtype, byteorder, offset))
