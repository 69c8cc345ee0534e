"""Web map tiles: addresses by the slippy map's own formulas, pixels by plain NumPy."""

import json
import math
from dataclasses import replace
from io import BytesIO

import imagecodecs
import numpy as np
import pytest
import rasterio.warp
from affine import Affine
from odc.geo.geobox import GeoBox
from PIL import Image
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT

import gigascene
from gigascene.codecs.tile_grid import GEODETIC, MERCATOR, on_grid
from gigascene.kernels.overview import halve_numpy
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.model.grid import Window
from gigascene.model.plan import Format
from gigascene.storage.folder import MARKER
from gigascene.writers.tiles import CODEC, WRITER
from writers._drive import TEXTS, names, opened, picture, pieces, write
from writers.test_deepzoom import content


def slippy(longitude, latitude, zoom):
    """Column and row of a tile (OpenStreetMap wiki, "Slippy map tilenames")."""
    x = (longitude + 180) / 360 * 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(latitude))) / math.pi) / 2 * 2**zoom
    return math.floor(x), math.floor(y)


def format_of(zoom, row, column, shape, bands=3, dtype="uint8", *, grid=MERCATOR, tile=256, **options):
    """A picture that begins at a tile."""
    whole = grid.geobox(Window(top=row, left=column, height=1, width=1), zoom, tile)
    alpha = bands in {2, 4}
    return WRITER.format(
        Format(
            writer="tiles",
            shape=shape,
            bands=bands,
            dtype=dtype,
            alpha=alpha,
            nodata=None if alpha else 0,
            geobox=GeoBox(shape, whole.affine, whole.crs),
            options={"tile": tile, **options},
            metadata=TEXTS,
        )
    )


def wanted(levels, format):
    """Every tile that holds data, by (zoom, column, row): padded to pairs of tiles, cut and halved, zoom after zoom."""
    tile, place = format.options["tile"], on_grid(format.geobox, format.options["tile"])
    level, row, column, found = levels, place.row, place.column, {}
    for zoom in range(place.zoom, format.options["minzoom"] - 1, -1):
        above, left = row % 2 * tile, column % 2 * tile
        row, column = row - row % 2, column - column % 2
        below, right = -(above + level.shape[0]) % (2 * tile), -(left + level.shape[1]) % (2 * tile)
        level = np.pad(level, [(above, below), (left, right), (0, 0)])
        found |= held(level, tile, zoom, row, column, alpha=format.alpha)
        level = halve_numpy(level, nodata=format.nodata, alpha=format.alpha)
        row, column = row // 2, column // 2
    return found


