"""Many scenes, one seamless picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, Literal

from gigascene.api.compose import Stretch, check_resampling, execution, look_of
from gigascene.api.scenes import Source, open_scenes, open_whole
from gigascene.execute.coordinate import Watcher
from gigascene.execute.deliver import run as run_plan
from gigascene.execute.receipt import Receipt
from gigascene.model.errors import UnknownName, UsageError
from gigascene.model.mosaic import COMBINES, Combine, Resampling
from gigascene.model.plan import AS_IT_IS, KEPT, Plan
from gigascene.model.scene import Scene
from gigascene.plan.build import Wish
from gigascene.plan.mosaic import MosaicWish, build
from gigascene.plan.overlay import drawn
from gigascene.registry import PRODUCTS
from gigascene.storage.scratch import named


def plan_mosaic(
    product: str,
    scenes: Source | Sequence[Source],
    target: str | PathLike[str],
    *,
    grid: str | None = None,
    bbox: Sequence[float] | None = None,
    combine: Combine = "first",
    best: str = "clear",
    feather: float = 0.0,
    balance: bool = False,
    resampling: Resampling = "nearest",
    clip: str | PathLike[str] | None = None,
    nodata: float | None = None,
    bands: Sequence[str] = (),
    stretch: Stretch = None,
    gamma: float | str | Sequence[float] | None = None,
    curve: Literal["linear", "sigmoid", "equalize"] | None = None,
    palette: str | None = None,
    contrast: float | None = None,
    units: str = "default",
    mask: Sequence[str] = (),
    resolution: float | None = None,
    packing: Literal["nodata", "document"] = "nodata",
    depth: int | None = None,
    survey: Literal["sample", "exact"] = "sample",
    overlay: str | PathLike[str] | None = None,
    overlay_color: str | None = None,
    overlay_width: float | None = None,
    writer: str | None = None,
    options: Mapping[str, Any] | None = None,
    engine: str = "threads",
    workers: int | str | None = None,
    memory: str | int | None = None,
    overwrite: bool = True,
    allow_gaps: bool = False,
    root: str | PathLike[str] | None = None,
    offset: str | None = None,
) -> Plan:
    """Work out how many scenes will become one picture, without making it.

    Reads headers, and pixels only where something must be measured: percentiles, gains, the edges of scenes.

    Parameters
    ----------
    product : str
        One of `product_names()`; or ``"picture"``: the stored numbers of plain GeoTIFFs, kept as they are. So
        does ``"rgb"`` of plain GeoTIFFs of three bands of 8 or 16 bits (alpha aside), unless a look is asked for.
        ``"numbers"``: those of one band of plain GeoTIFFs of any type (elevation, classes), for computing, to a .tif.
    scenes : path, scene id, Scene, or a sequence of them
        As for `open_scenes`. Their order is that of precedence, where `combine` does not say otherwise.
    target : path
        Its suffix picks the writer.
    grid : str, optional
        ``"utm32:10m"``, ``"EPSG:3857:30"``, ``"like:FILE"``; left out, the CRS and pixels that most scenes share.
    bbox : (west, south, east, north), optional
        Degrees; left out, all that the scenes cover.
    combine : str
        ``"first"`` as given, ``"latest"`` acquisition on top, ``"best"`` (see `best`), ``"darkest"`` (smallest sum of
        all channels), ``"median"`` (of each channel; the lower of two middle values), ``"mean"``.
    best : str
        ``"clear"``: the scene with the least cloud; ``"near:2024-07-15"``: acquired nearest to a time; ``"ndvi"``: in
        every pixel the scene with the highest vegetation index. Ties go to the scene that comes first.
    feather : float
        Width of the ramp by which scenes fade into those below, from the edges of their valid areas, in units of the
        output's CRS. 0: hard edges.
    balance : bool
        Bring the scenes' values together where they overlap: a gain and an offset for each scene and channel.
    resampling : str
        ``"nearest"``, ``"bilinear"``, ``"cubic"`` or ``"average"``, for scenes on other grids.
    clip : path, optional
        GeoJSON polygons: what lies outside is no data.
    nodata : float, optional
        Of ``"numbers"``: what means no data in the result, and in files that do not say. Left out, the number that the
        files declare; NaN for floats that declare none, or different ones.
    depth : int, optional
        8 or 16 bits; left out, 8, or that of the stored numbers where they are kept.
    bands, stretch, gamma, curve, palette, contrast, units, mask, resolution, packing, survey, overlay, overlay_color, overlay_width, \
    writer, options, engine, workers, memory, overwrite, allow_gaps, root, offset
        As for `plan_compose`. There is one stretch for all scenes.

    Raises
    ------
    GigasceneError
        `UsageError`, `BadInput` (no scene on the grid, scenes that cannot stand side by side), `LimitExceeded`.
    """
    opened, lost = (
        open_whole(scenes, root, offset=offset) if allow_gaps else (open_scenes(scenes, root, offset=offset), ())
    )
    looks = (stretch, gamma, curve, palette, contrast)
    kept = product in KEPT or _keeps_numbers(product, opened, bands, units, mask, depth, looks)
    if combine not in COMBINES:
        raise UnknownName(combine, "way to combine scenes", "", COMBINES)
    check_resampling(resampling)
    keeping = product if product in KEPT else AS_IT_IS
    if kept and ((bands and keeping == AS_IT_IS) or depth is not None or any(look is not None for look in looks)):
        which = "all bands and their stored" if keeping == AS_IT_IS else "stored"
        raise UsageError(f"{keeping!r} keeps {which} numbers; choose another product to change them")
    wish = Wish(
        product=keeping if kept else product,
        target=named(target),
        bands=tuple(bands),
        look=None if kept else look_of(PRODUCTS[product].look, *looks),
        units=units,
        masks=tuple(mask),
        resolution=resolution,
        packing=packing,
        depth=depth or 8,
        survey=survey,
        overlay=drawn(None if overlay is None else os.fspath(overlay), overlay_color, overlay_width),
        writer=writer,
        options=options or {},
        execution=execution(engine, workers, memory, overwrite=overwrite),
        allow_gaps=allow_gaps,
    )
    return build(
        opened,
        MosaicWish(
            wish=wish,
            grid=grid,
            bbox=None if bbox is None else _bounds(bbox),
            combine=combine,
            best=best,
            feather=feather,
            balance=balance,
            resampling=resampling,
            clip=None if clip is None else os.fspath(clip),
            nodata=nodata,
            lost=lost,
        ),
    )


def mosaic(
    product: str,
    scenes: Source | Sequence[Source],
    target: str | PathLike[str],
    *,
    resume: bool = False,
    watch: Watcher | None = None,
    **wishes: Any,
) -> Receipt:
    """Make one picture of many scenes. Takes all that `plan_mosaic` takes; `resume` and `watch` as for `compose`."""
    return run_plan(plan_mosaic(product, scenes, target, **wishes), resume=resume, watch=watch)


def _bounds(said: Sequence[float]) -> tuple[float, float, float, float]:
    if len(said) != 4:
        raise UsageError(f"a bounding box is west,south,east,north, not {len(said)} numbers")
    west, south, east, north = map(float, said)
    return west, south, east, north


def _keeps_numbers(
    product: str,
    scenes: Sequence[Scene],
    bands: Sequence[str],
    units: str,
    mask: Sequence[str],
    depth: int | None,
    looks: Sequence[Any],
) -> bool:
    """Finished pictures side by side: nobody asked for anything that changes them."""
    asked = bands or mask or depth is not None or units != "default" or any(look is not None for look in looks)
    return product == "rgb" and not asked and all(_is_picture(scene) for scene in scenes)


def _is_picture(scene: Scene) -> bool:
    bands = [asset for key, asset in scene.assets.items() if key not in scene.alpha]
    kinds = {(asset.href, asset.dtype) for asset in bands}
    small = all(asset.dtype in {"uint8", "uint16"} for asset in bands)
    return scene.sensor == "raster" and len(kinds) == 1 and small and len(bands) in {3, 4 - len(scene.alpha)}
