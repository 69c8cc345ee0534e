"""Mosaics of numbers: elevations and classes as rasterio and GDAL merge them, in any type, whatever the cut."""

import hashlib
import random
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from rasterio.enums import Resampling
from rasterio.merge import merge
from rasterio.vrt import WarpedVRT
from rio_cogeo.cogeo import cog_validate

import gigascene
from cli.shell import spoken
from gigascene.codecs._tiff_options import NUMBERS
from gigascene.execute import coordinate
from gigascene.kernels import numbers
from gigascene.model import wire
from gigascene.model.errors import UsageError
from gigascene.model.plan import Cut
from where import DATA, needs_data

SMALL = {"tile": 64}
ORIGIN = (500_000.0, 5_000_000.0)
pytestmark = pytest.mark.filterwarnings("ignore:Use `@` matmul:PendingDeprecationWarning")  # rasterio's own


@pytest.fixture
def tell(capsys, monkeypatch):
    """Exit code and words of a command."""

    def run(*words):
        said = spoken(capsys, monkeypatch, *words)
        return said.code, said.err

    return run


def raster(path, pixels, down=0, right=0, size=30.0, **profile):
    """A GeoTIFF of one band, some pixels below and right of the origin."""
    pixels = np.asarray(pixels)
    place = Affine(size, 0, ORIGIN[0] + right * size, 0, -size, ORIGIN[1] - down * size)
    facts = {"driver": "GTiff", "count": 1, "height": pixels.shape[0], "width": pixels.shape[1], "dtype": pixels.dtype}
    with rasterio.open(path, "w", **facts | {"crs": "EPSG:32632", "transform": place} | profile) as file:
        file.write(pixels, 1)
        if profile.get("colors"):
            file.write_colormap(1, profile["colors"])
    return path


