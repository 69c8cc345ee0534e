"""PNG rows are what PIL and Netpbm read, in any order; what is broken is refused, in words and without big memory."""

import io
import os
import shutil
import struct
import subprocess
import time
import tracemalloc
import zlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gigascene.model.errors import BadInput
from gigascene.model.plain_picture import PlainPicture
from gigascene.model.wire import dumps, loads
from gigascene.readers import png

SIGNATURE = b"\x89PNG\r\n\x1a\n"
KINDS = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
KINDS += [(4, 8), (4, 16), (6, 8), (6, 16)]
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
CASES = [(*kind, clear) for kind in KINDS for clear in (False, True) if not (clear and kind[0] in {4, 6})]
"""Colour type, depth, and whether some pixels are transparent by a tRNS chunk."""

MEMORY = 3 << 20
"""Bytes that refusing a file, or reading a few rows, may take."""


def chunk(kind, data=b"", crc=None):
    crc = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)


def ihdr(width=5, height=4, depth=8, color=0, compression=0, filters=0, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, compression, filters, interlace))


def file_of(*chunks):
    return b"".join([SIGNATURE, *chunks])


END = chunk(b"IEND")
ROWS = b"".join(bytes([0, y, 1, 2, 3, 4]) for y in range(4))
"""Raw rows of the 5 x 4 grey picture that `ihdr` declares."""

GOOD = chunk(b"IDAT", zlib.compress(ROWS))
PIXELS = np.frombuffer(ROWS, np.uint8).reshape(4, 6)[:, 1:]


def save(folder, content, name="a.png"):
    path = folder / name
    path.write_bytes(content)
    return path


def all_rows(path, height=None):
    """A whole picture, read so many rows at a time."""
    picture = png.describe(path)
    out = np.empty((*picture.shape, picture.bands), picture.dtype)
    with png.PngRows(picture) as rows:
        for top in range(0, len(out), height or len(out)):
            part = out[top : top + (height or len(out))]
            assert rows.read(top, len(part), part) is part
    return out


def program(*words, feed=b""):
    """Output of one of Netpbm's programs."""
    if not shutil.which(words[0]):
        pytest.skip(f"{words[0]} of Netpbm is not installed")
    return subprocess.run(words, input=feed, capture_output=True, check=True).stdout


def pam(text):
    """Samples of a PAM from Netpbm itself: (y, x, depth), and its maxval."""
    head, _, raster = text.partition(b"ENDHDR\n")
    fields = dict(line.split(None, 1) for line in head.decode().splitlines()[1:])
    shape = [int(fields[name]) for name in ("HEIGHT", "WIDTH", "DEPTH")]
    maxval = int(fields["MAXVAL"])
    return np.frombuffer(raster, ">u2" if maxval > 255 else "u1").reshape(shape), maxval


def packed(samples, depth):
    """Rows of samples (y, x, channel) as PNG stores them."""
    flat = samples.reshape(len(samples), -1)
    if depth == 16:
        return flat.astype(">u2").view(np.uint8)
    if depth == 8:
        return flat.astype(np.uint8)
    bits = (flat[..., np.newaxis] >> np.arange(depth - 1, -1, -1)) & 1
    return np.packbits(bits.reshape(len(flat), -1).astype(np.uint8), axis=1)


