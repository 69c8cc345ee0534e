"""Maps that repeat themselves, poles, and regions that are larger than what is seen: no picture as wide as the world for it."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer

import gigascene
from gigascene.model.errors import BadInput, UsageError

SIDE = 60


def raster(path, crs, transform, shape=(SIDE, SIDE), pixels=None):
    """Numbers from 1 on, each once, where none are given."""
    pixels = np.arange(1, shape[0] * shape[1] + 1).reshape(shape) if pixels is None else pixels
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint16", "nodata": 0, "crs": crs, "transform": transform}
    with rasterio.open(path, "w", height=shape[0], width=shape[1], **profile) as file:
        file.write(pixels.astype(np.uint16), 1)
    return path


@pytest.fixture
def degrees(tmp_path):
    """178 to 182 degrees east, told as such."""
    return raster(tmp_path / "degrees.tif", "EPSG:4326", Affine(4 / SIDE, 0, 178, 0, -4 / SIDE, -15))


@pytest.fixture
def zone_1(tmp_path):
    """On both sides of the date line, in a CRS that knows none."""
    return raster(tmp_path / "zone1.tif", "EPSG:32701", Affine(5000, 0, 100_000, 0, -5000, 8_200_000))


def made(scenes, target, **wishes):
    gigascene.mosaic("numbers", scenes, target, workers=1, **wishes)
    with rasterio.open(target) as file:
        return file.read(1), file.bounds


def region(path, *rings, crs=None):
    told = {"type": "MultiPolygon", "coordinates": [[ring] for ring in rings]}
    if crs:
        told["crs"] = {"type": "name", "properties": {"name": crs}}
    path.write_text(json.dumps(told))
    return path


def box(west, south, east, north):
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


@pytest.mark.parametrize(("grid", "world"), [("EPSG:4326:0.05", 360), ("EPSG:3857:5000", 2 * np.pi * 6378137)])
def test_a_picture_goes_on_across_the_date_line(zone_1, tmp_path, grid, world):
    pixels, bounds = made(zone_1, tmp_path / "a.tif", grid=grid)
    assert bounds.left < world / 2 < bounds.right < world
    assert (pixels > 0).mean() > 0.9
    boxed, there = made(zone_1, tmp_path / "b.tif", grid=grid, bbox=(179.5, -18, -178.5, -17))
    assert there.right - there.left == pytest.approx(world / 180, rel=0.02)
    down, across = (
        round(way / float(grid.rpartition(":")[2])) for way in (bounds.top - there.top, there.left - bounds.left)
    )
    assert np.array_equal(pixels[down : down + boxed.shape[0], across : across + boxed.shape[1]], boxed)


def test_scenes_on_both_sides(tmp_path):
    west = raster(tmp_path / "a.tif", "EPSG:4326", Affine(0.05, 0, 176, 0, -0.05, -15))
    east = raster(tmp_path / "b.tif", "EPSG:4326", Affine(0.05, 0, -180, 0, -0.05, -15))
    pixels, bounds = made([west, east], tmp_path / "m.tif")
    assert tuple(round(side) for side in bounds) == (176, -18, 183, -15)
    assert np.array_equal(pixels[:, :SIDE], pixels[:, -SIDE:])
    assert (pixels[:, :SIDE] > 0).all()
    far = raster(tmp_path / "c.tif", "EPSG:4326", Affine(1, 0, -60, 0, -0.05, -15))  # to 0: no shorter way around
    assert made([west, east, far], tmp_path / "m.tif")[1].left == -180


def test_one_place_has_many_names(degrees, tmp_path):
    """-179 is 181: the same numbers, on the file's own lattice, whatever it is called."""
    east, _ = made(degrees, tmp_path / "a.tif", bbox=(179, -17, 181, -16))
    west, bounds = made(degrees, tmp_path / "b.tif", bbox=(-181, -17, -179, -16))
    assert bounds.left == -181
    assert np.array_equal(east, west)
    half, _ = made(degrees, tmp_path / "b.tif", bbox=(-180, -17, -179, -16))
    assert np.array_equal(half, east[:, 15:])


def test_map_tiles_stay_in_their_world(zone_1, tmp_path):
    grid = gigascene.plan_mosaic("numbers", zone_1, tmp_path / "a.tif", grid="tiles:5").format.geobox
    assert grid.affine.c >= -np.pi * 6378138
    assert grid.boundingbox.right <= np.pi * 6378138


@pytest.mark.parametrize("grid", ["EPSG:32701:5000", "EPSG:3857:5000", "EPSG:4326:0.05"])
def test_a_region_at_the_date_line(zone_1, tmp_path, grid):
    """Cut there, as RFC 7946 wants it, or going on beyond 180 on either side: one and the same."""
    rings = {
        "cut": [box(179.7, -18, 180, -16.6), box(-180, -18, -179, -16.6)],
        "east": [box(179.7, -18, 181, -16.6)],
        "west": [box(-180.3, -18, -179, -16.6)],
    }
    found = {}
    for name, parts in rings.items():
        clip = region(tmp_path / f"{name}.json", *parts)
        found[name] = made(zone_1, tmp_path / f"{name}.tif", grid=grid, clip=clip)
    pixels, bounds = found["cut"]
    assert pixels.shape[1] < 60
    assert (pixels > 0).mean() > 0.8
    for name in ("east", "west"):
        assert found[name][1] == bounds
        assert (found[name][0] != pixels).sum() <= 2  # an edge in two parts is bent in other places