def held(level, tile, zoom, row, column, *, alpha):
    """Tiles of one zoom that hold data."""
    found = {}
    for y in range(level.shape[0] // tile):
        for x in range(level.shape[1] // tile):
            part = level[y * tile : (y + 1) * tile, x * tile : (x + 1) * tile]
            if (part[..., -1] if alpha else part).any():
                found[zoom, column + x, row + y] = part
    return found


def compare(folder, levels, format, *, south=False):
    """Every file is a tile that must be there, and says just its pixels."""
    files = content(folder)
    facts = json.loads(files.pop("tilejson.json"))
    assert json.loads(files.pop(MARKER))["names"] == sorted({*(name.split("/")[0] for name in files), "tilejson.json"})
    tiles = wanted(levels, format)
    rows = {zoom: 2**zoom - 1 for zoom, _, _ in tiles}
    expected = {f"{z}/{x}/{rows[z] - y if south else y}.png": part for (z, x, y), part in tiles.items()}
    assert files.keys() == expected.keys()
    for name, part in expected.items():
        found = imagecodecs.png_decode(files[name]).reshape(*part.shape[:2], -1)
        np.testing.assert_array_equal(found[..., : part.shape[2]], part)
        if part.shape[2] == 3 and part.dtype == np.uint8:
            with Image.open(BytesIO(files[name])) as image:
                np.testing.assert_array_equal(np.asarray(image.convert("RGBA"))[..., 3] > 0, part.any(axis=-1))
    return facts


PLACES = [
    (12, 1024, 2048, (700, 513)),
    (12, 1025, 2047, (1025, 2049)),
    (12, 1027, 2046, (1300, 300)),
    (12, 1030, 2051, (1, 1)),
    (5, 3, 7, (3, 600)),
    (3, 1, 0, (1500, 2048)),
    (0, 0, 0, (256, 256)),
]


@pytest.mark.parametrize(("zoom", "row", "column", "shape"), PLACES)
@pytest.mark.parametrize(("bands", "dtype"), [(1, "uint16"), (3, "uint8"), (4, "uint8")])
def test_every_tile_of_every_zoom(tmp_path, zoom, row, column, shape, bands, dtype):
    format = format_of(zoom, row, column, shape, bands, dtype, minzoom=0)
    levels = picture(format)
    facts = write(tmp_path / "maps", levels, WRITER, format, run=2, rows=100)
    found = compare(tmp_path / "maps", levels, format)
    assert (found["minzoom"], found["maxzoom"]) == (0, zoom)
    assert facts["tiles"] == len(content(tmp_path / "maps")) - 2
    assert facts["levels"] == zoom + 1
    assert facts["bytes"] == sum(len(data) for name, data in content(tmp_path / "maps").items() if name != MARKER)
    assert names(tmp_path) == ["maps"]


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 6), (5, 1)])
def test_lower_zooms_are_those_of_a_picture_of_the_whole_world(tmp_path, row, column):
    format = format_of(3, row, column, (131, 100), tile=64, minzoom=0)
    levels = picture(format)
    write(tmp_path / "maps", levels, WRITER, format)
    world, tiles = np.zeros((512, 512, 3), np.uint8), {}
    world[row * 64 : row * 64 + 131, column * 64 : column * 64 + 100] = levels
    for zoom in (3, 2, 1, 0):
        tiles |= held(world, 64, zoom, 0, 0, alpha=False)
        world = halve_numpy(world, nodata=0)
    found = {name: imagecodecs.png_decode(data) for name, data in content(tmp_path / "maps").items() if "png" in name}
    assert found.keys() == {f"{z}/{x}/{y}.png" for z, x, y in tiles}
    for (z, x, y), part in tiles.items():
        np.testing.assert_array_equal(found[f"{z}/{x}/{y}.png"][..., :3], part)


def test_addresses_are_those_of_the_slippy_map(tmp_path):
    """Bright pixels at known places of the Alps are found in the tiles that the formula says."""
    zoom, tile = 10, 256
    left, top = slippy(6.5, 47.9, zoom)
    right, bottom = slippy(9.9, 45.6, zoom)
    shape = ((bottom - top + 1) * tile - 37, (right - left + 1) * tile - 91)
    format = format_of(zoom, top, left, shape)
    assert shape[0] > 8 * tile
    assert shape[1] > 9 * tile
    towns = {"Bern": (7.44, 46.95), "Zürich": (8.54, 47.37), "Aosta": (7.32, 45.74), "Milano": (9.19, 45.46 + 0.3)}
    levels = np.zeros((*shape, 3), np.uint8)
    for longitude, latitude in towns.values():
        x, y = rasterio.warp.transform("EPSG:4326", format.geobox.crs.to_wkt(), [longitude], [latitude])
        corner = format.geobox.affine
        column, line = (x[0] - corner.c) / corner.a, (y[0] - corner.f) / corner.e
        levels[int(line) - 3 : int(line) + 4, int(column) - 3 : int(column) + 4] = 200
    write(tmp_path / "maps", levels, WRITER, format)
    found = {
        tuple(map(int, name.split(".")[0].split("/"))) for name in content(tmp_path / "maps") if name.endswith("png")
    }
    for z in range(format.options["minzoom"], zoom + 1):
        assert {(z, *slippy(*town, z)) for town in towns.values()} <= found
    assert len([name for name in found if name[0] == zoom]) <= 2 * len(towns)


def test_tms_counts_rows_from_the_south(tmp_path):
    format = format_of(9, 171, 260, (700, 513), scheme="tms", minzoom=4)
    levels = picture(format)
    write(tmp_path / "maps", levels, WRITER, format)
    assert compare(tmp_path / "maps", levels, format, south=True)["scheme"] == "tms"


@pytest.mark.parametrize(
    ("row", "column", "shape"), [(0, 0, (512, 1024)), (1, 2, (256, 300)), (0, 1, (300, 700))], ids=str
)
def test_geodetic(tmp_path, row, column, shape):
    format = format_of(1, row, column, shape, grid=GEODETIC, minzoom=0)
    levels = picture(format)
    write(tmp_path / "maps", levels, WRITER, format)
    found = compare(tmp_path / "maps", levels, format)
    size = 180 / 512
    west, north = -180 + column * 90, 90 - row * 90
    assert found["bounds"] == pytest.approx([west, north - shape[0] * size, west + shape[1] * size, north])
    assert found["crs"] == "EPSG:4326"


