"""Seams against a known truth: scenes are cut out of one, each with air and a calibration of its own."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio

import gigascene
from cuts import Cut, cut

LOOK = {"stretch": "0.02:0.6", "gamma": 1.0}
TOP, LEFT, ROWS, COLUMNS = 250, 200, 900, 700
PARTS = (
    Cut(top=250, left=200, height=500, width=400, row=10, gain=(1.04, 0.97, 0.95, 1.0), haze=(-350, 200, 420, 0)),
    Cut(top=250, left=480, height=520, width=420, row=11, gain=(0.96, 1.03, 1.05, 1.0), haze=(300, -240, -400, 0)),
    Cut(top=640, left=200, height=510, width=420, row=12, gain=(1.02, 1.02, 0.98, 1.0), haze=(150, 320, -180, 0)),
    Cut(top=660, left=520, height=490, width=380, row=13, gain=(0.98, 0.98, 1.02, 1.0), haze=(-120, -280, 160, 0)),
)
REACH = 40
"""Width of the ramp, pixels."""

ASIDE = 8
"""Pixels on either side of a seam."""


@pytest.fixture(scope="module")
def folders(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("seams")
    return [cut(scene, folder, part) for part in PARTS]


@pytest.fixture(scope="module")
def truth(scene, tmp_path_factory):
    """Levels of the scene they were cut from."""
    folder = tmp_path_factory.mktemp("truth")
    whole = Cut(top=TOP, left=LEFT, height=ROWS, width=COLUMNS)
    gigascene.compose("true-color", cut(scene, folder, whole), folder / "truth.tif", **LOOK)
    return pixels(folder / "truth.tif")


def pixels(path):
    with rasterio.open(path) as file:
        return file.read().astype(float)


def seams(parts=PARTS):
    """Pixels of the upper scene along its inner edges, and the step outwards: (rows, columns, down, right)."""
    for part in parts:
        top, left = part.top - TOP, part.left - LEFT
        rows, columns = np.arange(top + 60, top + part.height - 60), np.arange(left + 60, left + part.width - 60)
        if top + part.height < ROWS:
            yield np.full(columns.size, top + part.height), columns, 1, 0
        if left + part.width < COLUMNS:
            yield rows, np.full(rows.size, left + part.width), 0, 1


def jumps(found, truth):
    """Median jump of (found - truth) over each seam, from 8 pixels inside to 8 outside, the worst channel."""
    off = np.where((found > 0) & (truth > 0), found - truth, np.nan)
    for rows, columns, down, right in seams(PARTS[:3]):
        outside = off[:, rows + ASIDE * down, columns + ASIDE * right]
        inside = off[:, rows - (ASIDE + 1) * down, columns - (ASIDE + 1) * right]
        jump = outside - inside
        assert np.isfinite(jump).sum() > 300
        yield np.abs(np.nanmedian(jump, axis=1)).max()


def energy(picture, where):
    """Mean squared gradient, of pixels whose neighbours are all there."""
    down, right = np.diff(picture, axis=1)[:, :, :-1], np.diff(picture, axis=2)[:, :-1]
    return float((down**2 + right**2)[:, where[:-1, :-1]].mean())


@pytest.mark.parametrize("combine", ["first", "mean"])
@pytest.mark.parametrize("pixels_wide", [REACH, 120])
def test_no_seam_is_left(folders, truth, tmp_path, combine, pixels_wide):
    wishes = {"combine": combine, "balance": True, "feather": 30.0 * pixels_wide, **LOOK}
    receipt = gigascene.mosaic("true-color", folders, tmp_path / "even.tif", **wishes)
    assert receipt.mosaic["seam"]["after"] < 0.5 < 3 < receipt.mosaic["seam"]["before"]
    found = pixels(tmp_path / "even.tif")
    assert max(jumps(found, truth)) < 1
    assert np.array_equal(found > 0, truth > 0)


def test_seams_are_there_before(folders, truth, tmp_path):
    """The measure sees what it should see."""
    gigascene.mosaic("true-color", folders, tmp_path / "plain.tif", **LOOK)
    assert max(jumps(pixels(tmp_path / "plain.tif"), truth)) > 3


def test_the_ground_keeps_its_contrast(folders, truth, tmp_path):
    """Gradient energy outside of the ramps."""
    gigascene.mosaic("true-color", folders, tmp_path / "even.tif", balance=True, feather=30.0 * REACH, **LOOK)
    found = pixels(tmp_path / "even.tif")
    where = (truth > 0).all(axis=0) & (truth < 255).all(axis=0)
    for part in PARTS:
        top, left = part.top - TOP, part.left - LEFT
        for row in (top, top + part.height):
            where[max(row - REACH, 0) : row + REACH] = False
        for column in (left, left + part.width):
            where[:, max(column - REACH, 0) : column + REACH] = False
    edge = (truth == 0).any(axis=0)
    for _ in range(2):
        edge |= np.roll(edge, 1, 0) | np.roll(edge, -1, 0) | np.roll(edge, 1, 1) | np.roll(edge, -1, 1)
    where &= ~edge
    assert where.sum() > 100_000
    assert abs(energy(found, where) / energy(truth, where) - 1) < 0.01


def test_clouds_that_moved_do_not_spoil_the_gains(scene, tmp_path):
    """A tenth of the overlap is cloud in one scene only."""
    one, other = replace(PARTS[0], gain=(1.0,) * 4, haze=(0,) * 4), PARTS[1]
    folders = [cut(scene, tmp_path / "scenes", part) for part in (one, other)]
    for key in ("B2", "B3", "B4"):
        path = next(folders[0].glob(f"*_{key}.TIF"))
        with rasterio.open(path, "r+") as file:
            dn = file.read(1)
            dn[300:350, 250:400] = np.where(dn[300:350, 250:400] > 0, 30000, 0)
            file.write(dn, 1)
    plan = gigascene.plan_mosaic("true-color", folders, tmp_path / "a.tif", balance=True, **LOOK)
    first, second = plan.mosaic.layers
    for channel, (gain, haze) in enumerate(zip(other.gain[2::-1], other.haze[2::-1], strict=True)):
        assert first.gain[channel] / second.gain[channel] == pytest.approx(gain, rel=0.003), haze


def test_gains_of_scenes_that_do_not_overlap_are_none(scene, tmp_path):
    parts = (PARTS[0], replace(PARTS[3], top=800, left=700, height=200, width=200))
    folders = [cut(scene, tmp_path / "scenes", part) for part in parts]
    plan = gigascene.plan_mosaic("true-color", folders, tmp_path / "a.tif", balance=True, **LOOK)
    assert all(layer.gain == () for layer in plan.mosaic.layers)
