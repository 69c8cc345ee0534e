"""PAM, PGM and PPM read back by their specification, GDAL (rasterio), Pillow, and netpbm where installed."""

import subprocess
from shutil import which

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.crs import CRS

from gigascene.codecs.pam import comment
from gigascene.execute.in_place import shared
from gigascene.model.errors import UsageError, WriteFailed
from gigascene.writers.pam import WRITER
from writers import _drive as drive

pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
KINDS = [(bands, dtype) for bands in (1, 2, 3, 4) for dtype in ("uint8", "uint16")]
LONG = {"Title": "Ice\nand\r\nsnow, Ätna", "big": "x" * 3000, "Software": "gigascene 0", "symbols": "😀" * 300}
netpbm = pytest.mark.skipif(which("pamfile") is None, reason="netpbm is not installed")


def made(path, shape, bands=3, dtype="uint8", *, cut=None, **options):
    format = drive.format_of(WRITER, shape, bands, dtype, suffix=path.suffix, **options)
    levels = drive.picture(format)
    facts = drive.write(path, levels, WRITER, format, **(cut or {}))
    assert facts["bytes"] == path.stat().st_size
    return levels


def parsed(path):
    """Fields, comments and pixels of a PAM, as its specification has them."""
    data = path.read_bytes()
    head, _, pixels = data.partition(b"\nENDHDR\n")
    magic, *lines = head.split(b"\n")
    assert magic == b"P7"
    assert all(len(line) < 255 for line in lines)
    fields = dict(line.decode("ascii").split(" ", 1) for line in lines if not line.startswith(b"#"))
    shape = int(fields["HEIGHT"]), int(fields["WIDTH"]), int(fields["DEPTH"])
    dtype = ">u2" if int(fields["MAXVAL"]) > 255 else "u1"
    comments = b"\n".join(line for line in lines if line.startswith(b"#")).decode()
    return fields, comments, np.frombuffer(pixels, dtype).reshape(shape)


@pytest.mark.parametrize("shape", drive.SHAPES)
@pytest.mark.parametrize(("bands", "dtype"), KINDS)
def test_every_pixel(tmp_path, shape, bands, dtype):
    levels = made(tmp_path / "out.pam", shape, bands, dtype)
    fields, _, pixels = parsed(tmp_path / "out.pam")
    np.testing.assert_array_equal(pixels, levels)
    assert fields["TUPLTYPE"] == ["GRAYSCALE", "GRAYSCALE_ALPHA", "RGB", "RGB_ALPHA"][bands - 1]
    assert int(fields["MAXVAL"]) == np.iinfo(dtype).max
    assert drive.names(tmp_path) == ["out.pam", "out.pam.aux.xml", "out.pmw"]


@netpbm
@pytest.mark.parametrize(("bands", "dtype"), KINDS)
def test_netpbm(tmp_path, bands, dtype):
    path = tmp_path / "out.pam"
    levels = made(path, (300, 213), bands, dtype, metadata=LONG)
    told = subprocess.run(["pamfile", path], capture_output=True, text=True, check=True)
    assert "213 by 300 by" in told.stdout
    assert told.stderr == ""
    png = tmp_path / "out.png"
    png.write_bytes(subprocess.run(["pamtopng", path], capture_output=True, check=True).stdout)
    with rasterio.open(png) as found:
        np.testing.assert_array_equal(np.moveaxis(found.read(), 0, -1), levels)


@pytest.mark.parametrize("shape", drive.SHAPES)
@pytest.mark.parametrize(("bands", "suffix"), [(1, ".pgm"), (3, ".ppm")])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_classic_formats(tmp_path, shape, bands, suffix, dtype):
    path = tmp_path / f"out{suffix}"
    levels = made(path, shape, bands, dtype, metadata=LONG)
    with rasterio.open(path) as found:
        np.testing.assert_array_equal(np.moveaxis(found.read(), 0, -1), levels)
        assert found.crs == CRS.from_epsg(32626)
        assert found.transform == drive.NORTH_UP
        assert found.nodata == 0
    if dtype == "uint8":
        with Image.open(path) as found:
            np.testing.assert_array_equal(np.asarray(found).reshape(levels.shape), levels)
    assert b"# Software: gigascene 0\n" in path.read_bytes()[:1024]


@netpbm
@pytest.mark.parametrize(("bands", "suffix"), [(1, ".pgm"), (3, ".ppm")])
def test_netpbm_reads_classic_formats(tmp_path, bands, suffix):
    path = tmp_path / f"out{suffix}"
    levels = made(path, (300, 213), bands, "uint16", metadata=LONG)
    raw = subprocess.run(["pamtopam"], input=path.read_bytes(), capture_output=True, check=True).stdout
    (tmp_path / "out.pam").write_bytes(raw)
    np.testing.assert_array_equal(parsed(tmp_path / "out.pam")[2], levels)


