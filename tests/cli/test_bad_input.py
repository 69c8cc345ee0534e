"""Whatever is wrong: the right exit code, words that name it and say what to do, no traceback, nothing left behind."""

import io
import json
import os
import re
import signal
import subprocess
import tarfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import rasterio

from cli.shell import PROGRAM, band, copied, cut, spoken, started

FIXED = ("--stretch", "0.02:0.30")
"""No survey: the fault is met by a task, not by the planner."""


@pytest.fixture
def out(tmp_path):
    """An empty folder for outputs."""
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def say(capsys, monkeypatch):
    """Run a command in this process."""
    return lambda *words: spoken(capsys, monkeypatch, *words)


@pytest.fixture
def spoiled(small_scene, tmp_path):
    """A scene's folder that may be spoiled."""
    return copied(small_scene, tmp_path / "scenes")


def refused(said, code, *patterns, left=None, folder=None):
    """Check code and words, and that nothing is left in `folder` but what matches `left`."""
    assert said.code == code, said
    assert said.out == ""
    assert "Traceback" not in said.err
    assert "fault of gigascene" not in said.err, said.err
    for pattern in patterns:
        assert re.search(pattern, said.err), f"{pattern!r} is not in: {said.err}"
    if folder is not None:
        found = [
            name
            for name in sorted(path.name for path in Path(folder).iterdir())
            if left is None or not re.fullmatch(left, name)
        ]
        assert found == []


AGAIN = r"[Ff]etch it again|[Ii]s the file whole|cut short"
"""What to do about a broken file."""


