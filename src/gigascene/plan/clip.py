"""A region from a GeoJSON file, as rings in pixels of the output."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from gigascene.kernels.outline import UNIT
from gigascene.model.errors import BadInput
from gigascene.plan import geojson
from gigascene.plan.grid_names import Bounds

PARTS = 32
"""Parts an edge is cut into on its way to another CRS, where it is straight no longer."""

FAR = 1 << 30
"""Corners further out than this, in parts of a pixel, could overflow what is reckoned with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """Polygons of a file."""

    path: str
    crs: str
    polygons: tuple[tuple[NDArray[np.float64], ...], ...]
    """Rings of each, its outline and its holes: (n, 2), x and y."""

    def bounds(self, crs: Any) -> Bounds:
        """The rectangle around it."""
        points = np.concatenate([ring for polygon in self._in(crs) for ring in polygon])
        (west, south), (east, north) = points.min(axis=0), points.max(axis=0)
        return float(west), float(south), float(east), float(north)

    def pixels(self, grid: GeoBox) -> tuple[tuple[tuple[int, ...], ...], ...]:
        """Rings of every polygon in 1 / 256 of a pixel of a grid."""
        back = ~grid.affine

        def whole(ring: NDArray[np.float64]) -> tuple[int, ...]:
            x, y = ring.T
            places = np.stack([back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f], axis=1)
            corners: list[int] = np.rint(places * UNIT).clip(-FAR, FAR).astype(np.int64).ravel().tolist()
            return tuple(corners)

        return tuple(tuple(whole(ring) for ring in polygon) for polygon in self._in(grid.crs))

    def _in(self, crs: Any) -> list[list[NDArray[np.float64]]]:
        if crs is None:
            raise BadInput("has a CRS, and the mosaic has none.", self.path)
        wkt = crs.to_wkt()
        if CRS(self.crs) == CRS(wkt):
            return [list(polygon) for polygon in self.polygons]
        turn = Transformer.from_crs(self.crs, wkt, always_xy=True).transform
        polygons = [[np.stack(turn(*_finer(ring).T), axis=1) for ring in polygon] for polygon in self.polygons]
        if not all(np.isfinite(ring).all() for polygon in polygons for ring in polygon):
            raise BadInput(f"cannot be shown in {crs}, which is made for another part of the Earth.", self.path)
        return polygons


def _finer(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.arange(PARTS)[None, :, None] / PARTS
    following = np.roll(ring, -1, axis=0)
    cut: NDArray[np.float64] = (ring[:, None] * (1 - steps) + following[:, None] * steps).reshape(-1, 2)
    return cut


def region(path: str) -> Region:
    """The polygons of a GeoJSON file; raises `BadInput`."""
    polygons, crs = geojson.read(path, _polygons)
    if not polygons:
        raise BadInput("holds no polygon.", path)
    return Region(path=path, crs=crs, polygons=polygons)


def _polygons(geometries: Iterator[tuple[str, Any]]) -> tuple[tuple[NDArray[np.float64], ...], ...]:
    return tuple(tuple(map(geojson.ring, rings)) for kind, rings in geometries if kind == "Polygon")
