"""The page, and the facts it needs of its pictures: the same files whether served or exported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gigascene.model.errors import GigasceneError, UsageError
from gigascene.serve._folder import VIEW
from gigascene.serve.picture import Facts, described
from gigascene.serve.place import Place

PAGE = Path(__file__).with_name("page")
FILES = ("index.html", "viewer.css", "viewer.js", "coordinates.js", "reading.js", "swipe.js", "drawer.js")
VENDOR = ("vendor/openseadragon.min.js", "vendor/LICENSE.txt")
"""Not written here and so not kept here: `tools/fetch_openseadragon.py` puts them in place."""

HALF_A_PIXEL = 0.5
"""By how much two pictures may miss each other at their far ends and still be laid over one another."""


def page_files() -> dict[str, bytes]:
    """Address → content of all that is the same for every picture.

    Raises
    ------
    GigasceneError
        OpenSeadragon, which zooms and pans, was not fetched.
    """
    missing = [name for name in VENDOR if not (PAGE / name).exists()]
    if missing:
        raise GigasceneError(
            f"The viewer lacks OpenSeadragon: there is no {PAGE / missing[0]}. "
            "In a checkout, `python tools/fetch_openseadragon.py` fetches it (it needs npm); else install a wheel, which has it."
        )
    return {name: (PAGE / name).read_bytes() for name in (*FILES, *VENDOR)}


def view_files(pictures: Sequence[Facts]) -> dict[str, bytes]:
    """Address → content of what tells the page of its pictures. Raises `UsageError` for two that do not fit."""
    said = [{**described(facts), "at": laid_over(pictures[0], facts)} for facts in pictures]
    text = json.dumps({"generator": f"gigascene {version('gigascene')}", "pictures": said}, indent=1)
    # A page that is opened from disk may not fetch, but may run a script beside it.
    return {VIEW: text.encode(), "view.js": f"globalThis.view = {text};\n".encode()}


def laid_over(first: Facts, second: Facts) -> Mapping[str, float]:
    """Where the second lies on the first: left and top in its pixels, and how many of them a pixel is.

    By place where both have one, else pixel on pixel.

    Raises
    ------
    UsageError
        Neither will do.
    """
    if first.place and second.place:
        return _by_place(first, second, first.place, second.place)
    if first.zoom.shape != second.zoom.shape:
        raise UsageError(
            f"{first.title} has {_size(first)} pixels and {second.title} {_size(second)}, and not both say where they lie; "
            "two pictures are compared by place or pixel by pixel"
        )
    return {"left": 0, "top": 0, "scale": 1}


def _by_place(first: Facts, second: Facts, one: Place, other: Place) -> Mapping[str, float]:
    if not one.crs.equals(other.crs, ignore_axis_order=True):
        raise UsageError(
            f"{first.title} is in {one.crs.name} and {second.title} in {other.crs.name}; warp one to the grid of the other"
        )
    across = np.linalg.solve(_matrix(one), _matrix(other))
    (scale, skew, left), (turn, scale_y, top) = across[:2].tolist()
    far = max(second.zoom.shape) * max(abs(scale - scale_y), abs(skew), abs(turn))
    if scale <= 0 or far > HALF_A_PIXEL * max(1, scale):
        raise UsageError(
            f"the pixels of {first.title} and {second.title} differ in shape or direction; warp one of them"
        )
    (rows, columns), (high, wide) = first.zoom.shape, second.zoom.shape
    if left >= columns or top >= rows or left + scale * wide <= 0 or top + scale * high <= 0:
        raise UsageError(f"{first.title} and {second.title} lie apart: there is nothing to compare")
    return {"left": left, "top": top, "scale": scale}


def _matrix(place: Place) -> Any:
    return np.array([*list(place.affine)[:6], 0, 0, 1], np.float64).reshape(3, 3)


def _size(facts: Facts) -> str:
    return f"{facts.zoom.shape[1]:,} x {facts.zoom.shape[0]:,}"
