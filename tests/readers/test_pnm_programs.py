"""Odd headers, read as Netpbm's own programs read them; what they take and we refuse is said in words."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from gigascene.model.errors import BadInput
from gigascene.readers import pnm

pytestmark = pytest.mark.skipif(shutil.which("pamtopam") is None, reason="Netpbm is not installed")


def lines(*said, raster=b"a"):
    return "\n".join(["P7", *said, "ENDHDR", ""]).encode() + raster


ONE = ("WIDTH 1", "HEIGHT 1", "DEPTH 1", "MAXVAL 255")
THREE = ("WIDTH 1", "HEIGHT 1", "DEPTH 3", "MAXVAL 255")

AGREED = {
    "comments everywhere": b"P5 #a\n#b\n2#c\n2\n#d\n255\nabcd",
    "carriage returns": b"P5\r2 2\r255\rabcd",
    "leading zeros": b"P5 001 1 0255\na",
    "maxval 100": b"P6 1 1 100\n\x00\x32\x64",
    "maxval 1000": b"P5 2 1 1000\n\x01\xf4\x03\xe8",
    "bits beside a byte": b"P4 9 2\n\xaa\x80\x55\x00",
    "P1 without blanks": b"P1 4 2\n01011100",
    "P1 over several lines": b"P1\n#c\n4 1\n0 1\n\n0\t1\n",
    "P2": b"P2 2 2 9\n1 2\n9 0\n",
    "P3 of maxval 15": b"P3 1 1 15\n0 7 15\n",
    "P3 of maxval 4095": b"P3 1 1 4095\n0 7 4095\n",
    "a line end behind P5": b"P5 1 1 255\nA\n",
    "two images": b"P5 1 1 255\nAP5 1 1 255\nB",
    "PAM in another order": lines("MAXVAL 255", "DEPTH 1", "# c", "", "HEIGHT 2", "WIDTH 2", raster=b"abcd"),
    "PAM without a type": lines(*THREE, raster=b"abc"),
    "PAM with tabs": lines("WIDTH\t1", "HEIGHT \t 1", *ONE[2:]),
    "PAM with an empty comment": lines("#", *ONE),
    "PAM with carriage returns": b"P7\nWIDTH 1\r\nHEIGHT 1\r\nDEPTH 1\r\nMAXVAL 255\r\nENDHDR\na",
    "PAM of 12 bits": lines("WIDTH 1", "HEIGHT 1", "DEPTH 3", "MAXVAL 4095", raster=b"\x0f\xff\x00\x01\x07\xff"),
    "black and white": lines("WIDTH 2", "HEIGHT 1", "DEPTH 1", "MAXVAL 1", "TUPLTYPE BLACKANDWHITE", raster=b"\0\1"),
    "a type of two lines": lines(
        "WIDTH 1", "HEIGHT 1", "DEPTH 4", "MAXVAL 255", "TUPLTYPE RGB", "TUPLTYPE ALPHA", raster=b"abcd"
    ),
    "P4 with a comment": b"P4\n# made by hand\n8 1\n\x0f",
}

ONLY_HERE = {
    "a number at the very end": (b"P3 1 1 15\n0 7 15", [0, 119, 255]),
    "words behind P2": (b"P2 1 1 255\n4 junk", [4]),
    "junk behind P5": (b"P5 1 1 255\nAjunk", [65]),
    "an empty type before another": (lines(*THREE, "TUPLTYPE", "TUPLTYPE RGB", raster=b"abc"), [97, 98, 99]),
}
"""Netpbm refuses them; the picture asked for is there all the same."""

REFUSED = {
    "five planes": (lines("WIDTH 1", "HEIGHT 1", "DEPTH 5", "MAXVAL 255", raster=b"abcde"), "DEPTH '5'"),
    "a type of its own": (
        lines(*THREE, "TUPLTYPE CMY", raster=b"abc"),
        "tuples of type 'CMY'; BLACKANDWHITE, .* can be",
    ),
    "a type in small letters": (lines(*THREE, "TUPLTYPE rgb", raster=b"abc"), "tuples of type 'rgb'"),
    "more planes than the type has": (
        lines("WIDTH 1", "HEIGHT 1", "DEPTH 4", "MAXVAL 255", "TUPLTYPE RGB", raster=b"abcd"),
        "DEPTH of 4, and its tuple type RGB needs 3. Choose planes first: pamchannel",
    ),
    "two types": (lines(*THREE, "TUPLTYPE RGB", "TUPLTYPE X", raster=b"abc"), "tuples of type 'RGB X'"),
    "a width twice": (lines("WIDTH 1", *ONE), "has two WIDTH lines"),
}
"""Netpbm takes them; here the user is told what to do."""

NOWHERE = {
    "no width": (lines(*ONE[1:]), "has no WIDTH in its header"),
    "width 0": (b"P5 0 1 255\n", "width '0'"),
    "maxval 0": (b"P5 1 1 0\na", "maxval '0'"),
    "maxval 65536": (b"P5 1 1 65536\nabcd", "maxval '65536'"),
    "P5 cut short": (b"P5 2 2 255\nabc", "is cut short"),
    "PAM cut short": (lines(*THREE, raster=b"ab"), "is cut short"),
    "P2 cut short": (b"P2 2 2 9\n1 2 3", "is cut short"),
    "P4 cut short": (b"P4 9 2\n\xaa\x80\x55", "is cut short"),
    "no ENDHDR": (b"P7\n" + "\n".join(ONE).encode() + b"\n", "ends inside its header"),
    "an unknown line": (lines("COLOUR red", *ONE), "PAM does not know: 'COLOUR red'"),
    "a blank first": (b" P5 1 1 255\na", "is no Netpbm picture"),
}
"""Both refuse."""


def theirs(content):
    """The first image as Netpbm reads it, its samples as they are stored; None where it refuses."""
    done = subprocess.run(["pamtopam"], input=content, capture_output=True, check=False)
    if done.returncode:
        return None
    head, _, raster = done.stdout.partition(b"ENDHDR\n")
    said = dict(line.split(b" ", 1) for line in head.splitlines() if b" " in line)
    maxval, depth = int(said[b"MAXVAL"]), int(said[b"DEPTH"])
    shape = int(said[b"HEIGHT"]), int(said[b"WIDTH"]), depth
    return maxval, np.frombuffer(raster, "u1" if maxval < 256 else ">u2", count=np.prod(shape)).reshape(shape)


def ours(path):
    picture = pnm.describe(path)
    out = np.empty((*picture.shape, picture.bands), picture.dtype)
    return picture, pnm.read(picture, 0, len(out), out)


@pytest.mark.parametrize("name", AGREED)
def test_what_both_take(tmp_path, name):
    (tmp_path / "a.pnm").write_bytes(AGREED[name])
    maxval, stored = theirs(AGREED[name])
    picture, found = ours(tmp_path / "a.pnm")
    full = np.iinfo(found.dtype).max
    assert picture.maxval == maxval
    np.testing.assert_array_equal(found, (stored.astype(np.int64) * full + maxval // 2) // maxval)


@pytest.mark.parametrize("name", ONLY_HERE)
def test_what_only_we_take(tmp_path, name):
    content, samples = ONLY_HERE[name]
    (tmp_path / "a.pnm").write_bytes(content)
    assert theirs(content) is None
    assert ours(tmp_path / "a.pnm")[1].ravel().tolist() == samples


@pytest.mark.parametrize("name", REFUSED)
def test_what_only_they_take(tmp_path, name):
    content, words = REFUSED[name]
    (tmp_path / "a.pam").write_bytes(content)
    assert theirs(content) is not None
    with pytest.raises(BadInput, match=words) as told:
        ours(tmp_path / "a.pam")
    assert "a.pam" in str(told.value)


@pytest.mark.parametrize("name", NOWHERE)
def test_what_nobody_takes(tmp_path, name):
    content, words = NOWHERE[name]
    (tmp_path / "a.pam").write_bytes(content)
    assert theirs(content) is None
    with pytest.raises(BadInput, match=words):
        ours(tmp_path / "a.pam")


def test_several_images_are_counted_as_pamfile_counts(tmp_path):
    content = AGREED["two images"] + b"\n" + AGREED["PAM of 12 bits"] + AGREED["bits beside a byte"]
    (tmp_path / "a.pnm").write_bytes(content)
    told = subprocess.run(
        ["pamfile", "-allimages", tmp_path / "a.pnm"], capture_output=True, text=True, check=True
    ).stdout
    assert len(re.findall(r"Image \d+:", told)) == pnm.count(tmp_path / "a.pnm") == 4
