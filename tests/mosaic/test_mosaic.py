"""Grids, regions, plain rasters, refusals: what surrounds the combining."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.features import geometry_mask
from rasterio.merge import merge

import gigascene
from cli.shell import spoken
from cuts import Cut, cut
from gigascene.plan.explain import explain
from gigascene.readers import window as reader

PARTS = (
    Cut(top=300, left=250, height=300, width=300),
    Cut(top=450, left=400, height=300, width=300, row=11, day="20140905"),
)

ALONE = (-25.19, 70.588, -25.13, 70.608)
"""Degrees: where only the first of them is."""


@pytest.fixture(scope="module")
def folder(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pair")
    for part in PARTS:
        cut(scene, folder, part)
    return folder


def raster(path, pixels, x=500_000.0, y=5_000_000.0, size=10.0, **profile):
    """A GeoTIFF of (band, y, x)."""
    pixels = np.asarray(pixels)
    facts = {"count": pixels.shape[0], "height": pixels.shape[1], "width": pixels.shape[2], "dtype": pixels.dtype}
    facts |= {"crs": "EPSG:32632", "transform": Affine(size, 0, x, 0, -size, y), "driver": "GTiff"} | profile
    with rasterio.open(path, "w", **facts) as file:
        file.write(pixels)
    return path


def degrees(corners):
    """Longitudes and latitudes of places in the scenes' zone."""
    return rasterio.warp.transform("EPSG:32626", "EPSG:4326", *map(list, zip(*corners, strict=True)))


def read(path):
    with rasterio.open(path) as file:
        return file.read(), file.transform, file.crs, file.nodata


# Grids


def test_the_default_grid_is_that_of_the_scenes(folder, tmp_path):
    plan = gigascene.plan_mosaic("true-color", folder, tmp_path / "a.tif", stretch="0:0.5")
    first = gigascene.open_scenes(folder)[0].assets["B4"].geobox
    grid = plan.format.geobox
    assert tuple(grid.shape) == (450, 450)
    assert (grid.affine.c, grid.affine.f) == (first.affine.c, first.affine.f)
    assert (grid.affine.a, grid.crs) == (30, first.crs)


@pytest.mark.parametrize(
    ("name", "epsg", "size"),
    [
        ("utm25:45m", 32625, 45),
        ("utm26:30", 32626, 30),
        ("EPSG:3857:90", 3857, 90),
        ("epsg:4326:0.001", 4326, 0.001),
        ("polar-north:1km", 3413, 1000),
        ("tiles:10", 3857, 2 * math.pi * 6378137 / 256 / 1024),
    ],
)
def test_grids_by_name(folder, tmp_path, name, epsg, size):
    grid = gigascene.plan_mosaic("true-color", folder, tmp_path / "a.tif", grid=name, stretch="0:0.5").format.geobox
    assert (grid.crs.epsg, grid.affine.a, -grid.affine.e) == (epsg, size, size)
    if name == "utm26:30":
        assert grid.affine.c % 30 == 15  # the scenes' own lattice: Landsat's corners lie between
    elif name == "tiles:10":
        assert round((grid.affine.c + math.pi * 6378137) / size) % 256 == 0
    else:
        assert grid.affine.c / size == pytest.approx(round(grid.affine.c / size), abs=1e-6)


def test_like_a_file(folder, tmp_path):
    like = raster(tmp_path / "like.tif", np.zeros((1, 40, 50), np.uint8), x=568_000, y=7_830_000, crs="EPSG:32626")
    gigascene.mosaic("true-color", folder, tmp_path / "a.tif", grid=f"like:{like}", stretch="0:0.5")
    assert read(tmp_path / "a.tif")[1:3] == read(like)[1:3]


def test_a_bounding_box(folder, tmp_path):
    box = (-25.0, 70.5, -24.95, 70.52)
    gigascene.mosaic("true-color", folder, tmp_path / "a.tif", bbox=box, stretch="0:0.5")
    pixels, place, crs, _ = read(tmp_path / "a.tif")
    bounds = rasterio.warp.transform_bounds("EPSG:4326", crs, *box, densify_pts=64)
    found = rasterio.transform.array_bounds(*pixels.shape[1:], place)
    assert all(abs(a - b) < 30 for a, b in zip(found, bounds, strict=True))
    assert found[0] <= bounds[0]
    assert found[3] >= bounds[3]


