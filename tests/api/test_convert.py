"""Pictures from format to format: not a pixel changes, nothing of their place is lost, bad ones are told."""

import hashlib
import json
import re
import signal
import sqlite3
import struct
import subprocess
import sys
import time
import zlib
from contextlib import suppress

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import gigascene
from cli.shell import spoken
from gigascene.metadata.geotiff_tags import ungeoreferenced_allowed
from gigascene.model.errors import BadInput, GigasceneError, LimitExceeded, UsageError, WriteFailed
from gigascene.readers import pnm
from reliability.kills import rows
from serve.pictures import geotiff

TYPES = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}


def write_pam(path, levels):
    """A PAM as netpbm writes it."""
    height, width, bands = levels.shape
    top = np.iinfo(levels.dtype).max
    header = f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {bands}\nMAXVAL {top}\nTUPLTYPE {TYPES[bands]}\nENDHDR\n"
    path.write_bytes(header.encode() + levels.astype(levels.dtype.newbyteorder(">")).tobytes())
    return path


def read_pam(path):
    picture = pnm.describe(path)
    out = np.empty((*picture.shape, picture.bands), picture.dtype)
    return pnm.read(picture, 0, picture.shape[0], out)


def noise(shape, bands=3, dtype="uint8", seed=1):
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max + 1, (*shape, bands)).astype(dtype)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 1200),
    bands=st.integers(1, 4),
    dtype=st.sampled_from(["uint8", "uint16"]),
    way=st.permutations([".png", ".tif", ".pam"]),
)
def test_round_trips_change_nothing(tmp_path_factory, height, width, bands, dtype, way):
    folder = tmp_path_factory.mktemp("trip")
    levels = noise((height, width), bands, dtype, seed=height * width)
    before = write_pam(folder / "start.pam", levels)
    for number, suffix in enumerate([*way, ".pam"]):
        after = folder / f"{number}{suffix}"
        gigascene.convert(before, after, workers=2)
        before = after
    np.testing.assert_array_equal(read_pam(before), levels)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pam", ".jpg"])
def test_place_and_nodata_are_kept(small_scene, tmp_path, suffix):
    first, other = tmp_path / "first.tif", tmp_path / f"other{suffix}"
    gigascene.compose("true-color", small_scene, first)
    gigascene.convert(first, other)
    with rasterio.open(first) as a, rasterio.open(other if suffix != ".pam" else first) as b:
        assert (a.crs, a.transform) == (b.crs, b.transform)
        if suffix in {".png", ".tif"}:
            assert b.nodata == 0
            np.testing.assert_array_equal(a.read(), b.read())
    if suffix != ".jpg":
        gigascene.convert(other, tmp_path / "back.tif")
        with rasterio.open(first) as a, rasterio.open(tmp_path / "back.tif") as b:
            assert (a.crs, a.transform, a.nodata, a.count) == (b.crs, b.transform, b.nodata, b.count)
            np.testing.assert_array_equal(a.read(), b.read())


def test_pillow_sees_the_same(tmp_path):
    levels = noise((300, 700))
    gigascene.convert(write_pam(tmp_path / "a.pam", levels), tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), levels)
    Image.fromarray(levels).save(tmp_path / "b.png", optimize=True)
    gigascene.convert(tmp_path / "b.png", tmp_path / "b.pam")
    np.testing.assert_array_equal(read_pam(tmp_path / "b.pam"), levels)


def test_any_cut_and_engine_give_the_same_bytes(tmp_path):
    source = write_pam(tmp_path / "a.pam", noise((2100, 900)))
    png = tmp_path / "a.png"
    gigascene.convert(source, png)
    for start in (source, png):
        seen = set()
        for engine, workers, memory in (("serial", 1, "2G"), ("threads", 3, "500M"), ("processes", 2, "1400M")):
            target = tmp_path / "out.tif"
            gigascene.convert(start, target, engine=engine, workers=workers, memory=memory)
            seen.add(hashlib.sha256(target.read_bytes()).hexdigest())
        assert len(seen) == 1


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    height=st.integers(1, 90),
    width=st.integers(1, 1200),
    bands=st.integers(1, 4),
    dtype=st.sampled_from(["uint8", "uint16"]),
    order=st.sampled_from(["big", "little"]),
)
def test_what_has_no_header_is_read_as_it_was_written(tmp_path_factory, height, width, bands, dtype, order):
    folder = tmp_path_factory.mktemp("raw")
    levels = noise((height, width), bands, dtype, seed=height * width)
    gigascene.convert(write_pam(folder / "a.pam", levels), folder / "a.raw", options={"byteorder": order}, workers=2)
    stored = np.fromfile(folder / "a.raw", np.dtype(dtype).newbyteorder(">" if order == "big" else "<"))
    np.testing.assert_array_equal(stored.reshape(levels.shape), levels)
    how = {"raw": (width, height, bands), "depth": 8 * levels.itemsize, "byteorder": order}
    gigascene.convert(folder / "a.raw", folder / "b.pam", **how)
    np.testing.assert_array_equal(read_pam(folder / "b.pam"), levels)


