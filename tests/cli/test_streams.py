"""Streams that are closed or full, folders of links, bands that are no opacity: told, or of no matter."""

import subprocess

import numpy as np
import pytest
import rasterio
from affine import Affine

import gigascene
from cli.shell import PROGRAM


@pytest.fixture
def bands(tmp_path):
    """Red, green and blue with nodata 0.5, which no whole number is."""
    shape = {"width": 64, "height": 48, "count": 1, "dtype": "uint8", "nodata": 0.5}
    paths = [tmp_path / f"{name}.tif" for name in "rgb"]
    for at, path in enumerate(paths):
        with rasterio.open(path, "w", transform=Affine(10, 0, 0, 0, -10, 0), crs="EPSG:32632", **shape) as file:
            file.write(np.full((48, 64), at, np.uint8), 1)
    return paths


def shell(words, streams):
    quoted = " ".join(f"'{word}'" for word in (PROGRAM, *words))
    done = subprocess.run(["sh", "-c", f"{quoted} {streams}"], check=False, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stderr


def test_without_stderr_the_picture_is_made(bands, tmp_path):
    assert shell(["compose", "rgb", *bands, "-o", tmp_path / "a.png", "--stretch", "0:3"], "2>&-")[0] == 0
    assert (tmp_path / "a.png").exists()


def test_results_that_find_no_space_are_no_fault_of_ours(bands, tmp_path):
    code, said = shell(["info", *bands, "--json"], "> /dev/full")
    assert code == 5
    assert "no space" in said
    assert "fault" not in said


def test_a_nodata_that_no_pixel_can_have_hides_none(bands, tmp_path):
    """The two ways to a picture agree: looked up in a table, and computed."""
    gigascene.compose("rgb", bands, tmp_path / "a.png", stretch="0:3")
    with rasterio.open(tmp_path / "a.png") as file:
        assert (file.read() > 0).all()
    assert np.isfinite(gigascene.load("rgb", bands)).all()


def test_links_to_files_elsewhere_are_told_as_such(bands, tmp_path):
    scene = tmp_path / "scene"
    scene.mkdir()
    for path in bands:
        (scene / path.name).symlink_to(path)
    with pytest.raises(gigascene.BadInput, match="only links to files elsewhere"):
        gigascene.open_scene(scene)


@pytest.mark.parametrize("suffix", [".png", ".pdf"])
@pytest.mark.parametrize("count", [2, 4])
def test_a_last_band_that_is_no_alpha_does_not_become_opacity(count, suffix, tmp_path):
    source = tmp_path / "many.tif"
    shape = {"width": 20, "height": 10, "count": count, "dtype": "uint8", "alpha": "no"}
    with rasterio.open(source, "w", transform=Affine(10, 0, 0, 0, -10, 0), crs="EPSG:32632", **shape) as file:
        file.write(np.arange(count * 200).reshape(count, 10, 20).astype(np.uint8))
    done = subprocess.run(
        [PROGRAM, "convert", source, "-o", tmp_path / f"a{suffix}"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert "for alpha" in done.stderr
    assert not (tmp_path / f"a{suffix}").exists()


def test_a_scene_that_cannot_be_simulated_leaves_no_folder(tmp_path):
    done = subprocess.run(
        [PROGRAM, "simulate", "landsat", "-o", tmp_path / "new", "--size", "2x2"], check=False, capture_output=True
    )
    assert done.returncode == 2
    assert not (tmp_path / "new").exists()
