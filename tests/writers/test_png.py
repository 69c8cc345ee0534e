"""PNGs read back by independent readers: Pillow, GDAL (rasterio), zlib, and pngcheck and netpbm where installed."""

import struct
import subprocess
import zlib
from dataclasses import replace
from shutil import which

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.crs import CRS

from gigascene.model.errors import UsageError, WriteFailed
from gigascene.writers.png import WRITER
from writers import _drive as drive

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
KINDS = [(bands, dtype) for bands in (1, 2, 3, 4) for dtype in ("uint8", "uint16")]


def made(path, shape, bands=3, dtype="uint8", *, noise=9, cut=None, **options):
    format = drive.format_of(WRITER, shape, bands, dtype, **options)
    levels = drive.picture(format, noise)
    facts = drive.write(path, levels, WRITER, format, **(cut or {}))
    assert facts["bytes"] == path.stat().st_size
    return levels


def chunks(path):
    """Kind and data of every chunk; the CRC of each is checked."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, found = 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        found.append((kind, body))
        at += 12 + length
    assert [found[0][0], found[-1]] == [b"IHDR", (b"IEND", b"")]
    return found


@pytest.mark.parametrize("shape", drive.SHAPES)
@pytest.mark.parametrize(("bands", "dtype"), KINDS)
def test_every_pixel(tmp_path, shape, bands, dtype):
    path = tmp_path / "out.png"
    levels = made(path, shape, bands, dtype)
    with rasterio.open(path) as found:
        np.testing.assert_array_equal(np.moveaxis(found.read(), 0, -1), levels)
    if dtype == "uint8" or bands == 1:  # Pillow knows 16 bit in grey only
        with Image.open(path) as found:
            np.testing.assert_array_equal(np.asarray(found).reshape(levels.shape), levels)
    assert drive.names(tmp_path) == ["out.pgw", "out.png", "out.png.aux.xml"]


@pytest.mark.parametrize("level", ["fast", "default", "small"])
@pytest.mark.parametrize("noise", [1, 200])
def test_levels_are_ordinary_zlib(tmp_path, level, noise):
    path = tmp_path / "out.png"
    levels = made(path, (900, 1300), noise=noise, level=level)
    stream = b"".join(body for kind, body in chunks(path) if kind == b"IDAT")
    assert len(zlib.decompress(stream)) == 900 * (1 + 3 * 1300)
    np.testing.assert_array_equal(np.asarray(Image.open(path)), levels)


def test_small_is_smaller_than_fast(tmp_path):
    sizes = []
    for level in ("fast", "small"):
        made(tmp_path / f"{level}.png", (700, 513), noise=1, level=level)
        sizes.append((tmp_path / f"{level}.png").stat().st_size)
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("rows", [1, 37, 512])
@pytest.mark.parametrize("run", [1, 2, 7, 10_000])
def test_cut_does_not_matter(tmp_path, run, rows):
    made(tmp_path / "one.png", (1500, 1301), dtype="uint16")
    made(tmp_path / "two.png", (1500, 1301), dtype="uint16", cut={"run": run, "rows": rows})
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize(("bands", "data"), [(1, b"\0\0"), (3, b"\0" * 6)])
def test_nodata_is_transparent(tmp_path, bands, data):
    path = tmp_path / "out.png"
    levels = made(path, (70, 50), bands)
    assert dict(chunks(path))[b"tRNS"] == data
    with Image.open(path) as found:
        opacity = np.asarray(found.convert("RGBA"))[..., 3]
    np.testing.assert_array_equal(opacity > 0, (levels != 0).any(axis=-1))


@pytest.mark.parametrize("options", [{"bands": 4}, {"bands": 3, "plain": True}])
def test_no_transparent_level_where_none_is_wanted(tmp_path, options):
    made(tmp_path / "out.png", (70, 50), **options)
    assert b"tRNS" not in dict(chunks(tmp_path / "out.png"))


def test_texts(tmp_path):
    made(tmp_path / "out.png", (70, 50))
    with Image.open(tmp_path / "out.png") as found:
        found.load()
        assert found.text == drive.TEXTS
    assert b"tIME" not in dict(chunks(tmp_path / "out.png"))


@pytest.mark.parametrize(
    "affine", [drive.NORTH_UP, Affine.translation(3, 4) @ Affine.rotation(30) @ Affine.scale(2, -2)]
)
def test_georeferencing(tmp_path, affine):
    made(tmp_path / "out.png", (70, 50), affine=affine)
    with rasterio.open(tmp_path / "out.png") as found:
        assert found.crs == CRS.from_epsg(32626)
        assert found.transform.almost_equals(affine)
        assert found.nodata == 0
    (tmp_path / "out.png.aux.xml").unlink()
    with rasterio.open(tmp_path / "out.png") as found:  # by the world file alone
        assert found.transform.almost_equals(affine, 1e-9)


def test_no_world_file_without_crs(tmp_path):
    made(tmp_path / "out.png", (70, 50), crs=None, affine=Affine.identity())
    assert "out.pgw" not in drive.names(tmp_path)


@pytest.mark.skipif(which("pngcheck") is None, reason="pngcheck is not installed")
@pytest.mark.parametrize(("bands", "dtype"), KINDS)
def test_pngcheck(tmp_path, bands, dtype):
    made(tmp_path / "out.png", (700, 513), bands, dtype)
    found = subprocess.run(["pngcheck", "-v", tmp_path / "out.png"], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    assert "No errors detected" in found.stdout


@pytest.mark.skipif(which("pngtopam") is None, reason="netpbm is not installed")
@pytest.mark.parametrize(("bands", "dtype"), KINDS)
def test_netpbm(tmp_path, bands, dtype):
    levels = made(tmp_path / "out.png", (300, 213), bands, dtype)
    alpha = ["-alphapam"] if bands in {2, 4} else []
    raw = subprocess.run(["pngtopam", *alpha, tmp_path / "out.png"], capture_output=True, check=True).stdout
    pixels = np.frombuffer(raw[len(raw) - levels.nbytes :], np.dtype(dtype).newbyteorder(">"))
    np.testing.assert_array_equal(pixels.reshape(levels.shape), levels)


def test_refusals():
    format = drive.format_of(WRITER, (70, 50))
    with pytest.raises(UsageError, match="fast, default, small"):
        WRITER.format(replace(format, options={"level": "9"}))
    with pytest.raises(WriteFailed, match=r"Use \.pam"):
        WRITER.format(replace(format, shape=(1, 2**31)))


def test_abort_leaves_what_is_asked(tmp_path):
    format = drive.format_of(WRITER, (70, 50))
    drive.opened(tmp_path / "out.png", WRITER, format).abort(keep=True)
    assert drive.names(tmp_path) == [".out.png.part"]
    drive.opened(tmp_path / "out.png", WRITER, format).abort(keep=False)
    assert drive.names(tmp_path) == []


def test_resume_gives_the_same_bytes(tmp_path):
    format = drive.format_of(WRITER, (1500, 1301))
    levels = drive.picture(format)
    drive.write(tmp_path / "one.png", levels, WRITER, format)
    parts = list(drive.pieces(levels, WRITER, format))
    sink = drive.opened(tmp_path / "two.png", WRITER, format)
    done = [sink.put(part) for part in parts[:2]]
    sink.abort(keep=True)
    sink = drive.opened(tmp_path / "two.png", WRITER, format, done)
    for part in parts[2:]:
        sink.put(part)
    sink.finish()
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
