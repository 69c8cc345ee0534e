"""The tile grids of web maps: web mercator (EPSG:3857) and geodetic (EPSG:4326), at every zoom.

Zoom 0 is one tile of the whole world in web mercator, two side by side in geodetic; each further zoom has twice as many
rows and columns. Rows are counted from the north, as in OGC's WebMercatorQuad and WorldCRS84Quad (OGC 17-083r4, annex D).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from affine import Affine
from odc.geo.geobox import GeoBox

from gigascene.model.errors import UsageError
from gigascene.model.grid import DEEPEST_ZOOM, Window

RADIUS = 6378137.0
"""Of the sphere of web mercator, metres (EPSG method 1024)."""

NEAR = 0.01
"""A picture may lie so many pixels beside the grid: numbers are rounded on their way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """One of the two grids."""

    name: str
    epsg: int
    left: float
    """Western border, in units of the CRS."""

    top: float
    """Northern border."""

    span: float
    """Side of a tile at zoom 0."""

    across: int
    """Tiles in a row at zoom 0; there is one row."""

    def resolution(self, zoom: int, tile: int = 256) -> float:
        """Side of a pixel at this zoom."""
        return self.span / (tile << zoom)

    def geobox(self, tiles: Window, zoom: int, tile: int = 256) -> GeoBox:
        """The grid of pixels that these tiles cover."""
        size = self.resolution(zoom, tile)
        origin = self.left + tiles.left * tile * size, self.top - tiles.top * tile * size
        return GeoBox(
            (tiles.height * tile, tiles.width * tile),
            Affine(size, 0, origin[0], 0, -size, origin[1]),
            f"EPSG:{self.epsg}",
        )

    def covering(self, bounds: tuple[float, float, float, float], zoom: int, step: int = 4) -> Window:
        """The tiles that cover (left, bottom, right, top), in units of the CRS, within the world.

        Whole groups of `step` x `step` tiles: beginning at such a border, workers make two levels below full resolution
        (which take the sink longer); blank tiles are not written.

        >>> str(MERCATOR.covering((0, 0, 10, 10), 12))
        'rows 2044-2047, columns 2048-2051'
        """
        side, down = self.span / (1 << zoom), 1 << zoom
        rows = _snapped((self.top - bounds[3]) / side, (self.top - bounds[1]) / side, step, down)
        columns = _snapped((bounds[0] - self.left) / side, (bounds[2] - self.left) / side, step, down * self.across)
        if rows is None or columns is None:
            raise UsageError(f"{bounds} lies beyond the world of {self.name}")
        return Window(top=rows[0], left=columns[0], height=rows[1] - rows[0], width=columns[1] - columns[0])

    def degrees(self, x: float, y: float) -> tuple[float, float]:
        """Longitude and latitude of a place."""
        if self.epsg == GEODETIC.epsg:
            return x, y
        return math.degrees(x / RADIUS), math.degrees(math.atan(math.sinh(y / RADIUS)))


MERCATOR = TileGrid(
    name="web mercator",
    epsg=3857,
    left=-math.pi * RADIUS,
    top=math.pi * RADIUS,
    span=2 * math.pi * RADIUS,
    across=1,
)
GEODETIC = TileGrid(name="geodetic", epsg=4326, left=-180.0, top=90.0, span=180.0, across=2)
GRIDS = {grid.epsg: grid for grid in (MERCATOR, GEODETIC)}


@dataclass(frozen=True, slots=True, kw_only=True)
class OnGrid:
    """A picture that lies on a tile grid."""

    grid: TileGrid
    zoom: int
    row: int
    """Of the tile in its upper left corner, from the north."""

    column: int

    def tiles(self, shape: tuple[int, int], tile: int) -> Window:
        """The tiles under a picture of so many rows and columns."""
        return Window(top=self.row, left=self.column, height=-(-shape[0] // tile), width=-(-shape[1] // tile))


def on_grid(geobox: GeoBox, tile: int) -> OnGrid:
    """Where in a tile grid a picture lies; raises `UsageError`, which says what is wanted, if it lies in none."""
    grid = None if geobox.crs is None else GRIDS.get(geobox.crs.to_epsg() or 0)
    if grid is None:
        raise _refusal("it is in another CRS" if geobox.crs else "it has no CRS", MERCATOR, 10, tile)
    a, b, left, d, e, top = list(geobox.affine)[:6]
    zoom = round(math.log2(grid.span / (tile * a))) if a > 0 else -1
    near = min(max(zoom, 0), DEEPEST_ZOOM)
    size = grid.resolution(near, tile)
    drift = max(geobox.shape[1] * abs(a - size), geobox.shape[0] * abs(e + size)) / size
    if zoom != near or b or d or drift > NEAR:
        raise _refusal(f"its pixels are {a!r} by {-e!r}, which is no zoom level", grid, near, tile)
    down, across = (grid.top - top) / (size * tile), (left - grid.left) / (size * tile)
    found = OnGrid(grid=grid, zoom=zoom, row=round(down), column=round(across))
    if max(abs(down - found.row), abs(across - found.column)) * tile > NEAR:
        raise _refusal(f"it begins at row {down:.3f}, column {across:.3f} of the tiles", grid, zoom, tile)
    tiles, world = found.tiles((geobox.shape[0], geobox.shape[1]), tile), (1 << zoom, grid.across << zoom)
    if tiles.within(world) != tiles:
        raise _refusal("it reaches beyond the world", grid, zoom, tile)
    return found


def _snapped(low: float, high: float, step: int, most: int) -> tuple[int, int] | None:
    """The range grown to multiples of `step` within 0 to `most`; None where it has nothing in common with that."""
    if not (low < high and low < most and high > 0):
        return None
    return math.floor(max(low, 0) / step) * step, min(math.ceil(high / step) * step, most)


def _refusal(what: str, grid: TileGrid, zoom: int, tile: int) -> UsageError:
    return UsageError(
        f"Tiles need a picture on the tile grid of a zoom level, and this one is not: {what}. Wanted are EPSG:3857 with pixels "
        f"of {MERCATOR.span!r} / ({tile} * 2**zoom) metres or EPSG:4326 with {GEODETIC.span!r} / ({tile} * 2**zoom) degrees "
        f"(in EPSG:{grid.epsg} at zoom {zoom}: {grid.resolution(zoom, tile)!r}), and a border of tiles at the left and the "
        f"top: at {grid.left!r} + column * {grid.span / (1 << zoom)!r} and {grid.top!r} - row * {grid.span / (1 << zoom)!r}. "
        "Scenes and GeoTIFFs are brought there unless a grid is asked for; so convert a picture to a GeoTIFF first."
    )
