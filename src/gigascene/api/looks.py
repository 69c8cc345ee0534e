"""Looks by name and as files: a measured stretch, kept as JSON, shows the next scene the same way."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from gigascene.model import wire
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.look import Look
from gigascene.model.named_looks import LOOKS, named
from gigascene.model.plan import Plan
from gigascene.model.product import Product, stack
from gigascene.plan.build import check_not_of
from gigascene.registry import PRODUCTS
from gigascene.storage.local import Target

Wanted = str | PathLike[str] | Look | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a look's file says."""

    look: Look
    """With limits as numbers, one pair a channel."""

    channels: tuple[str, ...]
    """Of the product it was measured for; it fits any other with as many."""

    quantity: str
    """What the limits are limits of."""

    packing: Literal["nodata", "document"]


def save_look(plan: Plan, path: str | PathLike[str]) -> None:
    """Write a plan's look as JSON, with the limits that were measured, to be given as `look` to another scene.

    Raises `UsageError` for an equalised look, which is a whole histogram, and for a plan that shows nothing.
    """
    recipe = plan.recipe
    if not plan.scenes or recipe.product not in PRODUCTS:
        raise UsageError("this plan passes pictures on as they are; it has no look")
    if recipe.look.curve == "equalize":
        raise UsageError("an equalised look is a whole histogram and cannot be kept; use percentiles: --stretch 2%:98%")
    for scene in plan.scenes:
        check_not_of(scene, os.fspath(path))
    if Path(path).resolve() == Path(plan.target).resolve():
        raise UsageError(f"{path} is where the picture will be; save the look elsewhere")
    product: Product = PRODUCTS[recipe.product]
    channels = product.channels or recipe.bands
    kept = Kept(look=recipe.look, channels=channels, quantity=recipe.quantity, packing=recipe.packing)
    Target(Path(path)).write_text(wire.dumps(kept, indent=1) + "\n")


def looked(product: Product, look: Wanted, units: str, packing: str | None) -> tuple[Look, str, Any]:
    """Look, units and packing that a wish for a look means.

    Parameters
    ----------
    product : Product
        What is made.
    look : str, path, Look or None
        A name of `look_names`, a file of `save_look`, or the numbers themselves; None: the product's own (with
        gamma 1 for stored numbers, and for packing `document`).
    units, packing
        As for `plan_compose`; `packing` None: the look's own.
    """
    if isinstance(look, Look):
        return look, units, packing or "nodata"
    if look is None:
        return _own(product, units, packing), units, packing or "nodata"
    text = os.fspath(look)
    if text not in LOOKS and (text.lower().endswith(".json") or Path(text).is_file()):
        kept = _kept(text)
        return _matched(kept, product, text, units), kept.quantity or units, packing or kept.packing
    chosen = named(text)
    if product.make is not stack:
        raise UsageError(f"the look {text!r} shows bands; {product.name!r} is computed of them: give --stretch instead")
    quantity = (product.quantity or "reflectance") if units == "default" else units
    return chosen.applied(product.look, quantity), quantity, packing or chosen.packing


def _own(product: Product, units: str, packing: str | None) -> Look:
    """A product's own look; without its gamma where stored numbers or a document's own arithmetic are asked for.

    That gamma brightens reflectance. Limits that a document gives for its stored numbers mean a straight line.
    """
    return replace(product.look, gamma=(1.0,)) if units == "dn" or packing == "document" else product.look


def _kept(path: str) -> Kept:
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read ({error}).", path) from error
    try:
        kept = wire.loads(Kept, text)
    except (BadInput, UsageError, json.JSONDecodeError) as error:
        raise BadInput("is no look.", path, hint="Make one with --save-look.") from error
    if kept.look.needs_survey or len(kept.look.limits) != len(kept.channels):
        raise BadInput("is a look whose limits are not numbers, one pair a channel.", path)
    return kept


def _matched(kept: Kept, product: Product, path: str, units: str) -> Look:
    channels = len(product.channels) or product.choose
    if len(kept.channels) != channels:
        raise UsageError(f"{path} shows {len(kept.channels)} channels, and {product.name!r} has {channels}")
    if units not in {"default", kept.quantity}:
        raise UsageError(f"{path} shows {kept.quantity or 'no named quantity'}, not {units}; leave --units away")
    return replace(kept.look, palette=kept.look.palette if channels == 1 else None)