def made(color, depth, *, transparent=False, shape=(23, 37), split=10**9, seed=0):
    """A PNG of random samples with Up and None rows, by hand, and its pixels as they must come out."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(0, 1 << depth, (*shape, CHANNELS[color]), dtype=np.uint16)
    stored = packed(samples, depth)
    rows = np.zeros((shape[0], stored.shape[1] + 1), np.uint8)
    rows[:, 1:] = stored
    rows[1::2, 0], rows[1::2, 1:] = 2, stored[1::2] - stored[: len(stored[1::2]) * 2 : 2]
    extra, want = [], samples
    if color == 3:
        palette = rng.integers(0, 256, (1 << depth, 3), dtype=np.uint8)
        alpha = rng.integers(0, 256, len(palette) // 2 + 1, dtype=np.uint8)
        extra = [chunk(b"PLTE", palette.tobytes())] + [chunk(b"tRNS", alpha.tobytes())] * transparent
        table = np.column_stack([palette, np.pad(alpha, (0, len(palette) - len(alpha)), constant_values=255)])
        want = table[samples[..., 0]][..., : 3 + transparent]
    elif transparent:
        key = samples[3, 5]
        extra = [chunk(b"tRNS", key.astype(">u2").tobytes())]
        hidden = (samples == key).all(axis=-1, keepdims=True)
        want = np.concatenate([samples, np.where(hidden, 0, (1 << depth) - 1)], axis=-1)
    if color != 3 and depth < 8:
        want = want * (255 // ((1 << depth) - 1))
    data = zlib.compress(rows.tobytes())
    idats = [chunk(b"IDAT", data[at : at + split]) for at in range(0, len(data), split)]
    content = file_of(ihdr(shape[1], shape[0], depth, color), *extra, *idats, END)
    return content, want.astype("uint16" if depth == 16 else "uint8")


# What is read


@pytest.mark.parametrize(("color", "depth", "transparent"), CASES)
def test_every_type_and_depth(tmp_path, color, depth, transparent):
    content, want = made(color, depth, transparent=transparent, split=101)
    path = save(tmp_path, content)
    picture = png.describe(path)
    assert (picture.shape, picture.bands, picture.dtype) == (want.shape[:2], want.shape[2], want.dtype.name)
    assert picture.alpha == (transparent or color in {4, 6})
    assert picture.maxval == np.iinfo(want.dtype).max
    for height in (1, 7, None):
        np.testing.assert_array_equal(all_rows(path, height), want)


# pngtopam overlooks a transparent colour of RGB.
@pytest.mark.parametrize(("color", "depth", "transparent"), [case for case in CASES if case[0] != 2 or not case[2]])
def test_netpbm_reads_the_same(tmp_path, color, depth, transparent):
    """pngtopam of the same bytes, its samples scaled as PNG says."""
    content, _ = made(color, depth, transparent=transparent)
    ours = all_rows(save(tmp_path, content))
    alpha = ["-alphapam"] if transparent or color in {4, 6} else []
    theirs, maxval = pam(program("pamtopam", feed=program("pngtopam", *alpha, str(tmp_path / "a.png"))))
    np.testing.assert_array_equal(ours, theirs.astype(np.uint32) * np.iinfo(ours.dtype).max // maxval)


# PIL has no 16 bits of several bands, and compares a transparent grey of 2 or 4 bits with the scaled one.
@pytest.mark.parametrize(
    ("color", "depth", "transparent"),
    [case for case in CASES if case[1] <= 8 and case not in {(0, 2, True), (0, 4, True)}],
)
def test_pil_reads_the_same(tmp_path, color, depth, transparent):
    content, _ = made(color, depth, transparent=transparent)
    ours = all_rows(save(tmp_path, content))
    with Image.open(tmp_path / "a.png") as image:
        theirs = np.asarray(image.convert({1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[ours.shape[2]]))
    np.testing.assert_array_equal(ours, theirs.reshape(ours.shape))


@pytest.mark.parametrize("shape", [(91, 67), (91, 67, 2), (91, 67, 3), (91, 67, 4)])
def test_pil_writes_what_we_read(tmp_path, shape):
    y, x = np.mgrid[:91, :67]
    levels = np.stack([3 * x + y, y * x // 9, 255 - x, 255 - y], axis=-1).astype(np.uint8)
    levels = levels[..., 0] if len(shape) == 2 else np.ascontiguousarray(levels[..., : shape[2]])
    Image.fromarray(levels).save(tmp_path / "a.png", optimize=True)
    np.testing.assert_array_equal(all_rows(tmp_path / "a.png", 10), levels.reshape(91, 67, -1))


@pytest.mark.parametrize("dtype", ["u1", ">u2"])
@pytest.mark.parametrize(
    ("maker", "kind"),
    [
        ("pnmtopng", "GRAYSCALE"),
        ("pnmtopng", "RGB"),
        ("pamtopng", "GRAYSCALE"),
        ("pamtopng", "GRAYSCALE_ALPHA"),
        ("pamtopng", "RGB"),
        ("pamtopng", "RGB_ALPHA"),
    ],
)
def test_netpbm_writes_what_we_read(tmp_path, dtype, maker, kind):
    depth = {"GRAYSCALE": 1, "GRAYSCALE_ALPHA": 2, "RGB": 3, "RGB_ALPHA": 4}[kind]
    full = np.iinfo(dtype).max
    levels = np.random.default_rng(depth).integers(0, full, (19, 33, depth), endpoint=True).astype(dtype)
    header = f"P7\nWIDTH 33\nHEIGHT 19\nDEPTH {depth}\nMAXVAL {full}\nTUPLTYPE {kind}\nENDHDR\n"
    content = program(maker, feed=header.encode() + levels.tobytes())
    np.testing.assert_array_equal(all_rows(save(tmp_path, content)), levels)


def test_rows_come_in_any_order(tmp_path):
    content, want = made(2, 8, shape=(200, 31))
    picture = png.describe(save(tmp_path, content))
    with png.PngRows(picture) as rows:
        for top, height in [(0, 1), (1, 3), (50, 20), (70, 130), (199, 1), (0, 200), (120, 2), (3, 5)]:
            out = np.empty((height, 31, 3), np.uint8)
            np.testing.assert_array_equal(rows.read(top, height, out), want[top : top + height])


@settings(max_examples=40)
@given(cuts=st.lists(st.integers(0, 40), max_size=12), stored=st.booleans())
def test_pixels_may_be_cut_into_any_chunks(tmp_path_factory, cuts, stored):
    data = zlib.compress(ROWS, 0 if stored else 9)
    at = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    idats = [chunk(b"IDAT", data[a:b]) for a, b in pairwise(at)]
    path = save(tmp_path_factory.mktemp("cut"), file_of(ihdr(), *idats, END))
    np.testing.assert_array_equal(all_rows(path, 1)[..., 0], PIXELS)


def test_chunks_that_may_be_skipped_are(tmp_path):
    around = chunk(b"tEXt", b"Title\0A") + chunk(b"prVt", b"x" * 200_000)
    suggested = chunk(b"PLTE", bytes(12))
    content = file_of(ihdr(), around, GOOD, around, END) + b"behind the end"
    np.testing.assert_array_equal(all_rows(save(tmp_path, content))[..., 0], PIXELS)
    colors, want = made(2, 8)
    at = colors.index(b"IDAT") - 4
    np.testing.assert_array_equal(all_rows(save(tmp_path, colors[:at] + suggested + colors[at:])), want)


def test_pictures_travel_as_json(tmp_path):
    picture = png.describe(save(tmp_path, file_of(ihdr(), GOOD, END)))
    assert loads(PlainPicture, dumps(picture)) == picture


@pytest.mark.parametrize(("color", "depth", "transparent"), CASES)
def test_memory_does_not_grow_with_the_picture(tmp_path, color, depth, transparent):
    content, _ = made(color, depth, transparent=transparent, shape=(900, 1200))
    picture = png.describe(save(tmp_path, content))
    out = np.empty((8, 1200, picture.bands), picture.dtype)
    peak = traced(lambda: [png.PngRows(picture).read(top, 8, out) for top in (0, 892)])
    assert peak < 1_400_000


def test_interlaced_pictures_are_refused(tmp_path):
    content = program("pamtopng", "-interlace", feed=b"P5 40 30 255\n" + bytes(1200))
    with pytest.raises(BadInput, match=r"a\.png: is interlaced .* Save it again without: pngtopam"):
        png.describe(save(tmp_path, content))


def test_what_does_not_fit_is_a_mistake_of_the_caller(tmp_path):
    rows = png.PngRows(png.describe(save(tmp_path, file_of(ihdr(), GOOD, END))))
    for top, height, out in [
        (0, 5, np.empty((5, 5, 1), np.uint8)),
        (-1, 2, np.empty((2, 5, 1), np.uint8)),
        (0, 0, np.empty((0, 5, 1), np.uint8)),
        (0, 2, np.empty((2, 5), np.uint8)),
        (0, 2, np.empty((2, 5, 1), np.uint16)),
        (0, 2, np.empty((2, 10, 1), np.uint8)[:, ::2]),
    ]:
        with pytest.raises(ValueError, match=r"rows|cannot take"):
            rows.read(top, height, out)


def test_a_file_that_changed_is_refused(tmp_path):
    path = save(tmp_path, file_of(ihdr(), GOOD, END))
    picture = png.describe(path)
    os.utime(path, ns=(1, 1))
    with pytest.raises(BadInput, match=r"a\.png: has changed"):
        png.PngRows(picture)
    forged = replace(png.describe(path), shape=(4, 6))
    with pytest.raises(BadInput, match=r"a\.png: is not what it was described as"):
        png.PngRows(forged)


# What is refused


def traced(work):
    """Greatest memory that Python and NumPy took meanwhile, bytes."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def idat(raw, **kwargs):
    return chunk(b"IDAT", zlib.compress(raw), **kwargs)