def test_the_command_says_how_raw_is_read(tmp_path, capsys, monkeypatch):
    levels = noise((50, 70), 3, "uint16")
    source = write_pam(tmp_path / "a.pam", levels)
    code, _, err = spoken(capsys, monkeypatch, "convert", source, "-o", tmp_path / "a.raw", "--byte-order", "little")
    assert code == 0
    words = re.search(r"convert (--raw .*)", err)[1].split()
    assert words == ["--raw", "70x50x3", "--depth", "16", "--byte-order", "little"]
    assert spoken(capsys, monkeypatch, "convert", tmp_path / "a.raw", *words, "-o", tmp_path / "b.pam")[0] == 0
    np.testing.assert_array_equal(read_pam(tmp_path / "b.pam"), levels)
    with pytest.raises(UsageError, match="big or little"):
        gigascene.plan_convert(source, tmp_path / "a.raw", options={"byteorder": "middle"})


def test_samples_that_look_like_another_format_are_verified(tmp_path):
    """Nothing decodes samples; what they begin with is chance."""
    levels = np.frombuffer(b"P5 9 9 255\n" + bytes(70), np.uint8).reshape(9, 9, 1)
    gigascene.convert(write_pam(tmp_path / "a.pam", levels), tmp_path / "a.raw")
    assert gigascene.verify(tmp_path / "a.raw")


@pytest.mark.parametrize(("bands", "magic"), [(1, b"P5"), (3, b"P6")])
def test_pnm_is_grey_or_rgb(tmp_path, bands, magic):
    levels = noise((40, 50), bands, "uint16")
    gigascene.convert(write_pam(tmp_path / "a.pam", levels), tmp_path / "a.pnm")
    assert (tmp_path / "a.pnm").read_bytes()[:2] == magic
    np.testing.assert_array_equal(read_pam(tmp_path / "a.pnm"), levels)
    with pytest.raises(UsageError, match=r"\.pnm holds grey or RGB .*write \.pam"):
        gigascene.plan_convert(write_pam(tmp_path / "b.pam", noise((4, 5), bands + 1)), tmp_path / "b.pnm")


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_is_read_as_it_is_decoded(tmp_path, progressive):
    """By any engine, to the pixel that GDAL gives; from there on nothing is lost."""
    source, seen = tmp_path / "a.jpg", set()
    smooth = Image.fromarray(noise((40, 30))).resize((900, 1300), Image.Resampling.BICUBIC)
    smooth.save(source, quality=85, progressive=progressive)
    for engine, workers in (("serial", 1), ("threads", 3)):
        gigascene.convert(source, tmp_path / "a.png", engine=engine, workers=workers)
        seen.add((tmp_path / "a.png").read_bytes())
    with ungeoreferenced_allowed(), rasterio.open(source) as file:
        np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), np.moveaxis(file.read(), 0, -1))
    assert len(seen) == 1
    assert not list(tmp_path.glob(".*"))


def test_a_mask_behind_a_jpeg_is_alpha(tmp_path):
    """What we write ourselves for what is no data."""
    levels = noise((700, 500), 4)
    levels[..., 3] = np.where(np.arange(500) < 200, 0, 255)
    gigascene.convert(write_pam(tmp_path / "a.pam", levels), tmp_path / "a.jpg")
    gigascene.convert(tmp_path / "a.jpg", tmp_path / "b.pam")
    np.testing.assert_array_equal(read_pam(tmp_path / "b.pam")[..., 3], levels[..., 3])


def test_a_jpeg_in_several_scans_needs_memory_for_all_of_it(tmp_path):
    """Foreseen from its header: decoding begins with the whole picture's coefficients in hand."""
    source = tmp_path / "a.jpg"
    Image.new("L", (12_000, 10_000)).save(source, progressive=True, quality=5)
    with pytest.raises(LimitExceeded):
        gigascene.plan_convert(source, tmp_path / "a.png", memory="450M", workers=1)
    assert (
        gigascene.plan_convert(source, tmp_path / "a.png", memory="600M", workers=1).execution.projected > 500_000_000
    )
    Image.new("L", (12_000, 10_000)).save(source, quality=5)
    gigascene.plan_convert(source, tmp_path / "a.png", memory="450M", workers=1)


def test_one_of_several_images(tmp_path):
    several = tmp_path / "several.pam"
    parts = [write_pam(tmp_path / f"{n}.pam", noise((5, 7), seed=n)) for n in range(3)]
    several.write_bytes(b"".join(part.read_bytes() for part in parts))
    gigascene.convert(several, tmp_path / "out.pam", image=2)
    np.testing.assert_array_equal(read_pam(tmp_path / "out.pam"), read_pam(parts[2]))


