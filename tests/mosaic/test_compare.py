"""What has changed between two dates: every pixel and every count beside an independent computation."""

import json
from dataclasses import replace

import numpy as np
import pyproj
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

import gigascene
from cuts import Cut, band_of, cut
from gigascene.kernels import change, palette
from gigascene.model import wire
from gigascene.model.grid import Window
from gigascene.model.plan import Cut as WorkCut
from gigascene.model.plan import Plan
from gigascene.plan.check import check
from gigascene.plan.ground import ground
from gigascene.registry import WRITERS
from mosaic.test_mosaic import read

BEFORE = Cut(top=300, left=250, height=300, width=280)
AFTER = Cut(top=360, left=330, height=300, width=300, row=11, day="20240905", gain=(1, 1, 0.9, 1), haze=(0, 0, 800, 0))
FAR = Cut(top=900, left=900, height=60, width=60, row=12, day="20240906")
SHIFT = (AFTER.top - BEFORE.top, AFTER.left - BEFORE.left)
BITS = 0b11010  # dilated clouds, clouds, cloud shadows


@pytest.fixture(scope="module")
def dates(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dates")
    return [cut(scene, folder, part) for part in (BEFORE, AFTER)]


def ndvi(folder):
    """Independent of gigascene, but for what one stored number is worth: the common factors go out of the ratio."""
    [path] = folder.glob("*_MTL.json")
    scaling = next(iter(json.loads(path.read_text()).values()))["LEVEL1_RADIOMETRIC_RESCALING"]
    sun = np.sin(
        np.deg2rad(float(next(iter(json.loads(path.read_text()).values()))["IMAGE_ATTRIBUTES"]["SUN_ELEVATION"]))
    )
    values = []
    for band in ("5", "4"):
        dn, _ = band_of(folder, f"B{band}")
        mult, add = (float(scaling[f"REFLECTANCE_{kind}_BAND_{band}"]) for kind in ("MULT", "ADD"))
        values.append(np.where(dn == 0, np.nan, (dn * mult + add) / sun))
    nir, red = values
    return (nir - red) / (nir + red), band_of(folder, "QA_PIXEL")[0]


def expected(dates, *, masked):
    """Later less earlier, on the grid of the earlier."""
    (before, clouds), (after, later) = map(ndvi, dates)
    if masked:
        before[(clouds & BITS) > 0], after[(later & BITS) > 0] = np.nan, np.nan
    down, across = SHIFT
    change = np.full(before.shape, np.nan)
    change[down:, across:] = after[: before.shape[0] - down, : before.shape[1] - across] - before[down:, across:]
    return change


@pytest.mark.parametrize("masked", [False, True])
def test_every_pixel_and_every_count(dates, tmp_path, masked):
    wishes = {"mask": ("clouds", "cloud_shadow")} if masked else {}
    receipt = gigascene.compare("ndvi", *dates, tmp_path / "a.tif", stretch="-0.4:0.4", threshold=0.005, **wishes)
    change = expected(dates, masked=masked)
    sure = ~np.isnan(change)
    near = np.abs(np.abs(np.where(sure, change, 0)) - 0.005) < 1e-6
    counts = {
        "decrease": change < -0.005,
        "increase": change > 0.005,
        "stable": np.abs(change) <= 0.005,
        "missing": np.isnan(change),
    }
    assert receipt.mosaic == {}
    for name, there in counts.items():
        told = receipt.change[name]
        assert abs(told["pixels"] - there.sum()) <= near.sum()
        assert told["km2"] == pytest.approx(told["pixels"] * 0.0009, rel=2e-3)
        assert told["pixels"] > 100
    assert sum(receipt.change[name]["pixels"] for name in counts) == change.size
    pixels, transform, crs, nodata = read(tmp_path / "a.tif")
    assert (transform, crs) == (band_of(dates[0], "B4")[1], gigascene.open_scene(dates[0]).assets["B4"].geobox.crs)
    assert nodata == 0
    assert np.array_equal((pixels > 0).all(axis=0), sure)
    share = ((np.where(sure, change, 0) + 0.4) / 0.8).clip(0, 1) * 254
    tied = np.abs(share % 1 - 0.5) < 1e-3
    levels = np.where(sure, 1 + np.rint(share), 0).astype(int)
    assert np.array_equal(pixels[:, ~tied], palette.colours("diverging")[levels].transpose(2, 0, 1)[:, ~tied])


def test_a_figure_with_title_and_legend(dates, tmp_path):
    plan = gigascene.plan_compare("ndvi", *dates, tmp_path / "a.png")
    assert plan.format.writer == "figure"
    assert plan.format.options["legend"]["label"] == "Change of normalised difference vegetation index (NDVI)"
    assert plan.format.metadata["Title"].endswith(f"{dates[0].name} to {dates[1].name}")
    assert (plan.recipe.look.limits[0].low, plan.recipe.look.limits[0].high) == (-0.55, 0.55)
    assert plan.comparison.threshold == 0.1
    assert gigascene.plan_compare("ndvi", *dates, tmp_path / "a.png", plain=True).format.writer == "png"


def test_an_edited_plan_is_refused(dates, tmp_path):
    """Two scenes and two layers, and no mosaic beside."""
    plan = gigascene.plan_compare("ndvi", *dates, tmp_path / "a.tif")
    check(wire.loads(Plan, wire.dumps(plan)))
    other = gigascene.plan_mosaic("ndvi", dates, tmp_path / "a.tif")
    one = replace(plan.comparison, layers=plan.comparison.layers[:1])
    for wrong in (
        {"comparison": one, "scenes": plan.scenes[:1]},
        {"mosaic": other.mosaic},
        {"scenes": plan.scenes[:1]},
    ):
        with pytest.raises(gigascene.BadInput, match="a source"):
            check(replace(plan, **wrong))


def test_nothing_has_changed(dates, tmp_path):
    found = gigascene.compare("ndvi", dates[0], dates[0], tmp_path / "a.tif", threshold=0).change
    assert found["decrease"]["pixels"] == found["increase"]["pixels"] == 0
    assert found["stable"]["pixels"] > 0


def test_in_degrees_no_area_is_told(dates, tmp_path):
    found = gigascene.compare("ndvi", *dates, tmp_path / "a.tif", grid="EPSG:4326:0.001").change
    assert found["stable"]["km2"] is None
    assert found["stable"]["pixels"] > 0


AREAS = {
    "utm": ("EPSG:32626", 568_000, 7_830_000, 30),
    "mercator": ("EPSG:3857", -2_790_000, 11_290_000, 300),
    "the whole of it": ("EPSG:3857", -20_037_508, 20_037_508, 20_037_508 / 600),
    "polar": ("EPSG:3413", 600_000, -1_900_000, 300),
    "feet": ("EPSG:2263", 900_000, 300_000, 500),
}


@pytest.mark.parametrize("place", AREAS)
def test_ground_of_pixels_as_geodesics_enclose_it(place):
    crs, left, top, size = AREAS[place]
    grid = GeoBox((1200, 1200), Affine(size, 0, left, 0, -size, top), crs)
    found = ground(grid)
    rows, columns = np.mgrid[3:1200:149, 7:1200:170]
    back = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True).transform
    geod = pyproj.CRS(crs).get_geod()
    for row, column in zip(rows.ravel().tolist(), columns.ravel().tolist(), strict=True):
        across, down = np.array([0, 1, 1, 0]) * size, np.array([0, 0, 1, 1]) * size
        lon, lat = back(left + column * size + across, top - row * size - down)
        at = Window(top=row, left=column, height=1, width=1)
        one = np.ones((1, 1), np.uint8)
        counted = change.areas(one, at, np.array(found.areas), tuple(grid.shape), 1)
        assert np.array_equal(counted, change.areas_numpy(one, at, np.array(found.areas), tuple(grid.shape), 1))
        area = abs(geod.polygon_area_perimeter(lon, lat)[0]) / 1e6
        # A geodesic leaves the parallel that is the side of a large pixel.
        assert counted[0, 1] * found.unit_km2 == pytest.approx(area, rel=3e-3 if size > 5000 else 1e-3)


