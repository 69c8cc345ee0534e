"""Lossy COGs: colours nearly right, validity exactly, in every level."""

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import tifffile

from gigascene.codecs.tiff import CODEC
from gigascene.writers.cog import WRITER
from writers.test_cog import cascade, encoded, format_of, picture, valid_cog, write


def smooth(format):
    """Smooth levels: JPEG keeps them; a blank part with straight edges, and specks."""
    levels = picture(format)
    y, x = np.ogrid[: format.shape[0], : format.shape[1]]
    for band in range(min(3, format.bands)):
        levels[..., band] = np.where(levels[..., 0] > 0, 120 + 50 * np.sin(y / 60 + band) + 50 * np.cos(x / 90), 0)
    return levels


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_every_level(tmp_path, bands):
    format = format_of((1100, 1300), bands, tile=128, compress="jpeg", quality=95)
    levels, path = smooth(format), tmp_path / "out.tif"
    write(path, levels, format)
    assert valid_cog(path)
    colors = bands - format.alpha
    for level, want in enumerate(cascade(levels, format)):
        with rasterio.open(path, **({"overview_level": level - 1} if level else {})) as found:
            assert found.count == colors
            assert found.nodata is None
            got, mask = np.moveaxis(found.read(), 0, -1), found.dataset_mask()
        valid = want[..., -1] > 0
        np.testing.assert_array_equal(mask, np.where(valid, 255, 0))
        error = np.abs(got.astype(int) - want[..., :colors])[valid]
        assert np.percentile(error, 75) <= 3
        assert error.mean() < 6
    with tifffile.TiffFile(path) as tiff:
        assert tiff.pages[0].asarray().shape[:2] == format.shape
        np.testing.assert_array_equal(tiff.pages[1].asarray() > 0, levels.any(axis=-1))


def test_without_nodata_there_is_no_mask(tmp_path):
    format = WRITER.format(replace(format_of((700, 900), tile=128, compress="jpeg"), nodata=None))
    path = tmp_path / "out.tif"
    write(path, picture(format), format)
    assert valid_cog(path)
    with rasterio.open(path) as found:
        assert found.dataset_mask().all()
        assert found.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "YCbCr JPEG"
    with tifffile.TiffFile(path) as tiff:
        assert all(page.subfiletype in {0, 1} for page in tiff.pages)


@pytest.mark.parametrize("bands", [1, 3, 4])
def test_bodies_stay_below_their_bound(bands):
    format = format_of((1024, 1024), bands, tile=256, compress="jpeg", quality=100)
    rng = np.random.default_rng(6)
    levels = 255 * rng.integers(0, 2, (*format.shape, bands)).astype(np.uint8)
    assert all(len(piece.body) <= CODEC.bound(format) for piece in encoded(levels, format))


def test_bodies_do_not_depend_on_the_cut():
    format = format_of((1100, 1300), tile=64, compress="jpeg")
    levels = picture(format)
    want = list(encoded(levels, format, rows=10_000))
    for task, rows in ((1, 1), (2, 37), (7, 512), (10_000, 37)):
        assert list(encoded(levels, format, task, rows)) == want
