"""Samples that lie in a file as they are: opened, read from any row, given over the full range of their type."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.model.errors import BadInput
from gigascene.model.plain_picture import PlainPicture
from gigascene.storage.identity import identity

AGAIN = "Is the file whole? Fetch it again."
STRIP = 128 << 10
"""Bytes in hand, beside the rows that were asked for."""


def open_file(href: str) -> int:
    """A descriptor; raises `BadInput` where there is no such file, or nothing that can be read from any place."""
    try:
        ordinary = stat.S_ISREG(Path(href).stat().st_mode)
        file = os.open(href, os.O_RDONLY | os.O_CLOEXEC) if ordinary else -1
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot be opened: {getattr(error, 'strerror', None) or error}", href) from error
    if not ordinary:
        raise BadInput("is no ordinary file.", href, hint="Save what it gives into a file first.")
    return file


@contextmanager
def opened(href: str) -> Iterator[int]:
    """A descriptor, closed in the end."""
    file = open_file(href)
    try:
        yield file
    finally:
        os.close(file)


def version(href: str) -> str:
    """Identity of a file as `PlainPicture.identity` keeps it."""
    try:
        return identity(href)
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", href) from error


def check_unchanged(picture: PlainPicture) -> None:
    """Raise `BadInput` where the file is no longer the one that was described."""
    if version(picture.href) != picture.identity:
        raise changed(picture)


def changed(picture: PlainPicture) -> BadInput:
    """What is said where a file is no longer the one that was described."""
    return BadInput("has changed since it was looked at.", picture.href, hint="Begin again.")


def check_out(picture: PlainPicture, top: int, height: int, out: NDArray[Any], columns: int = 0) -> None:
    """Raise ValueError where rows are asked that the picture lacks, or `out` cannot take so many columns (0: all)."""
    rows, columns = picture.shape[0], columns or picture.shape[1]
    if not 0 <= top < top + height <= rows:
        raise ValueError(f"rows {top} to {top + height} of a picture of {rows}")
    if out.shape != (height, columns, picture.bands) or out.dtype != picture.dtype or not out.flags.c_contiguous:
        raise ValueError(f"{out.dtype} {out.shape} cannot take {picture.dtype} {(height, columns, picture.bands)}")


def check_columns(picture: PlainPicture, left: int, columns: int) -> None:
    """Raise ValueError where columns are asked that the picture lacks."""
    if not 0 <= left < left + columns <= picture.shape[1]:
        raise ValueError(f"columns {left} to {left + columns} of a picture of {picture.shape[1]}")


def check_size(what: str, need: int, size: int, href: str) -> None:
    """Raise `BadInput` where a file is too short for what it declares."""
    if need > size:
        raise BadInput(f"is cut short: it has {size} bytes, and {what} need {need}.", href, hint=AGAIN)


def row_bytes(picture: PlainPicture) -> int:
    """Bytes of one row as it is stored (rows of bits begin at whole bytes), or given where it is compressed."""
    if picture.packing == "bits":
        return (picture.shape[1] + 7) // 8
    return picture.shape[1] * picture.bands * np.dtype(picture.dtype).itemsize


def words(picture: PlainPicture) -> str:
    """Shape and type, for messages."""
    rows, columns = picture.shape
    return f"{rows} rows of {columns} pixels with {picture.bands} bands of {picture.dtype}"


def fill(file: int, out: NDArray[Any], offset: int, href: str) -> None:
    """Bytes from a place in the file into a C-contiguous array."""
    view = out.data.cast("B")
    while view:
        try:
            got = os.preadv(file, [view], offset)
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", href) from error
        if not got:
            raise BadInput(f"ends at byte {offset}, inside its pixels.", href, hint=AGAIN)
        view, offset = view[got:], offset + got


def fill_rows(file: int, out: NDArray[Any], offset: int, step: int, href: str) -> None:
    """Rows, or parts of rows, that begin `step` bytes after each other: a hundred thousand in a large picture."""
    view, length = out.data.cast("B"), out[0].nbytes
    if length == step:
        fill(file, out, offset, href)
        return
    with suppress(OSError):  # `fill` will meet and tell it
        for begin in range(0, len(view), length):
            if os.preadv(file, [view[begin : begin + length]], offset) != length:
                break
            offset += step
        else:
            return
    for row in out[begin // length :]:
        fill(file, row, offset, href)
        offset += step


def peek(file: int, length: int, offset: int, href: str) -> bytes:
    """At most so many bytes from a place in the file; fewer where it ends."""
    try:
        return os.pread(file, length, offset)
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", href) from error


def strips(height: int, stored: int) -> Iterator[slice]:
    """Runs of rows of about `STRIP` bytes, where one row is `stored` bytes."""
    rows = max(1, STRIP // stored)
    return (slice(first, min(first + rows, height)) for first in range(0, height, rows))


def read(picture: PlainPicture, top: int, height: int, out: NDArray[Any], left: int = 0) -> NDArray[Any]:
    """Rows of stored bytes into `out`, in the machine's byte order and over the full range; returns `out`.

    As many columns from `left` on as `out` has.
    """
    columns = out.shape[1]
    check_out(picture, top, height, out, columns)
    check_columns(picture, left, columns)
    check_unchanged(picture)
    stored = row_bytes(picture)
    start = picture.offset + top * stored + left * (stored // picture.shape[1])
    with opened(picture.href) as file:
        fill_rows(file, out, start, stored, picture.href)
    if picture.dtype == "uint16" and picture.byteorder != sys.byteorder:
        out.byteswap(inplace=True)
    widen(picture, top, out)
    return out


def widen(picture: PlainPicture, top: int, levels: NDArray[Any]) -> None:
    """Bring samples from 0 … maxval to the full range of their type, in place, rounded as Netpbm's ``pamdepth`` rounds.

    Raises
    ------
    BadInput
        Where a sample is greater than maxval.
    """
    full = np.iinfo(levels.dtype).max
    if picture.maxval == full:
        return
    stored = np.arange(picture.maxval + 1, dtype=np.uint64)
    table = ((stored * full + picture.maxval // 2) // picture.maxval).astype(levels.dtype)
    samples = levels.reshape(-1)
    for start in range(0, samples.size, STRIP):
        part = samples[start : start + STRIP]
        if part.max() > picture.maxval:
            row = top + (start + int(part.argmax())) // levels[0].size
            raise BadInput(
                f"has the sample {part.max()}, and a maxval of {picture.maxval}.", picture.href, "", f"row {row}"
            )
        part[:] = table[part]