def values(dtype, shape, seed, nodata=None):
    """Numbers over the whole type, a hole and a strip of them no data."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        found = (rng.normal(size=shape) * 1000).astype(dtype)
    else:
        span = np.iinfo(dtype)
        found = rng.integers(span.min, span.max, shape, dtype, endpoint=True)
    if nodata is not None:
        found[found == nodata] = 1
        found[10:30, 20:50] = nodata
        found[:3] = nodata
    return found


def three(folder, dtype, nodata):
    """Rasters of odd sizes that overlap."""
    places = (((121, 97), 0, 0), ((90, 143), 61, 45), ((77, 81), 20, 60))
    return [
        raster(folder / f"{n}.tif", values(dtype, shape, n, nodata), down, right, nodata=nodata)
        for n, (shape, down, right) in enumerate(places)
    ]


def read(path):
    with rasterio.open(path) as file:
        return file.read(1), file.transform, file.nodata, file.dtypes[0]


def stacked(files):
    """Every raster on the grid of all, as masked arrays, with nothing resampled."""
    whole = merge(files)[0][0].shape
    for path in files:
        pixels, place, nodata, _ = read(path)
        top, left = round((ORIGIN[1] - place.f) / place.a), round((place.c - ORIGIN[0]) / place.a)
        full = np.ma.array(np.zeros(whole, pixels.dtype), mask=True)
        there = np.ma.masked_invalid(pixels) if pixels.dtype.kind == "f" else np.ma.array(pixels)
        full[top : top + pixels.shape[0], left : left + pixels.shape[1]] = np.ma.masked_where(pixels == nodata, there)
        yield full


@pytest.mark.parametrize("dtype", NUMBERS)
def test_as_rasterio_merges_them(tell, tmp_path, dtype):
    nodata = -9999 if dtype not in {"uint8", "int8", "uint16", "uint32"} else 7
    files = three(tmp_path, dtype, nodata)
    receipt = gigascene.mosaic("numbers", files, tmp_path / "m.tif", options=SMALL)
    found, place, none, kind = read(tmp_path / "m.tif")
    want, there = merge(files)
    assert (place, none, kind) == (there, nodata, dtype)
    np.testing.assert_array_equal(found, want[0])
    assert receipt.mosaic["coverage"] == round(float((found != nodata).mean()), 6)
    assert cog_validate(tmp_path / "m.tif", strict=True)[0]
    assert tell("verify", tmp_path / "m.tif")[0] == 0


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
@pytest.mark.parametrize("combine", ["median", "mean", "darkest"])
def test_combined_as_numpy_combines_them(tmp_path, dtype, combine):
    nodata = 7 if dtype == "uint8" else -9999
    files = three(tmp_path, dtype, nodata)
    gigascene.mosaic("numbers", files, tmp_path / "m.tif", combine=combine, options=SMALL)
    found = read(tmp_path / "m.tif")[0]
    stack = np.ma.stack(list(stacked(files)))
    there = ~np.ma.getmaskarray(stack).all(axis=0)
    assert ((found != nodata) == there).all()
    if combine == "darkest":
        want = stack.min(axis=0).filled(nodata)
    elif combine == "median":
        ordered = np.sort(stack.astype("f8").filled(np.inf), axis=0)
        middle = np.maximum((~np.ma.getmaskarray(stack)).sum(axis=0) - 1, 0) // 2
        want = np.where(there, np.take_along_axis(ordered, middle[None], axis=0)[0], nodata)
    else:
        mean = stack.astype("f8").mean(axis=0).filled(nodata)
        want = mean.astype(dtype) if dtype.startswith("f") else np.rint(mean).astype(dtype)
        want[there & (want == nodata)] += 1
    # NumPy adds in an order of its own
    np.testing.assert_allclose(found, want, rtol=1e-6 if combine == "mean" and dtype.startswith("f") else 0)


def test_nan_is_no_data_and_stays_so(tmp_path):
    first, second = values("float32", (70, 90), 1), values("float32", (70, 90), 2)
    first[5:20, 30:60] = np.nan
    second[0, 0] = np.inf
    files = [
        raster(tmp_path / "a.tif", first),  # declares nothing
        raster(tmp_path / "b.tif", second, right=40, nodata=np.nan),
    ]
    gigascene.mosaic("numbers", files, tmp_path / "m.tif", options=SMALL)
    found, _, nodata, _ = read(tmp_path / "m.tif")
    assert np.isnan(nodata)
    left = np.where(np.isnan(first[:, 40:]), second[:, :50], first[:, 40:])
    np.testing.assert_array_equal(found, np.hstack([first[:, :40], left, second[:, 50:]]))


def test_a_number_that_the_type_cannot_hold_means_nothing(tmp_path):
    """Some programs declare the smallest float64 of float32 files."""
    heights = values("float32", (40, 40), 3)
    heights[4, 5] = np.nan
    tag = (42113, 2, 0, "-1.7976931348623157e+308", True)
    geo = [(33550, 12, 3, (30.0, 30.0, 0.0), True), (33922, 12, 6, (0.0, 0.0, 0.0, 500_000.0, 5_000_000.0, 0.0), True)]
    tifffile.imwrite(tmp_path / "a.tif", heights, extratags=[tag, *geo])
    gigascene.mosaic("numbers", [tmp_path / "a.tif"], tmp_path / "m.tif", options=SMALL)
    found, _, nodata, _ = read(tmp_path / "m.tif")
    assert np.isnan(nodata)
    np.testing.assert_array_equal(found, heights)
    with pytest.raises(UsageError, match="no number of type float32"):
        gigascene.plan_mosaic("numbers", [tmp_path / "a.tif"], tmp_path / "m.tif", nodata=1e300)


def test_floats_that_mean_different_numbers_mean_nan_together(tmp_path):
    first, second = values("float32", (40, 40), 1, -9999), values("float32", (40, 40), 2, -32768)
    second[35, 35] = -9999.0  # data there
    files = [
        raster(tmp_path / "a.tif", first, nodata=-9999),
        raster(tmp_path / "b.tif", second, right=40, nodata=-32768),
    ]
    gigascene.mosaic("numbers", files, tmp_path / "m.tif", options=SMALL)
    found, _, nodata, _ = read(tmp_path / "m.tif")
    assert np.isnan(nodata)
    assert found[35, 75] == -9999.0
    assert np.isnan(found[0]).all()


def test_a_number_that_is_data_in_one_file_and_no_data_in_the_result(tell, tmp_path):
    classes = np.full((40, 40), 3, np.uint8)
    classes[9, 9] = 255
    files = [
        raster(tmp_path / "a.tif", np.full((40, 40), 5, np.uint8), nodata=255),
        raster(tmp_path / "b.tif", classes, right=40, nodata=0),
    ]
    code, said = tell("mosaic", "numbers", *files, "-o", tmp_path / "m.tif")
    assert code == 4
    assert "b.tif" in said
    assert "255" in said
    assert "--nodata" in said
    assert not (tmp_path / "m.tif").exists()
    assert tell("mosaic", "numbers", *files, "-o", tmp_path / "m.tif", "--nodata", "0")[0] == 0
    assert read(tmp_path / "m.tif")[0][9, 49] == 255


def test_masks_and_alpha_say_what_is_data(tmp_path):
    pixels = values("int16", (50, 60), 4)
    hole = np.zeros(pixels.shape, bool)
    hole[5:15, 10:20] = True
    masked = raster(tmp_path / "a.tif", pixels)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK="YES"), rasterio.open(masked, "r+") as file:
        file.write_mask(~hole)
    gigascene.mosaic("numbers", [masked], tmp_path / "m.tif", nodata=-32768, options=SMALL)
    pixels[pixels == -32768] = 0
    found, _, nodata, _ = read(tmp_path / "m.tif")
    assert nodata == -32768
    assert ((found == nodata) == hole).all()
    with rasterio.open(
        tmp_path / "b.tif",
        "w",
        driver="GTiff",
        count=2,
        height=4,
        width=4,
        dtype="uint8",
        transform=Affine(2, 0, 0, 0, -2, 0),
    ) as file:
        file.colorinterp = [rasterio.enums.ColorInterp.gray, rasterio.enums.ColorInterp.alpha]
        file.write(np.uint8([[[1] * 4] * 4, [[255, 255, 0, 255]] * 4]))
    gigascene.mosaic("numbers", [tmp_path / "b.tif"], tmp_path / "c.tif", nodata=9, options=SMALL)
    assert read(tmp_path / "c.tif")[0][0].tolist() == [1, 1, 9, 1]


def test_scale_offset_unit_and_colours_are_kept(tell, tmp_path):
    colors = {number: (number, 255 - number, 7, 255) for number in range(256)}
    files = [
        raster(tmp_path / f"{n}.tif", values("uint8", (130, 130), n, 0), right=100 * n, nodata=0, colors=colors)
        for n in (0, 1)
    ]
    for path in files:
        with rasterio.open(path, "r+") as file:
            file.scales, file.offsets, file.units = (0.25,), (-3.5,), ("m",)
    gigascene.mosaic("numbers", files, tmp_path / "m.tif", options=SMALL)
    with rasterio.open(tmp_path / "m.tif") as file:
        assert (file.scales, file.offsets, file.units) == ((0.25,), (-3.5,), ("m",))
        found = file.colormap(1)
        assert all(found[number][:3] == colors[number][:3] for number in range(1, 256))
        assert file.colorinterp == (rasterio.enums.ColorInterp.palette,)
    with rasterio.open(files[1], "r+") as file:
        file.scales = (0.5,)
    code, said = tell("mosaic", "numbers", *files, "-o", tmp_path / "n.tif")
    assert code == 4
    assert "scale" in said


def warped(path, grid, resampling):
    with (
        rasterio.open(grid) as like,
        rasterio.open(path) as source,
        WarpedVRT(
            source,
            crs=like.crs,
            transform=like.transform,
            width=like.width,
            height=like.height,
            resampling=resampling,
            tolerance=1e-9,
        ) as there,
    ):
        return there.read(1)


def smooth(dtype, nodata):
    y, x = np.mgrid[:301, :257]
    found = (900 * np.sin(x / 37) * np.cos(y / 29) + 2 * x).astype(dtype)
    found[100:120, 30:80] = nodata
    return found


@pytest.mark.parametrize("dtype", ["int16", "float32"])
def test_reprojected_as_gdal_does(tmp_path, dtype):
    """Nearest: the same numbers but at edges of pixels. Bilinear: within the warp's promise."""
    path = raster(tmp_path / "a.tif", smooth(dtype, -9999), nodata=-9999)
    gigascene.mosaic("numbers", [path], tmp_path / "n.tif", grid="EPSG:3035:41", options=SMALL)
    found, want = read(tmp_path / "n.tif")[0], warped(path, tmp_path / "n.tif", Resampling.nearest)
    assert (found == want).mean() >= 0.999
    assert np.isin(found, smooth(dtype, -9999)).all()
    gigascene.mosaic("numbers", [path], tmp_path / "b.tif", grid="EPSG:3035:41", resampling="bilinear", options=SMALL)
    found, want = read(tmp_path / "b.tif")[0], warped(path, tmp_path / "b.tif", Resampling.bilinear)
    both = (found != -9999) & (want != -9999)
    assert both.mean() > 0.6
    assert ((found != -9999) != (want != -9999)).mean() < 0.001
    assert np.abs(found[both].astype("f8") - want[both]).max() <= 0.05 * 150 + 0.5  # neighbours differ by up to 150


