"""Regions as wide as the world, or more than half of it: nothing is turned inside out, and holes stay where they are."""

import json

import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import Polygon, box

from gigascene.codecs.tile_grid import MERCATOR
from gigascene.kernels.outline import UNIT
from gigascene.model.grid import Window
from gigascene.plan.clip import region

DEGREES = GeoBox((180, 360), Affine(1, 0, -180, 0, -1, 90), "EPSG:4326")
WORLD = MERCATOR.geobox(Window(top=0, left=0, height=1, width=1), 0, 360)


def ring(west, east, south=-60, north=60, every=0):
    xs = [west, east] if not every else list(range(west, east + 1, every))
    return [[x, south] for x in xs] + [[x, north] for x in reversed(xs)] + [[xs[0], south]]


def shown(tmp_path, grid, *rings):
    """What of a grid a polygon covers, in pixels."""
    path = tmp_path / "region.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": rings}))
    found = region(str(path)).pixels(grid)
    whole = box(0, 0, grid.shape[1], grid.shape[0])
    outlines = [[list(zip(one[::2], one[1::2], strict=True)) for one in polygon] for polygon in found]
    covered = whole.difference(whole)
    for outline, *holes in ([[(x / UNIT, y / UNIT) for x, y in one] for one in polygon] for polygon in outlines):
        covered = covered.union(Polygon(outline, holes).intersection(whole))
    return covered


def band(grid, left, right):
    """Columns at the equator."""
    middle = grid.shape[0] / 2
    return box(left, middle - 2, right, middle + 2)


@pytest.mark.parametrize(("west", "east"), [(-95, 95), (-100, 100), (-150, 150), (-180, 180), (0, 190), (-190, 10)])
@pytest.mark.parametrize("grid", [DEGREES, WORLD], ids=["degrees", "mercator"])
def test_wide_boxes(tmp_path, grid, west, east):
    covered = shown(tmp_path, grid, ring(west, east))
    columns = [at for at in (0.5 + number for number in range(360)) if covered.intersects(band(grid, at, at + 0.01))]
    inside = [
        at
        for at in (0.5 + number for number in range(360))
        if any(west < at - 180 + turn < east for turn in (-360, 0, 360))
    ]
    assert columns == inside


def test_the_world_on_part_of_it(tmp_path):
    part = GeoBox((120, 260), Affine(1, 0, -130, 0, -1, 60), "EPSG:4326")
    assert shown(tmp_path, part, ring(-180, 180, -90, 90)).area == pytest.approx(260 * 120)


@pytest.mark.parametrize("grid", [DEGREES, WORLD], ids=["degrees", "mercator"])
@pytest.mark.parametrize("every", [0, 50])
def test_holes_stay(tmp_path, grid, every):
    covered = shown(tmp_path, grid, ring(-150, 150, every=every), ring(130, 140, -10, 10))
    assert not covered.intersects(band(grid, 311, 319))
    assert covered.contains(band(grid, 200, 300))
    assert covered.contains(band(grid, 35, 60))