@pytest.mark.parametrize("grid", [None, "EPSG:3857:20000", "polar-south:20km"])
def test_a_region_as_large_as_the_world_leaves_all(zone_1, tmp_path, grid):
    clip = region(tmp_path / "world.json", box(-180, -90, 180, 90))
    pixels, bounds = made(zone_1, tmp_path / "a.tif", grid=grid, clip=clip)
    whole, there = made(zone_1, tmp_path / "b.tif", grid=grid)
    assert bounds == there
    assert np.array_equal(pixels, whole)


@pytest.mark.parametrize("south", [60, 85])
def test_a_circle_of_latitude_is_round(tmp_path, south):
    source = raster(tmp_path / "a.tif", "EPSG:3413", Affine(1e5, 0, -3.5e6, 0, -1e5, 3.5e6), (70, 70))
    clip = region(tmp_path / "cap.json", box(-180, south, 180, 90))
    pixels, bounds = made(source, tmp_path / "b.tif", grid="polar-north:25km", clip=clip)
    x, y = np.meshgrid(*(np.arange(side) + 0.5 for side in pixels.shape[::-1]))
    place = Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True).transform
    _, latitude = place(bounds.left + 25e3 * x, bounds.top - 25e3 * y)
    beside = (pixels > 0) != (latitude > south)
    assert (np.abs(latitude[beside] - south) < 0.01).all()  # 1 / 25 of a pixel


def test_a_region_does_not_widen_the_picture(zone_1, tmp_path):
    """Where scenes end before the region does, nothing would be there."""
    clip = region(tmp_path / "r.json", box(-180, -30, -179, -5))
    _, bounds = made(zone_1, tmp_path / "a.tif", clip=clip)
    assert bounds.bottom >= 7_900_000 - 5000
    with pytest.raises(BadInput, match="none of its polygons lies where the scenes are"):
        made(zone_1, tmp_path / "b.tif", clip=region(tmp_path / "r.json", box(8, 46, 9, 47)))
    with pytest.raises(UsageError, match="outside --bbox"):
        made(zone_1, tmp_path / "b.tif", clip=clip, bbox=(179.5, -17, 180, -16.5))


@pytest.mark.parametrize("ring", [box(500_000, 5_000_000, 500_100, 5_000_100), box(8, 46, 1e308, 47)])
def test_metres_are_no_degrees(zone_1, tmp_path, ring):
    with pytest.raises(BadInput, match="no places in OGC:CRS84"):
        made(zone_1, tmp_path / "a.tif", clip=region(tmp_path / "r.json", ring))


def test_a_polygon_without_a_ring(zone_1, tmp_path):
    (tmp_path / "r.json").write_text('{"type": "Polygon", "coordinates": []}')
    with pytest.raises(BadInput, match="holds no polygon"):
        made(zone_1, tmp_path / "a.tif", clip=tmp_path / "r.json")


def test_pixels_without_measure(zone_1, tmp_path):
    with pytest.raises(UsageError, match="so small"):
        made(zone_1, tmp_path / "a.tif", grid="EPSG:3857:0.0000000000000000000001")


def test_a_place_beside_no_place(zone_1, tmp_path):
    nowhere = raster(tmp_path / "a.tif", None, Affine(2, 0, 0, 0, -2, 0))
    for scenes, grid in (([zone_1, nowhere], None), ([nowhere], "utm32:10m")):
        with pytest.raises(UsageError, match="say where these lie first"):
            made(scenes, tmp_path / "b.tif", grid=grid)


@pytest.mark.parametrize("grid", ["EPSG:32701:5000", "EPSG:3857:5000", "EPSG:4326:0.05"])
def test_lines_at_the_date_line(tmp_path, grid):
    """One that goes on there, and one that is cut there, are drawn from end to end."""
    place = Affine(5000, 0, 100_000, 0, -5000, 8_200_000)
    profile = {"driver": "GTiff", "count": 3, "dtype": "uint8", "crs": "EPSG:32701", "transform": place}
    with rasterio.open(tmp_path / "a.tif", "w", height=SIDE, width=SIDE, **profile) as file:
        file.write(np.full((3, SIDE, SIDE), 90, np.uint8))
    lines = {"cut": [[[179.6, -17], [180, -17]], [[-180, -17], [-178.6, -17]]], "on": [[[179.6, -17], [181.4, -17]]]}
    found = []
    for name, parts in lines.items():
        (tmp_path / "l.json").write_text(json.dumps({"type": "MultiLineString", "coordinates": parts}))
        wishes = {"grid": grid, "overlay": tmp_path / "l.json", "overlay_color": "#ff0000", "stretch": "0:255"}
        gigascene.mosaic("rgb", tmp_path / "a.tif", tmp_path / f"{name}.tif", workers=1, bands="123", **wishes)
        with rasterio.open(tmp_path / f"{name}.tif") as file:
            pixels = file.read()
        found.append((pixels[0] == 255) & (pixels[1] < 50))
    columns = np.flatnonzero(found[0].any(axis=0))
    assert columns.size == np.ptp(columns) + 1  # without a gap
    assert 35 <= columns.size <= 42
    assert (found[0] != found[1]).sum() <= 2


def test_a_map_around_a_pole_becomes_all_longitudes(tmp_path):
    """Its outline knows no pole, and points of it come near to 180 degrees and to 90 without being there."""
    source = raster(tmp_path / "a.tif", "EPSG:3413", Affine(25e3, 0, -712_500, 0, -25e3, 787_000), (SIDE, SIDE))
    pixels, bounds = made(source, tmp_path / "b.tif", grid="EPSG:4326:0.5")
    assert (bounds.left, bounds.right, bounds.top) == (-180, 180, 90)
    assert (pixels[0] > 0).all()
    assert (pixels[:, [0, -1]] > 0).any(axis=0).all()
