"""Every rule against an independent composition: rasterio reads, NumPy combines, nothing of gigascene in between."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio

import gigascene
from cuts import Cut, band_of, cut

PARTS = (
    Cut(top=100, left=150, height=400, width=300, day="20140820", cloud=20.0),
    Cut(top=300, left=250, height=400, width=350, day="20140905", cloud=5.0, row=11, haze=(400, 300, 200, 0)),
    Cut(top=250, left=100, height=300, width=500, day="20140804", cloud=60.0, row=12, gain=(1.1, 1.0, 0.9, 1.2)),
)
ROWS, COLUMNS, TOP, LEFT = 600, 500, 100, 100
CHANNELS = ("B4", "B3", "B2")


@pytest.fixture(scope="module")
def folders(scene, tmp_path_factory):
    """Three overlapping scenes, in the order of their names."""
    folder = tmp_path_factory.mktemp("overlapping")
    return [cut(scene, folder, part) for part in PARTS]


def stacked(folders, keys):
    """Stored numbers on the grid of all, 0 where there is none: (scene, band, y, x)."""
    whole = np.zeros((len(folders), len(keys), ROWS, COLUMNS), np.uint16)
    for scene, (folder, part) in enumerate(zip(folders, PARTS, strict=True)):
        for band, key in enumerate(keys):
            top, left = part.top - TOP, part.left - LEFT
            whole[scene, band, top : top + part.height, left : left + part.width] = band_of(folder, key)[0]
    return whole


def made(folders, target, product="true-color", **wishes):
    """Levels (band, y, x) of a mosaic of stored numbers, 16 bits so that hardly anything is rounded away."""
    wishes = {"units": "dn", "stretch": "0:65534", "gamma": 1.0, "depth": 16} | wishes
    gigascene.mosaic(product, folders, target, **wishes)
    with rasterio.open(target) as file:
        return file.read()


def first_of(dn):
    """The first scene with data in all bands."""
    valid = (dn > 0).all(axis=1)
    which = valid.argmax(axis=0)
    return np.where(valid.any(axis=0), np.take_along_axis(dn, which[None, None], axis=0)[0], 0)


def levels(dn):
    """1 + rint(65534 * v / 65534), clipped: the documented 16-bit levels."""
    return np.where(dn > 0, (dn + 1).clip(1, 65535), 0)


def test_first(folders, tmp_path):
    assert np.array_equal(made(folders, tmp_path / "a.tif"), levels(first_of(stacked(folders, CHANNELS).astype(int))))


@pytest.mark.parametrize(
    ("wishes", "order"),
    [
        ({"combine": "latest"}, (1, 0, 2)),
        ({"combine": "best"}, (1, 0, 2)),
        ({"combine": "best", "best": "near:2014-08-06"}, (2, 0, 1)),
    ],
)
def test_orders(folders, tmp_path, wishes, order):
    ordered = stacked(folders, CHANNELS)[list(order)].astype(int)
    assert np.array_equal(made(folders, tmp_path / "a.tif", **wishes), levels(first_of(ordered)))


def test_darkest(folders, tmp_path):
    dn = stacked(folders, CHANNELS).astype(int)
    valid = (dn > 0).all(axis=1)
    which = np.where(valid, dn.sum(axis=1), 1 << 30).argmin(axis=0)
    want = np.where(valid.any(axis=0), np.take_along_axis(dn, which[None, None], axis=0)[0], 0)
    assert np.array_equal(made(folders, tmp_path / "a.tif", combine="darkest"), levels(want))


def test_median(folders, tmp_path):
    dn = stacked(folders, CHANNELS).astype(int)
    valid = (dn > 0).all(axis=1)
    ordered = np.sort(np.where(valid[:, None], dn, 1 << 30), axis=0)
    count = valid.sum(axis=0)
    which = np.broadcast_to((count - 1).clip(0) // 2, dn.shape[1:])
    want = np.where(count > 0, np.take_along_axis(ordered, which[None], axis=0)[0], 0)
    assert np.array_equal(made(folders, tmp_path / "a.tif", combine="median"), levels(want))
    odd = count == 3
    assert odd.any()
    assert np.array_equal(want[:, odd], np.median(dn, axis=0).astype(int)[:, odd])


def test_mean(folders, tmp_path):
    dn = stacked(folders, CHANNELS).astype(float)
    valid = (dn > 0).all(axis=1)
    with np.errstate(invalid="ignore"):
        mean = np.where(valid[:, None], dn, 0).sum(axis=0) / valid.sum(axis=0)
    want = np.where(valid.any(axis=0), np.floor(np.nan_to_num(mean) + 1.5), 0)
    found = made(folders, tmp_path / "a.tif", combine="mean").astype(int)
    assert np.array_equal(found > 0, want > 0)
    assert np.abs(found - want).max() <= 1  # means of two and three, told as float32


def test_greenest(folders, tmp_path):
    dn = stacked(folders, (*CHANNELS, "B5")).astype(np.float64)
    valid = (dn[:, :3] > 0).all(axis=1)
    rho = dn[:, [0, 3]] * 3.796387720996017e-05 - 0.18981938604980086
    red, nir = rho[:, 0].astype(np.float32), rho[:, 1].astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        green = np.where(valid, (nir - red) / (nir + red), -np.inf)
    which = green.argmax(axis=0)
    want = np.where(valid.any(axis=0), np.take_along_axis(dn[:, :3], which[None, None], axis=0)[0], 0)
    found = made(folders, tmp_path / "a.tif", combine="best", best="ndvi")
    assert (found != levels(want)).any(axis=0).mean() < 1e-4  # float32 here and there: near ties may fall otherwise


def test_masked_pixels_show_what_lies_below(folders, tmp_path):
    keys = (*CHANNELS, "QA_PIXEL")
    dn = stacked(folders, keys)
    cloudy = (dn[:, 3] & 0b11110) > 0  # dilated cloud, cirrus, cloud, shadow: a fill pixel has none of these bits
    assert cloudy.any()
    clear = np.where(cloudy[:, None], 0, dn[:, :3]).astype(int)
    assert np.array_equal(made(folders, tmp_path / "a.tif", mask=("clouds",)), levels(first_of(clear)))


def test_each_scene_has_its_own_calibration(scene, tmp_path):
    """Half the numbers, each worth twice as much: the picture is that of one scene."""
    whole = Cut(top=300, left=250, height=200, width=300)
    left = replace(whole, width=150, gain=(0.5,) * 4, mult=2.0, row=11)
    one = cut(scene, tmp_path / "whole", whole)
    two = [cut(scene, tmp_path / "parts", left), one]
    pictures = [
        made(folders, tmp_path / f"{number}.tif", units="default", depth=8, stretch="0:0.6").astype(int)
        for number, folders in enumerate(([one], two))
    ]
    assert np.abs(pictures[0] - pictures[1]).max() <= 1
    assert np.array_equal(pictures[0][:, :, 150:], pictures[1][:, :, 150:])
