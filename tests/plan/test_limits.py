"""Pictures that are too long for a format: told before work begins, with the format to use instead. The sources are holes."""

import json
import re

import numpy as np
import pytest

import gigascene
from cli.shell import spoken
from cli.test_bad_input import tmpfs
from gigascene.plan.explain import explain
from gigascene.readers import pnm
from serve.pictures import geotiff

SIDE = 2**31


@pytest.fixture
def said(capsys, monkeypatch):
    return lambda *words: spoken(capsys, monkeypatch, *words)


@pytest.fixture
def grey(tmp_path):
    """A PGM of so many columns and rows, all 0, that takes no room."""

    def make(columns, rows):
        path = tmp_path / f"{columns}x{rows}.pgm"
        header = b"P5\n%d %d\n255\n" % (columns, rows)
        with path.open("wb") as file:
            file.write(header)
            file.truncate(len(header) + columns * rows)
        return path

    return make


LIMITS = [
    ((SIDE, 1), "a.png", 5, "a side of 2,147,483,648 is over 2,147,483,647. Use .pam"),
    ((1, SIDE), "a.png", 5, "a side of 2,147,483,648 is over 2,147,483,647. Use .pam"),
    ((SIDE, 1), "a.tif", 5, "a side of 2,147,483,648 is over 2,147,483,647. Use .pam"),
    ((1, SIDE), "a.tif", 5, "a side of 2,147,483,648 is over 2,147,483,647. Use .pam"),
    ((SIDE, 1), "a.jpg", 5, "is over 65,500. Use .pam"),
    ((65_501, 2), "a.jpg", 5, "a side of 65,501 is over 65,500. Use .tif or .png"),
    ((2, 65_501), "a.jpeg", 5, "a side of 65,501 is over 65,500. Use .tif or .png"),
    ((SIDE - 1, 1), "a.png", 5, "a row of 2,147,483,647 pixels is more than a chunk's .* bytes. Use .pam"),
    ((SIDE - 1, 1), "a.tif", 6, r"MiB are allowed. .* Or write .pam instead"),
    ((SIDE, 1), "a.dzi", 6, r"MiB are allowed. .* Or write .pam instead"),
    ((SIDE, 1), "a.webp", 2, "No output format is called '.webp'. Known: .dzi"),
    ((17_000, 2), "a.dzi --tiles webp --tile 16384", 2, "tile is a whole number from 64 to 4096"),
]


@pytest.mark.parametrize("verb", [("convert",), ("plan", "convert")], ids=" ".join)
@pytest.mark.parametrize(("size", "words", "code", "told"), LIMITS)
def test_what_a_format_cannot_hold(tmp_path, grey, said, monkeypatch, verb, size, words, code, told):
    source = grey(*size)
    monkeypatch.chdir(tmp_path)
    found = said(*verb, source, "-o", *words.split(), "--memory", "1G", "-q")
    assert (found.code, found.out) == (code, "")
    assert found.err.startswith("gigascene: ")
    assert found.err.count("\n") == 1
    assert re.search(told, found.err), found.err
    assert [path.name for path in tmp_path.iterdir()] == [source.name]


@pytest.mark.parametrize("size", [(SIDE, 1), (1, SIDE), (SIDE // 2, 2)])
def test_what_is_named_instead_takes_it(tmp_path, grey, said, size):
    found = said("plan", "convert", grey(*size), "-o", tmp_path / "a.pam", "--memory", "400M", "--json")
    assert found.code == 0, found.err
    facts = json.loads(found.out)
    assert facts["memory_mb"] < 400
    assert facts["pieces"] == 1024
    assert facts["write_mb"] == 2048


@pytest.mark.parametrize(
    ("size", "compress", "told"),
    [
        ((50_000, 2_000), "deflate", "no"),
        ((50_000, 70_000), "deflate", "if it is over 4.2 GB"),
        ((50_000, 120_000), "deflate", "probably"),
        ((50_000, 70_000), "none", "probably"),
    ],
)
def test_a_bigtiff_is_foreseen(tmp_path, grey, size, compress, told):
    plan = gigascene.plan_convert(grey(*size), tmp_path / "a.tif", options={"compress": compress})
    assert explain(plan)["bigtiff"] == told


def test_a_bigtiff_that_is_not_wanted_is_refused_in_time(tmp_path, grey):
    source = grey(50_000, 120_000)
    with pytest.raises(gigascene.GigasceneError, match="only a BigTIFF holds; leave bigtiff"):
        gigascene.plan_convert(source, tmp_path / "a.tif", options={"bigtiff": "no"})
    plan = gigascene.plan_convert(source, tmp_path / "a.tif", options={"bigtiff": "yes"})
    assert explain(plan)["bigtiff"] == "yes"


def test_more_tiles_than_the_disk_can_have_files(tmp_path, grey, said):
    """Inodes run out long before bytes do."""
    source = grey(3_000, 2_000)
    with tmpfs(tmp_path / "disk", "size=50m,nr_inodes=900") as folder:
        for verb in (("convert",), ("plan", "convert")):
            found = said(*verb, source, "-o", folder / "a.dzi", "--tile", 64)
            assert found.code == 5
            assert re.search(r"it is 2,023 files, and the disk can have 89\d more. Use a larger --tile", found.err)
        assert not list(folder.iterdir())
        assert said("convert", source, "-o", folder / "a.dzi", "--tile", 256, "-q").code == 0


@pytest.mark.parametrize(("bands", "depth"), [(1, 8), (3, 8), (4, 16)])
def test_rows_longer_than_a_piece(tmp_path, said, bands, depth):
    """Parts of a row behind one another are the row; however the work is cut."""
    levels = np.random.default_rng(bands).integers(0, 256, (3, 2_100_001, bands * depth // 8), dtype=np.uint8)
    (tmp_path / "a.raw").write_bytes(levels.tobytes())
    raw = f"2100001x3x{bands}"
    plain = said("convert", tmp_path / "a.raw", "--raw", raw, "--depth", depth, "-o", tmp_path / "a.pam", "-q")
    assert plain.code == 0, plain.err
    assert (tmp_path / "a.pam").read_bytes().partition(b"ENDHDR\n")[2] == levels.tobytes()
    assert said("verify", tmp_path / "a.pam").code == 0
    pixels = levels if depth == 8 else levels.view(">u2").astype("u2")
    colours = ("red", "green", "blue", "alpha") if bands == 4 else None
    geotiff(
        tmp_path / "a.tif", pixels, colours=colours, crs=None, affine=None, photometric="RGB" if bands > 2 else None
    )
    again = said("convert", tmp_path / "a.tif", "-o", tmp_path / "b.pam", "-q", "--workers", 2)
    assert again.code == 0, again.err
    assert (tmp_path / "b.pam").read_bytes().partition(b"ENDHDR\n")[2] == levels.tobytes()


def test_bits_from_any_column(tmp_path):
    """A row of a bitmap is read where it is wanted."""
    bits = np.random.default_rng(1).integers(0, 2, (5, 77), dtype=np.uint8)
    (tmp_path / "a.pbm").write_bytes(b"P4 77 5\n" + np.packbits(bits, axis=1).tobytes())
    picture = pnm.describe(tmp_path / "a.pbm")
    for left in (0, 1, 7, 8, 9, 40, 76):
        for columns in (1, 8, 9, 77 - left):
            if left + columns <= 77:
                out = np.empty((3, columns, 1), np.uint8)
                pnm.read(picture, 1, 3, out, left)
                np.testing.assert_array_equal(out[..., 0], 255 * (1 - bits[1:4, left : left + columns]))
