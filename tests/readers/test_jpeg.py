"""JPEG rows are what other decoders read, in any order; what is broken is refused, in words, at once and without big memory."""

import io
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gigascene.model.errors import BadInput
from gigascene.model.plain_picture import PlainPicture
from gigascene.model.wire import dumps, loads
from gigascene.readers import jpeg

MEMORY = 3 << 20
"""Bytes that refusing a file may take."""


def picture(shape, mode="RGB", seed=1):
    """Smooth patches with some noise, as photographs have."""
    random = np.random.default_rng(seed)
    rows, columns = shape
    small = random.integers(0, 256, (rows // 40 + 2, columns // 40 + 2, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((columns, rows), Image.Resampling.BICUBIC).convert(mode)


def encoded(image, **options):
    made = io.BytesIO()
    image.save(made, "JPEG", **{"quality": 90, **options})
    return made.getvalue()


def save(folder, content, name="a.jpg"):
    path = folder / name
    path.write_bytes(content)
    return path


def all_rows(path, height=None):
    """A whole picture, read so many rows at a time."""
    described = jpeg.describe(path)
    out = np.empty((*described.shape, described.bands), described.dtype)
    with jpeg.JpegRows(described) as rows:
        for top in range(0, len(out), height or len(out)):
            part = out[top : top + (height or len(out))]
            rows.read(top, len(part), part)
    return out


def pillow(content):
    found = np.asarray(Image.open(io.BytesIO(content)))
    return found if found.ndim == 3 else found[..., np.newaxis]


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 150),
    columns=st.integers(1, 150),
    mode=st.sampled_from(["L", "RGB"]),
    progressive=st.booleans(),
    step=st.integers(1, 60),
)
def test_pixels_are_those_of_libjpeg_turbo(tmp_path_factory, rows, columns, mode, progressive, step):
    """Grey to the level; colours at full size to one, for no two libraries round them alike."""
    content = encoded(picture((rows, columns), mode), progressive=progressive, subsampling=0)
    found = all_rows(save(tmp_path_factory.mktemp("a"), content), step)
    differ = np.abs(found.astype(int) - pillow(content))
    assert differ.max() <= (mode == "RGB")