def spoiled(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


HUGE = (1 << 31) - 1
GREY2 = [chunk(b"PLTE", bytes(9))]
HEADERS = {
    "nothing": (b"", "is no PNG"),
    "half a signature": (SIGNATURE[:5], "is no PNG"),
    "a JPEG": (b"\xff\xd8\xff\xe0" + bytes(50), "is no PNG"),
    "text mode": (SIGNATURE.replace(b"\r\n", b"\n") + ihdr() + GOOD + END, "is no PNG"),
    "only a signature": (SIGNATURE, "is cut short"),
    "half a header": (file_of(ihdr()[:15]), "is cut short"),
    "no header": (file_of(GOOD, END), "instead of IHDR"),
    "a short header": (file_of(chunk(b"IHDR", bytes(12)), GOOD, END), "12 bytes in its IHDR"),
    "two headers": (file_of(ihdr(), ihdr(), GOOD, END), "chunk IHDR before its pixels"),
    "a broken header": (file_of(spoiled(ihdr(), 10), GOOD, END), "CRC of the IHDR"),
    "no width": (file_of(ihdr(width=0), GOOD, END), "4 rows of 0 pixels"),
    "no height": (file_of(ihdr(height=0), GOOD, END), "0 rows of 5 pixels"),
    "too wide": (file_of(ihdr(width=1 << 31), GOOD, END), "2147483648 pixels"),
    "lying sides": (file_of(ihdr(width=HUGE, height=HUGE, color=6, depth=16), GOOD, END), "cannot hold as many"),
    "a lying width": (file_of(ihdr(width=HUGE, height=1), GOOD, END), "cannot hold as many"),
    "a lying height": (file_of(ihdr(width=1, height=HUGE), GOOD, END), "cannot hold as many"),
    "a depth of 3": (file_of(ihdr(depth=3), GOOD, END), "depth 3"),
    "RGB of 4 bits": (file_of(ihdr(depth=4, color=2), GOOD, END), "depth 4, colour 2"),
    "a palette of 16 bits": (file_of(ihdr(depth=16, color=3), GOOD, END), "depth 16, colour 3"),
    "colour 5": (file_of(ihdr(color=5), GOOD, END), "colour 5"),
    "another compression": (file_of(ihdr(compression=1), GOOD, END), "compression 1"),
    "another filter method": (file_of(ihdr(filters=1), GOOD, END), "filter 1"),
    "another interlace": (file_of(ihdr(interlace=2), GOOD, END), "interlace 2"),
    "interlaced": (file_of(ihdr(interlace=1), GOOD, END), "interlaced .* Save it again without: pngtopam"),
    "no pixels": (file_of(ihdr(), END), "no IDAT chunk"),
    "no pixels, no end": (file_of(ihdr()), "is cut short"),
    "no palette": (file_of(ihdr(color=3), GOOD, END), "no palette"),
    "an empty palette": (file_of(ihdr(color=3), chunk(b"PLTE"), GOOD, END), "0 bytes in its PLTE"),
    "a crooked palette": (file_of(ihdr(color=3), chunk(b"PLTE", bytes(10)), GOOD, END), "10 bytes in its PLTE"),
    "a long palette": (file_of(ihdr(color=3), chunk(b"PLTE", bytes(771)), GOOD, END), "771 bytes in its PLTE"),
    "two palettes": (file_of(ihdr(color=3), *GREY2, *GREY2, GOOD, END), "two PLTE"),
    "transparency first": (file_of(ihdr(color=3), chunk(b"tRNS", b"a"), *GREY2, GOOD, END), "1 bytes in its tRNS"),
    "much transparency": (file_of(ihdr(color=3), *GREY2, chunk(b"tRNS", bytes(4)), GOOD, END), "4 bytes in its tRNS"),
    "a long key": (file_of(ihdr(), chunk(b"tRNS", bytes(6)), GOOD, END), "6 bytes in its tRNS"),
    "a chunk of 2**31": (file_of(ihdr(), struct.pack(">I", 1 << 31) + b"tEXt" + bytes(99)), "2147483648 bytes of"),
    "a chunk of 2**31 - 1": (file_of(ihdr(), struct.pack(">I", HUGE) + b"tEXt" + bytes(99)), "tEXt chunk ends behind"),
    "no letters": (file_of(ihdr(), chunk(b"\0\0\0\0"), GOOD, END), "are no chunk"),
    "a chunk one must know": (file_of(ihdr(), chunk(b"ABCD"), GOOD, END), "ABCD before its pixels"),
    "a broken text": (file_of(ihdr(), chunk(b"tEXt", b"abc", crc=1), GOOD, END), "CRC of the tEXt"),
    "endless chunks": (file_of(ihdr(), chunk(b"tEXt") * 20_000, GOOD, END), "more than 10000 chunks"),
}
STREAM = zlib.compress(ROWS)
PIXEL_FAULTS = {
    "a broken CRC": (file_of(ihdr(), spoiled(GOOD, len(GOOD) - 1), END), "CRC of the IDAT"),
    "a broken checksum": (file_of(ihdr(), chunk(b"IDAT", spoiled(STREAM, len(STREAM) - 1)), END), "damaged pixels"),
    "broken data": (file_of(ihdr(), chunk(b"IDAT", STREAM[:2] + b"\xff" + STREAM[3:]), END), "damaged pixels"),
    "no zlib": (file_of(ihdr(), chunk(b"IDAT", b"PK" + STREAM), END), "damaged pixels"),
    "a dictionary": (file_of(ihdr(), chunk(b"IDAT", b"\x78\xbb" + STREAM[2:]), END), "damaged pixels"),
    "an empty IDAT": (file_of(ihdr(), chunk(b"IDAT"), END), "stop before a chunk IEND"),
    "endless empty IDATs": (file_of(ihdr(), chunk(b"IDAT") * 20_000, END), "more than 10000 chunks"),
    "no checksum": (file_of(ihdr(), chunk(b"IDAT", STREAM[:-4]), END), "stop before a chunk IEND"),
    "half the data": (file_of(ihdr(), chunk(b"IDAT", STREAM[:12]), END), "stop before a chunk IEND"),
    "a row too few": (file_of(ihdr(), idat(ROWS[:-6]), END), "fewer rows than it declares"),
    "a row too many": (file_of(ihdr(), idat(ROWS + bytes(6)), END), "more compressed pixels than"),
    "bytes behind": (file_of(ihdr(), chunk(b"IDAT", STREAM + b"x"), END), "more compressed pixels than"),
    "another IDAT": (file_of(ihdr(), GOOD, GOOD, END), "more compressed pixels than"),
    "a late IDAT": (file_of(ihdr(), GOOD, chunk(b"tEXt", b"a"), GOOD, END), "more compressed pixels than"),
    "a bomb": (file_of(ihdr(), idat(bytes(1 << 28)), END), "more compressed pixels than"),
    "something between": (
        file_of(ihdr(), chunk(b"IDAT", STREAM[:9]), chunk(b"tEXt", b"a"), chunk(b"IDAT", STREAM[9:]), END),
        "stop before a chunk tEXt",
    ),
    "filter 5": (file_of(ihdr(), idat(ROWS[:6] + b"\5" + ROWS[7:]), END), "row 1 or below: has the filter type 5"),
    "filter 255": (file_of(ihdr(), idat(b"\xff" + ROWS[1:]), END), "row 0 or below: has the filter type 255"),
    "a colour too many": (file_of(ihdr(color=3), chunk(b"PLTE", bytes(12)), GOOD, END), "a pixel of colour 4.* has 4"),
    "cut in the pixels": (file_of(ihdr(), GOOD[:-6]), "is cut short"),
    "no end": (file_of(ihdr(), GOOD), "no IEND was seen"),
    "a full end": (file_of(ihdr(), GOOD, chunk(b"IEND", b"x")), "1 bytes in its IEND"),
    "a broken end": (file_of(ihdr(), GOOD, chunk(b"IEND", crc=0)), "CRC of the IEND"),
    "a late palette": (file_of(ihdr(), GOOD, chunk(b"PLTE", bytes(3)), END), "PLTE behind its pixels"),
}


def refused(path, work, words):
    """`work` raises BadInput in these words, names the file, takes little memory and little time."""
    begin = time.perf_counter()

    def check():
        with pytest.raises(BadInput, match=words) as caught:
            work()
        assert str(path) in str(caught.value)

    assert traced(check) < MEMORY
    assert time.perf_counter() - begin < 5


@pytest.fixture(autouse=True, scope="module")
def ready(tmp_path_factory):
    """The first rows of a process load machine code, which takes memory that is not the file's fault."""
    all_rows(save(tmp_path_factory.mktemp("ready"), file_of(ihdr(), GOOD, END)))


@pytest.mark.parametrize("name", HEADERS)
def test_headers_that_cannot_be(tmp_path, name):
    content, words = HEADERS[name]
    path = save(tmp_path, content)
    refused(path, lambda: png.describe(path), words)


@pytest.mark.parametrize("name", PIXEL_FAULTS)
def test_pixels_that_cannot_be(tmp_path, name):
    content, words = PIXEL_FAULTS[name]
    path = save(tmp_path, content)
    refused(path, lambda: all_rows(path), words)


def test_after_an_error_it_begins_again(tmp_path):
    """Rows before the fault are given, before and after it was met."""
    raw = np.zeros((400, 1001), np.uint8)
    raw[:, 1:] = np.arange(400)[:, np.newaxis] % 256
    raw[390, 0] = 7
    picture = png.describe(save(tmp_path, file_of(ihdr(1000, 400), idat(raw.tobytes()), END)))
    out = np.empty((10, 1000, 1), np.uint8)
    with png.PngRows(picture) as rows:
        for _ in range(2):
            np.testing.assert_array_equal(rows.read(5, 10, out)[..., 0], raw[5:15, 1:])
            with pytest.raises(BadInput, match="filter type 7"):
                rows.read(385, 10, out)


def test_bombs_are_never_unpacked_further_than_asked(tmp_path):
    """A quarter of a million bytes that declare, and hold, 268 million."""
    bomb = file_of(ihdr(1 << 14, 1 << 14), idat(bytes(((1 << 14) + 1) << 14)), END)
    assert len(bomb) < 300_000
    picture = png.describe(save(tmp_path, bomb))
    out = np.empty((4, 1 << 14, 1), np.uint8)
    assert traced(lambda: png.PngRows(picture).read(8, 4, out)) < MEMORY


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.mkdir(), os.mkfifo])
def test_no_file(tmp_path, make):
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(BadInput, match=r"a\.png: (cannot be opened|is no ordinary file)"):
        png.describe(path)


@settings(max_examples=300)
@given(data=st.data())
def test_any_damage_is_bad_input_or_none(tmp_path_factory, data):
    """Bytes changed, taken out and put in anywhere, with CRCs as they were or made right again."""
    kind = data.draw(st.sampled_from(KINDS))
    content, want = made(*kind, transparent=kind[0] in {0, 2, 3}, shape=(5, 9), split=30)
    at = data.draw(st.integers(0, len(content)))
    content = content[:at] + data.draw(st.binary(max_size=4)) + content[at + data.draw(st.integers(0, 4)) :]
    path = save(tmp_path_factory.mktemp("damage"), repaired(content) if data.draw(st.booleans()) else content)
    try:
        assert all_rows(path, 2).size < want.size * 2000
    except BadInput as error:
        assert str(path) in str(error)


def repaired(content):
    """The same chunks, as far as they can be told, with right CRCs."""
    file, out = io.BytesIO(content[8:]), [content[:8]]
    while len(head := file.read(8)) == 8:
        body = file.read(min(struct.unpack(">I", head[:4])[0], 1 << 16))
        file.read(4)
        out.append(chunk(head[4:], body))
    return b"".join(out)
