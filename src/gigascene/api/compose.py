"""One scene, one product, one finished picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, Literal

from gigascene.api.looks import Wanted, looked
from gigascene.api.scenes import Source, open_scene
from gigascene.execute.coordinate import Watcher
from gigascene.execute.deliver import run as run_plan
from gigascene.execute.inputs import verify_inputs as verify
from gigascene.execute.receipt import Receipt
from gigascene.model.errors import UnknownName, UsageError
from gigascene.model.look import Limits, Look, parse_stretch
from gigascene.model.mosaic import RESAMPLINGS, Resampling
from gigascene.model.plan import Execution, Plan
from gigascene.plan.build import Wish, build
from gigascene.plan.memory import allowed, memory_of
from gigascene.plan.mosaic import MosaicWish, lies_off_tiles
from gigascene.plan.mosaic import build as build_mosaic
from gigascene.plan.overlay import drawn
from gigascene.registry import PRODUCTS
from gigascene.settings import cores, settings
from gigascene.storage.scratch import named

Stretch = str | Sequence[Limits] | None


def plan_compose(
    product: str,
    source: Source,
    target: str | PathLike[str],
    *,
    bands: Sequence[str] = (),
    look: Wanted = None,
    stretch: Stretch = None,
    gamma: float | str | Sequence[float] | None = None,
    curve: Literal["linear", "sigmoid", "equalize"] | None = None,
    contrast: float | None = None,
    palette: str | None = None,
    units: str = "default",
    mask: Sequence[str] = (),
    resolution: float | None = None,
    packing: Literal["nodata", "document"] | None = None,
    depth: int = 8,
    survey: Literal["sample", "exact"] = "sample",
    resampling: Resampling = "nearest",
    overlay: str | PathLike[str] | None = None,
    overlay_color: str | None = None,
    overlay_width: float | None = None,
    writer: str | None = None,
    options: Mapping[str, Any] | None = None,
    verify_inputs: bool = False,
    engine: str = "threads",
    workers: int | str | None = None,
    memory: str | int | None = None,
    overwrite: bool = True,
    allow_gaps: bool = False,
    root: str | PathLike[str] | None = None,
    offset: str | None = None,
) -> Plan:
    """Work out how a picture will be made, without making it.

    Reads headers, and pixels only where percentiles must be measured.

    Parameters
    ----------
    product : str
        One of `product_names()`.
    source : path, scene id, list of rasters, or Scene
        As for `open_scene`.
    target : path
        Its suffix picks the writer.
    bands : sequence of str
        For products made of any bands (``rgb``, ``normalized-difference``).
    look : str, path or Look
        One of `look_names()`, a file that `save_look` wrote, or the numbers; what follows replaces parts of it.
    stretch : str or sequence of Limits
        ``"0.02:0.30"``, ``"2%:98%"``, or one pair for each channel, in the product's unit.
    gamma : float or sequence of float
        v ** (1 / gamma): above 1 brightens.
    curve : str
        ``"linear"``, ``"sigmoid"`` or ``"equalize"``.
    contrast : float
        Steepness of the sigmoid, 0.1 to 50; 10 if left out.
    palette : str
        One of `palette_names()`, for single-channel products; ``"grey"`` for none.
    units : str
        ``"default"`` (reflectance, temperature), ``"radiance"``, or ``"dn"``: stored numbers.
    mask : sequence of str
        Named masks, such as ``"clouds"``, whose pixels become no data.
    resolution : float
        Pixel size, metres, of an archive that has bands at several; None: the finest that all bands have.
    packing : str
        ``"nodata"``: 0 is no data, valid pixels are 1 and up. ``"document"``: dark is 0, mask as alpha.
        None: the look's own, or ``"nodata"``.
    depth : int
        8 or 16 bits.
    survey : str
        ``"sample"`` measures at least 4 million pixels, ``"exact"`` all.
    resampling : str
        How a scene is brought to the grid of map tiles (no other output has another grid than the scene): ``"nearest"``,
        ``"bilinear"``, ``"cubic"`` or ``"average"``.
    overlay : path
        GeoJSON whose lines, outlines of polygons and points are drawn over the picture.
    overlay_color : str
        ``"#ff8000"`` or a name such as ``"white"``; ``"yellow"`` if left out. As bright a grey in a picture of one channel.
    overlay_width : float
        Pixels of the output, 1 or more; 2 if left out. Points are dots of this diameter.
    writer, options
        Name of the writer where the suffix does not say, and its own options (compress, level, quality …).
    verify_inputs : bool
        Compare the files that will be read with the checksums that their product carries (SAFE: manifest.safe).
    engine, workers, memory
        Who does it in how much memory; these change no byte of the result.
    overwrite : bool
        False: an output that is there already is never replaced, not even one that comes while this is made (`WriteFailed`).
    allow_gaps : bool
        Go on where blocks of a source cannot be decoded: they are no data. Each is named in the plan and in the receipt (`gaps`).
        Scenes of a mosaic of which a file is gone or cannot be opened are left out. All blocks are decoded once before.
    root, offset
        As for `open_scene`.

    Raises
    ------
    GigasceneError
        `UsageError`, `BadInput`, `LimitExceeded` when `memory` is too small, `WriteFailed`.
    """
    check_resampling(resampling)
    shown, units, packed = looked(PRODUCTS[product], look, units, packing)
    wish = Wish(
        product=product,
        target=named(target),
        bands=tuple(bands),
        look=look_of(shown, stretch, gamma, curve, palette, contrast),
        units=units,
        masks=tuple(mask),
        resolution=resolution,
        packing=packed,
        depth=depth,
        survey=survey,
        overlay=drawn(None if overlay is None else os.fspath(overlay), overlay_color, overlay_width),
        writer=writer,
        options=options or {},
        execution=execution(engine, workers, memory, overwrite=overwrite),
        allow_gaps=allow_gaps,
    )
    scene = open_scene(source, root, offset=offset)
    if lies_off_tiles(scene, wish):
        plan = build_mosaic([scene], MosaicWish(wish=wish, resampling=resampling))
    else:
        plan = build(scene, wish)
    if verify_inputs:
        verify(plan)
    return plan


def compose(
    product: str,
    source: Source,
    target: str | PathLike[str],
    *,
    resume: bool = False,
    watch: Watcher | None = None,
    **wishes: Any,
) -> Receipt:
    """Make a picture. Takes all that `plan_compose` takes.

    Parameters
    ----------
    resume : bool
        Go on behind the pieces that an interrupted run of the same plan left.
    watch : callable
        Told of progress after each task.

    Returns
    -------
    Receipt
        Also written beside the target, as JSON.
    """
    return run_plan(plan_compose(product, source, target, **wishes), resume=resume, watch=watch)


def check_resampling(said: str) -> None:
    """Raise `UnknownName` if there is no such resampling."""
    if said not in RESAMPLINGS:
        raise UnknownName(said, "resampling", "", RESAMPLINGS)


def execution(engine: str, workers: int | str | None, memory: str | int | None, *, overwrite: bool = True) -> Execution:
    """Who does it in how much memory: options first, then the environment, then what the machine has."""
    said = workers if workers is not None else settings().workers
    count = cores() if said is None else workers_of(said)
    wanted = memory if memory is not None else settings().memory
    return Execution(
        engine=engine,
        workers=count,
        elastic=said is None,
        memory=allowed() if wanted is None else memory_of(wanted),
        overwrite=overwrite,
    )


def workers_of(said: int | str) -> int:
    """A number of workers, 1 or more."""
    try:
        count = int(said)
    except ValueError:
        count = 0
    if count < 1:
        raise UsageError(f"--workers must be 1 or more, not {said}")
    return count


def gammas(said: float | str | Sequence[float]) -> tuple[float, ...]:
    """One, or one a channel: numbers, or their text.

    >>> gammas("1.2,1.5,1.3"), gammas(2)
    ((1.2, 1.5, 1.3), (2.0,))
    """
    parts = said.split(",") if isinstance(said, str) else (said,) if isinstance(said, int | float) else said
    try:
        return tuple(map(float, parts))
    except (TypeError, ValueError):
        raise UsageError(f"cannot read the gamma {said!r}; write a number, or one a channel: 1.2,1.5,1.3") from None


def look_of(
    look: Look,
    stretch: Stretch,
    gamma: float | str | Sequence[float] | None,
    curve: Any,
    palette: str | None,
    contrast: float | None = None,
) -> Look:
    """The product's look with the user's changes."""
    if stretch is not None:
        limits = parse_stretch(stretch) if isinstance(stretch, str) else tuple(stretch)
        if not all(isinstance(one, Limits) for one in limits):
            raise UsageError(f"a stretch is a text such as '2%:98%', or one Limits a channel, not {stretch!r}")
        look = replace(look, limits=limits)
    if gamma is not None:
        look = replace(look, gamma=gammas(gamma))
    if curve is not None:
        look = replace(look, curve=curve)
    if contrast is not None:
        if look.curve != "sigmoid":
            raise UsageError(f"contrast {contrast:g} is that of a sigmoid; ask for one (--sigmoid)")
        look = replace(look, contrast=float(contrast))
    if palette is not None:
        look = replace(look, palette=None if palette == "grey" else palette)
    return look
