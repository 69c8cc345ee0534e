"""Mosaics and comparisons that would show nothing are refused; refusals name what would work."""

import json

import numpy as np
import pytest
import rasterio
from affine import Affine

import gigascene
from gigascene.model.errors import BadInput, LimitExceeded, UsageError


def raster(path, pixels, dtype="uint8", **profile):
    facts = {
        "crs": "EPSG:32632",
        "transform": Affine(10, 0, 600_000, 0, -10, 5_200_020),
        "driver": "GTiff",
        "nodata": 0,
    }
    facts |= {"count": pixels.shape[0], "height": pixels.shape[1], "width": pixels.shape[2], "dtype": dtype} | profile
    with rasterio.open(path, "w", **facts) as file:
        file.write(pixels)
    return path


@pytest.fixture
def half(tmp_path):
    """Data in its left half alone."""
    pixels = np.ones((1, 40, 40), np.uint8)
    pixels[:, :, 20:] = 0
    return raster(tmp_path / "half.tif", pixels)


@pytest.mark.parametrize("product", ["numbers", "picture"])
def test_outlines_that_touch_are_not_enough(command, half, tmp_path, product):
    right = raster(tmp_path / "like.tif", np.zeros((1, 40, 10)), transform=Affine(10, 0, 600_300, 0, -10, 5_200_020))
    target = tmp_path / "m.tif"
    target.write_bytes(b"old")
    words = ("mosaic", product, half, "-o", target, "--grid")
    said = command(*words, f"like:{right}")
    assert said.code == 4
    assert "half: not one pixel is filled" in said.err
    assert target.read_bytes() == b"old"
    assert sorted(path.name for path in tmp_path.iterdir() if "m.tif" in path.name) == ["m.tif"]
    assert command(*words, f"like:{half}").code == 0


def test_a_region_between_the_centres(command, half, tmp_path):
    ring = [[600_011, 5_200_009], [600_013, 5_200_009], [600_013, 5_200_007], [600_011, 5_200_009]]
    told = {"type": "Polygon", "coordinates": [ring], "crs": {"properties": {"name": "EPSG:32632"}}}
    (tmp_path / "r.json").write_text(json.dumps(told))
    said = command("mosaic", "numbers", half, "-o", tmp_path / "m.tif", "--clip", tmp_path / "r.json")
    assert said.code == 4
    assert "clipped away" in said.err


def test_a_comparison_of_two_places(tmp_path):
    scenes = []
    for number in (0, 1):
        (tmp_path / str(number)).mkdir()
        pixels = np.ones((1, 30, 30), np.float32)
        pixels[:, :, number * 15 : number * 15 + 15] = -1  # what one has, the other has not
        files = [raster(tmp_path / str(number) / name, pixels, "float32", nodata=-1) for name in ("a.tif", "b.tif")]
        scenes.append(gigascene.open_scene(files))
    with pytest.raises(BadInput, match="not one pixel is compared"):
        gigascene.compare("normalized-difference", *scenes, tmp_path / "c.tif", bands=["a", "b"])
    assert not (tmp_path / "c.tif").exists()


def test_numbers_are_not_offered_as_pictures(half, tmp_path):
    with pytest.raises(LimitExceeded) as told:
        gigascene.mosaic(
            "numbers", half, tmp_path / "m.tif", grid="EPSG:32632:0.001", memory="512M", bbox=(10, 46, 11, 47)
        )
    assert "instead" not in str(told.value)


def test_heights_are_no_map(half, tmp_path):
    with pytest.raises(UsageError, match="EPSG:5773 measures heights"):
        gigascene.mosaic("numbers", half, tmp_path / "m.tif", grid="EPSG:5773:1")


@pytest.mark.parametrize("dtype", ["complex64", "complex_int16"])
def test_complex_numbers(tmp_path, dtype):
    path = raster(tmp_path / "c.tif", np.ones((1, 4, 4), np.complex64), dtype, nodata=None)
    with pytest.raises(BadInput, match=f"holds {dtype} numbers"):
        gigascene.mosaic("numbers", path, tmp_path / "m.tif", nodata=0)