def tiled(path, share_of_last_tile=None):
    """Rewrite a band as GDAL writes tiled TIFFs, directory first; perhaps cut in the middle of its last tile."""
    with rasterio.open(path) as source:
        data, profile = source.read(1), source.profile
    profile.update(driver="GTiff", tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    with rasterio.open(path, "w", **profile) as target:
        target.write(data, 1)
    if share_of_last_tile is not None:
        os.truncate(path, path.stat().st_size - 100)
    return data


class TestBrokenBands:
    def test_missing(self, say, spoiled, out):
        band(spoiled, "B4").unlink()
        said = say("compose", "true-color", spoiled, "-o", out / "a.png")
        refused(said, 4, r"\bred\b", folder=out)

    def test_missing_names_the_file_that_the_metadata_promises(self, say, spoiled, out):
        band(spoiled, "B4").unlink()
        said = say("compose", "true-color", spoiled, "-o", out / "a.png")
        refused(said, 4, rf"{spoiled.name}_B4\.TIF", folder=out)

    @pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.9])
    def test_cut_before_its_directory(self, say, spoiled, out, share):
        cut(band(spoiled, "B3"), share)
        said = say("compose", "true-color", spoiled, "-o", out / "a.png")
        refused(said, 4, r"_B3\.TIF", r"band B3", folder=out)

    def test_cut_before_its_directory_says_what_to_do(self, say, spoiled, out):
        cut(band(spoiled, "B3"), 0.9)
        refused(say("compose", "true-color", spoiled, "-o", out / "a.png"), 4, AGAIN)

    @pytest.mark.parametrize("share", [0.3, 0.9, "in the last tile"])
    @pytest.mark.parametrize("stretch", [FIXED, ()], ids=["task", "survey"])
    def test_cut_among_its_tiles(self, say, spoiled, out, share, stretch):
        path = band(spoiled, "B3")
        tiled(path, share if isinstance(share, str) else None)
        if not isinstance(share, str):
            cut(path, share)
        said = say("compose", "true-color", spoiled, "-o", out / "a.png", *stretch)
        left = r"a\.png\.capsule-\d+\.json" if stretch else None
        refused(said, 4, r"_B3\.TIF", r"band B3", r"rows \d+-\d+, columns \d+-\d+", AGAIN, left=left, folder=out)

    @pytest.mark.parametrize("engine", ["serial", "threads", "processes"])
    def test_cut_with_every_engine(self, say, spoiled, out, engine):
        path = band(spoiled, "B3")
        tiled(path, 0.5)
        said = say("compose", "true-color", spoiled, "-o", out / "a.tif", *FIXED, "--engine", engine)
        refused(said, 4, r"_B3\.TIF", r"band B3", left=r"a\.tif\.capsule-\d+\.json", folder=out)

    def test_cut_where_its_place_on_earth_is_written(self, say, spoiled, out):
        """A directory that lost its last bytes opens without CRS: no picture rather than one that lies nowhere."""
        path = band(spoiled, "B10")
        os.truncate(path, path.stat().st_size - 10)
        said = say("compose", "temperature", spoiled, "-o", out / "a.tif")
        refused(said, 4, r"_B10\.TIF", folder=out)

    def test_random_bytes(self, say, spoiled, out):
        band(spoiled, "B3").write_bytes(np.random.default_rng(1).bytes(20_000))
        said = say("compose", "true-color", spoiled, "-o", out / "a.png")
        refused(said, 4, r"_B3\.TIF", r"band B3", r"no TIFF", folder=out)

    def test_random_bytes_in_the_tiles(self, say, spoiled, out):
        path = band(spoiled, "B3")
        tiled(path)
        data = bytearray(path.read_bytes())
        data[len(data) // 2 : len(data) // 2 + 3000] = np.random.default_rng(1).bytes(3000)
        path.write_bytes(data)
        said = say("compose", "true-color", spoiled, "-o", out / "a.png", *FIXED)
        refused(said, 4, r"_B3\.TIF", r"band B3", AGAIN, left=r"a\.png\.capsule-\d+\.json", folder=out)

    def test_a_broken_band_that_is_not_needed_does_no_harm(self, say, spoiled, out):
        cut(band(spoiled, "B3"), 0.5)
        said = say("compose", "swir2nirg", spoiled, "-o", out / "a.png")
        assert said.code == 0, said.err

    def test_a_vrt_by_the_name_of_a_band_is_never_opened(self, say, spoiled, out, tmp_path):
        secret = tmp_path / "secret.tif"
        secret.write_bytes(band(spoiled, "B3").read_bytes())
        vrt = (
            '<VRTDataset rasterXSize="260" rasterYSize="300"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
            f"<SourceFilename>{secret}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
        )
        band(spoiled, "B3").write_text(vrt)
        refused(say("compose", "true-color", spoiled, "-o", out / "a.png"), 4, r"_B3\.TIF", r"no TIFF", folder=out)
        told = say("info", spoiled)
        assert told.code == 0
        assert "no TIFF" in told.out

    def test_a_vrt_is_no_plain_raster_either(self, say, out, tmp_path):
        fake = tmp_path / "fake.tif"
        fake.write_text('<VRTDataset rasterXSize="1" rasterYSize="1"/>')
        said = say("compose", "rgb", fake, "--bands", "a,b,c", "-o", out / "a.png")
        refused(said, 4, r"fake\.tif", r"no TIFF", folder=out)


class TestSources:
    def test_empty_folder(self, say, tmp_path, out):
        (tmp_path / "empty").mkdir()
        refused(say("compose", "true-color", tmp_path / "empty", "-o", out / "a.png"), 4, r"empty folder", folder=out)

    def test_not_a_scene(self, say, tmp_path, out):
        (tmp_path / "letters").mkdir()
        (tmp_path / "letters" / "a.txt").write_text("Dear friend")
        said = say("compose", "true-color", tmp_path / "letters", "-o", out / "a.png")
        refused(said, 4, r"letters", r"not a scene", folder=out)

    def test_bands_without_their_metadata(self, say, spoiled, out):
        for path in spoiled.glob("*_MTL.*"):
            path.unlink()
        said = say("compose", "true-color", spoiled, "-o", out / "a.png")
        refused(said, 4, rf"holds bands of .*{spoiled.name}_MTL\.txt", r"[Ff]etch it", folder=out)

    @pytest.mark.parametrize("verb", ["info", "histogram", "compose"])
    def test_nothing_there(self, say, tmp_path, out, verb):
        words = [verb, "true-color"] if verb == "compose" else [verb]
        target = ["-o", out / "a.png"] if verb == "compose" else []
        refused(say(*words, tmp_path / "nowhere", *target), 4, r"nowhere", r"does not exist", folder=out)

    def test_metadata_without_an_end(self, say, spoiled, out):
        mtl = next(spoiled.glob("*_MTL.txt"))
        for path in spoiled.glob("*_MTL.*"):
            if path != mtl:
                path.unlink()
        cut(mtl, 0.4)
        refused(say("compose", "true-color", spoiled, "-o", out / "a.png"), 4, r"_MTL\.txt", folder=out)

    @pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
    @pytest.mark.parametrize("evil", ["dots", "absolute", "symlink", "hardlink", "device"])
    def test_tar_that_reaches_outside(self, say, small_scene, tmp_path, out, suffix, evil):
        path = tmp_path / f"scene{suffix}"
        member = tarfile.TarInfo({"dots": "../evil.TIF", "absolute": "/evil.TIF"}.get(evil, "x_B99.TIF"))
        member.type = {"symlink": tarfile.SYMTYPE, "hardlink": tarfile.LNKTYPE, "device": tarfile.CHRTYPE}.get(
            evil, tarfile.REGTYPE
        )
        member.linkname = "/etc/passwd" if evil.endswith("link") else ""
        with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as tar:
            tar.add(next(small_scene.glob("*_MTL.txt")), "x_MTL.txt")
            tar.addfile(member, io.BytesIO())
        said = say("compose", "true-color", path, "-o", out / "a.png")
        refused(said, 4, r"scene\.tar", re.escape(member.name), folder=out)
        assert not (tmp_path / "evil.TIF").exists()
        assert not Path("/evil.TIF").exists()

    @pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
    def test_tar_that_is_cut_short(self, say, small_scene, tmp_path, out, suffix):
        path = tmp_path / f"scene{suffix}"
        with tarfile.open(path, "w:gz" if suffix.endswith("gz") else "w") as tar:
            tar.add(small_scene, small_scene.name)
        cut(path, 0.5)
        refused(say("compose", "true-color", path, "-o", out / "a.png"), 4, r"scene\.tar", AGAIN, folder=out)


class TestUsage:
    @pytest.mark.parametrize(
        ("product", "options", "patterns"),
        [
            ("true-colour", (), (r"true-colour", r"Did you mean 'true-color'", r"ndvi")),
            ("ndiv", (), (r"Did you mean 'ndvi'",)),
            ("rgb", ("--bands", "red,gren,blue"), (r"gren", r"Did you mean 'green'")),
            ("rgb", ("--bands", "red,green"), (r"3 bands", r"--bands")),
            ("rgb", (), (r"--bands",)),
            ("rgb", ("--bands", "red,red,blue"), (r"'red'.*twice",)),
            ("true-color", ("--bands", "red,green,blue"), (r"--bands",)),
            ("true-color", ("--stretch", "0.3:0.1"), (r"0\.3:0\.1",)),
            ("true-color", ("--stretch", "0.3"), (r"'0\.3'", r"low:high")),
            ("true-color", ("--stretch", "a:b"), (r"'a:b'", r"low:high")),
            ("true-color", ("--stretch", "2%:98"), (r"2%:98", r"low:high")),
            ("true-color", ("--stretch", "2:98:99"), (r"2:98:99", r"low:high")),
            ("true-color", ("--stretch", "nan:nan"), (r"nan",)),
            ("true-color", ("--stretch", "0:inf"), (r"inf",)),
            ("true-color", ("--stretch=-inf:0",), (r"inf",)),
            ("true-color", ("--stretch", "99%:120%"), (r"120",)),
            ("true-color", ("--stretch", "0:1,0:1"), (r"2 parts", r"red, green, blue")),
            ("true-color", ("--gamma", "0"), (r"gamma", r"\b0\b")),
            ("true-color", ("--gamma", "-1"), (r"gamma", r"-1")),
            ("true-color", ("--gamma", "nan"), (r"gamma", r"nan")),
            ("true-color", ("--gamma", "bright"), (r"gamma", r"bright")),
            ("true-color", ("--gamma", "1,2"), (r"--gamma", r"3 channels")),
            ("true-color", ("--depth", "12"), (r"--depth", r"12", r"8 or 16")),
            ("true-color", ("--depth", "0"), (r"--depth", r"8 or 16")),
            ("true-color", ("--palette", "ndvi"), (r"palette", r"one channel")),
            ("ndvi", ("--palette", "nvdi"), (r"nvdi", r"Did you mean 'ndvi'")),
            ("ndvi", ("--depth", "16"), (r"palette", r"16|8")),
            ("true-color", ("--units", "reflectence"), (r"Did you mean 'reflectance'",)),
            ("true-color", ("--packing", "documents"), (r"--packing", r"document")),
            ("true-color", ("--survey", "some"), (r"--survey", r"exact")),
            ("true-color", ("--equalize", "--sigmoid"), (r"exclude",)),
            ("true-color", ("--sigmoid", "--contrast", "0"), (r"contrast", r"0\.1 to 50", r"not 0")),
            ("true-color", ("--sigmoid", "--contrast", "51"), (r"0\.1 to 50",)),
            ("true-color", ("--sigmoid", "--contrast", "nan"), (r"0\.1 to 50",)),
            ("true-color", ("--sigmoid", "--contrast", "much"), (r"--contrast", r"number")),
            ("true-color", ("--contrast", "5"), (r"contrast 5", r"--sigmoid")),
            ("true-color", ("--equalize", "--contrast", "5"), (r"--sigmoid",)),
            ("true-color", ("--workers", "0"), (r"--workers", r"0")),
            ("true-color", ("--workers", "-3"), (r"--workers", r"-3")),
            ("true-color", ("--workers", "two"), (r"two",)),
            ("true-color", ("--memory", "lots"), (r"lots", r"1\.5G")),
            ("true-color", ("--engine", "thread"), (r"Did you mean 'threads'",)),
            ("true-color", ("--level", "tiny"), (r"tiny", r"small")),
            ("true-color", ("--nonsense",), (r"--nonsense",)),
        ],
    )
    def test_options(self, say, small_scene, out, product, options, patterns):
        said = say("compose", product, small_scene, "-o", out / "a.png", *options)
        refused(said, 2, *patterns, folder=out)

    @pytest.mark.parametrize("options", [("--quality", "5"), ("--compress", "zstd")])
    def test_an_option_that_the_writer_does_not_have_is_not_ignored(self, say, small_scene, out, options):
        said = say("compose", "true-color", small_scene, "-o", out / "a.png", *options)
        refused(said, 2, options[0].lstrip("-"), folder=out)

    @pytest.mark.parametrize(
        ("name", "options", "pattern"),
        [
            ("a.pngg", (), r"Did you mean '\.png'"),
            ("a", (), r"\.png"),
            ("a.jpg", ("--depth", "16"), r"JPEG holds 8 bits"),
            ("a.jpg", ("--quality", "0"), r"1 to 100"),
            ("a.tif", ("--compress", "lzma"), r"deflate"),
            ("a.pgm", (), r"\.pgm holds grey"),
        ],
    )
    def test_outputs(self, say, small_scene, out, name, options, pattern):
        refused(say("compose", "true-color", small_scene, "-o", out / name, *options), 2, pattern, folder=out)

    def test_a_mask_that_the_scene_does_not_carry(self, say, small_scene, out):
        said = say("compose", "true-color", small_scene, "-o", out / "a.png", "--mask", "cloudz")
        refused(said, 4, r"'cloudz'", r"clouds", folder=out)

    @pytest.mark.parametrize("way", ["itself", "symlink", "dots"])
    def test_the_output_is_an_input(self, say, small_scene, tmp_path, way):
        inputs = [tmp_path / f"{name}.tif" for name in "rgb"]
        for path, key in zip(inputs, ("B4", "B3", "B2"), strict=True):
            path.write_bytes(band(small_scene, key).read_bytes())
        target = inputs[1]
        if way == "symlink":
            target = tmp_path / "link.tif"
            target.symlink_to(inputs[1])
        if way == "dots":
            (tmp_path / "x").mkdir()
            target = tmp_path / "x" / ".." / "g.tif"
        before = [path.read_bytes() for path in inputs]
        refused(say("compose", "rgb", *inputs, "--bands", "r,g,b", "-o", target), 2, r"is an input")
        assert [path.read_bytes() for path in inputs] == before

    @pytest.mark.parametrize("dangling", [True, False])
    @pytest.mark.parametrize("way", ["compose", "save", "convert", "histogram"])
    def test_a_link_is_neither_followed_nor_replaced(self, say, small_scene, tmp_path, out, way, dangling):
        real, link = tmp_path / "real.png", out / "a.png"
        if not dangling:
            real.write_bytes(b"precious")
        link.symlink_to(real)
        plain = band(small_scene, "B4")
        said = {
            "compose": lambda: say("compose", "true-color", small_scene, "-o", link),
            "save": lambda: say("plan", "compose", "ndvi", small_scene, "-o", out / "b.png", "--save", link),
            "convert": lambda: say("convert", plain, "-o", link),
            "histogram": lambda: say("histogram", small_scene, "-o", link),
        }[way]()
        refused(said, 5, r"a\.png: it is a link to .*real\.png", r"remove the link", left=r"a\.png", folder=out)
        assert link.is_symlink()
        assert real.exists() is not dangling
        assert dangling or real.read_bytes() == b"precious"

    @pytest.mark.skipif(not Path("/proc/self").exists(), reason="there is no /proc")
    def test_a_folder_that_takes_no_file(self, say, small_scene):
        refused(say("compose", "true-color", small_scene, "-o", "/proc/o.png"), 5, r"/proc", r"Choose another folder")

    @pytest.mark.parametrize("option", ["-o", "--save"])
    @pytest.mark.parametrize("key", ["B9.TIF", "QA_PIXEL.TIF", "MTL.txt", "MTL.json", "B4.TIF"])
    def test_no_file_of_the_scene_is_written_over(self, say, small_scene, tmp_path, option, key):
        scene = copied(small_scene, tmp_path)
        [file] = scene.glob(f"*_{key}")
        before = file.read_bytes()
        words = {"-o": file if option == "-o" else tmp_path / "a.png"}
        if option == "--save":
            words["--save"] = file
        said = say("compose", "true-color", scene, *(part for pair in words.items() for part in pair), "-q")
        assert said.code == 2
        assert file.read_bytes() == before

    def test_a_plan_is_not_saved_where_the_picture_goes(self, say, small_scene, out):
        said = say("compose", "true-color", small_scene, "-o", out / "a.png", "--save", out / "a.png")
        refused(said, 2, "elsewhere", folder=out)

    def test_memory_too_small_says_the_numbers(self, say, small_scene, out):
        said = say("compose", "true-color", small_scene, "-o", out / "a.png", "--memory", "50M")
        refused(said, 6, r"\b50 MiB are allowed", r"needs (\d+) MiB", r"--memory", folder=out)
        need = int(re.search(r"needs (\d+) MiB", said.err)[1])
        enough = say("compose", "true-color", small_scene, "-o", out / "a.png", "--memory", f"{need + 1}M")
        assert enough.code == 0, "what it says it needs is not enough"


class TestTargets:
    def test_no_such_folder(self, say, small_scene, out):
        refused(say("compose", "true-color", small_scene, "-o", out / "no" / "a.png"), 5, r"no folder", folder=out)

    def test_a_file_for_a_folder(self, say, small_scene, out):
        (out / "file").touch()
        said = say("compose", "true-color", small_scene, "-o", out / "file" / "a.png")
        refused(said, 5, r"file", left="file", folder=out)

    def test_a_folder_for_a_file(self, say, small_scene, out):
        (out / "a.png").mkdir()
        refused(
            say("compose", "true-color", small_scene, "-o", out / "a.png"),
            5,
            r"is a folder",
            left=r"a\.png",
            folder=out,
        )

    @pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg", ".ppm"])
    def test_disk_full(self, say, scene, tmp_path, suffix):
        with tmpfs(tmp_path / "disk", "size=1m") as disk:
            said = say("compose", "pan-sharpened", scene, "-o", disk / f"a{suffix}", *FIXED)
            refused(said, 5, r"no space left|on the disk, and", rf"a\{suffix}", folder=disk)

    def test_disk_full_keeps_the_old_picture(self, say, scene, tmp_path):
        with tmpfs(tmp_path / "disk", "size=1m") as disk:
            (disk / "a.png").write_bytes(b"old")
            refused(say("compose", "pan-sharpened", scene, "-o", disk / "a.png", *FIXED), 5, r"no space left")
            assert {path.name: path.read_bytes() for path in disk.iterdir()} == {"a.png": b"old"}

    def test_read_only_file_system(self, say, small_scene, tmp_path):
        with tmpfs(tmp_path / "disk", "size=1m,ro") as disk:
            refused(say("compose", "true-color", small_scene, "-o", disk / "a.png"), 5, r"may not be written")

    def test_disk_full_for_a_histogram_and_a_plan(self, say, small_scene, tmp_path):
        with tmpfs(tmp_path / "disk", "size=4k") as disk:
            refused(say("histogram", small_scene, "-o", disk / "h.png"), 5, r"no space left", folder=disk)
            target = tmp_path / "a.png"
            said = say("plan", "compose", "true-color", small_scene, "-o", target, "--save", disk / "plan.json")
            refused(said, 5, r"no space left", folder=disk)


@contextmanager
def tmpfs(path, options):
    """A tiny file system of its own; skips where we may not mount."""
    path.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", path], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"cannot mount a tmpfs here: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture
def saved(say, small_scene, tmp_path, out):
    """A saved plan and its JSON."""
    path = tmp_path / "plan.json"
    said = say("plan", "compose", "true-color", small_scene, "-o", out / "a.png", "--save", path, *FIXED)
    assert said.code == 0, said.err
    return path, json.loads(path.read_text())


class TestPlans:
    @pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"7", b"\x80\x81\xff", b'{"target": 1', b"<xml/>"])
    def test_no_plan_at_all(self, say, tmp_path, out, content):
        path = tmp_path / "plan.json"
        path.write_bytes(content)
        refused(say("run", path), 4, r"plan", folder=out)

    def test_no_plan_names_the_file(self, say, tmp_path):
        path = tmp_path / "broken-plan.json"
        path.write_bytes(b"{}")
        refused(say("run", path), 4, r"broken-plan\.json")

    def test_no_such_plan(self, say, tmp_path):
        refused(say("run", tmp_path / "none.json"), 4, r"none\.json")

    def test_cut_in_the_middle(self, say, saved, out):
        path, _ = saved
        cut(path, 0.5)
        refused(say("run", path), 4, r"no plan", folder=out)

    @pytest.mark.parametrize(
        ("where", "value"),
        [
            (("recipe", "product"), "nope"),
            (("recipe", "bands"), ["B4", "B3", "B99"]),
            (("recipe", "quantity"), "nope"),
            (("recipe", "tone", "thresholds"), []),
            (("recipe", "tone", "thresholds"), ["!!", "!!", "!!"]),
            (("format", "writer"), "nope"),
            (("format", "dtype"), "float32"),
            (("format", "shape"), [301, 260]),
            (("format", "shape"), [-1, 260]),
            (("format", "geobox", "crs"), "EPSG:0"),
            (("cut", "task_pieces"), 0),
            (("cut", "window_rows"), 0),
            (("cut", "window_columns"), 0),
            (("format", "bands"), 4),
            (("format", "bands"), 9),
            (("format", "alpha"), True),
            (("recipe", "look", "palette"), "ndvi"),
            (("recipe", "look", "palette"), "nope"),
            (("recipe", "bands"), ["B4", "B3"]),
            (("execution", "engine"), "nope"),
            (("execution", "workers"), "two"),
            (("scenes",), []),
            (("target",), 5),
        ],
        ids=lambda part: ".".join(part) if isinstance(part, tuple) else None,
    )
    def test_values_that_cannot_be(self, say, saved, out, where, value):
        path, plan = saved
        place = plan
        for key in where[:-1]:
            place = place[key]
        place[where[-1]] = value
        path.write_text(json.dumps(plan))
        said = say("run", path)
        assert said.code in {2, 4}, said
        refused(said, said.code, folder=out)

    def test_an_input_that_changed(self, say, spoiled, tmp_path, out):
        path = tmp_path / "plan.json"
        say("plan", "compose", "true-color", spoiled, "-o", out / "a.png", "--save", path)
        os.utime(band(spoiled, "B4"), ns=(1, 1))
        refused(say("run", path), 4, r"_B4\.TIF", r"band B4", r"changed since", r"[Pp]lan again", folder=out)

    def test_an_input_that_is_gone(self, say, spoiled, tmp_path, out):
        path = tmp_path / "plan.json"
        say("plan", "compose", "true-color", spoiled, "-o", out / "a.png", "--save", path)
        band(spoiled, "B4").unlink()
        refused(say("run", path), 4, r"_B4\.TIF", r"band B4", r"gone", folder=out)

    def test_a_capsule_replays_and_then_succeeds(self, say, spoiled, out):
        path = band(spoiled, "B3")
        tiled(path, 0.5)
        whole = path.stat()
        said = say("compose", "true-color", spoiled, "-o", out / "a.png", *FIXED)
        capsule = next(out.glob("*.capsule-*.json"))
        assert f"gigascene replay {capsule}" in said.err
        refused(say("replay", capsule), 4, r"_B3\.TIF", r"band B3")
        told = json.loads(capsule.read_text())
        stranger = out / "stranger.json"
        stranger.write_text(json.dumps(told | {"task": {"index": 0, "start": 0, "stop": 10**9}}))
        refused(say("replay", stranger), 4, r"names pieces 0 to 1000000000", r"stranger\.json")
        stranger.write_text(json.dumps(told | {"plan": told["plan"] | {"layers": []}}))
        refused(say("replay", stranger), 4, r"stranger\.json")
        stranger.unlink()
        tiled_again = band(spoiled, "B2").read_bytes()
        path.write_bytes(tiled_again)
        os.utime(path, ns=(whole.st_atime_ns, whole.st_mtime_ns))
        healed = say("replay", capsule)
        assert (healed.code, healed.err) == (0, "")
        assert "succeeds now" in healed.out

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("", r"no (plan|capsule)"),
            ("not json", r"no (plan|capsule)"),
            ("{}", r"lacks .*(recipe|traceback)"),
            ("[1]", r"is a list"),
            ("null", r"is nothing"),
            ('"text"', r"is a text"),
            ("7", r"is a number"),
        ],
    )
    @pytest.mark.parametrize(("verb", "hint"), [("run", r"Plan again"), ("replay", r"Run the plan again")])
    def test_no_plan_and_no_capsule(self, say, tmp_path, content, words, verb, hint):
        path = tmp_path / "some.json"
        path.write_text(content)
        refused(say(verb, path), 4, r"some\.json", words, hint)

    def test_a_plan_of_another_version(self, say, saved, out):
        path, plan = saved
        plan["versions"]["gigascene"] = "0.0.1"
        path.write_text(json.dumps(plan))
        refused(say("run", path), 2, r"made with gigascene 0\.0\.1", r"Plan again", folder=out)

    def test_a_plan_of_a_version_with_other_words(self, say, saved, out):
        path, plan = saved
        plan["versions"]["gigascene"] = "0.0.1"
        plan["recipe"]["colour"] = plan["recipe"].pop("look")
        path.write_text(json.dumps(plan))
        refused(say("run", path), 4, r"recipe has unknown colour", r"by gigascene 0\.0\.1", r"Plan again", folder=out)


