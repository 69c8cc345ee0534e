"""Deflate without a search, as three independent decoders read it."""

import zlib

import imagecodecs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isal import isal_zlib

from gigascene.kernels import huffman
from gigascene.kernels.huffman import BLOCK, SYMBOLS, deflated

RNG = np.random.default_rng(5)


def runs(count, longest):
    return np.repeat(RNG.integers(0, 256, count), RNG.integers(1, longest, count)).astype(np.uint8)


DATA = {
    "nothing": np.zeros(0, np.uint8),
    "one byte": np.uint8([200]),
    "seven bytes": np.arange(7, dtype=np.uint8),
    "one value": np.zeros(3 * BLOCK + 5, np.uint8),
    "two values": RNG.integers(0, 2, BLOCK + 3).astype(np.uint8),
    "noise": RNG.integers(0, 256, 2 * BLOCK + 11).astype(np.uint8),
    "skewed": np.minimum(RNG.geometric(0.1, 2 * BLOCK), 255).astype(np.uint8),
    "runs": runs(3000, 400),
    "short runs": runs(30_000, 12),
    "noise, then nothing": np.concatenate([RNG.integers(0, 256, 5000), np.zeros(BLOCK)]).astype(np.uint8),
    "exactly a block": RNG.integers(0, 9, BLOCK).astype(np.uint8),
    "a byte more": RNG.integers(0, 9, BLOCK + 1).astype(np.uint8),
}


def inflated(stream: bytes, *, final: bool) -> bytes:
    """By zlib; a final stream has an end, a flushed one has none."""
    reader = zlib.decompressobj(-15)
    found = reader.decompress(stream)
    assert reader.eof == final
    assert not reader.unused_data
    return found


@pytest.mark.parametrize("name", DATA)
@pytest.mark.parametrize("final", [True, False])
def test_zlib_reads_it(name, final):
    data = DATA[name]
    stream = deflated(data, final=final).tobytes()
    assert inflated(stream, final=final) == data.tobytes()
    assert len(stream) <= data.size + data.size // 10_000 + 32


@pytest.mark.parametrize("name", DATA)
def test_other_decoders_read_it(name):
    data = DATA[name]
    stream = b"\x78\x01" + deflated(data, final=True).tobytes() + zlib.adler32(data).to_bytes(4, "big")
    assert isal_zlib.decompress(stream) == data.tobytes()
    if data.size:
        assert imagecodecs.deflate_decode(stream, out=data.size) == data.tobytes()


@pytest.mark.parametrize("name", DATA)
def test_flushed_parts_may_be_joined(name):
    data = DATA[name]
    parts = [data[: data.size // 3], data[data.size // 3 :]]  # the second begins anywhere in memory
    streams = [deflated(part, final=False).tobytes() for part in parts]
    assert inflated(b"".join(streams) + b"\x01\x00\x00\xff\xff", final=True) == data.tobytes()
    assert all(stream.endswith(b"\x00\x00\xff\xff") for stream in streams)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400), st.integers(1, 300), st.booleans())
def test_any_bytes(part, times, final):
    data = np.frombuffer(part * times, np.uint8)
    assert inflated(deflated(data, final=final).tobytes(), final=final) == data.tobytes()


@pytest.mark.parametrize("limit", [7, 15])
def test_codes_are_complete_and_none_is_too_long(limit):
    counts = np.zeros(19 if limit == 7 else SYMBOLS, np.int64)
    counts[:19] = [1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181]  # the deepest tree
    lengths = np.zeros_like(counts)
    huffman._code_lengths(counts, limit, lengths)
    used = lengths[counts > 0]
    assert 1 <= used.min() <= used.max() <= limit
    assert sum(2.0**-used) == 1
    assert (np.diff(used) <= 0).all(), "a rarer symbol has a shorter code"


@pytest.mark.parametrize("name", ["skewed", "noise", "two values"])
def test_as_small_as_zlib_without_a_search(name):
    data = DATA[name].tobytes()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    theirs = len(packer.compress(data) + packer.flush())
    assert deflated(DATA[name], final=True).size <= 1.005 * theirs


def test_runs_cost_almost_nothing():
    assert deflated(np.full(1 << 20, 9, np.uint8), final=True).size < (1 << 20) // 200
