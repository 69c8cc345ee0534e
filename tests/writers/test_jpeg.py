"""JPEGs read back by Pillow and GDAL (rasterio): pixels nearly, mask and georeferencing exactly."""

import errno
import resource
import zlib
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.crs import CRS
from rasterio.shutil import copy

from gigascene.model.errors import UsageError, WriteFailed
from gigascene.writers.jpeg import WRITER
from writers import _drive as drive

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
NEAR = 10
"""Levels by which quality 98 of noisy pixels may differ."""


def made(path, shape, bands=3, *, noise=9, cut=None, **options):
    format = drive.format_of(WRITER, shape, bands, **options)
    levels = drive.picture(format, noise)
    facts = drive.write(path, levels, WRITER, format, **(cut or {}))
    assert facts["bytes"] == path.stat().st_size
    return levels, facts


def valid_of(levels, bands):
    return levels[..., -1] > 0 if bands in {2, 4} else (levels != 0).any(axis=-1)


@pytest.mark.parametrize("shape", drive.SHAPES)
@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("suffix", [".jpg", ".jpeg"])
def test_pixels_and_mask(tmp_path, shape, bands, suffix):
    path = tmp_path / f"out{suffix}"
    levels, facts = made(path, shape, bands, quality=98, noise=9 if bands < 3 else 1)
    colors = levels[..., : 1 if bands < 3 else 3]
    valid = valid_of(levels, bands)
    inner = valid & ~near_edge(valid)
    with rasterio.open(path) as found:
        assert found.count == colors.shape[-1]
        np.testing.assert_array_equal(found.dataset_mask() > 0, valid)
        assert found.nodata is None
        read = np.moveaxis(found.read(), 0, -1)
    with Image.open(path) as found:
        np.testing.assert_allclose(np.asarray(found).reshape(colors.shape).astype(int), read, atol=3)
    assert np.abs(read.astype(int) - colors)[inner].max(initial=0) <= NEAR
    assert facts["mask"] == (not valid.all())
    assert drive.names(tmp_path) == ["out.jgw", f"out{suffix}", f"out{suffix}.aux.xml"]


def near_edge(valid):
    """Within 16 pixels of one that is not valid: JPEG's blocks, with colours at half size, smear so far."""
    grown = ~valid
    for axis in (0, 1):
        grown = np.logical_or.reduce([np.roll(grown, shift, axis) for shift in range(-16, 17)])
    return grown


def test_gdal_would_write_the_same_mask(tmp_path):
    levels, _ = made(tmp_path / "out.jpg", (211, 333), 1)
    profile = {"driver": "GTiff", "height": 211, "width": 333, "count": 1, "dtype": "uint8", "nodata": 0}
    with rasterio.open(tmp_path / "in.tif", "w", **profile) as file:
        file.write(levels[..., 0], 1)
    copy(str(tmp_path / "in.tif"), str(tmp_path / "gdal.jpg"), driver="JPEG", quality=90)
    ours, gdals = (zlib.decompress(mask_of(tmp_path / name)) for name in ("out.jpg", "gdal.jpg"))
    assert ours == gdals.rstrip(b"\0")  # GDAL's buffer has room for rows of whole bytes, and is not filled


def mask_of(path):
    data = path.read_bytes()
    begin = int.from_bytes(data[-4:], "little")
    assert data[begin - 2 : begin] == b"\xff\xd9"
    return data[begin:-4]


@pytest.mark.parametrize("bands", [1, 3])
def test_no_mask_where_all_is_valid(tmp_path, bands):
    path = tmp_path / "out.jpg"
    format = drive.format_of(WRITER, (70, 50), bands)
    facts = drive.write(path, np.full((70, 50, bands), 77, np.uint8), WRITER, format)
    assert facts["mask"] is False
    assert path.read_bytes().endswith(b"\xff\xd9")
    with rasterio.open(path) as found:
        assert found.dataset_mask().all()


def test_mask_where_nothing_is_valid(tmp_path):
    format = drive.format_of(WRITER, (70, 50))
    assert drive.write(tmp_path / "out.jpg", np.zeros((70, 50, 3), np.uint8), WRITER, format)["mask"]
    with rasterio.open(tmp_path / "out.jpg") as found:
        assert not found.dataset_mask().any()


def test_black_is_valid_where_nothing_says_otherwise(tmp_path):
    format = drive.format_of(WRITER, (70, 50), plain=True)
    assert not drive.write(tmp_path / "out.jpg", np.zeros((70, 50, 3), np.uint8), WRITER, format)["mask"]


@pytest.mark.parametrize("rows", [1, 37, 512])
@pytest.mark.parametrize("run", [1, 2, 7, 10_000])
def test_cut_does_not_matter(tmp_path, run, rows):
    made(tmp_path / "one.jpg", (1500, 1301))
    made(tmp_path / "two.jpg", (1500, 1301), cut={"run": run, "rows": rows})
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()


def test_strips_make_the_picture_that_a_whole_would(tmp_path):
    for bands, mode in ((1, "L"), (3, "RGB")):
        levels, _ = made(tmp_path / "out.jpg", (1900, 1301), bands, quality=80)
        assert len(WRITER.codec.pieces(drive.format_of(WRITER, (1900, 1301), bands))) > 1
        Image.fromarray(levels.squeeze(), mode).save(tmp_path / "whole.jpg", quality=80, subsampling=2)
        with Image.open(tmp_path / "out.jpg") as ours, Image.open(tmp_path / "whole.jpg") as whole:
            np.testing.assert_array_equal(np.asarray(ours), np.asarray(whole))