@pytest.mark.parametrize("crs", [None, "EPSG:32626"])
def test_a_region(folder, tmp_path, crs):
    """The pixels whose centres lie inside, as rasterio tells them."""
    corners = [(566_003, 7_828_007), (572_011, 7_826_017), (574_007, 7_818_011), (568_017, 7_820_003)]
    shown = corners if crs else list(zip(*degrees(corners), strict=True))
    shape = {"type": "Polygon", "coordinates": [[*shown, shown[0]]]}
    whole = {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": shape}]}
    if crs:
        whole["crs"] = {"type": "name", "properties": {"name": crs}}
    (tmp_path / "r.geojson").write_text(json.dumps(whole))
    receipt = gigascene.mosaic("true-color", folder, tmp_path / "a.tif", clip=tmp_path / "r.geojson", stretch="0:0.5")
    pixels, place, _, _ = read(tmp_path / "a.tif")
    outline = {"type": "Polygon", "coordinates": [[*corners, corners[0]]]}
    want = ~geometry_mask([outline], pixels.shape[1:], place)
    filled = (pixels > 0).all(axis=0)
    assert not (filled & ~want).sum() > 3
    assert abs(receipt.mosaic["coverage"] - filled.mean()) < 1e-6
    gigascene.mosaic("true-color", folder, tmp_path / "b.tif", grid=f"like:{tmp_path / 'a.tif'}", stretch="0:0.5")
    all_of_it = (read(tmp_path / "b.tif")[0] > 0).all(axis=0)
    assert ((all_of_it & want) != filled).sum() <= (3 if crs else 40)  # edges straight in degrees are bent here


# Plain rasters


@pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's own
def test_pictures_as_rasterio_merges_them(tmp_path):
    rng = np.random.default_rng(2)
    first = rng.integers(1, 256, (3, 60, 70)).astype(np.uint8)
    first[:, 10:30, 20:50] = 0
    first[0, 40:] = 0  # a colour of a valid pixel may be 0
    files = [
        raster(tmp_path / "a.tif", first, nodata=0),
        raster(
            tmp_path / "b.tif", rng.integers(1, 256, (3, 80, 50)).astype(np.uint8), x=500_300, y=4_999_800, nodata=0
        ),
    ]
    gigascene.mosaic("rgb", files, tmp_path / "m.tif", options={"tile": 64})
    want, place = merge(files, method="first")
    found, there, _, nodata = read(tmp_path / "m.tif")
    assert (there, nodata) == (place, 0)
    hole = (first == 0).all(axis=0)
    whole = np.where(hole, want[:, :60, :70], first)
    want[:, :60, :70] = whole  # rasterio fills each band's zeros from below; a pixel is whole here
    assert np.array_equal(found, want)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("bands", [1, 3])
def test_pictures_that_cannot_say_nodata_get_alpha(tmp_path, dtype, bands):
    rng = np.random.default_rng(3)
    most = np.iinfo(dtype).max
    one, two = (rng.integers(0, most + 1, (bands, 40, 40)).astype(dtype) for _ in range(2))
    files = [raster(tmp_path / "a.tif", one), raster(tmp_path / "b.tif", two, x=500_200, y=4_999_700)]
    gigascene.mosaic("picture", files, tmp_path / "m.tif", options={"tile": 64})
    found = read(tmp_path / "m.tif")[0]
    assert found.dtype == dtype
    assert found.shape == (bands + 1, 70, 60)
    want = np.zeros((bands, 70, 60), dtype)
    want[:, 30:, 20:] = two
    want[:, :40, :40] = one
    assert np.array_equal(found[:-1], want)
    assert (found[-1] == np.where(np.pad(np.ones((40, 40)), ((0, 30), (0, 20))) > 0, most, 0))[:40, :40].all()
    assert found[-1, 0, 59] == 0


def test_means_and_ramps_of_pictures(tmp_path):
    flat = [np.full((1, 40, 40), level, np.uint16) for level in (100, 300)]
    files = [
        raster(tmp_path / f"{number}.tif", pixels, x=500_000 + 200 * number, nodata=0)
        for number, pixels in enumerate(flat)
    ]
    gigascene.mosaic("picture", files, tmp_path / "mean.tif", combine="mean")
    row = read(tmp_path / "mean.tif")[0][0, 20]
    assert row.tolist() == [100] * 20 + [200] * 20 + [300] * 20
    gigascene.mosaic("picture", files, tmp_path / "ramp.tif", feather=100)
    row = read(tmp_path / "ramp.tif")[0][0, 20].astype(int)
    assert row[:30].tolist() == [100] * 30  # the first one, where it is deeper inside than the ramp is wide
    assert row[30:40].tolist() == [110 + 20 * step for step in range(10)]
    assert row[40:].tolist() == [300] * 20


@pytest.mark.parametrize("feather", [100, 2000])
def test_a_scene_does_not_fade_into_another_of_the_same_outline(tmp_path, feather):
    """Dates of one tile end at one border, beyond which there is nothing to fade into."""
    above = np.full((1, 300, 300), 50, np.uint8)
    below = np.full((1, 300, 300), 250, np.uint8)
    beside = np.full((1, 300, 400), 150, np.uint8)
    files = [raster(tmp_path / f"{n}.tif", pixels, nodata=0) for n, pixels in enumerate((above, below, beside))]
    gigascene.mosaic("picture", files[:2], tmp_path / "two.tif", feather=feather)
    assert (read(tmp_path / "two.tif")[0] == 50).all()
    gigascene.mosaic("picture", files, tmp_path / "three.tif", feather=feather)
    found = read(tmp_path / "three.tif")[0][0].astype(int)
    assert (found[150, 300:] == 150).all()
    row = found[150, 150:300]  # evenly from one into the other, with nothing of the middle one
    assert (np.diff(row) >= 0).all()
    assert row[-1] >= 140
    assert row.max() <= 150


def test_alpha_of_pictures(tmp_path):
    pixels = np.full((4, 30, 30), 9, np.uint8)
    pixels[3] = np.where(np.arange(30) < 15, 255, 0)
    profile = {"photometric": "RGB", "alpha": "YES"}
    under = np.full((4, 30, 30), 7, np.uint8)
    under[3] = 255
    files = [raster(tmp_path / "a.tif", pixels, **profile), raster(tmp_path / "b.tif", under, **profile)]
    gigascene.mosaic("rgb", files, tmp_path / "m.tif")
    found = read(tmp_path / "m.tif")[0]
    assert found[:, 3].tolist() == [[9] * 15 + [7] * 15] * 3 + [[255] * 30]


def test_rasters_may_be_stretched_too(tmp_path):
    files = [
        raster(tmp_path / f"{n}.tif", np.full((3, 30, 30), 1000 * n, np.uint16), x=500_000 + 300 * n, nodata=0)
        for n in (1, 2)
    ]
    gigascene.mosaic("rgb", files, tmp_path / "m.tif", stretch="0:2000", bands=("3", "2", "1"))
    assert read(tmp_path / "m.tif")[0][0, 5, ::30].tolist() == [128, 255]


# Little is read


def test_nothing_more_is_read_once_a_window_is_full(folder, tmp_path, monkeypatch):
    scenes = gigascene.open_scenes([folder, folder])  # the second time, all lies beneath
    seen = []
    real = reader.read

    def noted(asset, window, out=None):
        seen.append(asset.href)
        return real(asset, window, out)

    monkeypatch.setattr("gigascene.works.gather.read", noted)
    gigascene.mosaic("true-color", scenes, tmp_path / "a.png", bbox=ALONE, stretch="0:0.5", engine="serial")
    assert len(set(seen)) == 3  # three bands of the one scene on top


def test_scenes_elsewhere_are_named(folder, tmp_path, capsys, monkeypatch):
    box = f"--bbox={','.join(map(str, ALONE))}"
    said = spoken(capsys, monkeypatch, "mosaic", "true-color", folder, "-o", tmp_path / "a.png", box, "--json", "-q")
    facts = json.loads(said.out)["mosaic"]
    assert facts["used"] == 1
    assert facts["unused"] == ["LC08_L1TP_226011_20140905_20200911_02_T1"]
    said = spoken(capsys, monkeypatch, "plan", "mosaic", "true-color", folder, "-o", tmp_path / "b.png", box, "--json")
    assert json.loads(said.out)["mosaic"]["used"] == 1


def test_memory_is_flat_as_scenes_grow(scene, tmp_path):
    """Fifty scenes need what four need, where no more of them lie over one place."""
    needs = []
    for count in (4, 50):
        folder = tmp_path / str(count)
        folder.mkdir()
        files = [
            raster(folder / f"{n:02}.tif", np.full((3, 80, 80), 1 + n, np.uint8), x=500_000 + 700 * n, nodata=0)
            for n in range(count)
        ]
        plan = gigascene.plan_mosaic("rgb", files, tmp_path / f"{count}.tif", memory="2G", feather=100)
        needs.append(explain(plan)["memory_mb"])
        assert plan.mosaic.depth == 2
    assert needs[1] < needs[0] * 1.6 + 20


def test_median_of_many_dates_in_bounded_memory(tmp_path):
    rng = np.random.default_rng(5)
    stack = rng.integers(1, 65536, (41, 3, 120, 130)).astype(np.uint16)
    files = [raster(tmp_path / f"{n:02}.tif", pixels, nodata=0) for n, pixels in enumerate(stack)]
    receipt = gigascene.mosaic("rgb", files, tmp_path / "m.tif", combine="median", memory="500M", workers=1)
    assert np.array_equal(read(tmp_path / "m.tif")[0], np.median(stack, axis=0).astype(np.uint16))
    assert receipt.projected_memory <= 500 << 20


def test_stopped_and_resumed(folder, tmp_path):
    wishes = {"stretch": "0:0.5", "feather": 600, "options": {"tile": 64}, "engine": "serial"}
    whole = gigascene.mosaic("true-color", folder, tmp_path / "whole.tif", **wishes)
    plan = gigascene.plan_mosaic("true-color", folder, tmp_path / "part.tif", **wishes)
    plan = replace(plan, cut=replace(plan.cut, task_pieces=1))

    def stop(progress):
        if progress.pieces == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gigascene.run(plan, watch=stop)
    receipt = gigascene.run(plan, resume=True)
    assert receipt.resumed == 2
    assert receipt.mosaic == whole.mosaic
    assert (tmp_path / "part.tif").read_bytes() == (tmp_path / "whole.tif").read_bytes()


# Refusals


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--bbox=10,40,11,41",), 4, "none of the 2 scenes touches the bounding box"),
        (("--grid", "utm99:10m"), 2, "no grid is called 'utm99:10m'"),
        (("--grid", "EPSG:999999:10"), 2, "no grid is called"),
        (("--grid", "utm26"), 2, "how large a pixel is"),
        (("--grid", "EPSG:4326:10m"), 2, "degrees"),
        (("--grid", "like:nothing.tif"), 4, "nothing.tif"),
        (("--combine", "brightest"), 2, "brightest"),
        (("--combine", "best", "--best", "near:soon"), 2, "soon"),
        (("--combine", "median", "--feather", "100"), 2, "--feather"),
        (("--feather", "-5"), 2, "--feather"),
        (("--bbox", "1,2,3"), 2, "west,south,east,north"),
        (("--clip", "nothing.geojson"), 4, "nothing.geojson"),
        (("--mask", "cloud9"), 4, "cloud9"),
    ],
)
def test_refusals(folder, tmp_path, capsys, monkeypatch, words, code, says):
    monkeypatch.chdir(tmp_path)
    said = spoken(capsys, monkeypatch, "mosaic", "true-color", folder, "-o", "a.png", *words)
    assert (said.code, "fault" in said.err) == (code, False), said.err
    assert says in said.err
    assert not list(tmp_path.iterdir())


