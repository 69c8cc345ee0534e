"""Grids by name: ``utm32:10m``, ``EPSG:3857:30``, ``like:FILE``, or the one most scenes share; and how far they reach."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from pyproj.exceptions import CRSError, ProjError

from gigascene.codecs.tile_grid import MERCATOR
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.grid import DEEPEST_ZOOM
from gigascene.readers.geotiff import describe
from gigascene.works._placed import whole_shift
from gigascene.works._projection import world
from gigascene.works._reach import corners, pixel_size, span

NAMED = {
    "web-mercator": 3857,
    "laea-europe": 3035,
    "conus-albers": 5070,
    "alaska-albers": 3338,
    "polar-north": 3413,
    "polar-south": 3031,
}
"""Grids that have a name of their own, by EPSG code."""

TILE = 256
"""Pixels along a side of a map tile."""

DEGREES = "OGC:CRS84"
"""Longitude and latitude, in this order."""

MOST = 2**31 - 1
"""Pixels along a side of any picture."""

SIDE_POINTS = 64
"""Points along one side of a bounding box on its way to another CRS."""

SHOW = "write it as utm32:10m, EPSG:3857:30, laea-europe:100m, tiles:12 or like:FILE"

Bounds = tuple[float, float, float, float]
"""West, south, east, north."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """A CRS cut into pixels without end."""

    crs: CRS
    size: tuple[float, float]
    """Of a pixel: to the east and to the south (positive), CRS units."""

    origin: tuple[float, float]
    """A corner of some pixel, CRS units."""

    snap: int = 1
    """Left and upper edge lie at multiples of so many pixels: the side of a map tile."""

    whole: GeoBox | None = None
    """The grid to be copied, where it has an end."""

    @property
    def world(self) -> float:
        """Width, CRS units, after which the map repeats itself, so that pictures may go on across its edge; 0: they may not."""
        return world(self.unit) if self.snap == 1 else 0.0

    @property
    def unit(self) -> GeoBox:
        """One pixel of it."""
        (across, down), (x, y) = self.size, self.origin
        return GeoBox((1, 1), Affine(across, 0, x, 0, -down, y), self.crs)

    def around(self, bounds: Bounds) -> GeoBox:
        """Whole pixels that cover a rectangle; raises `UsageError` where they are more than any file can hold."""
        west, south, east, north = bounds
        (across, down), (x, y) = self.size, self.origin
        left, right = _low((west - x) / across / self.snap) * self.snap, _high((east - x) / across)
        top, bottom = _low((y - north) / down / self.snap) * self.snap, _high((y - south) / down)
        if max(right - left, bottom - top) > MOST:
            raise UsageError(
                f"pixels of {across:g} x {down:g} are so small that this picture would be {right - left:,} x {bottom - top:,}"
            )
        affine = Affine(across, 0, x + left * across, 0, -down, y - top * down)
        return GeoBox((max(bottom - top, 1), max(right - left, 1)), affine, self.crs)


def _low(place: float) -> int:
    return math.floor(place + 1e-6)


def _high(place: float) -> int:
    return math.ceil(place - 1e-6)


def lattice(name: str | None, sources: Sequence[GeoBox], tile: int = TILE) -> Lattice:
    """The lattice of a name; raises `UsageError`, or `BadInput` where the sources have no CRS.

    `tile` is the side of a map tile, for their grids. Where most sources lie on one lattice of the CRS and the pixel size asked for, it is theirs: nothing is resampled then.
    """
    if name is None or name == "auto":
        return _of_most(sources)
    kind, _, rest = name.partition(":")
    if kind == "tiles":
        return _of_tiles(rest, sources, tile)
    if kind == "like":
        grid = describe(rest, band="grid").geobox
        if grid.crs is None or not grid.axis_aligned:
            raise BadInput("has no CRS, or is rotated, and so is no grid to be like.", rest)
        a = grid.affine
        return Lattice(crs=grid.crs, size=(a.a, -a.e), origin=(a.c, a.f), whole=grid)
    crs, said = _crs(name)
    if not (crs.projected or crs.geographic):
        raise UsageError(f"{spoken(crs)} measures heights or the like, and is no map; {SHOW}")
    pixel = _pixel(said, name, crs)
    for source in sources:
        a = source.affine
        if source.crs == crs and a.a == pixel and a.e == -pixel and not a.b:
            return Lattice(crs=crs, size=(pixel, pixel), origin=(a.c, a.f))
    return Lattice(crs=crs, size=(pixel, pixel), origin=(0.0, 0.0))


def _of_tiles(zoom: str, sources: Sequence[GeoBox], tile: int) -> Lattice:
    """Pixels of a zoom level of web maps; left out, the one whose pixels are nearest to those of the finest source."""
    if not zoom:
        unit = GeoBox((1, 1), Affine(1, 0, 0, 0, -1, 0), f"EPSG:{MERCATOR.epsg}")
        finest = min((pixel_size(source, unit) for source in sources if source.crs is not None), default=1.0)
        zoom = str(min(max(round(math.log2(MERCATOR.span / tile / finest)), 0), DEEPEST_ZOOM))
    if not zoom.isdigit() or int(zoom) > DEEPEST_ZOOM:
        raise UsageError(f"there is no zoom level {zoom!r}; write tiles:12, up to tiles:{DEEPEST_ZOOM}")
    size = MERCATOR.resolution(int(zoom), tile)
    origin = (MERCATOR.left, MERCATOR.top)
    return Lattice(crs=CRS(f"EPSG:{MERCATOR.epsg}"), size=(size, size), origin=origin, snap=tile)


def _of_most(sources: Sequence[GeoBox]) -> Lattice:
    """CRS and pixel size that most sources have; at a tie those of the first."""
    known = [source for source in sources if source.crs is not None and source.axis_aligned]
    if not known:
        first = sources[0]
        if first.crs is None and all(whole_shift(other, first) is not None for other in sources):
            a = first.affine
            return Lattice(crs=None, size=(a.a, -a.e), origin=(a.c, a.f))
        raise BadInput("no scene has a CRS and a north that is up: say --grid.")
    kinds = Counter((str(source.crs), *_sides(source)) for source in known)
    most = max(kinds.values())
    first = next(s for s in known if kinds[str(s.crs), *_sides(s)] == most)
    return Lattice(crs=first.crs, size=_sides(first), origin=(first.affine.c, first.affine.f))


def _sides(source: GeoBox) -> tuple[float, float]:
    """Width and height of a pixel, whichever way its rows and columns run."""
    return abs(source.affine.a), abs(source.affine.e)


def _crs(name: str) -> tuple[CRS, str]:
    """The CRS of a name, and what is said of its pixels."""
    kind, _, rest = name.partition(":")
    zone = re.fullmatch(r"utm(\d{1,2})([ns]?)", kind.lower())
    if zone and 1 <= int(zone[1]) <= 60:
        return CRS(f"EPSG:{(32700 if zone[2] == 's' else 32600) + int(zone[1])}"), rest
    if kind.lower() in NAMED:
        return CRS(f"EPSG:{NAMED[kind.lower()]}"), rest
    authority, _, pixel = rest.partition(":")
    if re.fullmatch(r"\w+", kind) and authority:
        try:
            return CRS(f"{kind.upper()}:{authority}"), pixel
        except (CRSError, ValueError):
            pass
    raise UsageError(f"no grid is called {name!r}; {SHOW}")


def _pixel(said: str, name: str, crs: CRS) -> float:
    """Size of a pixel, CRS units."""
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)(m|km)?", said.strip())
    if not found or float(found[1]) == 0:
        raise UsageError(f"the grid {name!r} does not say how large a pixel is; {SHOW}")
    if found[2] and crs.geographic:
        raise UsageError(f"pixels of {name!r} are measured in degrees; write 0.001, say")
    return float(found[1]) * (1000.0 if found[2] == "km" else 1.0)


def grid(lattice: Lattice, sources: Sequence[GeoBox], bounds: Bounds | None) -> GeoBox:
    """As much of a lattice as `bounds` (CRS units) say; else the grid it copies; else all that the sources cover."""
    if bounds is not None:
        return lattice.around(bounds)
    if lattice.whole is not None:
        return lattice.whole
    return lattice.around(_union(lattice, sources))


def _union(lattice: Lattice, sources: Sequence[GeoBox]) -> Bounds:
    spans: list[tuple[float, float]] = []
    rows: list[float] = []
    for x, y in (corners(source, lattice.unit) for source in sources):
        good = np.isfinite(x) & np.isfinite(y)
        if good.any():
            spans.append(span(x[good], lattice.world))
            rows += [float(y[good].min()), float(y[good].max())]
    geographic = lattice.crs is not None and lattice.crs.geographic
    poles = [pole for source in sources for pole in _poles(source)] if geographic else []
    if poles:  # all longitudes meet there, and no outline tells
        spans.append((-180.0, 180.0))
        rows += poles
    if not spans:
        raise UsageError("no scene can be shown on this grid: its CRS is made for another part of the Earth")
    west, east = _together(spans, lattice.world)
    return west, min(rows), east, max(rows)


def _poles(source: GeoBox) -> Iterator[float]:
    """Latitudes of the poles that lie within a map on which they are points."""
    if world(source):
        return
    to_map = Transformer.from_crs(DEGREES, source.crs.to_wkt(), always_xy=True)
    for pole in (90.0, -90.0):
        x, y = to_map.transform(0.0, pole, errcheck=False)
        if np.isfinite(x) and np.isfinite(y):
            column, row = ~source.affine @ (x, y)
            if 0 <= column <= source.shape[1] and 0 <= row <= source.shape[0]:
                yield pole


def _together(spans: Sequence[tuple[float, float]], world: float) -> tuple[float, float]:
    """What holds all spans; where they lie around the edge of a map that repeats itself, across it, if that is less than half.

    >>> _together([(170.0, 175.0), (-179.0, -176.0)], 360.0)
    (170.0, 184.0)
    """
    low, high = min(start for start, _ in spans), max(end for _, end in spans)
    if not world or high - low <= world / 2:
        return low, high
    ordered = sorted(((start - low) % world, end - start) for start, end in spans)
    free, begin, reached = 0.0, 0.0, 0.0
    for start, width in ordered:
        if start - reached > free:
            free, begin = start - reached, start
        reached = max(reached, start + width)
    there = world - free
    if reached > begin - free + world or there >= (high - low) / 2:
        return low, high
    return low + begin, low + begin + there


def projected(bounds: Bounds, crs: CRS, world: float = 0.0) -> Bounds:
    """The rectangle around a bounding box in degrees, in a CRS; raises `UsageError`.

    `world` is the width after which the map repeats itself: a box across its edge goes on there. 0: it does not.

    >>> [round(v) for v in projected((8.0, 46.4, 8.1, 46.6), CRS("EPSG:32632"))]
    [423128, 5138885, 431068, 5161201]
    """
    west, south, east, north = bounds
    if not (-90 <= south < north <= 90 and -360 <= west <= 360 and -360 <= east <= 360 and west != east):
        raise UsageError(f"--bbox is west,south,east,north in degrees, not {','.join(f'{v:g}' for v in bounds)}")
    steps = np.linspace(0, 1, SIDE_POINTS + 1)
    across = west + steps * ((east - west) % 360 or 360)
    up = south + steps * (north - south)
    lon, lat = np.meshgrid(across, up)
    return around(lon, lat, crs, world)


def around(lon: NDArray[np.float64], lat: NDArray[np.float64], crs: CRS, world: float = 0.0) -> Bounds:
    """The rectangle in a CRS around points in degrees, (y, x): rows from west to east."""
    try:
        x, y = Transformer.from_crs(DEGREES, crs.to_wkt(), always_xy=True).transform(lon, lat)
    except ProjError as error:
        raise UsageError(f"the bounding box cannot be shown in {spoken(crs)}: {error}") from error
    good = np.isfinite(x) & np.isfinite(y)
    if not good.all():
        raise UsageError(
            f"the bounding box cannot be shown in {spoken(crs)}, which is made for another part of the Earth"
        )
    if world:
        x = np.unwrap(x, period=world, axis=-1)
        x -= world * np.rint((x[..., :1] - x[..., :1].min()) / world)
    return float(x.min()), float(y.min()), float(x.max()), float(y.max())


def spoken(crs: CRS) -> str:
    """Its code where it has one, else its name: a WKT would fill the screen."""
    return f"EPSG:{crs.epsg}" if crs.epsg else crs.proj.name
