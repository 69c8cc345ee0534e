"""ISA-L's deflate, at the one level whose bytes depend on nothing but the data.

Levels 1 and 2 read a register before it is set: where their first match may lie then hangs on what was left on the
stack, and about one small tile in a hundred thousand comes out with other bytes (the same pixels) in another process
or thread. Seen with ISA-L 2.31 on AVX-512: 14 of 1,200 processes, 584 tiles each. Levels 0 and 3: none. Level 0 makes
noise larger.
"""

from __future__ import annotations

from typing import Any

from isal import isal_zlib

LEVEL = 3


def zlib_stream(data: Any) -> bytes:
    """A whole zlib stream (RFC 1950)."""
    return bytes(isal_zlib.compress(data, level=LEVEL))


def flushed(data: Any) -> bytes:
    """Raw deflate, ended by a full flush: such parts may be joined, and none needs the one before."""
    packer: Any = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, -15)
    return bytes(packer.compress(data) + packer.flush(isal_zlib.Z_FULL_FLUSH))