def test_levels_are_not_mixed(folder, tmp_path):
    from gigascene.simulate.landsat import simulate

    surface = simulate(tmp_path / "l2", size=(200, 200), seed=3, level="l2")
    with pytest.raises(gigascene.BadInput, match="side by side"):
        gigascene.plan_mosaic("true-color", [folder, surface], tmp_path / "a.png")


def test_rasters_of_other_kinds_are_not_mixed(tmp_path):
    files = [
        raster(tmp_path / "a.tif", np.ones((1, 9, 9), np.uint8)),
        raster(tmp_path / "b.tif", np.ones((1, 9, 9), np.uint16)),
    ]
    with pytest.raises(gigascene.BadInput, match="differ in their bands"):
        gigascene.plan_mosaic("picture", files, tmp_path / "m.tif")


@pytest.mark.parametrize(
    ("dtype", "bands", "nodata", "says"),
    [
        (np.float32, 1, 0, "holds float32"),
        (np.float32, 3, None, "holds float32"),
        (np.int16, 1, 0, "holds int16"),
        (np.uint16, 6, 0, "has 6 bands"),
        (np.uint16, 4, None, "no data needs one more"),
    ],
)
def test_what_no_picture_holds_is_refused_with_the_way_that_works(tmp_path, dtype, bands, nodata, says):
    pixels = np.arange(bands * 81).reshape(bands, 9, 9).astype(dtype)
    profile = {} if nodata is None else {"nodata": nodata}
    files = [raster(tmp_path / f"{x}.tif", pixels, x=500_000 + x, **profile) for x in (0, 90)]
    with pytest.raises(gigascene.BadInput, match=says) as refused:
        gigascene.plan_mosaic("picture", files, tmp_path / "m.tif")
    if bands < 3:
        assert "gdal_translate -ot UInt16 -scale" in str(refused.value)
        return
    assert "mosaic rgb … --bands 1,2,3 --stretch 2%:98%" in str(refused.value)
    gigascene.mosaic("rgb", files, tmp_path / "m.tif", bands=("1", "2", "3"), stretch="2%:98%")
    found = read(tmp_path / "m.tif")[0]
    assert found.shape == (3, 9, 18)
    assert found.any(axis=0).mean() > 0.9


