"""Netpbm pictures and raw samples are read from any row; headers in every legal shape, and none other."""

import json
import os
import shutil
import subprocess
import time
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gigascene.model.errors import BadInput, UsageError
from gigascene.model.plain_picture import PlainPicture
from gigascene.model.wire import dumps, loads
from gigascene.readers import pnm, raw

MEMORY = 3 << 20
"""Bytes that refusing a file may take."""

KINDS = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}


def save(folder, content, name="a.pam"):
    path = folder / name
    path.write_bytes(content)
    return path


def all_rows(picture, height=None, read=pnm.read):
    """A whole picture, read so many rows at a time."""
    out = np.empty((*picture.shape, picture.bands), picture.dtype)
    for top in range(0, len(out), height or len(out)):
        part = out[top : top + (height or len(out))]
        assert read(picture, top, len(part), part) is part
    return out


def program(*words, feed=b""):
    """Output of one of Netpbm's programs."""
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} of Netpbm is not installed")
    return subprocess.run(words, input=feed, capture_output=True, check=True).stdout


def pam(levels, maxval=None, kind=None):
    """A PAM by hand; `levels` is (y, x, band)."""
    height, width, depth = levels.shape
    maxval = maxval or np.iinfo(levels.dtype).max
    head = (
        f"P7\nWIDTH {width}\nHEIGHT {height}\nDEPTH {depth}\nMAXVAL {maxval}\nTUPLTYPE {kind or KINDS[depth]}\nENDHDR\n"
    )
    return head.encode() + levels.astype("u1" if maxval < 256 else ">u2").tobytes()


def noise(*shape, most=255, seed=0):
    dtype = np.uint8 if most < 256 else np.uint16
    return np.random.default_rng(seed).integers(0, most, shape, dtype, endpoint=True)


# What is read


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("most", [255, 65535])
def test_pam(tmp_path, bands, most):
    levels = noise(23, 17, bands, most=most)
    picture = pnm.describe(save(tmp_path, pam(levels)))
    assert (picture.shape, picture.bands, picture.dtype) == ((23, 17), bands, levels.dtype.name)
    assert (picture.alpha, picture.maxval, picture.packing) == (bands in {2, 4}, most, "bytes")
    for height in (1, 7, None):
        np.testing.assert_array_equal(all_rows(picture, height), levels)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "I;16"])
def test_pil_writes_what_we_read(tmp_path, mode):
    levels = noise(19, 29, 3 if mode == "RGB" else 1, most=65535 if mode == "I;16" else 255)
    image = Image.fromarray(levels.squeeze())
    if mode == "1":
        levels = np.where(levels > 127, 255, 0).astype(np.uint8)
        image = Image.fromarray(levels.squeeze()).convert("1", dither=Image.Dither.NONE)
    image.save(tmp_path / "a.ppm")
    np.testing.assert_array_equal(all_rows(pnm.describe(tmp_path / "a.ppm"), 4), levels)


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("most", [1, 255, 65535])
@pytest.mark.parametrize("bands", [1, 3])
def test_netpbm_writes_what_we_read(tmp_path, bands, most, plain):
    """PBM, PGM and PPM, binary and in decimal."""
    levels = noise(21, 19, bands, most=most)
    kind = "BLACKANDWHITE" if (bands, most) == (1, 1) else None
    content = program("pamtopnm", *["-plain"] * plain, feed=pam(levels, most, kind))
    assert content[:2].decode() == "P" + str({1: 1 if most == 1 else 2, 3: 3}[bands] + 3 * (not plain))
    picture = pnm.describe(save(tmp_path, content))
    want = levels * 255 if most == 1 else levels
    np.testing.assert_array_equal(all_rows(picture, 5), want)
    np.testing.assert_array_equal(all_rows(picture), want)


