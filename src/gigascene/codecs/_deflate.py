"""Deflate by whichever coder makes the data smaller: one that looks for repeats, or one that does not.

Filtered photographs have no repeats worth a search (`kernels/huffman.py` says why and how much that is); drawings,
text and patterns have little else. Two small samples of each part tell, and nothing but the part itself decides.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import imagecodecs
import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from gigascene.codecs._isal import flushed as searched_flushed
from gigascene.codecs._isal import zlib_stream as searched_stream
from gigascene.kernels.huffman import deflated

PART = 1 << 20
"""Bytes that are coded one way; the next may be coded the other."""

SAMPLE = 1 << 14
"""Bytes of each of the two samples of a part. A part of less than four is coded both ways instead."""

WORTH = 64
"""A search takes several times the time: samples must be this part of their size smaller for it."""

ZLIB_HEADER = b"\x78\x01"


def flushed(data: Any) -> bytes:
    """Raw deflate, ended by a full flush: such streams may be joined, and none needs the one before."""
    return b"".join(_either(part, searched_flushed, _literals) for part in _parts(data))


def unsearched(data: Any) -> bytes:
    """As `flushed`, never looking for repeats: runs of one byte are all that is found."""
    return _literals(np.frombuffer(data, np.uint8))


def zlib_stream(data: Any, level: int | None = None) -> bytes:
    """A whole zlib stream (RFC 1950); where a search pays, libdeflate's of this `level` (None: ISA-L's).

    Whether it pays is told by ISA-L alone: on photographs a slow search finds what a fast one finds.
    """
    whole = np.frombuffer(data, np.uint8)
    search = searched_stream if level is None else partial(imagecodecs.deflate_encode, level=level)
    return bytes(_either(whole, search, _literal_stream))


def smallest(data: Any) -> bytes:
    """As `flushed`, by zlib at its slowest and the coder of literals, part by part."""
    return b"".join(min(_slowest(part), _literals(part), key=len) for part in _parts(data))


def _either(part: NDArray[np.uint8], search: Callable[[Any], Any], literals: Callable[[Any], bytes]) -> Any:
    if part.size < 4 * SAMPLE:
        return min(literals(part), search(part), key=len)
    samples = [part[at : at + SAMPLE] for at in (part.size // 4, part.size // 4 * 3)]
    plain = sum(len(_literal_stream(sample)) for sample in samples)
    found = sum(len(searched_stream(sample)) for sample in samples)
    return search(part) if found < plain - plain // WORTH else literals(part)


def _parts(data: Any) -> Iterator[NDArray[np.uint8]]:
    whole = np.frombuffer(data, np.uint8)
    for start in range(0, max(whole.size, 1), PART):
        yield whole[start : start + PART]


def _literals(part: NDArray[np.uint8]) -> bytes:
    return deflated(part, final=False).tobytes()


def _literal_stream(part: NDArray[np.uint8]) -> bytes:
    return b"".join((ZLIB_HEADER, deflated(part, final=True).data, struct.pack(">I", isal_zlib.adler32(part.data))))


def _slowest(part: NDArray[np.uint8]) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_FILTERED)
    return packer.compress(part.data) + packer.flush(zlib.Z_FULL_FLUSH)