def test_tiles_of_512(tmp_path):
    format = format_of(6, 21, 33, (1100, 700), tile=512, minzoom=2)
    levels = picture(format)
    write(tmp_path / "maps", levels, WRITER, format)
    assert compare(tmp_path / "maps", levels, format)["tileSize"] == 512


def test_tilejson(tmp_path):
    format = format_of(12, 1445, 2130, (700, 513))
    write(tmp_path / "maps", picture(format), WRITER, format)
    found = json.loads((tmp_path / "maps" / "tilejson.json").read_text())
    box = format.geobox.boundingbox
    corners = rasterio.warp.transform("EPSG:3857", "EPSG:4326", [box.left, box.right], [box.bottom, box.top])
    (west, east), (south, north) = corners
    assert found.pop("bounds") == pytest.approx([west, south, east, north], abs=1e-8)
    assert found == {
        "tilejson": "3.0.0",
        "name": TEXTS["Title"],
        "tiles": ["{z}/{x}/{y}.png"],
        "scheme": "xyz",
        "minzoom": format.options["minzoom"],
        "maxzoom": 12,
        "format": "png",
        "tileSize": 256,
    }
    assert slippy(west + 1e-6, north - 1e-6, 12) == (2130, 1445)


@pytest.mark.parametrize(
    ("row", "column", "shape", "smallest"),
    [
        (1024, 2048, (256, 256), 12),
        (1024, 2048, (257, 256), 11),
        (1024, 2048, (1024, 1024), 10),
        (1023, 2048, (257, 1), 1),
        (1024, 2047, (1, 257), 0),
    ],
)
def test_zooms_go_down_to_one_tile(row, column, shape, smallest):
    assert format_of(12, row, column, shape).options["minzoom"] == smallest


@pytest.mark.parametrize(("row", "column", "levels"), [(1024, 2048, 3), (1026, 2048, 2), (1024, 2047, 1)])
def test_workers_make_the_levels_that_a_piece_holds_whole(row, column, levels):
    format = format_of(12, row, column, (1100, 1100), minzoom=5)
    piece = next(pieces(picture(format), WRITER, format))
    assert [len(level) for level in piece.facts["tiles"]] == [16, 4, 1][:levels]


@pytest.mark.parametrize("tiles", ["png", "jpg", "webp"])
def test_bodies_do_not_depend_on_the_cut(tiles):
    format = format_of(14, 1025, 2046, (1100, 1300), tile=64, tiles=tiles, minzoom=10)
    levels = picture(format)
    want = list(pieces(levels, WRITER, format, rows=10_000))
    for task, rows in ((1, 1), (2, 37), (7, 64), (10_000, 512)):
        assert list(pieces(levels, WRITER, format, task, rows)) == want
    assert all(len(piece.body) <= CODEC.bound(format) for piece in want)


@pytest.mark.parametrize("kind", ["jpg", "webp"])
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_lossy_tiles(tmp_path, kind, bands):
    format = format_of(12, 1025, 2047, (900, 700), bands, tiles=kind, quality=95, minzoom=9)
    y, x = np.ogrid[:900, :700]
    levels = np.empty((900, 700, bands), np.uint8)
    levels[:] = (120 + 50 * np.sin(y / 60) + 50 * np.cos(x / 90))[..., None]
    if format.alpha:
        levels[..., -1] = 255
    levels[:600, :300] = 0
    write(tmp_path / "maps", levels, WRITER, format)
    tiles, colours = wanted(levels, format), bands - format.alpha
    found = {name for name in content(tmp_path / "maps") if name.endswith(kind)}
    assert found == {f"{z}/{x}/{y}.{kind}" for z, x, y in tiles}
    for (z, x, y), part in tiles.items():
        data = (tmp_path / f"maps/{z}/{x}/{y}.{kind}").read_bytes()
        tile = (imagecodecs.jpeg8_decode if kind == "jpg" else imagecodecs.webp_decode)(data).reshape(256, 256, -1)
        valid = part[..., -1] > 0
        if kind == "webp" and not valid.all():
            np.testing.assert_array_equal(tile[..., 3] > 0, valid)
        if kind == "jpg":
            assert tile[~valid].size == 0 or np.median(tile[~valid]) == 0
        away = np.abs(tile[..., :colours].astype(int) - part[..., :colours])[valid]
        assert away.mean() < 5