def test_no_scene_in_a_folder(tmp_path):
    (tmp_path / "empty" / "inner").mkdir(parents=True)
    with pytest.raises(gigascene.BadInput, match="holds no scene"):
        gigascene.open_scenes(tmp_path / "empty")


@pytest.mark.parametrize("text", ["{", "[]", '{"type": "Point", "coordinates": [1, 2]}', '{"type": "Polygon"}'])
def test_regions_that_are_none(folder, tmp_path, text):
    (tmp_path / "r.geojson").write_text(text)
    with pytest.raises(gigascene.BadInput, match=r"r\.geojson"):
        gigascene.plan_mosaic("true-color", folder, tmp_path / "a.png", clip=tmp_path / "r.geojson")


def test_memory_is_foreseen_for_the_finest_scene_wherever_it_stands(tmp_path):
    coarse = [raster(tmp_path / f"{i}.tif", np.ones((3, 40, 40), np.uint8), size=30) for i in range(16)]
    fine = raster(tmp_path / "fine.tif", np.ones((3, 1200, 1200), np.uint8), size=1)
    grid = {"grid": f"like:{coarse[0]}", "resampling": "average"}
    foreseen = {
        gigascene.plan_mosaic("rgb", [*coarse[:at], fine, *coarse[at:]], tmp_path / "a.tif", **grid).execution.projected
        for at in (0, 1, 3, 8, 16)
    }
    assert len(foreseen) == 1