@pytest.mark.parametrize("order", ["big", "little"])
def test_samples_without_a_header(tmp_path, order):
    levels = noise((40, 30), 3, "uint16")
    stored = levels.astype(levels.dtype.newbyteorder(">" if order == "big" else "<"))
    (tmp_path / "raw").write_bytes(b"skip" + stored.tobytes())
    gigascene.convert(tmp_path / "raw", tmp_path / "o.pam", raw=(30, 40, 3), depth=16, byteorder=order, offset=4)
    np.testing.assert_array_equal(read_pam(tmp_path / "o.pam"), levels)


def test_a_mask_and_another_nodata_become_alpha(tmp_path):
    levels = noise((600, 520)) | 1
    levels[:100] = 255
    profile = {"driver": "GTiff", "width": 520, "height": 600, "count": 3, "dtype": "uint8"}
    with ungeoreferenced_allowed():
        with rasterio.open(tmp_path / "a.tif", "w", nodata=255, **profile) as file:
            file.write(np.moveaxis(levels, 2, 0))
        with rasterio.open(tmp_path / "a.tif") as file:
            valid = file.dataset_mask()
    gigascene.convert(tmp_path / "a.tif", tmp_path / "a.png")
    found = np.asarray(Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(found[..., :3], levels)
    np.testing.assert_array_equal(found[..., 3], valid)
    assert set(np.unique(valid)) == {0, 255}


@pytest.mark.parametrize("bad", ["text", "truncated", "png", "jpeg", "float", "huge"])
def test_bad_pictures_are_told_and_nothing_is_left(tmp_path, bad):
    source = tmp_path / "bad.bin"
    if bad == "text":
        source.write_text("hello world, no picture")
    elif bad == "truncated":
        source.write_bytes(write_pam(tmp_path / "a.pam", noise((50, 50))).read_bytes()[:-10])
    elif bad == "png":
        gigascene.convert(write_pam(tmp_path / "a.pam", noise((500, 500))), tmp_path / "a.png")
        data = bytearray((tmp_path / "a.png").read_bytes())
        data[len(data) // 2] ^= 1
        source.write_bytes(data)
    elif bad == "jpeg":
        Image.fromarray(noise((500, 500))).save(tmp_path / "a.jpg")
        source.write_bytes((tmp_path / "a.jpg").read_bytes()[:-1000])
    elif bad == "float":
        profile = {"driver": "GTiff", "width": 9, "height": 9, "count": 1, "dtype": "float32"}
        with ungeoreferenced_allowed(), rasterio.open(source, "w", **profile) as file:
            file.write(np.zeros((1, 9, 9), "float32"))
    else:
        source.write_bytes(b"P7\nWIDTH 2147483647\nHEIGHT 2147483647\nDEPTH 4\nMAXVAL 65535\nENDHDR\n")
    before = {path.name for path in tmp_path.iterdir()}
    with pytest.raises(BadInput, match=r"bad\.bin"):
        gigascene.convert(source, tmp_path / "out.png")
    assert {path.name for path in tmp_path.iterdir()} == before


def test_limits_are_known_before_work_starts(tmp_path):
    wide = tmp_path / "wide.pam"
    with wide.open("wb") as file:
        file.write(b"P7\nWIDTH 70000\nHEIGHT 3\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n")
        file.truncate(1 << 20)
    with pytest.raises((WriteFailed, UsageError), match=r"65,500.*tif"):
        gigascene.plan_convert(wide, tmp_path / "wide.jpg")
    with pytest.raises(LimitExceeded):
        gigascene.plan_convert(wide, tmp_path / "wide.png", memory="20M", workers=1)
    with pytest.raises(GigasceneError, match="input"):
        gigascene.plan_convert(wide, wide)


def test_plans_travel(tmp_path):
    plan = gigascene.plan_convert(write_pam(tmp_path / "a.pam", noise((30, 40))), tmp_path / "a.png")
    gigascene.save_plan(plan, tmp_path / "plan.json")
    gigascene.run(gigascene.load_plan(tmp_path / "plan.json"))
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.size == (40, 30)


@pytest.mark.parametrize("moment", ["gigascene.writers._body:Body.put", "gigascene.writers._tiles:_Level.add"])
@pytest.mark.parametrize(("name", "options"), [("out.dzi", {"tile": 64}), ("out/", {})])
def test_folders_of_tiles_are_killed_and_resumed(tmp_path, name, options, moment):
    """In the body, or while the folder is made of it: what is resumed is, file by file, what was never killed."""
    source = geotiff(tmp_path / "a.tif", noise((1500, 1500)) | 1, nodata=0)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    gigascene.convert(source, f"{whole}/{name}", workers=1, options=options)
    job = {"moment": moment, "source": str(source), "target": f"{killed}/{name}", "options": options}
    child = subprocess.run([sys.executable, "-c", DIES.format(**job)], check=False)
    assert child.returncode == -signal.SIGKILL
    assert [path for path in killed.iterdir() if not path.name.startswith(".")] == []
    gigascene.convert(source, f"{killed}/{name}", workers=1, options=options, resume=True)
    assert tree(killed) == tree(whole)


DIES = """
import os, pkgutil, signal
owner, name = "{moment}".rsplit(".", 1)
owner, calls = pkgutil.resolve_name(owner), []
true = getattr(owner, name)
def mortal(*words):
    calls.append(None)
    return true(*words) if len(calls) <= 1 else os.kill(os.getpid(), signal.SIGKILL)
setattr(owner, name, mortal)
import gigascene
gigascene.convert({source!r}, {target!r}, workers=1, options={options!r})
"""
"""Dies by its own hand when it does something the second time."""


def tree(folder):
    """Files by name, but for the receipt, which tells the time."""
    files = [path for path in folder.rglob("*") if path.is_file() and "receipt" not in path.name]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def told(journal):
    """Pieces that it tells of, as soon as it can be read."""
    with suppress(sqlite3.OperationalError):
        return sum(1 for _ in rows(journal))
    return 0


@pytest.mark.parametrize("name", ["a.pam", "a.jpg", "a.dzi"])
def test_killed_and_resumed(tmp_path, name):
    """Killed while it writes; what is resumed has the bytes of what was never killed."""
    source, levels = tmp_path / name, noise((6000, 3000))
    if name == "a.jpg":
        Image.fromarray(levels).save(source)
    else:
        gigascene.convert(write_pam(tmp_path / "from.pam", levels), source)
    whole, target = tmp_path / "whole.png", tmp_path / "out.png"
    gigascene.convert(source, whole)
    code = f"import gigascene; gigascene.convert({str(source)!r}, {str(target)!r}, workers=1, memory='350M')"
    child = subprocess.Popen([sys.executable, "-c", code])
    journal = tmp_path / ".out.png.journal"
    while child.poll() is None and not (journal.exists() and told(journal) > 0):
        time.sleep(0.005)
    child.kill()
    child.wait()
    assert not target.exists()
    receipt = gigascene.convert(source, target, workers=1, memory="350M", resume=True)
    assert receipt.resumed > 0
    assert target.read_bytes() == whole.read_bytes()


def test_a_world_file_of_another_picture_stays(tmp_path):
    levels = np.full((40, 30, 3), 7, np.uint8)
    geotiff(tmp_path / "photo.tif", levels)
    (tmp_path / "photo.tfw").write_text("1\n0\n0\n-1\n0\n0\n")
    geotiff(tmp_path / "in.tif", levels)
    gigascene.convert(tmp_path / "in.tif", tmp_path / "photo.tiff")
    assert (tmp_path / "photo.tfw").exists()
    (tmp_path / "photo.jpg").write_bytes(b"another")
    (tmp_path / "photo.jgw").write_text("other")
    gigascene.convert(tmp_path / "in.tif", tmp_path / "photo.jpeg")
    assert (tmp_path / "photo.jgw").read_text() == "other"


@pytest.mark.parametrize(("name", "options"), [("a.jpg", {}), ("a.tif", {"compress": "jpeg"}), ("a.png", {})])
def test_an_item_names_the_bands_of_the_file(tmp_path, name, options):
    source = geotiff(
        tmp_path / "in.tif", np.full((40, 30, 4), 200, np.uint8), colours=("red", "green", "blue", "alpha")
    )
    gigascene.convert(source, tmp_path / name, options=options, datetime="2020-06-01T00:00:00Z")
    asset = json.loads((tmp_path / f"{name}.stac.json").read_text())["assets"]["data"]
    with rasterio.open(tmp_path / name) as file:
        assert len(asset["bands"]) == file.count
    assert asset["file:size"] == (tmp_path / name).stat().st_size


@pytest.mark.parametrize(
    ("chunks", "words"),
    [
        ([(b"gAMA", 100_000)], "says gamma 1;"),
        ([(b"gAMA", 45_455)], ""),
        ([(b"gAMA", 100_000), (b"sRGB", None)], ""),
        ([], ""),
    ],
)
def test_colours_that_are_not_srgb_are_told(tmp_path, chunks, words):
    """The numbers are kept, and a PNG of ours says sRGB."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    parts = [chunk(kind, b"\0" if value is None else struct.pack(">I", value)) for kind, value in chunks]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    rest = chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND", b"")
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join([head, *parts, rest]))
    notes = gigascene.plan_convert(path, tmp_path / "b.png").notes
    assert [words in note for note in notes] == ([True] if words else [])