def test_an_empty_picture_is_an_empty_map(tmp_path):
    format = format_of(12, 1024, 2048, (700, 513))
    facts = write(tmp_path / "maps", np.zeros((700, 513, 3), np.uint8), WRITER, format)
    assert names(tmp_path / "maps") == [MARKER, "tilejson.json"]
    assert facts["tiles"] == 0


def test_the_former_map_is_replaced_and_a_strangers_folder_is_not(tmp_path):
    small, large = format_of(12, 1024, 2048, (300, 300)), format_of(9, 100, 200, (700, 900))
    (tmp_path / "maps").mkdir()  # an empty folder is nobody's
    for format in (large, small):
        write(tmp_path / "maps", picture(format), WRITER, format)
        compare(tmp_path / "maps", picture(format), format)
    (tmp_path / "maps" / "9").mkdir()
    with pytest.raises(WriteFailed, match="it holds 9, which was not written here"):
        opened(tmp_path / "maps", WRITER, small)
    assert "tilejson.json" in names(tmp_path / "maps")


def test_a_resumed_sink_gives_the_same_folder(tmp_path):
    format = format_of(14, 1025, 2046, (1100, 1300), tile=64, minzoom=7)
    levels = picture(format)
    write(tmp_path / "whole", levels, WRITER, format)
    every = list(pieces(levels, WRITER, format))
    sink = opened(tmp_path / "again", WRITER, format)
    done = [sink.put(piece) for piece in every[:7]]
    sink.abort(keep=True)
    sink = opened(tmp_path / "again", WRITER, format, done)
    for piece in every[7:]:
        sink.put(piece)
    sink.finish()
    assert content(tmp_path / "again") == content(tmp_path / "whole")


# Grids.

PIXEL = 2 * math.pi * 6378137 / 256 / 4096


@pytest.mark.parametrize(
    ("crs", "affine", "what"),
    [
        ("EPSG:32632", Affine(10, 0, 500_000, 0, -10, 5_000_000), "another CRS"),
        (None, Affine(10, 0, 0, 0, -10, 0), "no CRS"),
        ("EPSG:3857", Affine(40, 0, 0, 0, -40, 0), "no zoom level"),
        ("EPSG:3857", Affine(PIXEL, 0, 0, 0, PIXEL, 0), "no zoom level"),
        ("EPSG:3857", Affine(PIXEL, 0, 0, 0, -2 * PIXEL, 0), "no zoom level"),
        ("EPSG:3857", Affine(-PIXEL, 0, 0, 0, -PIXEL, 0), "no zoom level"),
        ("EPSG:3857", Affine(PIXEL, 0.1, 0, 0, -PIXEL, 0), "no zoom level"),
        ("EPSG:3857", Affine(PIXEL * 1.0001, 0, 0, 0, -PIXEL, 0), "no zoom level"),
        ("EPSG:3857", Affine(PIXEL, 0, 3 * PIXEL, 0, -PIXEL, 0), "begins at row"),
        ("EPSG:3857", Affine(PIXEL, 0, 0, 0, -PIXEL, 0.1 * PIXEL), "begins at row"),
        ("EPSG:3857", Affine(PIXEL, 0, 2047 * 256 * PIXEL, 0, -PIXEL, 0), "beyond the world"),
        ("EPSG:3857", Affine(PIXEL, 0, -2049 * 256 * PIXEL, 0, -PIXEL, 0), "beyond the world"),
    ],
)
def test_a_picture_beside_the_grid_is_refused(crs, affine, what):
    geobox = GeoBox((700, 900), affine, crs)
    with pytest.raises(UsageError, match=what) as told:
        WRITER.format(
            Format(
                writer="tiles",
                shape=(700, 900),
                bands=3,
                dtype="uint8",
                alpha=False,
                nodata=0,
                geobox=geobox,
                options={},
            )
        )
    assert "EPSG:3857" in str(told.value)


def test_rounded_numbers_are_still_on_the_grid():
    affine = Affine(round(PIXEL, 9), 0, round(-PIXEL * 256 * 1000, 4), 0, -round(PIXEL, 9), round(PIXEL * 256 * 7, 4))
    found = on_grid(GeoBox((5000, 5000), affine, "EPSG:3857"), 256)
    assert (found.zoom, found.row, found.column) == (12, 2048 - 7, 2048 - 1000)