LARGE = (*FIXED, "--depth", "16", "--level", "small", "--workers", "1", "--memory", "700M", "-q")


@pytest.fixture(scope="module")
def whole(scene, tmp_path_factory):
    """The bytes of a picture that nobody disturbed."""
    target = tmp_path_factory.mktemp("whole") / "a.png"
    assert started("compose", "pan-sharpened", scene, "-o", target, *LARGE).code == 0
    return target.read_bytes()


class TestProcesses:
    """As processes: exit codes as the shell sees them."""

    @pytest.mark.parametrize(
        ("words", "code"),
        [
            (("compose", "true-color", "nowhere", "-o", "a.png"), 4),
            (("compose", "nope", "nowhere", "-o", "a.png"), 2),
            (("nope",), 2),
            (("compose",), 2),
            (("run", "none.json"), 4),
        ],
    )
    def test_exit_codes(self, words, code, out):
        refused(started(*words, cwd=out), code, folder=out)

    def test_limit_and_target(self, small_scene, out):
        refused(started("compose", "ndvi", small_scene, "-o", out / "a.png", "--memory", "50M"), 6, folder=out)
        refused(started("compose", "ndvi", small_scene, "-o", out / "no" / "a.png"), 5, folder=out)

    @pytest.mark.parametrize(
        ("number", "code", "engine", "group"),
        [
            pytest.param(signal.SIGINT, 130, "threads", False, marks=pytest.mark.slow),
            (signal.SIGTERM, 143, "threads", False),
            pytest.param(signal.SIGINT, 130, "processes", True, marks=pytest.mark.slow),
            pytest.param(signal.SIGTERM, 143, "processes", True, marks=pytest.mark.slow),
        ],
    )
    def test_stopped_in_the_middle_and_resumed(self, scene, out, whole, number, code, engine, group):
        """`group`: the terminal, or a batch system, tells the workers too."""
        words = ["compose", "pan-sharpened", str(scene), "-o", str(out / "a.png"), *LARGE, "--engine", engine]
        with subprocess.Popen(
            [PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            part = out / ".a.png.part"
            deadline = time.monotonic() + 60
            while not (part.exists() and part.stat().st_size > len(whole) // 20) and time.monotonic() < deadline:
                assert process.poll() is None, "it was over before it could be stopped"
                time.sleep(0.005)
            os.killpg(process.pid, number) if group else process.send_signal(number)
            told, err = process.communicate(timeout=60)
        assert (process.returncode, told) == (code, "")
        assert "--resume" in err
        assert "Traceback" not in err
        assert not (out / "a.png").exists()
        done = started(*words, "--resume", "--json")
        assert done.code == 0, done.err
        assert json.loads(done.out)["resumed"] > 0
        assert (out / "a.png").read_bytes() == whole
        assert not [path.name for path in out.iterdir() if path.name.startswith(".")]

    NAMES = (
        "a\nb",
        "a;touch pwned",
        "$(touch pwned)",
        "-o",
        "--help",
        "été 雪",
        "two  words",
        "a'b\"c",
        "%s {x}",
        "a,b",
    )

    @pytest.mark.parametrize("name", NAMES)
    def test_hostile_folder_names(self, say, small_scene, tmp_path, name, monkeypatch):
        copied(small_scene, tmp_path).rename(tmp_path / name)
        monkeypatch.chdir(tmp_path)
        assert say("compose", "true-color", "-o", "out.png", "-q", *FIXED, "--", name).code == 0
        assert say("compose", "true-color", f"./{name}", "-o", f"./{name}.tif", "-q", *FIXED).code == 0
        shown = say("info", "--json", "--", name)
        assert json.loads(shown.out)["id"] == small_scene.name
        assert not (tmp_path / "pwned").exists()
        assert {path.name for path in tmp_path.iterdir() if not path.name.startswith("out")} == {
            name, f"{name}.tif", f"{name}.tif.receipt.json", f"{name}.tif.stac.json",
        }  # fmt: skip
