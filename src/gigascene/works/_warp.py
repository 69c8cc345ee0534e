"""Reprojection: the pixels of an output, taken from a source on another grid or in another CRS."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.kernels import footprint, warp
from gigascene.kernels._fixed import Positions, pixel_under
from gigascene.kernels._part import Part
from gigascene.kernels.warp import CUBIC, TRIANGLE, Filter
from gigascene.model.errors import UsageError
from gigascene.model.grid import Window
from gigascene.works import _control_grid
from gigascene.works._projection import Way, way
from gigascene.works._stretch import stretch

RESAMPLINGS = ("nearest", "bilinear", "cubic", "average")

KINDS = {"bilinear": TRIANGLE, "cubic": CUBIC}


@dataclass(frozen=True)
class Warp:
    """Where every output pixel lies in one source, and what it takes from there.

    Positions come from exact ones at the corners of cells of the output (64 x 64 pixels, or fewer where the way bends more),
    within 0.05 source pixels, and are exact where no cell serves: at poles, the antimeridian and cuts of a map. Grids of one
    CRS need no cells: between them everything is exact, and where they are aligned to whole pixels, it is a copy.
    A pixel comes out the same in every window.

    nearest
        The source pixel that holds the output pixel's centre.
    bilinear, cubic
        Weighted by distance. Where output pixels are larger than the source's, filters are stretched by how much
        they are (the median over the output, along source rows and columns by themselves), as GDAL does by its XSCALE and
        YSCALE, so that no source pixel is skipped. Valid where the nearest source pixel is; others have no weight.
    average
        By area, over the output pixel's footprint. Valid where any of it is.

    Outputs beyond the edge of the world are not valid; sources that hold the whole world close at the antimeridian.

    >>> from affine import Affine
    >>> source = GeoBox((180, 360), Affine(1, 0, -180, 0, -1, 90), "EPSG:4326")
    >>> output = GeoBox((10, 10), Affine(1e5, 0, -5e5, 0, -1e5, 5e5), "EPSG:3413")
    >>> str(Warp(output, source, "nearest").window(Window(top=0, left=0, height=1, width=1)))
    'rows 5-5, columns 0-0'
    """

    output: GeoBox
    source: GeoBox
    resampling: str
    """One of `RESAMPLINGS`."""

    def __post_init__(self) -> None:
        if self.resampling not in RESAMPLINGS:
            raise UsageError(f"cannot resample by {self.resampling!r}; known are {', '.join(RESAMPLINGS)}")
        self.route  # noqa: B018  (grids that nothing connects are refused at once)

    @cached_property
    def route(self) -> Way:
        """The exact way from the output to the source."""
        return way(self.output, self.source)

    def window(self, window: Window) -> Window | None:
        """The source pixels that an output window needs, neighbours of its filter included; None if there are none.

        Every pixel of the window is looked at, not its border alone: a pole may lie inside.
        """
        if (shift := self.route.shift) is not None:
            return _shifted(window, shift).within(self.source.shape)
        return _found(self, window).needed

    def apply(
        self, stored: NDArray[Any], valid: NDArray[np.bool_], at: Window, window: Window
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """The pixels of an output window.

        Parameters
        ----------
        stored : (band, y, x), any real type
            Source pixels; taken as float32.
        valid : (y, x) bool
            True where they are good.
        at : Window
            Where they lie in the source: what `window` gave, or larger (but inside the source).
        window : Window
            Of the output.

        Returns
        -------
        (band, y, x) float32
            NaN where not valid.
        (y, x) bool
        """
        part = self._checked(stored, valid, at, window)
        if self.route.shift is not None:
            return _as_float(*self.apply_nearest(stored, valid, at, window))
        found = _found(self, window)
        if self.resampling == "nearest":
            return _as_float(*warp.nearest(part, found.centres))
        if found.corners is not None:
            return footprint.average(part, found.centres, found.corners, self.route.fixed_period)
        return warp.interpolate(part, found.centres, self.filter)

    def apply_nearest(
        self, stored: NDArray[Any], valid: NDArray[np.bool_], at: Window, window: Window
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """The same by the nearest pixel, whatever the resampling: stored numbers as they are, 0 where not valid."""
        part = self._checked(stored, valid, at, window)
        if (shift := self.route.shift) is not None:
            return _copy(part, _shifted(window, shift))
        return warp.nearest(part, _found(self, window).centres)

    @property
    def filter(self) -> Filter:
        """How source pixels are weighed, for bilinear and cubic."""
        y, x = stretch(self.route)
        return Filter(kind=KINDS[self.resampling], y=y, x=x)

    def _checked(self, stored: NDArray[Any], valid: NDArray[np.bool_], at: Window, window: Window) -> Part:
        """Source pixels in hand; raises `ValueError` where a window needs others."""
        needed = self.window(window)
        if needed is not None and not (
            at.top <= needed.top and at.left <= needed.left and at.bottom >= needed.bottom and at.right >= needed.right
        ):
            raise ValueError(f"{window} of the output needs {needed} of the source, and got {at}")
        return Part(stored=stored, valid=valid, at=at, columns=self.source.shape[1], around=self.route.around)


def _as_float(values: NDArray[Any], good: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    out = values.astype(np.float32)
    out[:, ~good] = np.nan
    return out, good


def _shifted(window: Window, shift: tuple[int, int]) -> Window:
    """The same window in the rows and columns of an aligned source."""
    return Window(top=window.top + shift[0], left=window.left + shift[1], height=window.height, width=window.width)


def _copy(part: Part, window: Window) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Source pixels of a window that may reach beyond those in hand; 0 where not valid."""
    values = np.zeros((part.stored.shape[0], window.height, window.width), part.stored.dtype)
    good = np.zeros(values.shape[1:], np.bool_)
    top, left = max(window.top, part.at.top), max(window.left, part.at.left)
    bottom, right = min(window.bottom, part.at.bottom), min(window.right, part.at.right)
    if top < bottom and left < right:
        there = np.s_[top - window.top : bottom - window.top, left - window.left : right - window.left]
        here = np.s_[top - part.at.top : bottom - part.at.top, left - part.at.left : right - part.at.left]
        good[there] = part.valid[here]
        values[:, *there] = np.where(part.valid[here], part.stored[:, *here], 0)
    return values, good


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Where the pixels of one window lie."""

    centres: Positions
    corners: Positions | None
    needed: Window | None


_last = threading.local()
"""What was found last in this thread: `apply` follows `window`."""


def _found(warp: Warp, window: Window) -> _Found:
    asker, asked, found = getattr(_last, "found", (None, None, None))
    if asker is not warp or asked != window or found is None:
        _last.found = None, None, None  # two windows at once would need the memory of two
        found = _find(warp, window)
        _last.found = warp, window, found
    return found


def _find(warp: Warp, window: Window) -> _Found:
    there = warp.route
    centres = _control_grid.positions(there, window)
    if warp.resampling != "average":
        reach = (0, 0) if warp.resampling == "nearest" else warp.filter.reach
        return _Found(centres=centres, corners=None, needed=_needed(there, centres, reach))
    lattice = Window(top=window.top, left=window.left, height=window.height + 1, width=window.width + 1)
    corners = _control_grid.positions(there, lattice, 0.0)
    return _Found(centres=centres, corners=corners, needed=_covered(there, centres, corners))


def _needed(there: Way, centres: Positions, reach: tuple[int, int]) -> Window | None:
    """The source pixels within reach of the centres that lie in the source."""
    extent = warp.extent(centres, there.source.shape)
    if extent is None:
        return None
    (top, bottom), (left, right) = extent
    if reach == (0, 0):
        return _clipped(there, pixel_under(top), pixel_under(bottom), pixel_under(left), pixel_under(right))
    rows = warp.first_tap(top, reach[0]), warp.last_tap(bottom, reach[0])
    return _clipped(there, *rows, warp.first_tap(left, reach[1]), warp.last_tap(right, reach[1]))


def _covered(there: Way, centres: Positions, corners: Positions) -> Window | None:
    """The source pixels under footprints."""
    extent = footprint.extent(centres, corners, there.source.shape, there.fixed_period)
    return None if extent is None else _clipped(there, *extent)


def _clipped(there: Way, top: int, bottom: int, left: int, right: int) -> Window:
    """First and last rows and columns, within the source; whole rows where they go on at its other side."""
    height, width = there.source.shape
    if there.around and (left < 0 or right >= width):
        left, right = 0, width - 1
    top, left = max(int(top), 0), max(int(left), 0)
    return Window(
        top=top, left=left, height=min(int(bottom), height - 1) - top + 1, width=min(int(right), width - 1) - left + 1
    )
