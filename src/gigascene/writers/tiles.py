"""Web map tiles: a folder of ``ZOOM/COLUMN/ROW.png`` and a ``tilejson.json``, for Leaflet, MapLibre, OpenLayers and QGIS.

The picture must lie on the tile grid of a zoom level already, in EPSG:3857 or EPSG:4326, and begin at a border of tiles
(`gigascene.codecs.tile_grid` makes such grids); lower zooms come from the same pass. It goes fastest where the first tile's
row and column are multiples of four. Tiles at the right and bottom edge are filled up with no data, and those
without any data are not written. Pixels without data are transparent in png and webp, and black in jpg.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from gigascene.codecs._tile_layout import (
    TileLayout,
    check_known,
    check_pixels,
    one_of,
    tile_options,
    whole_number,
)
from gigascene.codecs.tile_grid import GEODETIC, OnGrid, on_grid
from gigascene.codecs.tiles import TileCodec
from gigascene.model.contracts import OnDisk, Record
from gigascene.model.errors import UsageError
from gigascene.model.plan import Format, Plan
from gigascene.storage.folder import SUFFIX
from gigascene.writers._tiles import TilesSink, Tree, finishing, on_disk

SCHEMES = ("xyz", "tms")
"""Rows are counted from the north, or from the south."""


def layout(format: Format) -> TileLayout:
    """Down to `minzoom`, on the global grid."""
    options = format.options
    tile = int(options["tile"])
    place = on_grid(format.geobox, tile)
    return TileLayout(
        shape=format.shape,
        tile=tile,
        origin=(place.row, place.column),
        depth=place.zoom - int(options["minzoom"]),
        kind=str(options["tiles"]),
        quality=int(options["quality"]),
        sparse=True,
        full=True,
    )


CODEC = TileCodec(layout)


class TilesWriter:
    """Web map tiles: png (8 or 16 bit), jpg or webp, grey or RGB, in web mercator or geodetic, as XYZ or TMS."""

    name = "tiles"
    suffixes: tuple[str, ...] = ()
    options: tuple[str, ...] = ("tile", "tiles", "quality", "scheme", "minzoom")
    codec = CODEC

    def format(self, format: Format) -> Format:
        """Fill in tile (256), tiles (png), quality (85), scheme (xyz) and minzoom (where one tile holds all)."""
        check_known(format, self.options)
        options = tile_options(format, 256)
        place = on_grid(format.geobox, options["tile"])
        options["scheme"] = one_of(format.options, "scheme", SCHEMES)
        options["minzoom"] = whole_number(
            format.options, "minzoom", smallest_zoom(place, format.shape, options["tile"]), (0, place.zoom)
        )
        format = replace(format, options=options, suffix=SUFFIX)
        check_pixels(format)
        if not format.alpha and format.nodata is None:
            raise UsageError("tiles need nodata 0 or alpha: most hold something beyond the picture")
        return format

    def finishing(self, format: Format) -> int:
        """A row of tiles of every level that workers do not make."""
        return finishing(layout(format), format)

    def on_disk(self, format: Format) -> OnDisk:
        """By the tiles' own format, with all smaller levels; made out of a body."""
        return on_disk(layout(format))

    def offset(self, format: Format, index: int) -> None:
        """Behind the piece before it."""

    def open(self, body: Path, plan: Plan, done: Record) -> TilesSink:
        """A sink on the body file."""
        format, place = plan.format, on_grid(plan.format.geobox, int(plan.format.options["tile"]))
        south = format.options["scheme"] == "tms"

        def name(level: int, row: int, column: int) -> str:
            zoom = place.zoom - level
            return f"{zoom}/{column}/{(1 << zoom) - 1 - row if south else row}.{format.options['tiles']}"

        tree = Tree(
            folder=Path(plan.target),
            name=name,
            scheme=str(format.options["scheme"]),
            finest=place.zoom,
            files={"tilejson.json": tilejson(format, place)},
        )
        return TilesSink(body, plan, done, CODEC, tree)


WRITER = TilesWriter()


def smallest_zoom(place: OnGrid, shape: tuple[int, int], tile: int) -> int:
    """The largest zoom at which one tile holds the picture, or 0."""
    tiles, zoom = place.tiles(shape, tile), place.zoom
    spread = (tiles.top ^ (tiles.bottom - 1)) | (tiles.left ^ (tiles.right - 1))
    return max(zoom - spread.bit_length(), 0)


def tilejson(format: Format, place: OnGrid) -> str:
    """TileJSON 3.0.0 of the folder that it lies in.

    Beside the standard's, three fields that others read: format, tileSize, and crs where it is not web mercator.
    """
    options, (rows, columns) = format.options, format.shape
    size = place.grid.resolution(place.zoom, int(options["tile"]))
    left = place.grid.left + place.column * int(options["tile"]) * size
    top = place.grid.top - place.row * int(options["tile"]) * size
    west, south = place.grid.degrees(left, top - rows * size)
    east, north = place.grid.degrees(left + columns * size, top)
    title = format.metadata.get("Title")
    found = {
        "tilejson": "3.0.0",
        **({"name": title} if title else {}),
        "tiles": [f"{{z}}/{{x}}/{{y}}.{options['tiles']}"],
        "scheme": options["scheme"],
        "minzoom": options["minzoom"],
        "maxzoom": place.zoom,
        "bounds": [round(degrees, 9) for degrees in (west, south, east, north)],
        "format": options["tiles"],
        "tileSize": options["tile"],
        **({"crs": "EPSG:4326"} if place.grid is GEODETIC else {}),
    }
    return json.dumps(found, indent=1) + "\n"