def test_overviews_hold_numbers_that_are_there_or_means(tmp_path):
    classes = values("uint8", (301, 333), 5, 0)
    path = raster(tmp_path / "a.tif", classes, nodata=0)
    gigascene.mosaic("numbers", [path], tmp_path / "m.tif", options=SMALL)
    with rasterio.open(tmp_path / "m.tif", overview_level=0) as file:
        small = file.read(1)
    even = np.pad(classes, ((0, 1), (0, 1))).reshape(151, 2, 167, 2)
    assert (even == small[:, None, :, None]).any(axis=(1, 3)).all()
    assert ((small == 0) == (even == 0).all(axis=(1, 3))).all()
    heights = raster(tmp_path / "h.tif", values("float32", (301, 333), 6), nodata=-9999)
    gigascene.mosaic("numbers", [heights], tmp_path / "h2.tif", combine="mean", options=SMALL)
    with rasterio.open(tmp_path / "h2.tif", overview_level=0) as file:
        np.testing.assert_allclose(
            file.read(1)[:150, :166],
            read(heights)[0][:300, :332].reshape(150, 2, 166, 2).mean(axis=(1, 3)),
            rtol=1e-5,
            atol=1e-3,
        )


@pytest.mark.parametrize("compress", ["deflate", "zstd", "lzw", "none"])
@pytest.mark.parametrize(("dtype", "combine"), [("int16", "first"), ("float32", "mean"), ("float64", "first")])
def test_every_overview_is_the_half_of_the_one_before(tmp_path, dtype, combine, compress):
    """Those that workers make, and those that the sink makes of theirs."""
    path = raster(tmp_path / "a.tif", values(dtype, (601, 533), 5, -9999), nodata=-9999)
    options = SMALL | {"compress": compress}
    gigascene.mosaic("numbers", [path], tmp_path / "m.tif", combine=combine, options=options)
    with rasterio.open(tmp_path / "m.tif") as file:
        want, count = file.read(1), len(file.overviews(1))
    np.testing.assert_array_equal(want, read(path)[0])
    assert count == 4
    for level in range(count):
        want = numbers.halve_numpy(want, want.dtype.type(-9999), mixed=combine == "mean")
        with rasterio.open(tmp_path / "m.tif", overview_level=level) as file:
            np.testing.assert_array_equal(file.read(1), want)


