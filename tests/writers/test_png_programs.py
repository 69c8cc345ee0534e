"""PNGs of every kind and of the smallest and oddest sizes, by the programs that others read them with."""

import base64
import subprocess
from shutil import which

import numpy as np
import pytest

from browser.chromium import PROGRAM, chromium
from gigascene.writers.png import WRITER
from writers import _drive as drive

KINDS = [(bands, dtype) for bands in (1, 2, 3, 4) for dtype in ("uint8", "uint16")]
SIZES = [(1, 1), (1, 301), (301, 1), (3, 5), (127, 129)]


@pytest.fixture(params=KINDS, ids=lambda kind: f"{kind[0]} x {kind[1]}")
def pictures(request, tmp_path):
    """One of each size: path and levels. Every second one without no data, so without tRNS."""
    bands, dtype = request.param
    found = []
    for number, shape in enumerate(SIZES):
        format = drive.format_of(WRITER, shape, bands, dtype, plain=number % 2 == 0)
        levels = drive.picture(format)
        path = tmp_path / f"{shape[0]}x{shape[1]}.png"
        drive.write(path, levels, WRITER, format)
        found.append((path, levels))
    return found


def needs(program):
    if which(program) is None:
        pytest.skip(f"{program} is not installed")


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, check=True).stdout


def test_pngcheck(pictures):
    needs("pngcheck")
    told = run("pngcheck", *(path for path, _ in pictures)).decode()
    assert told.count("OK: ") == len(pictures), told


def test_pngfix(pictures):
    """libpng's own: the zlib stream may not even have a window larger than it says, or anything behind it."""
    needs("pngfix")
    for path, _ in pictures:
        told = run("pngfix", path).decode()
        assert told.startswith("IDAT OK  "), told


def test_libvips(pictures, tmp_path):
    needs("vips")
    for path, levels in pictures:
        run("vips", "rawsave", path, tmp_path / "a.raw")
        found = np.fromfile(tmp_path / "a.raw", levels.dtype).reshape(*levels.shape[:2], -1)
        np.testing.assert_array_equal(found[..., : levels.shape[2]], levels)


def test_imagemagick(pictures):
    needs("convert")
    for path, levels in pictures:
        depth, bands = 8 * levels.dtype.itemsize, levels.shape[2]
        raw = run("convert", path, "-depth", depth, "-endian", "MSB", "rgba:-")
        found = np.frombuffer(raw, levels.dtype.newbyteorder(">")).reshape(*levels.shape[:2], 4)
        np.testing.assert_array_equal(
            found[..., : max(bands - (bands in {2, 4}), 1)], levels[..., : bands - (bands in {2, 4})]
        )
        if bands in {2, 4}:
            np.testing.assert_array_equal(found[..., 3], levels[..., -1])


DRAWN = """(async () => {
  const image = new Image();
  image.src = "data:image/png;base64,%s";
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  return [canvas.height, canvas.width, ...context.getImageData(0, 0, canvas.width, canvas.height).data];
})()"""


@pytest.mark.slow
@pytest.mark.skipif(PROGRAM is None, reason="no chromium here: apt-get install chromium")
def test_chromium(pictures, tmp_path):
    """Levels as a browser draws them: 16 bits to the nearest of 8; none where there is no data."""
    with chromium(tmp_path / "profile") as page:
        for path, levels in pictures:
            height, width, *drawn = page.ask(DRAWN % base64.b64encode(path.read_bytes()).decode())
            assert (height, width) == levels.shape[:2]
            found = np.array(drawn).reshape(height, width, 4)
            bands = levels.shape[2]
            colours = bands - (bands in {2, 4})
            seen = found[..., 3] == 255
            away = np.abs(found[..., :colours] - levels[..., :colours] / (257 if levels.dtype == np.uint16 else 1))
            assert away[seen].max(initial=0) <= (0 if levels.dtype == np.uint8 else 1)
            if bands in {2, 4}:
                np.testing.assert_array_equal(seen, levels[..., -1] > 0)
