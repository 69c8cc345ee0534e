"""A job written down: what to make, of what, in which format, cut how. Everything a worker needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.model.comparison import Comparing
from gigascene.model.gap import Gap
from gigascene.model.look import Look
from gigascene.model.mosaic import Layer, Mosaicking
from gigascene.model.overlay import Overlay
from gigascene.model.plain_picture import PlainPicture
from gigascene.model.scene import Scene

AS_IT_IS = "picture"
"""Instead of a product: stored levels are display levels, and are passed on unchanged."""


NUMBERS = "numbers"
"""Instead of a product: stored numbers of one band, of any type, kept for computing."""

KEPT = (AS_IT_IS, NUMBERS)
"""What keeps stored numbers: neither has a look, nor a file in `products/`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """A resolved look: sorted thresholds for each channel. Level of v = base + count(t <= v); no data is 0."""

    thresholds: tuple[NDArray[np.float32], ...]
    """One ascending array for each channel: 254 (8 bit) or 65,534 (16 bit); one more for packing `document`."""

    base: int = 1
    """Level of the darkest valid value: 1 (0 is kept for no data), or 0 with a mask beside (`document`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is made: all that decides the pixels, apart from the sources' bytes."""

    product: str
    """One of the registry, or of `KEPT`."""

    bands: tuple[str, ...]
    """Names of the bands it is made from, in the product's order."""

    quantity: str
    """Calibration applied to every band: ``"reflectance"``, ``"radiance"``, ``"temperature"`` or ``"dn"``."""

    look: Look
    """As asked, with percentiles already replaced by measured limits."""

    tone: Tone
    packing: Literal["nodata", "document"] = "nodata"
    masks: tuple[str, ...] = ()
    """Named masks whose pixels become no data."""

    maxima: Mapping[str, float] = field(default_factory=dict)
    """Measured maximum of every band, where the product needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What the numbers of a file mean that is made for computing, not for the eye."""

    nodata: float | None
    """The number that means no data; None: NaN."""

    scale: float = 1.0
    """Declared by the sources, and passed on: physical value = scale * stored + offset."""

    offset: float = 0.0
    unit: str = ""
    colors: str = ""
    """Colour table of 8-bit classes: ``rrggbb`` of each of the 256 numbers behind one another; empty: none."""

    mixed: bool = False
    """Overviews hold means of the numbers below; False: one of them, for classes have no mean."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """The output: all that decides the bytes, apart from the pixels."""

    writer: str
    suffix: str = ""
    """Of the target, lower case: some writers make more than one kind of file. A slash: a folder."""

    shape: tuple[int, int]
    """Rows, columns."""

    bands: int
    """Samples a pixel, alpha included: 1 grey, 2 grey + alpha, 3 RGB, 4 RGB + alpha."""

    dtype: str
    """``"uint8"`` or ``"uint16"``; of `numbers` any that `codecs._tiff_options.NUMBERS` names."""

    alpha: bool
    """True: the last band is the mask (0 or full); there is no nodata value."""

    nodata: int | None
    """The level that means no data in every band, or None."""

    numbers: Numbers | None = None
    """What the samples mean where they are no levels for display; None: they are."""

    geobox: GeoBox
    options: Mapping[str, Any] = field(default_factory=dict)
    """The writer's own (compress, level, quality, title …), defaults filled in."""

    metadata: Mapping[str, str] = field(default_factory=dict)
    """Short texts written inside the file; no clock, host or path among them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How the work is cut into tasks. Changes speed and memory, never a byte of the result."""

    task_pieces: int
    """Pieces in one task."""

    window_rows: int
    """Rows read at once inside a task."""

    window_columns: int = 1 << 30
    """Columns of a window made at once: source pixels are in hand only for these, levels for the whole window."""

    cache: int = 16 << 20
    """Bytes of decoded source blocks kept in each process, so that none is decoded twice for one task."""

    cache_threads: int = 1
    """Threads of a process that share them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Who does it, and in how much memory. Changes no byte of the result."""

    engine: str = "threads"
    workers: int = 1
    elastic: bool = False
    """True: nobody asked for just so many workers; there may be fewer where memory is short."""

    memory: int = 1 << 31
    """Bytes the whole process tree may use."""

    ahead: int = 1 << 28
    """Bytes of results in flight or finished but unclaimed."""

    projected: int = 0
    """Peak memory the plan foresees, bytes."""

    overwrite: bool = True
    """False: an output that is there already is never replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole job; JSON on disk."""

    target: str
    recipe: Recipe
    format: Format
    scenes: tuple[Scene, ...] = ()
    """Sources, with only the assets that are read."""

    picture: PlainPicture | None = None
    """Or one plain picture, of which pixels are passed on as they are."""

    times: tuple[str, ...] = ()
    """When it was taken, RFC 3339 in UTC, one or begin and end, where no scene knows and the user says."""

    mosaic: Mosaicking | None = None
    """How many scenes become one picture; None: there is one scene, and the grid is its own."""

    comparison: Comparing | None = None
    """How two scenes are compared; None: they are not."""

    overlay: Overlay | None = None
    """Drawn over the finished picture, before it is encoded."""

    cut: Cut
    execution: Execution
    versions: Mapping[str, str]
    """Of this package and of every library that can change a byte."""

    gaps: tuple[Gap, ...] = ()
    """What cannot be read of the sources and is left out, because the user allowed it."""

    notes: tuple[str, ...] = ()
    """What was decided where nobody said, in words for people."""

    @property
    def layers(self) -> tuple[Layer, ...] | None:
        """Of scenes that are brought to one grid, what each has for itself; None where there is one, on its own."""
        joined = self.mosaic or self.comparison
        return None if joined is None else joined.layers


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Pieces `start` to `stop` (exclusive) of the output, in row-major order."""

    index: int
    start: int
    stop: int
