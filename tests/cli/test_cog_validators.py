"""GeoTIFFs of every verb that writes them, by rio-cogeo's own program and by GDAL's validator."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cli.shell import spoken
from serve.pictures import geotiff

RIO = Path(sys.executable).with_name("rio")
SYSTEM = "/usr/bin/python3"
GDALS = [SYSTEM, "-m", "osgeo_utils.samples.validate_cloud_optimized_geotiff", "--full-check=yes"]


def has_gdals():
    return subprocess.run([SYSTEM, "-c", "import osgeo_utils"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def sources(scene, tmp_path_factory):
    """A scene, and a picture that is no COG, large enough for overviews."""
    folder = tmp_path_factory.mktemp("sources")
    levels = np.random.default_rng(2).integers(0, 256, (1301, 1807, 3), dtype=np.uint8)
    geotiff(folder / "plain.tif", levels)
    (folder / "plain.ppm").write_bytes(b"P6 1807 1301 255\n" + levels.tobytes())
    return {"scene": scene, "tif": folder / "plain.tif", "ppm": folder / "plain.ppm"}


MADE = {
    "composed": ("compose", "true-color", "scene"),
    "composed, 16 bit": ("compose", "true-color", "scene", "--depth", "16", "--compress", "zstd"),
    "composed, JPEG and mask": ("compose", "true-color", "scene", "--compress", "jpeg"),
    "composed, palette": ("compose", "ndvi", "scene", "--compress", "none"),
    "converted TIFF": ("convert", "tif"),
    "converted PPM, nowhere on Earth": ("convert", "ppm", "--compress", "lzw"),
    "converted, small tiles": ("convert", "tif", "--tile", "128"),
}


@pytest.mark.parametrize("made", MADE)
def test_strict(capsys, monkeypatch, sources, tmp_path, made):
    path = tmp_path / "a.tif"
    words = [sources.get(word, word) for word in MADE[made]]
    assert spoken(capsys, monkeypatch, *words, "-o", path, "-q").code == 0
    rio = subprocess.run([RIO, "cogeo", "validate", "--strict", path], capture_output=True, text=True, check=True)
    assert f"{path} is a valid cloud optimized GeoTIFF" in rio.stdout
    assert "following" not in rio.stdout + rio.stderr  # "The following errors (or warnings) were found"
    if not has_gdals():
        pytest.skip("rio-cogeo is content; GDAL's validator is not here: python3-gdal")
    gdal = subprocess.run([*GDALS, path], capture_output=True, text=True, check=False)
    assert gdal.returncode == 0, gdal.stdout
    assert "is a valid cloud optimized GeoTIFF" in gdal.stdout
    assert "following" not in gdal.stdout.replace("The size of all IFD headers", "")


def test_both_say_so_of_what_is_none(sources):
    """Or the test above could not fail."""
    rio = subprocess.run(
        [RIO, "cogeo", "validate", "--strict", sources["tif"]], capture_output=True, text=True, check=True
    )
    assert "is NOT a valid" in rio.stdout
    if has_gdals():
        assert subprocess.run([*GDALS, sources["tif"]], capture_output=True, check=False).returncode == 1
