"""A region from a GeoJSON file, as rings in pixels of the output."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from gigascene.kernels.outline import UNIT
from gigascene.model.errors import BadInput
from gigascene.plan.grid_names import DEGREES, Bounds

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
    """The polygons of a GeoJSON file (RFC 7946, or with a ``crs`` member as before it); raises `BadInput`."""
    try:
        whole = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", path) from error
    except ValueError as error:
        raise BadInput(f"is no GeoJSON: {error}.", path) from error
    try:
        polygons = tuple(tuple(_ring(ring) for ring in rings) for rings in _polygons(whole))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise BadInput(f"is no GeoJSON: {type(error).__name__}: {error}.", path) from error
    if not polygons:
        raise BadInput("holds no polygon.", path)
    return Region(path=path, crs=_crs(whole, path), polygons=polygons)


def _polygons(part: Any) -> Iterator[Sequence[Any]]:
    """Coordinates of every polygon."""
    match part["type"]:
        case "FeatureCollection":
            for feature in part["features"]:
                yield from _polygons(feature)
        case "Feature":
            yield from _polygons(part["geometry"]) if part["geometry"] else ()
        case "GeometryCollection":
            for geometry in part["geometries"]:
                yield from _polygons(geometry)
        case "Polygon":
            yield part["coordinates"]
        case "MultiPolygon":
            yield from part["coordinates"]


def _ring(corners: Sequence[Any]) -> NDArray[np.float64]:
    ring = np.array([corner[:2] for corner in corners], np.float64)
    if ring.ndim != 2 or ring.shape[1] != 2 or len(ring) < 4 or not np.isfinite(ring).all():
        raise ValueError(f"a ring has at least four corners of two finite numbers, not {len(corners)}")
    return ring[:-1] if (ring[0] == ring[-1]).all() else ring


def _crs(whole: Any, path: str) -> str:
    said = whole.get("crs")
    if said is None:
        return DEGREES
    try:
        name = str(said["properties"]["name"])
        CRS(name)
    except (KeyError, TypeError, CRSError) as error:
        raise BadInput(f"names a CRS that is not known: {said!r}.", path) from error
    return name