@pytest.mark.parametrize("zoom", [0, 1, 7, 12, 19])
@pytest.mark.parametrize(("longitude", "latitude"), [(7.44, 46.95), (-122.4, 37.8), (151.2, -33.9), (-179.9, 84)])
def test_covering_holds_what_the_slippy_map_says(zoom, longitude, latitude):
    (x,), (y,) = rasterio.warp.transform("EPSG:4326", "EPSG:3857", [longitude], [latitude])
    tiles = MERCATOR.covering((x, y, x + 1e-3, y + 1e-3), zoom, step=1)
    assert (tiles.left, tiles.top) == slippy(longitude, latitude, zoom)
    assert (tiles.width, tiles.height) == (1, 1)
    wide = MERCATOR.covering((x, y, x + 1e-3, y + 1e-3), zoom)
    assert wide.left == tiles.left // 4 * 4
    assert wide.top == tiles.top // 4 * 4
    assert wide.within((2**zoom, 2**zoom)) == wide
    found = on_grid(MERCATOR.geobox(wide, zoom), 256)
    assert (found.zoom, found.row, found.column) == (zoom, wide.top, wide.left)


def test_covering_beyond_the_world():
    with pytest.raises(UsageError, match="beyond the world"):
        GEODETIC.covering((181, 0, 190, 10), 3)
    assert str(GEODETIC.covering((-180, -90, 180, 90), 1)) == "rows 0-1, columns 0-3"


@pytest.mark.parametrize(
    "options",
    [
        {"tile": 100},
        {"scheme": "quadkey"},
        {"minzoom": 13},
        {"minzoom": -1},
        {"sparse": True},
        {"tiles": "jpg", "dtype": "uint16"},
    ],
    ids=str,
)
def test_options_that_make_no_sense(options):
    with pytest.raises(UsageError):
        format_of(12, 1024, 2048, (10, 10), **options)


def test_without_nodata_it_is_refused():
    format = format_of(12, 1024, 2048, (10, 10))
    with pytest.raises(UsageError, match="nodata 0 or alpha"):
        WRITER.format(replace(format, nodata=None))


def test_a_plan_carries_all_options():
    format = format_of(12, 1024, 2048, (1000, 10))
    assert format.options == {"tile": 256, "tiles": "png", "quality": 85, "scheme": "xyz", "minzoom": 10}
    assert format.suffix == "/"
    assert WRITER.format(format) == format


@pytest.mark.parametrize("verb", ["compose", "convert"])
@pytest.mark.parametrize("tile", [256, 512])
def test_what_lies_on_no_tile_grid_is_brought_to_one(verb, tile, small_scene, tmp_path):
    """As an independent warp has it: GDAL's, to the same grid, nearest."""
    plain, target = tmp_path / "a.tif", tmp_path / "tiles"
    gigascene.compose("true-color", small_scene, plain, stretch="0:0.5")
    wishes = {"options": {"tile": tile}}
    if verb == "compose":
        plan = gigascene.plan_compose("true-color", small_scene, f"{target}/", stretch="0:0.5", **wishes)
    else:
        plan = gigascene.plan_convert(plain, f"{target}/", **wishes)
    gigascene.run(plan)
    grid = plan.format.geobox
    with rasterio.open(plain) as file:
        options = {"crs": "EPSG:3857", "transform": grid.affine, "width": grid.shape[1], "height": grid.shape[0]}
        with WarpedVRT(file, resampling=Resampling.nearest, tolerance=1e-9, **options) as warped:
            expected = warped.read()
    place = on_grid(grid, tile)
    found = np.zeros_like(expected)
    for path in target.glob(f"{place.zoom}/*/*.png"):
        column, row = int(path.parent.name) - place.column, int(path.stem) - place.row
        image = np.asarray(Image.open(path).convert("RGBA"))
        part = found[:, row * tile : (row + 1) * tile, column * tile : (column + 1) * tile]
        part[:] = np.where(image[..., 3] > 0, image[..., :3].transpose(2, 0, 1), 0)[:, : part.shape[1], : part.shape[2]]
    assert (found > 0).any(axis=0).sum() > 10_000
    assert (found != expected).any(axis=0).mean() < 1e-3  # within 1e-6 of a pixel's edge, GDAL may take the other
    assert gigascene.verify(target).state == "whole"
