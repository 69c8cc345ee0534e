"""WebP pictures: small ones, as tiles are (RFC 9649)."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from gigascene.model.errors import BadInput
from gigascene.readers._samples import AGAIN

HEADER = 30
"""Bytes that tell all of it."""


def shape_of(begin: bytes, href: str) -> tuple[int, int, int]:
    """Rows, columns, and 3 or 4 bands, by the first `HEADER` bytes; raises `BadInput`."""
    if len(begin) < HEADER or begin[:4] != b"RIFF" or begin[8:12] != b"WEBP":
        raise BadInput(f"is no WebP: it begins with {begin[:12]!r}.", href, hint=AGAIN)
    kind = begin[12:16]
    if kind == b"VP8X":
        columns, rows = (int.from_bytes(begin[at : at + 3], "little") + 1 for at in (24, 27))
        return rows, columns, 3 + (begin[20] >> 4 & 1)
    if kind == b"VP8L" and begin[20] == 0x2F:
        bits = int.from_bytes(begin[21:25], "little")
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, 3 + (bits >> 28 & 1)
    if kind == b"VP8 " and begin[23:26] == b"\x9d\x01\x2a":
        columns, rows = (int.from_bytes(begin[at : at + 2], "little") & 0x3FFF for at in (26, 28))
        return rows, columns, 3
    raise BadInput(f"is a WebP of a kind {kind!r} that is not known.", href, hint=AGAIN)


def decoded(data: bytes, href: str) -> NDArray[Any]:
    """Levels (y, x, band) of all of it; raises `BadInput`. Ask its shape first: it may be large."""
    shape = shape_of(data[:HEADER], href)
    try:
        levels = np.asarray(imagecodecs.webp_decode(data, hasalpha=shape[2] == 4))
    except (imagecodecs.WebpError, ValueError, RuntimeError) as error:
        raise BadInput(f"cannot be decoded ({error}).", href, hint=AGAIN) from error
    if levels.shape != shape:
        raise BadInput(f"has a picture of {levels.shape} in a frame of {shape}.", href, hint=AGAIN)
    return levels
