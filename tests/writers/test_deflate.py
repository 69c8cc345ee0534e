"""The choice between two coders of deflate: by samples, and never far from the better one."""

import zlib

import imagecodecs
import numpy as np
import pytest

from gigascene.codecs import _deflate, _isal

RNG = np.random.default_rng(3)
SIZE = 3 << 20
WORDS = RNG.integers(0, 256, (40, 23)).astype(np.uint8)

PHOTOGRAPH = np.minimum(np.abs(RNG.normal(0, 6, SIZE)), 255).astype(np.uint8)
DRAWING = np.concatenate([WORDS[i] for i in RNG.integers(0, 40, SIZE // 23)])
HALVES = np.concatenate([PHOTOGRAPH[: SIZE // 2], DRAWING[: SIZE // 2]])
DATA = {"photograph": PHOTOGRAPH, "drawing": DRAWING, "halves": HALVES, "flat": np.zeros(SIZE, np.uint8)}


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("coder", [_deflate.flushed, _deflate.unsearched])
def test_flushed_streams_are_read_back(name, coder):
    stream = coder(DATA[name])
    assert zlib.decompressobj(-15).decompress(stream) == DATA[name].tobytes()
    assert stream.endswith(b"\x00\x00\xff\xff")


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("level", [None, 1, 6])
def test_zlib_streams_are_read_back(name, level):
    assert zlib.decompress(_deflate.zlib_stream(DATA[name], level)) == DATA[name].tobytes()


@pytest.mark.parametrize("name", DATA)
def test_about_as_small_as_the_better_one(name):
    better = min(len(_isal.flushed(DATA[name])), len(_deflate.unsearched(DATA[name])))
    assert len(_deflate.flushed(DATA[name])) <= 1.02 * better  # parts know nothing of each other


@pytest.mark.parametrize("name", ["photograph", "drawing", "flat"])
@pytest.mark.parametrize("level", [1, 6, 9])
def test_a_level_is_never_larger_than_the_library_makes_it(name, level):
    theirs = len(imagecodecs.deflate_encode(DATA[name], level=level))
    assert len(_deflate.zlib_stream(DATA[name], level)) <= theirs + 64


def test_which_is_taken():
    assert _deflate.flushed(PHOTOGRAPH[: 1 << 20]) == _deflate.unsearched(PHOTOGRAPH[: 1 << 20])
    assert len(_deflate.flushed(DRAWING)) < len(_deflate.unsearched(DRAWING)) / 4
    assert len(_deflate.flushed(HALVES)) < 0.8 * len(_deflate.unsearched(HALVES))


@pytest.mark.parametrize("size", [0, 1, 1000, (1 << 20) + 1])
def test_any_size(size):
    data = PHOTOGRAPH[:size]
    assert zlib.decompress(_deflate.zlib_stream(data)) == data.tobytes()
    assert zlib.decompressobj(-15).decompress(_deflate.flushed(data)) == data.tobytes()


def test_small_is_smallest():
    part = HALVES[SIZE // 2 - (1 << 19) :][: 1 << 20]
    small = _deflate.smallest(part)
    assert zlib.decompressobj(-15).decompress(small) == part.tobytes()
    assert len(small) <= min(len(_deflate.flushed(part)), len(_deflate.unsearched(part)))