def test_one_band_of_many(tell, tmp_path):
    stack = np.stack([values("int16", (30, 40), n, -1) for n in range(3)])
    with rasterio.open(raster(tmp_path / "one.tif", stack[0])) as like:
        profile = like.profile | {"count": 3, "nodata": -1}
    with rasterio.open(tmp_path / "a.tif", "w", **profile) as file:
        file.write(stack)
    code, said = tell("mosaic", "numbers", tmp_path / "a.tif", "-o", tmp_path / "m.tif")
    assert code == 4
    assert "3 bands" in said
    gigascene.mosaic("numbers", [tmp_path / "a.tif"], tmp_path / "m.tif", bands=["2"], options=SMALL)
    np.testing.assert_array_equal(read(tmp_path / "m.tif")[0], stack[1])


@pytest.mark.parametrize(
    ("words", "code", "part"),
    [
        (["--feather", "90"], 2, "--feather"),
        (["--balance"], 2, "--balance"),
        (["--combine", "latest"], 2, "--combine first"),
        (["--resampling", "cubic"], 2, "float32"),
        (["--compress", "jpeg"], 2, "JPEG"),
        (["--nodata", "0.5"], 2, "int32"),
        (["--stretch", "0:1"], 2, "numbers"),
        (["--packing", "document"], 2, "--packing"),
        (["--bands", "7"], 2, "'7'"),
        (["--figure"], 2, "figure"),
        (["--mask", "clouds"], 2, "mask"),
    ],
)
def test_what_numbers_are_not_asked_is_refused(tell, tmp_path, words, code, part):
    path = raster(tmp_path / "a.tif", values("int32", (20, 20), 1, -9), nodata=-9)
    found, said = tell("mosaic", "numbers", path, "-o", tmp_path / "m.tif", *words)
    assert found == code
    assert part in said


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".pam", ".dzi", ".pdf", "/"])
def test_pictures_hold_no_numbers(tell, tmp_path, suffix):
    path = raster(tmp_path / "a.tif", values("uint8", (20, 20), 1, 9), nodata=9)
    code, said = tell("mosaic", "numbers", path, "-o", f"{tmp_path}/m{suffix}")
    assert code == 2
    assert ".tif" in said