@pytest.mark.parametrize("maxval", [1, 2, 3, 7, 15, 99, 100, 127, 254, 256, 257, 1000, 1023, 4095, 32768, 65534])
def test_maxval_is_scaled_as_pamdepth_scales(tmp_path, maxval):
    """Every sample there can be."""
    levels = np.arange(maxval + 1).reshape(1, -1, 1).astype(np.uint8 if maxval < 256 else np.uint16)
    content = pam(levels, maxval)
    full = 255 if maxval < 256 else 65535
    theirs = program("pamdepth", str(full), feed=content)
    raster = np.frombuffer(theirs.partition(b"ENDHDR\n")[2], "u1" if maxval < 256 else ">u2")
    picture = pnm.describe(save(tmp_path, content))
    ours = all_rows(picture).ravel()
    np.testing.assert_array_equal(ours, raster)
    np.testing.assert_array_equal(ours, [(value * full + maxval // 2) // maxval for value in range(maxval + 1)])


def test_black_is_1_in_a_bitmap_and_0_in_a_pam(tmp_path):
    bitmap = save(tmp_path, b"P4\n3 2\n" + bytes([0b10111111, 0b01000000]), "a.pbm")
    assert all_rows(pnm.describe(bitmap), 1)[..., 0].tolist() == [[0, 255, 0], [255, 0, 255]]
    plain = save(tmp_path, b"P1\n3 2\n1 01\n 010 junk", "b.pbm")
    assert all_rows(pnm.describe(plain), 1)[..., 0].tolist() == [[0, 255, 0], [255, 0, 255]]
    levels = np.uint8([[[1, 0], [0, 1]]])
    tuples = save(tmp_path, pam(levels, 1, "BLACKANDWHITE_ALPHA"))
    assert all_rows(pnm.describe(tuples)).tolist() == [[[255, 0], [0, 255]]]


@pytest.mark.parametrize("columns", [1, 7, 8, 9, 40_001])
def test_rows_of_bits_begin_at_bytes(tmp_path, columns):
    levels = noise(70, columns, 1, most=1)
    content = program("pamtopnm", feed=pam(levels, 1, "BLACKANDWHITE"))
    np.testing.assert_array_equal(all_rows(pnm.describe(save(tmp_path, content)), 33), levels * 255)


def test_a_pam_of_a_known_depth_needs_no_type(tmp_path):
    for bands in (1, 2, 3, 4):
        header = f"P7\nWIDTH 1\nHEIGHT 1\nDEPTH {bands}\nMAXVAL 255\nENDHDR\n".encode()
        picture = pnm.describe(save(tmp_path, header + bytes(bands)))
        assert (picture.bands, picture.alpha) == (bands, bands in {2, 4})


def test_several_images(tmp_path):
    """Of several kinds, with and without white space between."""
    first, second, third = noise(5, 4, 3), noise(2, 9, 1, most=65535), noise(3, 3, 1, most=1)
    bitmap = b"P4 3 3\n" + np.packbits(third[..., 0] ^ 1, axis=1).tobytes()
    content = pam(first) + b"\n \n" + pam(second) + bitmap + pam(first) + b"\n"
    path = save(tmp_path, content)
    assert pnm.count(path) == 4
    for index, levels in enumerate([first, second, third * 255, first]):
        picture = pnm.describe(path, index)
        assert picture.index == index
        np.testing.assert_array_equal(all_rows(picture, 2), levels)
    with pytest.raises(BadInput, match=r"a\.pam: holds 4 images, and number 4 is not there"):
        pnm.describe(path, 4)


def test_nothing_between_images_but_blanks(tmp_path):
    path = save(tmp_path, pam(noise(5, 4, 3)) + b"junk")
    assert pnm.describe(path).shape == (5, 4)
    with pytest.raises(BadInput, match=r"a\.pam: goes on behind image 0 with b'junk'"):
        pnm.count(path)


def test_pictures_travel_as_json(tmp_path):
    picture = pnm.describe(save(tmp_path, pam(noise(5, 4, 3))))
    assert loads(PlainPicture, dumps(picture)) == picture


@pytest.mark.parametrize(
    "changed",
    [{"shape": (0, 4)}, {"bands": 5}, {"dtype": "int8"}, {"maxval": 0}, {"maxval": 256}, {"index": -1}, {"offset": -1}],
    ids=str,
)
def test_no_picture_that_cannot_be_comes_from_json(tmp_path, changed):
    picture = pnm.describe(save(tmp_path, pam(noise(5, 4, 3))))
    with pytest.raises(ValueError, match="no picture"):
        replace(picture, **changed)
    text = json.dumps(json.loads(dumps(picture)) | changed)
    with pytest.raises(BadInput, match="is no plain picture of gigascene"):
        loads(PlainPicture, text)


def test_rows_far_down_cost_nothing(tmp_path):
    """A sparse file of 40 GB."""
    path = tmp_path / "a.pam"
    header = b"P7\nWIDTH 100000\nHEIGHT 100000\nDEPTH 4\nMAXVAL 255\nENDHDR\n"
    with path.open("wb") as file:
        file.write(header)
        file.seek(len(header) + 400_000 * 99_999)
        file.write(bytes([7]) * 400_000)
    picture = pnm.describe(path)
    out = np.empty((2, 100_000, 4), np.uint8)
    assert traced(lambda: pnm.read(picture, 99_998, 2, out)) < 100_000
    assert (out[0] == 0).all()
    assert (out[1] == 7).all()


# Headers


BLANKS = st.text(" \t", max_size=2)
COMMENTS = st.text(st.characters(codec="utf-8", exclude_characters="\n"), max_size=20).map("#{}".format)
FILLING = st.lists(BLANKS | COMMENTS, max_size=4)


@settings(max_examples=150)
@given(data=st.data())
def test_pam_headers_in_every_legal_shape(tmp_path_factory, data):
    """Lines in any order, comments, blank lines, blanks around words, a type in several lines, leading zeros."""
    bands = data.draw(st.sampled_from([1, 2, 3, 4]))
    fields = {"WIDTH": 3, "HEIGHT": 2, "DEPTH": bands, "MAXVAL": 255}
    said = [
        f"{data.draw(BLANKS)}{name}{data.draw(BLANKS)} {'0' * data.draw(st.integers(0, 3))}{value}{data.draw(BLANKS)}"
        for name, value in fields.items()
    ]
    kinds = [f"TUPLTYPE {KINDS[bands]} ", *["TUPLTYPE"] * data.draw(st.integers(0, 2))]
    order = data.draw(st.permutations([*said, *kinds]))
    text = "".join(f"{line}\n" for each in order for line in [*data.draw(FILLING), each])
    levels = noise(2, 3, bands)
    content = f"P7\n{text}ENDHDR{data.draw(BLANKS)}\n".encode() + levels.tobytes()
    picture = pnm.describe(save(tmp_path_factory.mktemp("pam"), content))
    np.testing.assert_array_equal(all_rows(picture), levels)
    assert picture.alpha == (bands in {2, 4})


@settings(max_examples=150)
@given(data=st.data())
def test_classic_headers_in_every_legal_shape(tmp_path_factory, data):
    """Any white space and comments between the numbers, one character behind them."""
    kind = data.draw(st.sampled_from(["P4", "P5", "P6"]))
    comment = st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20).map("#{}\n".format)
    gap = st.lists(st.sampled_from(" \t\n\v\f\r") | comment, min_size=1, max_size=4).map("".join)
    end = st.sampled_from(" \t\n\r") | comment
    numbers = ["11", "2"] if kind == "P4" else ["11", "2", "255"]
    header = kind + "".join(data.draw(gap) + number for number in numbers) + data.draw(end)
    levels = noise(2, 11, 3 if kind == "P6" else 1)
    if kind == "P4":
        levels = np.where(levels > 127, 255, 0).astype(np.uint8)
    raster = np.packbits(levels[..., 0] == 0, axis=1).tobytes() if kind == "P4" else levels.tobytes()
    picture = pnm.describe(save(tmp_path_factory.mktemp("pnm"), header.encode() + raster))
    np.testing.assert_array_equal(all_rows(picture), levels)


@settings(max_examples=50)
@given(images=st.lists(st.tuples(st.integers(1, 4), st.sampled_from([255, 65535])), min_size=1, max_size=5))
def test_images_follow_each_other(tmp_path_factory, images):
    every = [noise(2, 3, bands, most=most, seed=n) for n, (bands, most) in enumerate(images)]
    path = save(tmp_path_factory.mktemp("many"), b"".join(map(pam, every)))
    assert pnm.count(path) == len(every)
    for picture, levels in zip(pnm.pictures(path), every, strict=True):
        np.testing.assert_array_equal(all_rows(picture), levels)


# What is refused


def traced(work):
    """Greatest memory that Python and NumPy took meanwhile, bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def refused(path, work, words):
    """`work` raises BadInput in these words, names the file, takes little memory and little time."""
    begin = time.perf_counter()

    def check():
        with pytest.raises(BadInput, match=words) as caught:
            work()
        assert str(path) in str(caught.value)
        assert len(str(caught.value)) < 600

    assert traced(check) < MEMORY
    assert time.perf_counter() - begin < 5


def lines(*, end="ENDHDR\n", **changed):
    """A PAM of 4 x 5 pixels with some lines changed, or left out where None."""
    fields = {"WIDTH": 5, "HEIGHT": 4, "DEPTH": 1, "MAXVAL": 255, **changed}
    said = "".join(f"{name} {value}\n" for name, value in fields.items() if value is not None)
    return f"P7\n{said}{end}".encode() + bytes(20)


FAULTS = {
    "nothing": (b"", "is no Netpbm picture: it begins with b''"),
    "one letter": (b"P", "is no Netpbm picture"),
    "a PNG": (b"\x89PNG\r\n\x1a\n", "is no Netpbm picture"),
    "P8": (b"P8\n5 4\n255\n" + bytes(20), "is no Netpbm picture"),
    "P5 and no blank": (b"P55 4 255\n" + bytes(20), "is no Netpbm picture"),
    "an XV thumbnail": (b"P7 332\n#IMGINFO\n#END_OF_COMMENTS\n2 2 255\nabcd", "is no Netpbm picture"),
    "only P7": (b"P7", "ends inside its header"),
    "only P5": (b"P5\n", "ends inside its header"),
    "half a header": (b"P6\n12 1", "ends inside its header"),
    "no ENDHDR": (lines(end=""), "ends inside its header"),
    "a short endless header": (b"P7\n" + b"\n" * 60_000, "ends inside its header"),
    "an endless header": (b"P7\n" + b"# words\n" * 2**20, "does not end within 65536 bytes"),
    "an endless line": (b"P7\n" + b"WIDTH" * 2**20, "does not end within 65536 bytes"),
    "endless blanks": (b"P5\n" + b" " * 2**20, "does not end within 65536 bytes"),
    "endless comments": (b"P5\n" + b"#\n" * 2**20, "does not end within 65536 bytes"),
    "an endless comment": (b"P5\n#" + b"a" * 2**20, "does not end within 65536 bytes"),
    "an endless number": (b"P5\n" + b"9" * 2**20, "does not end within 65536 bytes"),
    "a long number": (b"P5\n" + b"9" * 9000 + b" 1 255\n", "width '9999.*…'; it must be"),
    "no width": (lines(WIDTH=None), "has no WIDTH in its header"),
    "nothing said": (b"P7\nENDHDR\n", "has no WIDTH, HEIGHT, DEPTH, MAXVAL"),
    "zero width": (lines(WIDTH=0), "WIDTH '0'; it must be a whole number from 1"),
    "zero height": (lines(HEIGHT=0), "HEIGHT '0'"),
    "zero depth": (lines(DEPTH=0), "DEPTH '0'; it must be a whole number from 1 to 4"),
    "a depth of 5": (lines(DEPTH=5), "DEPTH '5'; it must be a whole number from 1 to 4"),
    "maxval 0": (lines(MAXVAL=0), "MAXVAL '0'; it must be a whole number from 1 to 65535"),
    "maxval 70000": (lines(MAXVAL=70000), "MAXVAL '70000'"),
    "maxval -1": (lines(MAXVAL=-1), "MAXVAL '-1'"),
    "maxval +1": (lines(MAXVAL="+1"), r"MAXVAL '\+1'"),
    "maxval in words": (lines(MAXVAL="full"), "MAXVAL 'full'"),
    "a broken maxval": (lines(MAXVAL="255.0"), "MAXVAL '255.0'"),
    "no maxval": (lines(MAXVAL=""), "MAXVAL ''"),
    "two numbers": (lines(WIDTH="5 5"), "WIDTH '5 5'"),
    "other digits": (lines(WIDTH="५"), "WIDTH '"),
    "a width of 2**31": (lines(WIDTH=2**31), r"is cut short: it has \d+ bytes, .* need 8589934"),
    "a width of 2**63": (lines(WIDTH=2**63), "WIDTH '9223372036854775808'"),
    "sides of 2**62": (lines(WIDTH=2**62, HEIGHT=2**62), "is cut short"),
    "twice the width": (lines(end="WIDTH 5\nENDHDR\n"), "two WIDTH lines"),
    "an unknown line": (lines(COLOR="red"), "PAM does not know: 'COLOR red'"),
    "small letters": (lines(WIDTH=None, width=5), "PAM does not know: 'width 5'"),
    "a long unknown line": (lines(X="y" * 9999), "PAM does not know: 'X yyy.*…'"),
    "a comment behind blanks": (lines(end=" # so\nENDHDR\n"), "PAM does not know"),
    "CMYK": (lines(TUPLTYPE="CMYK"), "tuples of type 'CMYK'"),
    "a split type": (lines(TUPLTYPE="RGB", end="TUPLTYPE _ALPHA\nENDHDR\n"), "tuples of type 'RGB _ALPHA'"),
    "RGB of one plane": (lines(TUPLTYPE="RGB"), "DEPTH of 1, and its tuple type RGB needs 3"),
    "a PAM cut short": (lines()[:-1], r"is cut short: it has \d+ bytes"),
    "16 bits cut short": (lines(MAXVAL=256), "bands of uint16 need"),
    "P5 of width 0": (b"P5\n0 4\n255\n" + bytes(20), "width '0'"),
    "P5 of maxval 0": (b"P5\n5 4\n0\n" + bytes(20), "maxval '0'"),
    "P5 of maxval 65536": (b"P5\n5 4\n65536\n" + bytes(40), "maxval '65536'"),
    "P5 of width -5": (b"P5\n-5 4\n255\n" + bytes(20), "width '-5'"),
    "P5 of width 2**31": (b"P5\n2147483648 4\n255\n" + bytes(20), "is cut short"),
    "P5 cut short": (b"P5\n5 4\n255\n" + bytes(19), "is cut short"),
    "P4 cut short": (b"P4\n9 4\n" + bytes(7), "is cut short"),
    "P4 of width 2**40": (b"P4\n1099511627776 4\n" + bytes(7), "is cut short"),
    "P1 of width 2**31": (b"P1\n2147483648 4\n1 0 1", "is cut short"),
    "P2 cut short": (b"P2\n5 4\n255\n" + b"1 " * 19, "is cut short"),
    "P3 of width 2**31": (b"P3\n2147483648 4\n255\n" + b"1 " * 90, "is cut short"),
    "P2 too large": (b"P2\n5 4\n255\n" + b" " * (17 << 20), "Make it binary first: pamtopnm"),
}
SAMPLE_FAULTS = {
    "too great": (lines(MAXVAL=100)[:-1] + b"e", "row 3: has the sample 101, and a maxval of 100"),
    "too great, 16 bits": (lines(MAXVAL=1000) + bytes(18) + b"\x04\x00", "has the sample 1024"),
    "P1 with a 2": (b"P1\n2 2\n0 1 2 0", "something else than 0 and 1"),
    "P1 too short": (b"P1\n2 2\n0 1     0", "has 3 of 4 samples"),
    "P2 with a word": (b"P2\n2 2\n9\n0 1 two 0", "the sample 'two'"),
    "P2 below zero": (b"P2\n2 2\n9\n0 1 -1 0", "the sample '-1'"),
    "P2 beyond maxval": (b"P2\n2 2\n9\n0 1 10 0", "the sample '10', and a maxval of 9"),
    "P2 with a long number": (b"P2\n2 2\n9\n" + b"0" * 99 + b"1 1 1", "the sample '000.*…'"),
    "P2 too short": (b"P2\n2 2\n9\n0 1     0   ", "has 3 of 4 samples"),
    "P2 all comment": (b"P2\n2 2\n9\n0 1 # 0 1", "has 2 of 4 samples"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_headers_that_cannot_be(tmp_path, name):
    content, words = FAULTS[name]
    path = save(tmp_path, content)
    refused(path, lambda: pnm.describe(path), words)


@pytest.mark.parametrize("name", SAMPLE_FAULTS)
def test_samples_that_cannot_be(tmp_path, name):
    content, words = SAMPLE_FAULTS[name]
    path = save(tmp_path, content)
    refused(path, lambda: all_rows(pnm.describe(path)), words)


def test_too_many_images(tmp_path, monkeypatch):
    monkeypatch.setattr(pnm, "MOST_IMAGES", 9)
    path = save(tmp_path, b"P4 1 1\n\0" * 10)
    refused(path, lambda: pnm.count(path), "more than 9 images")


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), os.mkfifo])
def test_no_file(tmp_path, make):
    path = tmp_path / "a.pam"
    make(path)
    words = r"a\.pam: (cannot be opened|is no ordinary file)"
    refused(path, lambda: pnm.describe(path), words)
    refused(path, lambda: raw.describe(path, (1, 1), 1, "uint8"), words)


@pytest.mark.parametrize("header", [b"P5\n2 2\n255\n", b"P4\n9 2\n", b"P2\n1 1\n255\n1 "])
def test_a_file_that_changed_is_refused(tmp_path, header):
    path = save(tmp_path, header + bytes(4))
    picture = pnm.describe(path)
    os.utime(path, ns=(1, 1))
    refused(path, lambda: all_rows(picture), "has changed since it was looked at")


def test_what_does_not_fit_is_a_mistake_of_the_caller(tmp_path):
    for picture in (
        pnm.describe(save(tmp_path, b"P5\n5 4\n255\n" + bytes(20), "a.pgm")),
        pnm.describe(save(tmp_path, b"P4\n5 4\n" + bytes(4), "a.pbm")),
        pnm.describe(save(tmp_path, b"P2\n5 4\n255\n" + b"1 " * 20, "b.pgm")),
    ):
        for top, height, out in [
            (0, 5, np.empty((5, 5, 1), np.uint8)),
            (-1, 2, np.empty((2, 5, 1), np.uint8)),
            (0, 2, np.empty((2, 5), np.uint8)),
            (0, 2, np.empty((2, 5, 1), ">u2")),
            (0, 2, np.empty((2, 10, 1), np.uint8)[:, ::2]),
        ]:
            with pytest.raises(ValueError, match=r"rows|cannot take"):
                pnm.read(picture, top, height, out)


@settings(max_examples=300)
@given(data=st.data())
def test_any_damage_is_bad_input_or_none(tmp_path_factory, data):
    """Bytes changed, taken out and put in anywhere."""
    plain = [b"P1\n3 2\n101 010", b"P2 3 2 9\n1 2 3 4 5 6", b"P3\n1 2 99#a\n1 2 3 4 5 6"]
    content = data.draw(st.sampled_from([lines(), b"P4\n9 2\nabcd", b"P5 3 2 99\nabcdef", pam(noise(2, 3, 4)), *plain]))
    at = data.draw(st.integers(0, len(content)))
    new = data.draw(st.binary(max_size=4) | st.text("0123456789 #\n", max_size=4).map(str.encode))
    path = save(tmp_path_factory.mktemp("damage"), content[:at] + new + content[at + data.draw(st.integers(0, 4)) :])
    try:
        assert all_rows(pnm.describe(path), 1).size < 10_000
        pnm.count(path)
    except BadInput as error:
        assert str(path) in str(error)


# Raw samples


@pytest.mark.parametrize("byteorder", ["big", "little"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_raw_samples(tmp_path, dtype, byteorder):
    levels = noise(13, 7, 3, most=np.iinfo(dtype).max)
    stored = levels.astype(levels.dtype.newbyteorder(">" if byteorder == "big" else "<"))
    path = save(tmp_path, b"header" + stored.tobytes() + b"more")
    picture = raw.describe(path, (13, 7), 3, dtype, byteorder, offset=6)
    for height in (1, 5, None):
        np.testing.assert_array_equal(all_rows(picture, height, raw.read), levels)
    assert loads(PlainPicture, dumps(picture)) == picture


def test_raw_samples_that_cannot_be(tmp_path):
    path = save(tmp_path, bytes(60))
    refused(
        path, lambda: raw.describe(path, (4, 5), 3, "uint16"), "it has 60 bytes, and 4 rows of 5 pixels .* need 120"
    )
    refused(path, lambda: raw.describe(path, (4, 5), 3, "uint8", offset=1), "from byte 1 on need 61")
    refused(path, lambda: raw.describe(path, (2**40, 2**40), 4, "uint16"), "is cut short")
    for shape, bands, dtype, byteorder, offset in [
        ((0, 5), 3, "uint8", "big", 0),
        ((4, -5), 3, "uint8", "big", 0),
        ((4, 5), 5, "uint8", "big", 0),
        ((4, 5), 0, "uint8", "big", 0),
        ((4, 5), 3, "float32", "big", 0),
        ((4, 5), 3, "uint8", "middle", 0),
        ((4, 5), 3, "uint8", "big", -1),
    ]:
        with pytest.raises(UsageError, match="A raw picture cannot have"):
            raw.describe(path, shape, bands, dtype, byteorder, offset)
