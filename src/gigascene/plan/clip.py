"""A region from a GeoJSON file, as rings in pixels of the output."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from gigascene.kernels.outline import UNIT
from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.plan import geojson
from gigascene.plan._rings import Box, Carry, carried, cut, divided
from gigascene.plan.grid_names import DEGREES, spoken
from gigascene.works._projection import world
from gigascene.works._reach import corners, period, span, turns

Rings = tuple[NDArray[np.float64], ...]
"""Of a polygon, its outline and its holes: (n, 2), x and y."""

NEAR = 1 / 32
"""Pixels of the output: how near edges come to the lines that are straight in the file's own CRS."""

BESIDE = 0.1
"""Share of its size by which what is looked at reaches beyond the output on each side."""

CLOSE = 1 / 64
"""Pixels: edges that reach no further than this into a pixel do not ask for it."""

NORTH = 90.0 + 1e-6
"""Degrees: no latitude is more."""

FAR = 1 << 30
"""Corners further out than this, in parts of a pixel, could overflow what is reckoned with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Polygons of a file."""

    path: str
    crs: str
    polygons: tuple[Rings, ...]

    def within(self, grid: GeoBox) -> Window | None:
        """The part of a grid that holds all of it that lies there; None where nothing does."""
        corners = [np.reshape(ring, (-1, 2)) for polygon in self.pixels(grid) for ring in polygon]
        if not corners:
            return None
        (left, top), (right, bottom) = (of / UNIT for of in _extremes(np.concatenate(corners)))
        wide = Window(
            top=math.floor(top + CLOSE),
            left=math.floor(left + CLOSE),
            height=max(math.ceil(bottom - CLOSE) - math.floor(top + CLOSE), 1),
            width=max(math.ceil(right - CLOSE) - math.floor(left + CLOSE), 1),
        )
        return wide.within(tuple(grid.shape))

    def pixels(self, grid: GeoBox) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """Rings of every polygon in 1 / 256 of a pixel of a grid, of what may lie there; raises `BadInput`.

        A polygon that shows in two worlds of a map that repeats itself is there twice.
        """
        back, carry, box = ~grid.affine, self._way(grid), self._seen_from(grid)
        around = world(_unit(self.crs))

        def places(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
            x, y = carry(x, y)
            return back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f

        found = []
        for polygon in self.polygons:
            for seen in _seen(polygon, box, around):
                rings = [carried(divided(ring, around / 4), places, NEAR) for ring in seen]
                if not all(np.isfinite(ring).all() for ring in rings):
                    raise BadInput(
                        f"cannot be shown in {spoken(grid.crs)}, which is made for another part of the Earth.",
                        self.path,
                    )
                found += list(_repeated(rings, grid))
        return tuple(tuple(map(_whole, rings)) for rings in found)

    def _way(self, grid: GeoBox) -> Carry:
        """From its CRS to that of a grid."""
        if grid.crs is None:
            raise BadInput("has a CRS, and the mosaic has none.", self.path)
        wkt = grid.crs.to_wkt()
        if CRS(self.crs) == CRS(wkt):
            return lambda x, y: (x, y)
        return partial(Transformer.from_crs(self.crs, wkt, always_xy=True).transform, errcheck=False)

    def _seen_from(self, grid: GeoBox) -> Box | None:
        """What a grid shows, and some more, in its own CRS; None where that cannot be told: it may be half the Earth."""
        unit = _unit(self.crs)
        x, y = corners(grid, unit)
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            return None
        around = world(unit)
        west, east = span(x, around)
        south, north = float(y.min()), float(y.max())
        if around and (east - west > around / 3 or _holds_pole(grid)):
            return None
        across, up = (east - west) * BESIDE, (north - south) * BESIDE
        return west - across, south - up, east + across, north + up


def _holds_pole(grid: GeoBox) -> bool:
    """Whether a pole may lie in a grid, or at its edge."""
    x, y = Transformer.from_crs(DEGREES, grid.crs.to_wkt(), always_xy=True).transform(
        [0.0, 0.0], [90.0, -90.0], errcheck=False
    )
    with np.errstate(invalid="ignore"):
        columns, rows = ~grid.affine @ (np.array(x), np.array(y))
    height, width = grid.shape
    near = (columns > -width) & (columns < 2 * width) & (rows > -height) & (rows < 2 * height)
    return bool(near.any())


def _seen(rings: Rings, box: Box | None, world: float) -> Iterator[list[NDArray[np.float64]]]:
    """A polygon's rings within a box, wherever in its own CRS they show there."""
    if box is None:
        yield list(rings)
        return
    west, _, east, _ = box
    line = [of[:, 0] for of in rings]
    low, high = min(x.min() for x in line) - west, max(x.max() for x in line) - west
    for turn in turns(low, high, east - west, world):
        kept = [ring for ring in (cut(ring + np.array([turn, 0.0]), box) for ring in rings) if len(ring)]
        if kept:
            yield kept


def _repeated(rings: list[NDArray[np.float64]], grid: GeoBox) -> Iterator[list[NDArray[np.float64]]]:
    """Rings in pixels of a grid wherever they show in it, where its map repeats itself.

    A step of more than half the world is where the map was torn: no edge is so long (`divided`).
    """
    columns = period(grid)
    if not columns:
        yield rings
        return
    rings = [np.stack([np.unwrap(ring[:, 0], period=columns), ring[:, 1]], axis=1) for ring in rings]
    low, high = float(rings[0][:, 0].min()), float(rings[0][:, 0].max())
    # Holes lie within the outline.
    rings = [ring + np.array([columns * math.ceil((low - ring[:, 0].min()) / columns - CLOSE), 0.0]) for ring in rings]
    for turn in turns(low, high, grid.shape[1], columns):
        yield [ring + np.array([turn, 0.0]) for ring in rings]


def _whole(ring: NDArray[np.float64]) -> tuple[int, ...]:
    corners: list[int] = np.rint(ring * UNIT).clip(-FAR, FAR).astype(np.int64).ravel().tolist()
    return tuple(corners)


def _extremes(corners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return corners.min(axis=0), corners.max(axis=0)


def region(path: str) -> Region:
    """The polygons of a GeoJSON file; raises `BadInput`."""
    polygons, crs = geojson.read(path, _polygons)
    if not polygons:
        raise BadInput("holds no polygon.", path)
    _check_on_map(path, crs, polygons)
    return Region(path=path, crs=crs, polygons=polygons)


def _check_on_map(path: str, crs: str, polygons: tuple[Rings, ...]) -> None:
    """Raise `BadInput` where corners lie on no map of this CRS: metres that were taken for degrees, mostly."""
    corners, around = np.concatenate([ring for rings in polygons for ring in rings]), world(_unit(crs))
    x, y = np.abs(corners).max(axis=0)
    if (around and x > 2 * around) or (CRS(crs).is_geographic and y > NORTH):
        raise BadInput(
            f"has corners as far out as {x:g}, {y:g}, which are no places in {crs}.",
            path,
            hint='Say which CRS they are in: a "crs" member, as GDAL writes it.',
        )


def _unit(crs: str) -> GeoBox:
    return GeoBox((1, 1), Affine.identity(), crs)


def _polygons(geometries: Iterator[tuple[str, Any]]) -> tuple[Rings, ...]:
    return tuple(tuple(map(geojson.ring, rings)) for kind, rings in geometries if kind == "Polygon" and rings)