def test_scenes_that_cannot_be_balanced_are_told(tmp_path):
    ground = np.random.default_rng(4).integers(1, 200, (3, 300, 300), np.uint8)
    parts = [raster(tmp_path / "a.tif", ground), raster(tmp_path / "b.tif", ground, x=500_000.0 + 20_000)]
    plan = gigascene.plan_mosaic("rgb", parts, tmp_path / "out.tif", balance=True)
    assert any("2 of 2 scenes" in note and "not balanced" in note for note in plan.notes)
    plan = gigascene.plan_mosaic(
        "rgb", [parts[0], raster(tmp_path / "c.tif", ground)], tmp_path / "out.tif", balance=True
    )
    assert not any("balanced" in note for note in plan.notes)


@pytest.mark.parametrize("product", ["rgb", "numbers"])
def test_a_raster_whose_rows_run_north_fills_its_own_ground(tmp_path, product):
    pixels = np.random.default_rng(6).integers(1, 200, (3 if product == "rgb" else 1, 50, 60), np.uint8)
    up = raster(tmp_path / "up.tif", pixels, nodata=0)
    down = raster(
        tmp_path / "down.tif", pixels[:, ::-1], nodata=0, transform=Affine(10, 0, 500_000, 0, 10, 5_000_000 - 500)
    )
    looks = {"stretch": "0:255"} if product == "rgb" else {}
    for path in (up, down):
        gigascene.mosaic(product, [path], path.with_suffix(".out.tif"), **looks)
    with rasterio.open(up.with_suffix(".out.tif")) as one, rasterio.open(down.with_suffix(".out.tif")) as other:
        assert one.bounds == other.bounds
        assert np.array_equal(one.read(), other.read())
        assert one.read().all()
