"""Bands brought together: no seams between windows, no half pixel, and grids that cannot be brought together."""

import numpy as np
import pytest
import rasterio
from affine import Affine

import gigascene
from gigascene.model.grid import Window
from gigascene.plan.build import Wish, gathered
from gigascene.works.gather import columns, windows
from tiny_landsat import collection2, odl

ID = "LC08_L1TP_016037_20170813_20200903_02_T1"
SHAPE = 60, 51
"""Of the 30 m bands; the pan band has 2 n - 1 pixels a side, and shares their centres."""

CORNER = 471585.0, 3787515.0
COARSE = Affine(30, 0, CORNER[0], 0, -30, CORNER[1])
FINE = Affine(15, 0, CORNER[0] + 7.5, 0, -15, CORNER[1] - 7.5)


def write(path, dn, transform):
    rows, columns = dn.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=rows, width=columns, count=1, dtype="uint16", crs="EPSG:32617",
        transform=transform,
    ) as file:  # fmt: skip
        file.write(dn.astype(np.uint16), 1)


def centres(shape, transform):
    """Easting and northing of every pixel's centre, from the corner of the 30 m grid."""
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    return transform.a * x + transform.c - CORNER[0], transform.e * y + transform.f - CORNER[1]


@pytest.fixture
def planes(tmp_path):
    """Red rises to the east, green to the south, blue is level: bilinear interpolation gives a plane back exactly."""
    east, north = centres(SHAPE, COARSE)
    dn = {"4": 6000 + 4 * (east - 15), "3": 6000 - 4 * (north + 15), "2": np.full(SHAPE, 12_000)}
    folder = tmp_path / ID
    folder.mkdir()
    (folder / f"{ID}_MTL.txt").write_text(odl(collection2(ID), "LANDSAT_METADATA_FILE"))
    for token, numbers in dn.items():
        write(folder / f"{ID}_B{token}.TIF", numbers, COARSE)
    write(folder / f"{ID}_B8.TIF", np.full((2 * SHAPE[0] - 1, 2 * SHAPE[1] - 1), 20_000), FINE)
    return folder


def sharpened(folder):
    return gathered(gigascene.open_scene(folder), Wish(product="pan-sharpened", target="", survey="exact"))


def test_colours_are_not_half_a_pixel_off(planes):
    """The shares of each pan pixel are those of the planes at its own centre: half of its 15 m would show."""
    gather = sharpened(planes)
    shape = 2 * SHAPE[0] - 1, 2 * SHAPE[1] - 1
    found = gather.physical(Window(top=0, left=0, height=shape[0], width=shape[1])).data.astype(np.float64)
    east, north = centres(shape, FINE)
    dn = np.stack([6000 + 4 * (east - 15), 6000 - 4 * (north + 15), np.full(shape, 12_000.0)])
    coarse = centres(SHAPE, COARSE)
    most = [6000 + 4 * (coarse[0].max() - 15), 6000 - 4 * (coarse[1].min() + 15), 12_000.0]
    normal = (2e-5 * dn - 0.1) / (2e-5 * np.array(most)[:, None, None] - 0.1)
    want = normal / normal.sum(axis=0)  # the pan band is its own maximum everywhere
    np.testing.assert_allclose(found, want, rtol=2e-6)
    moved = np.abs(np.diff(want[0], axis=1)) / want[0][:, 1:] / 2
    assert moved.min() > 100 * 2e-6, "a shift of half a pan pixel would not be seen"


@pytest.mark.parametrize(("rows", "width"), [(1, 1 << 30), (37, 64), (37, 1 << 30), (512, 64), (512, 1 << 30)])
def test_pan_sharpening_has_no_seams(rows, width, scene):
    """Windows of any height and width against one: neighbours across a border are read for both sides."""
    gather = sharpened(scene)
    height, all_columns = gather.geobox.shape
    part = Window(top=511, left=0, height=600 if rows > 1 else 50, width=all_columns)
    assert part.bottom < height
    whole = gather.physical(part).data
    assert np.isfinite(whole).mean() > 0.5
    for wide in windows(part, rows):
        for window in columns(wide, width):
            top, left = window.top - part.top, window.left
            want = whole[:, top : top + window.height, left : left + window.width]
            np.testing.assert_array_equal(gather.physical(window).data, want)


TURNED = Affine.translation(*CORNER) @ Affine.rotation(20) @ Affine.scale(30, -30)
SHEARED = Affine(30, 4, CORNER[0], 0, -30, CORNER[1])


def three(folder, transforms):
    """Three plain rasters of random numbers."""
    rng = np.random.default_rng(2)
    paths = [folder / f"{name}.tif" for name in "abc"]
    for path, transform in zip(paths, transforms, strict=True):
        write(path, rng.integers(1, 9999, (40, 30)), transform)
    return paths


@pytest.mark.parametrize("transform", [TURNED, SHEARED], ids=["turned", "sheared"])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_turned_grid_that_all_bands_share_is_kept(transform, suffix, tmp_path):
    target = tmp_path / f"picture{suffix}"
    gigascene.compose("rgb", three(tmp_path, [transform] * 3), target, stretch="0:10000")
    with rasterio.open(target) as picture:
        assert picture.transform.almost_equals(transform, precision=1e-6)


@pytest.mark.parametrize(
    "other", [TURNED, SHEARED, TURNED @ Affine.scale(0.5)], ids=["turned", "sheared", "turned and finer"]
)
@pytest.mark.parametrize("plain", [COARSE, TURNED], ids=["among plain", "among turned"])
def test_turned_grids_that_differ_are_refused_when_planned(other, plain, tmp_path):
    if other == plain:
        pytest.skip("these are one grid")
    paths = three(tmp_path, [plain, plain, other])
    with pytest.raises(gigascene.BadInput, match=r"[abc]\.tif, band [abc]: .*cannot align a rotated grid.*gdalwarp"):
        gigascene.plan_compose("rgb", paths, tmp_path / "a.png", stretch="0:10000")
