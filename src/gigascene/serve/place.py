"""Where a picture lies: affine and CRS, and longitude and latitude on a grid that a browser interpolates.

A browser has no projections. So it gets nodes, evenly spread over the picture, and interpolates between the four by
four around a pixel (Lagrange, cubic; Abramowitz and Stegun 1964, 25.2.13). How many nodes that takes is measured: the error must be below a tenth of a pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

TOLERANCE = 0.1
"""Largest error of interpolated positions, in pixels, unless it would take more than MOST cells a side."""

MOST = 64
SIDES = tuple(2**power for power in range(MOST.bit_length()))
"""Cells along the longer side that are tried."""

SAMPLES = ((np.arange(43) + 0.31) / 43, (np.arange(47) + 0.37) / 47)
"""Fractions of height and width where errors are measured: everywhere within a cell, at no node."""

METHODS: tuple[Literal["angles", "vectors"], ...] = ("angles", "vectors")
LON_LAT = "OGC:CRS84"
DECIMALS = 9
"""Of degrees: a tenth of a millimetre."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Longitudes and latitudes of evenly spread places, from the picture's first corner to its last."""

    lon: NDArray[np.float64]
    """(row, column), degrees; NaN where the projection has no place."""

    lat: NDArray[np.float64]
    """(row, column), degrees."""

    method: Literal["angles", "vectors"]
    """``"angles"``: both are interpolated, after longitudes are brought within 180° of each other. ``"vectors"``: the
    unit vectors to the places are, which knows neither date line nor poles but bends parallels."""

    error: float
    """Largest that was measured, in pixels."""

    def at(
        self, down: NDArray[np.float64], across: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Longitude and latitude, degrees, at fractions of height and width: what `page/coordinates.js` computes."""
        row, rows = _stencil(down, self.lon.shape[0])
        column, columns = _stencil(across, self.lon.shape[1])
        sixteen = [(i, j) for i in range(len(rows)) for j in range(len(columns))]

        def mixed(values: Callable[[Any], Any]) -> Any:
            return sum(rows[i] * columns[j] * values((row + i, column + j)) for i, j in sixteen)

        if self.method == "vectors":
            vectors = _vectors(self.lon, self.lat)
            return _angles(np.stack([mixed(vectors[..., axis].__getitem__) for axis in range(3)], axis=-1))
        first = self.lon[row, column]
        return _turned(first + mixed(lambda at: _turned(self.lon[at] - first))), np.asarray(mixed(self.lat.__getitem__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Affine and CRS of a picture, and its nodes."""

    affine: Affine
    """Pixels (column, row; corner of the first is 0, 0) to the CRS."""

    crs: CRS
    nodes: Nodes | None
    """None where the CRS cannot be brought to longitude and latitude, such as that of another planet."""

    def to_json(self) -> dict[str, Any]:
        """As the page takes it (`page/coordinates.js`)."""
        axis = self.crs.axis_info[0] if self.crs.axis_info else None
        return {
            "affine": list(self.affine)[:6],
            "crs": self.crs.name,
            "code": ":".join(self.crs.to_authority() or ()),
            "wkt": self.crs.to_wkt(),
            "geographic": self.crs.is_geographic,
            "unit": axis.unit_name if axis else "",
            "nodes": None if self.nodes is None else _nodes_json(self.nodes),
        }


def place(affine: Affine, crs: CRS, shape: tuple[int, int]) -> Place:
    """A picture's place, from what its file says and its rows and columns."""
    return Place(affine=affine, crs=crs, nodes=_nodes(affine, crs, shape))


def from_json(facts: dict[str, Any]) -> Place:
    """The inverse of `Place.to_json`; raises `KeyError`, `TypeError` or `ValueError` for what that did not write."""
    nodes = facts["nodes"]
    return Place(
        affine=Affine(*facts["affine"]),
        crs=CRS.from_wkt(facts["wkt"]),
        nodes=nodes and Nodes(
            lon=np.array(nodes["lon"], np.float64), lat=np.array(nodes["lat"], np.float64),
            method=METHODS[METHODS.index(nodes["method"])], error=float(nodes["error"]),
        ),
    )  # fmt: skip


def _nodes_json(nodes: Nodes) -> dict[str, Any]:
    def numbers(values: NDArray[np.float64]) -> list[list[float | None]]:
        return [[None if np.isnan(v) else round(v, DECIMALS) for v in row] for row in values.tolist()]

    return {"method": nodes.method, "error": nodes.error, "lon": numbers(nodes.lon), "lat": numbers(nodes.lat)}


def _nodes(affine: Affine, crs: CRS, shape: tuple[int, int]) -> Nodes | None:
    """As few as do, by the better of the two methods."""
    try:
        transformer = Transformer.from_crs(crs, LON_LAT, always_xy=True)
    except ProjError:
        return None
    truth = _vectors(*_positions(affine, transformer, shape, SAMPLES))
    next_pixel = _vectors(*_positions(affine, transformer, shape, SAMPLES, right=1))
    pixel = np.linalg.norm(next_pixel - truth, axis=-1)
    for sides in SIDES:
        fractions = [np.linspace(0, 1, max(1, round(sides * side / max(shape))) + 1) for side in shape]
        lon, lat = _positions(affine, transformer, shape, fractions)
        tried = [Nodes(lon=lon, lat=lat, method=method, error=0) for method in METHODS]
        (missing, error), best = min(
            ((_missed(nodes, truth, pixel), nodes) for nodes in tried), key=lambda found: found[0]
        )
        if not missing and error <= TOLERANCE:
            break
    return replace(best, error=error)


def _missed(nodes: Nodes, truth: NDArray[np.float64], pixel: NDArray[np.float64]) -> tuple[int, float]:
    """How many samples the nodes know no place for, though there is one; the largest error in pixels elsewhere."""
    found = _vectors(*nodes.at(*np.meshgrid(*SAMPLES, indexing="ij")))
    with np.errstate(divide="ignore", invalid="ignore"):  # a pixel may have no size on the ground, as at a pole
        errors = np.linalg.norm(found - truth, axis=-1) / pixel
    known = np.isfinite(truth).all(axis=-1) & (pixel > 0)
    told = np.isfinite(found).all(axis=-1)
    return int((known & ~told).sum()), float(np.max(errors, initial=0.0, where=known & told))


def _stencil(fractions: NDArray[np.float64], count: int) -> tuple[NDArray[np.int64], list[NDArray[np.float64]]]:
    """The first of the up to four nodes around each position on an axis of `count` nodes, and the weight of each."""
    size = min(4, count)
    position = fractions * (count - 1)
    first = np.clip(np.floor(position).astype(np.int64) - 1, 0, count - size)
    t = position - first
    return first, [np.prod([(t - m) / (k - m) for m in range(size) if m != k], axis=0) for k in range(size)]


def _positions(
    affine: Affine,
    transformer: Transformer,
    shape: tuple[int, int],
    fractions: Sequence[NDArray[np.float64]],
    right: float = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude, degrees, `right` pixels to the right of fractions of height and width; NaN if nowhere."""
    rows, columns = np.meshgrid(fractions[0] * shape[0], fractions[1] * shape[1] + right, indexing="ij")
    x = affine.a * columns + affine.b * rows + affine.c
    y = affine.d * columns + affine.e * rows + affine.f
    lon, lat = (np.asarray(values, np.float64) for values in transformer.transform(x, y))
    lost = ~(np.isfinite(lon) & np.isfinite(lat))
    return np.where(lost, np.nan, lon), np.where(lost, np.nan, lat)


def _vectors(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors normal to the ellipsoid, (…, 3)."""
    a, b = np.radians(lon), np.radians(lat)
    return np.stack([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)], axis=-1)


def _turned(lon: Any) -> NDArray[np.float64]:
    """Longitudes brought to -180 to 180, degrees."""
    return np.asarray(lon - 360 * np.round(lon / 360))


def _angles(vectors: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude, degrees, of vectors of any length."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))
