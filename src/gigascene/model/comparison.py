"""How two scenes become one picture of what has changed between them."""

from __future__ import annotations

from dataclasses import dataclass

from gigascene.model.mosaic import Layer, Resampling


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """How much ground each pixel covers: at nodes spread evenly over the picture, from edge to edge; between them, linearly."""

    areas: tuple[tuple[float, ...], ...]
    """Of a pixel at every node, in `unit_km2`: rows of nodes."""

    unit_km2: float
    """Areas are counted in whole numbers of this, so that sums do not depend on the order of adding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """What is done with the two scenes of a plan, of which the first is the earlier."""

    layers: tuple[Layer, ...]
    """One for each of the two."""

    resampling: Resampling = "nearest"
    threshold: float
    """Where the difference is beyond this, the pixel has changed; in the product's unit."""

    ground: Ground | None = None
    """None: the grid is in degrees or without a CRS, and only pixels are told."""

    clip: tuple[tuple[tuple[int, ...], ...], ...] = ()
    """Polygons of the area that is compared, as those of a mosaic. Empty: all of it."""