@pytest.mark.parametrize("subsampling", [1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_colours_at_half_size(tmp_path, subsampling, progressive):
    """How they are brought to full size is each decoder's choice: they differ a little, and rows do not depend on how they are read."""
    content = encoded(picture((301, 277)), subsampling=subsampling, progressive=progressive)
    path = save(tmp_path, content)
    found = all_rows(path)
    assert np.abs(found.astype(int) - pillow(content)).mean() < 1.5
    np.testing.assert_array_equal(all_rows(path, 7), found)


def test_rows_in_any_order(tmp_path):
    path = save(tmp_path, encoded(picture((300, 200))))
    described, whole = jpeg.describe(path), all_rows(path)
    with jpeg.JpegRows(described) as rows:
        for top, height in [(200, 50), (0, 10), (299, 1), (100, 200)]:
            out = np.empty((height, 200, 3), np.uint8)
            np.testing.assert_array_equal(rows.read(top, height, out), whole[top : top + height])
        with pytest.raises(ValueError, match="rows"):
            rows.read(290, 20, np.empty((20, 200, 3), np.uint8))


def test_what_is_described(tmp_path):
    plain = jpeg.describe(save(tmp_path, encoded(picture((100, 60), "L"))))
    assert (plain.shape, plain.bands, plain.alpha, plain.held, plain.from_top) == ((100, 60), 1, False, 0, True)
    several = jpeg.describe(save(tmp_path, encoded(picture((100, 60)), progressive=True, subsampling=2)))
    assert several.held == 2 * 7 * 4 * 6 * 64  # 16 x 16 units of six blocks, two bytes a coefficient
    assert loads(PlainPicture, dumps(several)) == several
    profile = jpeg.describe(save(tmp_path, encoded(picture((9, 9)), icc_profile=b"x" * 200)))
    assert profile.colors == "a colour profile"


def test_memory_does_not_grow_with_the_picture(tmp_path):
    described = jpeg.describe(save(tmp_path, encoded(picture((3000, 2000)))))
    out = np.empty((8, 2000, 3), np.uint8)
    tracemalloc.start()
    with jpeg.JpegRows(described) as rows:
        for top in range(0, 3000, 8):
            rows.read(top, 8, out)
    assert tracemalloc.get_traced_memory()[1] < MEMORY
    tracemalloc.stop()


GOOD = encoded(picture((64, 80)))
FRAME = GOOD.index(b"\xff\xc0")
HUGE = GOOD[: FRAME + 5] + struct.pack(">HH", 65_500, 65_500) + GOOD[FRAME + 9 :]

BAD = {
    "empty": (b"", "no JPEG"),
    "text": (b"hello world", "no JPEG"),
    "only its start": (GOOD[:2], "cut short, or broken, before its pixels"),
    "half a header": (GOOD[: FRAME + 7], "cut short, or broken, before its pixels"),
    "a segment that goes beyond": (b"\xff\xd8\xff\xe0\xff\xff" + bytes(40), "cut short, or broken"),
    "a length that cannot be": (b"\xff\xd8\xff\xe0\x00\x00" + bytes(40), "cut short, or broken"),
    "segments without end": (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 100_000, "more than 4096 segments"),
    "no frame": (b"\xff\xd8" + GOOD[GOOD.index(b"\xff\xda") :], "a scan before its frame"),
    "two frames": (GOOD[:FRAME] + GOOD[FRAME : FRAME + 19] + GOOD[FRAME:], "two frames"),
    "only an end": (b"\xff\xd8\xff\xd9", "marker D9 before its pixels"),
    "huge": (HUGE, "declares 65500 rows of 65500 pixels; its .* bytes cannot hold as many"),
    "no rows": (GOOD[: FRAME + 5] + bytes(2) + GOOD[FRAME + 7 :], "declares 0 rows of 80 pixels"),
    "12 bits": (GOOD[: FRAME + 4] + b"\x0c" + GOOD[FRAME + 5 :], "has 12 bits a sample"),
    "arithmetic": (GOOD[: FRAME + 1] + b"\xc9" + GOOD[FRAME + 2 :], "of the kind SOF9"),
    "no sampling": (GOOD[: FRAME + 11] + b"\0" + GOOD[FRAME + 12 :], "broken frame header"),
    "CMYK": (encoded(picture((40, 40), "CMYK")), "holds CMYK .*Make it RGB first"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_headers_are_told_at_once(tmp_path, name):
    content, words = BAD[name]
    path = save(tmp_path, content, "bad.jpg")
    tracemalloc.start()
    began = time.monotonic()
    with pytest.raises(BadInput, match=rf"(?s)bad\.jpg.*{words}"):
        jpeg.describe(path)
    assert time.monotonic() - began < 2
    assert tracemalloc.get_traced_memory()[1] < MEMORY
    tracemalloc.stop()


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95, 1.0])
def test_what_is_cut_short_is_told(tmp_path, share, progressive):
    content = encoded(picture((300, 400)), progressive=progressive)
    path = save(tmp_path, content[: int(share * len(content)) - 2], "cut.jpg")
    with pytest.raises(BadInput, match=r"cut\.jpg.*Premature end"):
        all_rows(path, 16)


@settings(max_examples=60, deadline=None)
@given(places=st.lists(st.tuples(st.integers(2, len(GOOD) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_is_told_or_decoded(tmp_path_factory, places):
    """Any byte may be anything: nothing but `BadInput` comes out of it."""
    spoilt = bytearray(GOOD)
    for at, value in places:
        spoilt[at] = value
    path = save(tmp_path_factory.mktemp("a"), bytes(spoilt))
    try:
        found = all_rows(path)
    except BadInput:
        return
    assert found.dtype == np.uint8


def masked(bits, columns, extra=b""):
    """A JPEG with GDAL's mask behind it."""
    rows = bits.size // columns
    image = encoded(Image.fromarray(np.full((rows, columns), 90, np.uint8)), quality=20)
    mask = zlib.compress(np.packbits(bits, bitorder="little").tobytes() + extra)
    return image + mask + struct.pack("<I", len(image))


@pytest.mark.parametrize("step", [1, 7, 64])
def test_a_mask_behind_the_image_is_alpha(tmp_path, step):
    """Rows of 61 bits lie without padding."""
    bits = np.zeros((64, 61), np.uint8)
    bits[10:50, 5:33] = 1
    path = save(tmp_path, masked(bits, 61))
    described = jpeg.describe(path)
    assert (described.bands, described.alpha) == (2, True)
    found = all_rows(path, step)
    np.testing.assert_array_equal(found[..., 1], bits * 255)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda good: good[:-20] + b"\xff" * 16 + good[-4:], "damaged mask|fewer pixels"),
        (lambda good: good[: -len(good) // 8] + good[-4:], "fewer pixels|damaged mask"),
    ],
)
def test_a_broken_mask_is_told(tmp_path, spoil, words):
    bits = np.random.default_rng(1).integers(0, 2, (64, 32), dtype=np.uint8)
    path = save(tmp_path, spoil(masked(bits, 32)))
    with pytest.raises(BadInput, match=words):
        all_rows(path, 8)


def test_a_mask_of_too_many_pixels_is_told(tmp_path):
    path = save(tmp_path, masked(np.ones((64, 32), np.uint8), 32, extra=bytes(5)))
    with pytest.raises(BadInput, match="more pixels"):
        all_rows(path, 8)


def test_a_file_that_changed_is_refused(tmp_path):
    path = save(tmp_path, GOOD)
    described = jpeg.describe(path)
    path.write_bytes(GOOD + b"\n")
    with pytest.raises(BadInput, match="has changed"):
        jpeg.JpegRows(described)
