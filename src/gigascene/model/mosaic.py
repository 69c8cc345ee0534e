"""How many scenes become one picture: in which order, by which rule, each with numbers of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from odc.geo.geobox import GeoBox

Combine = Literal["first", "latest", "best", "darkest", "median", "mean"]
Best = Literal["clear", "near", "ndvi"]
Resampling = Literal["nearest", "bilinear", "cubic", "average"]

COMBINES: tuple[str, ...] = get_args(Combine)
BESTS: tuple[str, ...] = get_args(Best)
RESAMPLINGS: tuple[str, ...] = get_args(Resampling)

ONE = 1 << 15
"""A whole weight: weights are whole numbers, so that their sums do not depend on the order of adding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """How far inside a scene's valid area its pixels lie: its weights for feathering."""

    cell: int
    """Pixels of the scene along a side of one cell; 0: nothing is kept, distances are found in each window."""

    reach: float
    """Width of the ramp, pixels of the scene."""

    shape: tuple[int, int] = (0, 0)
    """Cells down and across."""

    weights: str = ""
    """Weight of each cell's centre, 0 to `ONE`, row by row: little-endian 16-bit, by Zstandard, as base64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One scene among those that become one picture."""

    bands: tuple[str, ...]
    """Keys of the bands the product is made from, in its order."""

    grid: GeoBox
    """On which the product is made of this scene, before it is brought to that of the mosaic."""

    maxima: Mapping[str, float] = field(default_factory=dict)
    """Measured maximum of every band, where the product needs it."""

    gain: tuple[float, ...] = ()
    """Of each channel: v becomes gain * v + offset. Empty: v stays."""

    offset: tuple[float, ...] = ()
    judged: tuple[str, ...] = ()
    """Keys of the bands by which each pixel is judged, where the best is taken; empty: the order decides."""

    edges: Edges | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mosaicking:
    """What is done with the scenes of a plan, which stand in order of precedence."""

    combine: Combine
    best: Best = "clear"
    """What the best is, where `combine` is ``"best"``."""

    resampling: Resampling = "nearest"
    layers: tuple[Layer, ...]
    """One for each scene of the plan."""

    feather: float = 0.0
    """Width of the ramp at the edges, in units of the output's CRS."""

    step: float = 1.0
    """Values are added up as whole multiples of this power of two (means and feathering)."""

    depth: int = 1
    """Most scenes over any one place."""

    clip: tuple[tuple[tuple[int, ...], ...], ...] = ()
    """Polygons of the area that is filled, rings of each: x, y, x, y … in 1/256 of an output pixel. Empty: all of it."""

    seam: Mapping[str, float] = field(default_factory=dict)
    """What the survey found where scenes overlap: median jump, in levels, before and after balancing."""

    unused: tuple[str, ...] = ()
    """Ids of scenes that were given and do not touch the grid."""
