"""Disks that are too small for what is asked: told before a byte is written. The pictures are holes in sparse files."""

import json
import os
import struct
import zlib

import pytest

import gigascene
from cli.shell import spoken
from gigascene.model.errors import WriteFailed
from gigascene.plan.space import space
from gigascene.registry import WRITERS
from gigascene.storage.folder import SPOOL, target_of

WIDTH = 100_000


@pytest.fixture
def said(capsys, monkeypatch):
    return lambda *words: spoken(capsys, monkeypatch, *words)


@pytest.fixture
def sparse(tmp_path):
    """Raw RGB about as large as a share of what is free; its rows."""

    def make(share):
        status = os.statvfs(tmp_path)
        rows = int(status.f_bavail * status.f_frsize * share) // (3 * WIDTH)
        path = tmp_path / "samples.bin"
        with path.open("wb") as file:
            file.truncate(3 * WIDTH * rows)
        return path, f"{WIDTH}x{rows}x3"

    return make


def test_what_certainly_does_not_fit_is_refused(tmp_path, sparse, said):
    path, raw = sparse(1.5)
    for verb in (("convert",), ("plan", "convert")):
        code, out, err = said(*verb, path, "--raw", raw, "-o", tmp_path / "big.pam")
        assert (code, out) == (5, "")
        assert "are free" in err
        assert "Write .tif or .png, or to another disk" in err
    assert [path.name for path in tmp_path.iterdir()] == ["samples.bin"]


def test_nothing_is_begun_through_python_either(tmp_path, sparse):
    path, raw = sparse(1.5)
    with pytest.raises(WriteFailed, match="GB on the disk"):
        gigascene.convert(path, tmp_path / "big.pam", raw=tuple(map(int, raw.split("x"))))
    assert [path.name for path in tmp_path.iterdir()] == ["samples.bin"]


@pytest.mark.parametrize(("share", "words"), [(1.0, "may not hold"), (2.5, "will probably not hold"), (0.3, None)])
def test_what_may_not_fit_is_told(tmp_path, sparse, said, share, words):
    path, raw = sparse(share)
    code, out, _ = said("plan", "convert", path, "--raw", raw, "-o", tmp_path / "big.png", "--json")
    assert code == 0
    assert (words in json.loads(out)["warning"]) if words else "warning" not in json.loads(out)


def test_results_of_slurm_lie_on_the_disk_once_more(tmp_path, sparse, said):
    path, raw = sparse(0.6)
    plan = ("convert", path, "--raw", raw, "-o", tmp_path / "big.pam", "--json")
    assert said("plan", *plan)[0] == 0
    code, _, err = said("plan", *plan, "--engine", "slurm")
    assert code == 5
    assert "are free" in err


def test_what_a_run_of_slurm_has_left_is_there_for_the_next(tmp_path, monkeypatch):
    found = os.statvfs(tmp_path)
    monkeypatch.setattr(os, "statvfs", lambda _: found)  # others write to this disk too
    (tmp_path / "a.ppm").write_bytes(b"P6\n400 300\n255\n" + bytes(3 * 400 * 300))
    plan = gigascene.plan_convert(tmp_path / "a.ppm", tmp_path / "a.pam", engine="slurm")
    before = space(plan)
    log = target_of(plan.target, plan.format.suffix).sibling(SPOOL) / "run.0.x.log"
    log.parent.mkdir()
    log.write_bytes(os.urandom(1 << 20))
    with log.open("rb") as file:
        os.fsync(file.fileno())
    assert log.stat().st_blocks > 0
    assert space(plan).free == before.free + log.stat().st_blocks * 512
    assert before.least >= 2 * 3 * 400 * 300


def test_a_png_that_cannot_be_unpacked_is_refused(tmp_path, said):
    """Its header alone says so; the file is a hole that could hold as much."""
    status = os.statvfs(tmp_path)
    rows = 2 * status.f_bavail * status.f_frsize // 1_000_000
    with (tmp_path / "vast.png").open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 1_000_000, rows, 8, 0, 0, 0, 0)))
        length = 1_000 * rows
        file.write(struct.pack(">I", length) + b"IDAT")
        file.seek(length + 4, os.SEEK_CUR)
        file.write(chunk(b"IEND", b""))
    code, _, err = said("convert", tmp_path / "vast.png", "-o", tmp_path / "small.tif")
    assert code == 5
    assert "unpacked beside" in err
    assert [path.name for path in tmp_path.iterdir()] == ["vast.png"]


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".pam", ".ppm", ".tif", ".dzi"])
def test_the_finished_file_lies_between_least_and_most(tmp_path, suffix):
    rows = 300
    noise = os.urandom(3 * 400 * rows)
    (tmp_path / "noise.ppm").write_bytes(b"P6\n400 %d\n255\n" % rows + noise)
    plan = gigascene.plan_convert(tmp_path / "noise.ppm", tmp_path / f"out{suffix}")
    found = space(plan)
    made = gigascene.run(plan).bytes
    assert found.least <= made + 1000  # a header
    assert made <= found.most + 5000
    assert WRITERS[plan.format.writer].name != "pam" or abs(found.file - made) < 1000