def test_texts_are_a_comment(tmp_path):
    made(tmp_path / "out.jpg", (70, 50), metadata={**drive.TEXTS, "big": "x" * 70_000, "last": "Ä"})
    with Image.open(tmp_path / "out.jpg") as found:
        lines = found.info["comment"].decode().splitlines()
    assert lines == [*(f"{key}: {value}" for key, value in drive.TEXTS.items()), "last: Ä"]


def test_a_comment_as_long_as_can_be(tmp_path):
    made(tmp_path / "out.jpg", (70, 50), metadata={"a": "x" * (65_533 - 4)})
    with Image.open(tmp_path / "out.jpg") as found:
        found.load()
        assert len(found.info["comment"]) == 65_533


@pytest.mark.parametrize("bands", [1, 3])
def test_noise_stays_within_the_bound(tmp_path, bands):
    format = drive.format_of(WRITER, (700, 513), bands, quality=100)
    levels = np.random.default_rng(0).integers(0, 2, (700, 513, bands), np.uint8) * 255
    drive.write(tmp_path / "out.jpg", levels, WRITER, format)  # which compares every piece with it


def test_georeferencing(tmp_path):
    made(tmp_path / "out.jpg", (70, 50))
    with rasterio.open(tmp_path / "out.jpg") as found:
        assert found.crs == CRS.from_epsg(32626)
        assert found.transform == drive.NORTH_UP
    (tmp_path / "out.jpg.aux.xml").unlink()
    with rasterio.open(tmp_path / "out.jpg") as found:
        assert found.transform == drive.NORTH_UP


def test_quality(tmp_path):
    sizes = []
    for quality in (10, "90", None):
        made(tmp_path / "out.jpg", (300, 200), **({} if quality is None else {"quality": quality}))
        sizes.append((tmp_path / "out.jpg").stat().st_size)
    assert sizes[0] < sizes[1] == sizes[2]


@pytest.mark.parametrize("shape", [(65_500, 3), (3, 65_500)])
def test_the_longest_sides(tmp_path, shape):
    levels, _ = made(tmp_path / "out.jpg", shape, 1)
    with rasterio.open(tmp_path / "out.jpg") as found:
        assert found.shape == shape
        np.testing.assert_array_equal(found.dataset_mask() > 0, levels[..., 0] != 0)


@pytest.mark.parametrize("quality", [0, 101, "best", 90.5])
def test_quality_is_checked(quality):
    with pytest.raises(UsageError, match="1 to 100"):
        drive.format_of(WRITER, (70, 50), quality=quality)


def test_refusals():
    with pytest.raises(UsageError, match=r"\.png or \.tif"):
        drive.format_of(WRITER, (70, 50), dtype="uint16")
    with pytest.raises(WriteFailed, match=r"65,501.*Use \.tif"):
        drive.format_of(WRITER, (3, 65_501))
    with pytest.raises(UsageError, match="not 2 bands"):
        WRITER.format(replace(drive.format_of(WRITER, (70, 50)), bands=2))


def test_missing_rows_are_no_file(tmp_path):
    format = drive.format_of(WRITER, (1500, 1301))
    sink = drive.opened(tmp_path / "out.jpg", WRITER, format)
    sink.put(next(drive.pieces(drive.picture(format), WRITER, format)))
    with pytest.raises(WriteFailed, match="pieces are missing"):
        sink.finish()
    sink.abort(keep=False)
    assert drive.names(tmp_path) == []


@contextmanager
def files_at_most(size):
    """As a full disk would: no file may grow beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [100, 20_000, -1, -2, -30])
def test_no_space_leaves_nothing(tmp_path, size):
    """Whether it ends in the image, at its very end, or in the mask."""
    format = drive.format_of(WRITER, (700, 513))
    levels = drive.picture(format)
    whole = drive.write(tmp_path / "out.jpg", levels, WRITER, format)["bytes"]
    image = whole - len(mask_of(tmp_path / "out.jpg")) - 4
    before = {name: (tmp_path / name).read_bytes() for name in drive.names(tmp_path)}
    sink = drive.opened(tmp_path / "out.jpg", WRITER, format)
    for piece in drive.pieces(levels, WRITER, format):
        sink.put(piece)
    limit = {-1: whole - 1, -2: image - 1, -30: image + 30}.get(size, size)
    with files_at_most(limit), pytest.raises(WriteFailed) as caught:
        sink.finish()
    sink.abort(keep=False)
    assert caught.value.exit_code == 5
    assert {name: (tmp_path / name).read_bytes() for name in drive.names(tmp_path)} == before


def test_no_space_for_the_rows(tmp_path):
    format = drive.format_of(WRITER, (700, 513))
    sink = drive.opened(tmp_path / "out.jpg", WRITER, format)
    with files_at_most(10_000), pytest.raises(WriteFailed, match="no space") as caught:
        for piece in drive.pieces(drive.picture(format), WRITER, format):
            sink.put(piece)
    assert caught.value.__cause__.errno == errno.EFBIG
    sink.abort(keep=False)
    assert drive.names(tmp_path) == []


def test_resume_gives_the_same_bytes(tmp_path):
    format = drive.format_of(WRITER, (1500, 1301))
    levels = drive.picture(format)
    drive.write(tmp_path / "one.jpg", levels, WRITER, format)
    every = list(drive.pieces(levels, WRITER, format))
    sink = drive.opened(tmp_path / "two.jpg", WRITER, format)
    done = [sink.put(piece) for piece in every[:2]]
    sink.abort(keep=True)
    sink = drive.opened(tmp_path / "two.jpg", WRITER, format, done)
    for piece in every[2:]:
        sink.put(piece)
    sink.finish()
    assert (tmp_path / "one.jpg").read_bytes() == (tmp_path / "two.jpg").read_bytes()