def test_whole_numbers_need_one_that_means_no_data(tell, tmp_path):
    path = raster(tmp_path / "a.tif", values("uint8", (20, 20), 1))
    code, said = tell("mosaic", "numbers", path, "-o", tmp_path / "m.tif")
    assert code == 2
    assert "--nodata" in said
    files = [path, raster(tmp_path / "b.tif", values("int16", (20, 20), 1, -1), right=20, nodata=-1)]
    code, said = tell("mosaic", "numbers", *files, "-o", tmp_path / "m.tif")
    assert code == 4
    assert "int16" in said


# The same bytes

RECIPES = {
    "first": ("int32", {}),
    "median": ("uint8", {"combine": "median"}),
    "mean": ("float32", {"combine": "mean"}),
    "warped": ("float32", {"grid": "EPSG:3857:50", "resampling": "bilinear"}),
}


@pytest.fixture(scope="module", params=RECIPES)
def plan(request, tmp_path_factory):
    dtype, wishes = RECIPES[request.param]
    folder = tmp_path_factory.mktemp("numbers")
    files = three(folder, dtype, 7 if dtype == "uint8" else -9999)
    return gigascene.plan_mosaic("numbers", files, folder / "m.tif", engine="serial", options=SMALL, **wishes)


def made(plan):
    coordinate.run(plan)
    return hashlib.sha256(Path(plan.target).read_bytes()).hexdigest()


def test_any_cut_engine_and_order(plan, monkeypatch):
    whole = made(replace(plan, cut=Cut(task_pieces=1000, window_rows=1000)))
    assert made(replace(plan, cut=Cut(task_pieces=1, window_rows=17, window_columns=29))) == whole
    assert made(replace(plan, execution=replace(plan.execution, engine="processes", workers=2))) == whole
    assert made(wire.loads(type(plan), wire.dumps(plan))) == whole
    wait, call = random.Random(7), coordinate.Job.__call__

    def late(job, task):
        result = call(job, task)
        time.sleep(wait.random() * 0.02)
        return result

    monkeypatch.setattr(coordinate.Job, "__call__", late)
    threads = replace(plan.execution, engine="threads", workers=4)
    assert made(replace(plan, execution=threads, cut=Cut(task_pieces=1, window_rows=64))) == whole


def test_a_saved_plan_is_checked(plan, tmp_path):
    gigascene.save_plan(plan, tmp_path / "plan.json")
    assert gigascene.load_plan(tmp_path / "plan.json").format == plan.format
    for wrong in (
        replace(plan.format, numbers=replace(plan.format.numbers, colors="zz")),
        replace(plan.format, dtype="int64"),
        replace(plan.format, dtype="uint16"),
    ):
        (tmp_path / "plan.json").write_text(wire.dumps(replace(plan, format=wrong)))
        with pytest.raises(gigascene.BadInput):
            gigascene.load_plan(tmp_path / "plan.json")


@needs_data
def test_a_real_series_of_jpeg_2000(tmp_path):
    """Twelve dates of MODIS's vegetation index, signed numbers in a sinusoidal CRS: the lower of the two middle ones."""
    files = sorted((DATA / "modis" / "mod13q1_ndvi_series_sinop").glob("*.jp2"))
    gigascene.mosaic("numbers", files, tmp_path / "m.tif", combine="median", nodata=-32768)
    found, place, nodata, dtype = read(tmp_path / "m.tif")
    assert (place, nodata, dtype) == (read(files[0])[1], -32768, "int16")
    np.testing.assert_array_equal(found, np.sort(np.stack([read(path)[0] for path in files]), axis=0)[5])
