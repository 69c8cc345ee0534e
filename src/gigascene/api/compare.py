"""One product at two dates: where, and by how much, it has changed."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from gigascene.api.compose import Stretch, check_resampling, execution, look_of
from gigascene.api.scenes import Source, open_scene
from gigascene.execute.coordinate import Watcher
from gigascene.execute.deliver import run as run_plan
from gigascene.execute.receipt import Receipt
from gigascene.model.errors import UsageError
from gigascene.model.look import Limits, Look
from gigascene.model.mosaic import Resampling
from gigascene.model.plan import Plan
from gigascene.model.product import Product
from gigascene.plan.build import Wish
from gigascene.plan.compare import CompareWish, build
from gigascene.registry import PRODUCTS
from gigascene.storage.scratch import named

FIGURES = {".png", ".pdf", ".svg"}
"""Suffixes of which a titled figure is made unless `plain`."""


def plan_compare(
    product: str,
    before: Source,
    after: Source,
    target: str | PathLike[str],
    *,
    threshold: float | None = None,
    grid: str | None = None,
    resampling: Resampling = "nearest",
    clip: str | PathLike[str] | None = None,
    bands: Sequence[str] = (),
    stretch: Stretch = None,
    palette: str | None = "diverging",
    units: str = "default",
    mask: Sequence[str] = (),
    resolution: float | None = None,
    plain: bool = False,
    options: Mapping[str, Any] | None = None,
    engine: str = "threads",
    workers: int | str | None = None,
    memory: str | int | None = None,
    overwrite: bool = True,
    root: str | PathLike[str] | None = None,
    offset: str | None = None,
) -> Plan:
    """Work out how the change between two scenes will become a map, without making it.

    Parameters
    ----------
    product : str
        One of `product_names()`, of one channel: ``"ndvi"``, ``"temperature"`` …
    before, after : path, scene id or Scene
        As for `open_scene`. The map shows `after` less `before`, in the product's unit, where both have data.
    target : path
        Its suffix picks the writer: ``.png``, ``.pdf`` and ``.svg`` become a figure with title and legend.
    threshold : float, optional
        Differences beyond it, either way, count as change. Left out, a twentieth of the product's range (NDVI: 0.1).
    grid : str, optional
        As for `plan_mosaic`; left out, that of `before`.
    stretch : str or sequence of Limits, optional
        Differences shown in the first and in the last colour; left out, half of the product's own span, both ways.
    palette : str, optional
        ``"diverging"``: blue for a decrease, brown for an increase.
    plain : bool
        A georeferenced picture, pixel for pixel, also as PNG.
    resampling, clip, bands, units, mask, resolution, options, engine, workers, memory, overwrite, root, offset
        As for `plan_mosaic`. A pixel that is masked in either scene is not compared.

    Raises
    ------
    GigasceneError
        `UsageError`, `BadInput` (scenes that do not meet, or are of different kinds), `LimitExceeded`.
    """
    made: Product = PRODUCTS[product]
    if (len(made.channels) or made.choose) != 1:
        raise UsageError(
            f"two dates are compared by one channel, and {product} has {len(made.channels) or made.choose}"
        )
    check_resampling(resampling)
    figure = Path(target).suffix.lower() in FIGURES and not plain
    wish = Wish(
        product=product,
        target=named(target),
        bands=tuple(bands),
        look=_look(made, stretch, palette),
        units=units,
        masks=tuple(mask),
        resolution=resolution,
        writer="figure" if figure else None,
        options=options or {},
        execution=execution(engine, workers, memory, overwrite=overwrite),
    )
    scenes = [open_scene(source, root, offset=offset) for source in (before, after)]
    asked = CompareWish(
        wish=wish,
        grid=grid,
        resampling=resampling,
        clip=None if clip is None else os.fspath(clip),
        threshold=_threshold(made, threshold),
    )
    return build(scenes, asked)


def compare(
    product: str,
    before: Source,
    after: Source,
    target: str | PathLike[str],
    *,
    resume: bool = False,
    watch: Watcher | None = None,
    **wishes: Any,
) -> Receipt:
    """Make a map of the change between two scenes. Takes all that `plan_compare` takes; `resume` and `watch` as for `compose`.

    Returns
    -------
    Receipt
        Its `change` tells pixels and km² of ``decrease``, ``stable``, ``increase``, and ``missing``: those not compared.
    """
    return run_plan(plan_compare(product, before, after, target, **wishes), resume=resume, watch=watch)


def _threshold(product: Product, said: float | None) -> float:
    if said is None:
        return (product.range[1] - product.range[0]) / 20
    if not (math.isfinite(said) and said >= 0):
        raise UsageError(f"--threshold is 0 or more, in the product's unit, not {said:g}")
    return float(said)


def _look(product: Product, stretch: Stretch, palette: str | None) -> Look:
    """Half of the product's span of values, both ways; no change in the middle."""
    low, high = product.look.limits[0].low, product.look.limits[0].high
    if product.look.needs_survey:
        low, high = product.range
    span = (high - low) / 2
    look = replace(product.look, limits=(Limits(low=-span, high=span),), gamma=(1.0,), curve="linear")
    look = look_of(look, stretch, None, None, palette)
    if look.needs_survey:
        raise UsageError("differences are shown between two numbers, such as --stretch=-0.3:0.3, not percentiles")
    return look