@pytest.mark.parametrize("rows", [1, 37, 512])
@pytest.mark.parametrize("run", [1, 2, 7, 10_000])
def test_cut_does_not_matter(tmp_path, run, rows):
    made(tmp_path / "one.pam", (1500, 1301), dtype="uint16")
    made(tmp_path / "two.pam", (1500, 1301), dtype="uint16", cut={"run": run, "rows": rows})
    assert (tmp_path / "one.pam").read_bytes() == (tmp_path / "two.pam").read_bytes()


def test_texts_are_comments(tmp_path):
    made(tmp_path / "out.pam", (3, 5), metadata=LONG)
    _, comments, _ = parsed(tmp_path / "out.pam")
    assert "# Title: Ice\\nand\\nsnow, Ätna\n" in comments
    joined = comments.replace("\n#+", "")
    assert f"# big: {'x' * 3000}\n" in joined
    assert joined.endswith(f"# symbols: {'😀' * 300}")


def test_no_comment_ends_the_header(tmp_path):
    made(tmp_path / "out.pam", (3, 5), metadata={"Title": "a\nENDHDR\nb"})
    assert parsed(tmp_path / "out.pam")[0]["WIDTH"] == "5"
    assert comment("a", "\n") == b"# a: \n"


@pytest.mark.parametrize(("suffix", "bands"), [(".pgm", 3), (".pgm", 2), (".ppm", 1), (".ppm", 4)])
def test_classic_formats_refuse(tmp_path, suffix, bands):
    with pytest.raises(UsageError, match=r"write \.pam"):
        made(tmp_path / f"out{suffix}", (3, 5), bands)


def test_missing_rows_are_no_file(tmp_path):
    format = drive.format_of(WRITER, (1500, 1301))
    sink = drive.opened(tmp_path / "out.pam", WRITER, format)
    sink.put(next(drive.pieces(drive.picture(format), WRITER, format)))
    with pytest.raises(WriteFailed, match="pieces are missing"):
        sink.finish()
    sink.abort(keep=False)
    assert drive.names(tmp_path) == []


def test_refused_commit_leaves_nothing(tmp_path):
    format = drive.format_of(WRITER, (3, 5))
    sink = drive.opened(tmp_path / "out.pam", WRITER, format)
    for piece in drive.pieces(drive.picture(format), WRITER, format):
        sink.put(piece)
    (tmp_path / "out.pam").mkdir()
    with pytest.raises(WriteFailed):
        sink.finish()
    sink.abort(keep=False)
    # The side files went first and are complete; no temporary one is left.
    assert not [name for name in drive.names(tmp_path) if name.startswith(".")]


def test_resume_gives_the_same_bytes(tmp_path):
    format = drive.format_of(WRITER, (1500, 1301))
    levels = drive.picture(format)
    drive.write(tmp_path / "one.pam", levels, WRITER, format)
    parts = list(drive.pieces(levels, WRITER, format))
    sink = drive.opened(tmp_path / "two.pam", WRITER, format)
    done = [sink.put(part) for part in parts[:2]]
    sink.abort(keep=True)
    sink = drive.opened(tmp_path / "two.pam", WRITER, format, done)
    for part in parts[2:]:
        sink.put(part)
    sink.finish()
    assert (tmp_path / "one.pam").read_bytes() == (tmp_path / "two.pam").read_bytes()


@pytest.mark.parametrize("shape", [(900, 5_000), (3, 2_000_000)])
def test_rows_are_written_where_they_belong_whatever_their_turn(tmp_path, shape):
    format = drive.format_of(WRITER, shape, 3, "uint8", suffix=".pam")
    levels = drive.picture(format)
    drive.write(tmp_path / "one.pam", levels, WRITER, format)
    pieces = list(drive.pieces(levels, WRITER, format, run=1))
    assert len(pieces) > 3
    sink = drive.opened(tmp_path / "other.pam", WRITER, format)
    with shared(tmp_path / ".other.pam.part", processes=1) as place:
        stored = [place.store(one, WRITER.offset(format, one.index), sync=False) for one in reversed(pieces)]
    assert all(not piece.body and piece.stored for piece in stored)
    for piece in reversed(stored):
        sink.put(piece)
    sink.finish()
    assert (tmp_path / "one.pam").read_bytes() == (tmp_path / "other.pam").read_bytes()
