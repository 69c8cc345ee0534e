"""What can be made: the bands it needs and the function that makes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gigascene.model.look import Look

Field: TypeAlias = NDArray[np.float32]
"""Physical values, (band, y, x); NaN marks missing pixels."""

Bands: TypeAlias = Mapping[str, NDArray[np.float32]]
"""(y, x) each, by the names a product needs and in that order; all on one grid."""

Maxima: TypeAlias = Mapping[str, float]
"""Largest valid value of each band over the whole scene, from the survey."""


def stack(bands: Bands, maxima: Maxima) -> Field:
    """The bands themselves as channels, in the order they were asked for: (band, y, x)."""
    return np.stack(tuple(bands.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A recipe from named bands to physical values, one window at a time."""

    name: str
    title: str
    """One line for people: what the picture shows."""

    needs: tuple[str, ...] = ()
    """STAC common names, in channel order where the channels are bands. Empty: the user says (`choose`)."""

    choose: int = 0
    """How many bands the user must name, for products that work on any."""

    make: Callable[[Bands, Maxima], Field] = stack
    """A pure function of each pixel (and of the survey's maxima if `maxima`). `stack` lets the display be tabled."""

    channels: tuple[str, ...]
    """Names of what `make` returns, one for each band of its result."""

    quantity: str = "reflectance"
    """The calibration asked of every band: ``"reflectance"``, ``"temperature"``."""

    unit: str = "1"
    """UDUNITS name of the result."""

    range: tuple[float, float] = (0.0, 1.0)
    """Where float values lie, for histograms; those outside count in the end bins."""

    look: Look = Look()
    """How it is shown unless asked otherwise."""

    grid: str | None = None
    """The band on whose grid it is made; None: the grid all needed bands share, or the finest of them."""

    maxima: bool = False
    """True if `make` needs the survey's maximum of every band."""
