"""The exact way from the pixels of one grid to those of another: affine where they share a CRS, else by PROJ."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.enums import TransformDirection
from pyproj.network import set_network_enabled

from gigascene.kernels._fixed import I64, NOWHERE, ONE
from gigascene.model.errors import UsageError

F64 = NDArray[np.float64]

SAME = 1e-3
"""Source pixels: grids of one CRS that fit so well from corner to corner are taken as aligned to whole pixels."""

FARTHEST = 1 << 24
"""Source pixels: what lies farther away is nowhere."""

MERIDIANS, PARALLELS = np.arange(-165.0, 180.0, 30.0), np.array([-60.0, 0.0, 45.0])
"""Where it is tried whether the meridians of a CRS are evenly spaced parallels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From the pixels of an output to those of a source."""

    output: GeoBox
    source: GeoBox

    affine: Affine | None
    """Where both have one CRS: from output pixel centres to source pixel centres, each counted from 0."""

    period: float
    """Source columns after which the world repeats itself (360°), or 0."""

    output_period: float
    """The same of the output, in units of its CRS."""

    checked: bool
    """True where places beyond the edge of the output's map must be told from others: by the way back."""

    @property
    def fixed_period(self) -> int:
        """`period` in units of 1 / `ONE`."""
        return round(self.period * ONE)

    @property
    def around(self) -> int:
        """Columns after which the source itself is complete, so that its last column is a neighbour of the first; or 0."""
        whole = round(self.period)
        return whole if whole and abs(self.period - whole) < SAME and self.source.shape[1] >= whole else 0

    @property
    def shift(self) -> tuple[int, int] | None:
        """Where the output's first pixel lies in a source that is aligned to whole pixels and does not repeat itself."""
        if self.affine is None or self.period:
            return None
        row, column = round(self.affine.f), round(self.affine.c)
        return (row, column) if self.affine[:6] == (1, 0, column, 0, 1, row) else None

    def places(self, rows: F64, columns: F64) -> tuple[F64, F64]:
        """Source rows and columns (0 is the centre of the first) of output points; NaN or infinite where there are none.

        Parameters
        ----------
        rows, columns : float64, of one shape
            Counted from the output's upper left corner: the centre of its first pixel is at (0.5, 0.5).
        """
        with np.errstate(invalid="ignore"):
            if self.affine is not None:
                x, y = _at(self.affine, columns - 0.5, rows - 0.5)
                return y, x
            x, y = _at(~self.source.affine, *self._projected(*_at(self.output.affine, columns, rows)))
        return y - 0.5, x - 0.5

    def _projected(self, x: F64, y: F64) -> tuple[F64, F64]:
        """Coordinates of the source's CRS."""
        transformer = transformer_of(str(self.output.crs), str(self.source.crs))
        found: tuple[F64, F64] = transformer.transform(x, y, errcheck=False)
        if self.checked:
            # Beyond the edge of a world map PROJ often finds places on its other side.
            back = transformer.transform(*found, errcheck=False, direction=TransformDirection.INVERSE)
            beside = back[0] - x
            if self.output_period:
                beside -= self.output_period * np.rint(beside / self.output_period)
            off = ~(np.hypot(beside, back[1] - y) < _pixel(self.output) / 2)
            for of in found:
                of[off] = np.inf
        return found

    def back(self, rows: F64, columns: F64) -> tuple[F64, F64]:
        """The other way: output rows and columns of source points, both counted as in `places` those of the output."""
        with np.errstate(invalid="ignore"):
            x, y = _at(self.source.affine, columns, rows)
            if self.affine is None:
                transformer = transformer_of(str(self.output.crs), str(self.source.crs))
                x, y = transformer.transform(x, y, errcheck=False, direction=TransformDirection.INVERSE)
            columns, rows = _at(~self.output.affine, x, y)
        return rows, columns

    def fixed(self, rows: F64, columns: F64) -> tuple[I64, I64]:
        """`places` in fixed point, brought into the first world; `NOWHERE` where there is none."""
        y, x = self.places(rows, columns)
        there = (np.abs(y) < FARTHEST) & (np.abs(x) < FARTHEST)
        y, x = (np.rint(np.where(there, of, 0) * ONE).astype(np.int64) for of in (y, x))
        if self.period:
            x = (x + ONE // 2) % self.fixed_period - ONE // 2
        return np.where(there, y, NOWHERE), np.where(there, x, NOWHERE)


@lru_cache(maxsize=256)
def way(output: GeoBox, source: GeoBox) -> Way:
    """The way between two grids; raises `UsageError` if just one of them has a CRS."""
    if (output.crs is None) != (source.crs is None):
        raise UsageError("cannot warp between a picture without a CRS and one with: say where it lies first")
    upright = source.affine.b == source.affine.d == 0
    return Way(
        output=output,
        source=source,
        affine=_affine(output, source) if output.crs == source.crs else None,
        period=world(source) / abs(source.affine.a) if upright else 0.0,
        output_period=world(output),
        checked=output.crs is not None and not output.crs.geographic,
    )


def _affine(output: GeoBox, source: GeoBox) -> Affine:
    """From pixel centres to pixel centres, rounded once from exact arithmetic; a whole shift where it is nearly one."""
    a, b, c, d, e, f = (Fraction(part) for part in list(output.affine)[:6])
    A, B, C, D, E, F = (Fraction(part) for part in list(source.affine)[:6])  # noqa: N806  (as in the matrix)
    half, det = Fraction(1, 2), A * E - B * D
    x0, y0 = a * half + b * half + c - C, d * half + e * half + f - F
    rows = ((E, -B), (-D, A))
    found = [
        (float((p * a + q * d) / det), float((p * b + q * e) / det), float((p * x0 + q * y0) / det - half))
        for p, q in rows
    ]
    exact = Affine(*found[0], *found[1])
    shift = Affine(1, 0, round(exact.c), 0, 1, round(exact.f))
    corners = [(x, y) for x in (0, output.shape[1]) for y in (0, output.shape[0])]
    drift = max(max(abs(p - q) for p, q in zip(exact @ at, shift @ at, strict=True)) for at in corners)
    return shift if drift < SAME else exact


@lru_cache(maxsize=64)
def transformer_of(output: str, source: str) -> Transformer:
    """From one CRS to the other, x before y. It keeps an object of PROJ's for each thread by itself."""
    set_network_enabled(active=False)
    return Transformer.from_crs(output, source, always_xy=True)


def world(geobox: GeoBox) -> float:
    """Width of the world in a CRS where meridians are evenly spaced parallels (geographic, cylindrical); 0 in others."""
    return 0.0 if geobox.crs is None else _world(str(geobox.crs))


@lru_cache(maxsize=64)
def _world(crs: str) -> float:
    geodetic = CRS.from_user_input(crs).geodetic_crs
    if geodetic is None:
        return 0.0
    longitude, latitude = np.meshgrid(MERIDIANS, PARALLELS)
    x, y = transformer_of(geodetic.to_wkt(), crs).transform(longitude, latitude, errcheck=False)
    steps = np.diff(x, axis=1)
    step = float(np.median(steps))
    width = abs(step) * MERIDIANS.size
    wrap = step * (1 - MERIDIANS.size)
    even = np.minimum(np.abs(steps - step), np.abs(steps - wrap)).max() < 1e-6 * width
    straight = np.ptp(y, axis=1).max() < 1e-6 * width
    return width if even and straight and np.isfinite(width) else 0.0


def _at(affine: Affine, x: F64, y: F64) -> tuple[F64, F64]:
    """X and y of places, through an affine transformation."""
    a, b, c, d, e, f, *_ = affine
    return x * a + y * b + c, x * d + y * e + f


def _pixel(geobox: GeoBox) -> float:
    """Shorter side of a pixel."""
    a, b, _, d, e, *_ = geobox.affine
    return float(min(np.hypot(a, d), np.hypot(b, e)))