def test_areas_do_not_depend_on_the_projection(dates, tmp_path):
    """UTM at 30 m, Web Mercator at as much ground or so: the same scenes, the same ground."""
    found = [
        gigascene.compare("ndvi", *dates, tmp_path / "a.tif", threshold=0.005, grid=grid).change
        for grid in ("utm26:30m", "EPSG:3857:60", "polar-north:30m")
    ]
    for name in ("decrease", "stable", "increase"):
        utm, *others = (change[name]["km2"] for change in found)
        for other in others:
            assert other == pytest.approx(utm, rel=0.02 if name != "stable" else 0.01)
    whole = [sum(change[name]["km2"] for name in ("decrease", "stable", "increase")) for change in found]
    assert whole[1:] == pytest.approx([whole[0]] * 2, rel=2e-3)


def test_any_cut_engine_and_a_resume_give_the_same_bytes_and_counts(dates, tmp_path):
    target, found = tmp_path / "a.tif", set()
    plan = gigascene.plan_compare("ndvi", *dates, target, grid="utm25:45m", resampling="bilinear", options={"tile": 64})
    pieces = len(WRITERS["cog"].codec.pieces(plan.format))
    assert pieces > 1
    for engine, run, rows, columns in (
        ("serial", pieces, 1000, 1 << 30),
        ("threads", 1, 7, 33),
        ("processes", 2, 100, 64),
        ("threads", 3, 1, 1 << 30),
    ):
        cut = WorkCut(task_pieces=run, window_rows=rows, window_columns=columns)
        execution = replace(plan.execution, engine=engine, workers=2)
        receipt = gigascene.run(replace(plan, cut=cut, execution=execution))
        found.add((target.read_bytes(), json.dumps(receipt.change)))
    assert len(found) == 1


@pytest.mark.parametrize(
    ("product", "wishes", "code", "words"),
    [
        ("true-color", {}, 2, "compared by one channel, and true-color has 3"),
        ("ndvi", {"threshold": -1.0}, 2, "threshold"),
        ("ndvi", {"threshold": float("nan")}, 2, "threshold"),
        ("ndvi", {"stretch": "2%:98%"}, 2, "not percentiles"),
        ("ndvi", {"resampling": "best"}, 2, "resampling"),
        ("ndvo", {}, 2, "ndvi"),
        ("ndvi", {"mask": ("fog",)}, 4, "fog"),
    ],
)
def test_what_cannot_be_is_said(dates, tmp_path, product, wishes, code, words):
    with pytest.raises(gigascene.GigasceneError, match=words) as told:
        gigascene.plan_compare(product, *dates, tmp_path / "a.tif", **wishes)
    assert told.value.exit_code == code


def test_scenes_that_do_not_meet(scene, dates, tmp_path):
    far = cut(scene, tmp_path, FAR)
    with pytest.raises(gigascene.BadInput, match=f"{far.name} does not touch the grid"):
        gigascene.plan_compare("ndvi", dates[0], far, tmp_path / "a.tif")
