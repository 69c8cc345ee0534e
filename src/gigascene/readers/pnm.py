"""Netpbm pictures: PAM (P7), and PBM, PGM and PPM, binary (P4 to P6) or in decimal (P1 to P3).

Binary ones are read from any row at once. Those in decimal are small by nature and are decoded as a whole, up to
`TEXT_LIMIT`; what is larger should have been binary. Several binary images may follow each other in one file.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels.png_unfilter import unpacked
from gigascene.model.errors import BadInput
from gigascene.model.plain_picture import Packing, PlainPicture
from gigascene.readers import _samples
from gigascene.readers._samples import AGAIN

HEADER_LIMIT = 64 << 10
"""Bytes; comments may be long, but no header is."""

TEXT_LIMIT = 16 << 20
"""Bytes of decimal samples."""

MOST_IMAGES = 1 << 20
"""In one file: a day of frames ten times over."""

MOST_SIDE = (1 << 63) - 1
MOST_SAMPLE = 65535

CLASSIC: Mapping[bytes, tuple[Packing, int]] = {
    b"P1": ("text-bits", 1),
    b"P2": ("text", 1),
    b"P3": ("text", 3),
    b"P4": ("bits", 1),
    b"P5": ("bytes", 1),
    b"P6": ("bytes", 3),
}
"""Packing and bands, by the first two bytes."""

TUPLES = {
    "BLACKANDWHITE": 1,
    "GRAYSCALE": 1,
    "RGB": 3,
    "BLACKANDWHITE_ALPHA": 2,
    "GRAYSCALE_ALPHA": 2,
    "RGB_ALPHA": 4,
}
"""Bands by PAM's tuple type; without one the number of bands decides, and 2 and 4 end with alpha."""

FIELDS = {"WIDTH": MOST_SIDE, "HEIGHT": MOST_SIDE, "DEPTH": 4, "MAXVAL": MOST_SAMPLE}
"""The lines every PAM has, each with its greatest value here."""

_BLANK = rb"[ \t\n\v\f\r]"
_GAP = rb"(?:[ \t\n\v\f\r]|#[^\n\r]*+[\n\r])"  # a comment ends a number as its line end does
_TOKEN = re.compile(_GAP + rb"*+([^ \t\n\v\f\r#]++)" + _GAP)
_SAMPLE = re.compile(rb"[^ \t\n\v\f\r]++")
_COMMENT = re.compile(rb"#[^\n\r]*+")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """What one header says."""

    shape: tuple[int, int]
    bands: int
    alpha: bool
    maxval: int
    packing: Packing
    length: int
    """Bytes of the header itself."""


def describe(path: str | Path, index: int = 0) -> PlainPicture:
    """One image of a file, its declared size checked against the file's.

    Parameters
    ----------
    path : str or Path
        The file.
    index : int
        Which of its images, from 0. All before it are looked at too.

    Raises
    ------
    BadInput
        Naming the file: not there, no Netpbm picture, a header that cannot be, cut short, or no such image.
    """
    with closing(pictures(path)) as found:
        seen = -1
        for seen, picture in enumerate(found):
            if seen == index:
                return picture
    raise BadInput(f"holds {seen + 1} images, and number {index} is not there.", str(path), hint="The first is 0.")


def count(path: str | Path, most: int = MOST_IMAGES) -> int:
    """Images in a file, each of them looked at, up to `most`; raises `BadInput` as `describe`."""
    with closing(pictures(path)) as found:
        return sum(1 for _ in islice(found, most))


def pictures(path: str | Path) -> Generator[PlainPicture]:
    """All images of a file in order, each described; raises `BadInput` as `describe` when it comes to a bad one."""
    href = str(path)
    version = _samples.version(href)
    with _samples.opened(href) as file:
        size = os.fstat(file).st_size
        index, at = 0, 0
        while index == 0 or at < size:
            if index == MOST_IMAGES:
                raise BadInput(f"holds more than {MOST_IMAGES} images.", href, hint="Split it first: pamsplit.")
            start = _samples.peek(file, HEADER_LIMIT, at, href)
            picture = _picture(_header(start, href, index), href, index, at, version)
            _check(picture, size)
            yield picture
            if picture.packing in {"text", "text-bits"}:
                return  # what follows decimal samples is no picture (pbm(5), "Plain PBM")
            index, at = index + 1, picture.offset + picture.shape[0] * _samples.row_bytes(picture)
            at = _past_blanks(file, at, href)


def read(picture: PlainPicture, top: int, height: int, out: NDArray[Any], left: int = 0) -> NDArray[Any]:
    """Rows of one image, over the full range of its type.

    Parameters
    ----------
    picture : PlainPicture
        What `describe` gave.
    top, height : int
        First row, and how many.
    out : (height, columns, bands) of the picture's dtype
        C-contiguous; filled in the machine's byte order. It may have fewer columns than the picture.
    left : int
        Its first column.

    Returns
    -------
    (height, columns, bands)
        `out`.

    Raises
    ------
    BadInput
        The file has changed or cannot be read, or a sample exceeds maxval.
    ValueError
        `out` or the rows do not fit the picture.
    """
    if picture.packing == "bytes":
        return _samples.read(picture, top, height, out, left)
    _samples.check_out(picture, top, height, out, out.shape[1])
    _samples.check_columns(picture, left, out.shape[1])
    _samples.check_unchanged(picture)
    if picture.packing == "bits":
        _read_bits(picture, top, out, left)
    else:
        out[:] = _decimal(picture)[top : top + height, left : left + out.shape[1]]
    _samples.widen(picture, top, out)
    return out


def _picture(header: _Header, href: str, index: int, at: int, version: str) -> PlainPicture:
    return PlainPicture(
        href=href,
        form="pnm",
        index=index,
        shape=header.shape,
        bands=header.bands,
        dtype="uint8" if header.maxval < 256 else "uint16",
        alpha=header.alpha,
        maxval=header.maxval,
        packing=header.packing,
        offset=at + header.length,
        identity=version,
    )


def _check(picture: PlainPicture, size: int) -> None:
    """Raise `BadInput` where this picture cannot be in a file of this size."""
    rows, columns = picture.shape
    need = rows * _samples.row_bytes(picture)
    if picture.packing in {"text", "text-bits"}:
        if size - picture.offset > TEXT_LIMIT:
            what = f"holds {size - picture.offset} bytes of decimal numbers, and {TEXT_LIMIT} are read at most."
            raise BadInput(what, picture.href, hint="Make it binary first: pamtopnm FILE > NEW")
        need = rows * columns * picture.bands
        if picture.packing == "text":
            need = 2 * need - 1  # a digit each, and a blank between two
    what = f"a header and {_samples.words(picture)}"
    _samples.check_size(what, picture.offset + need, size, picture.href)


def _past_blanks(file: int, at: int, href: str) -> int:
    """Netpbm itself takes white space between two images."""
    while block := _samples.peek(file, HEADER_LIMIT, at, href):
        rest = block.lstrip()
        at += len(block) - len(rest)
        if rest:
            break
    return at


def _header(start: bytes, href: str, index: int) -> _Header:
    """The header at the beginning of these bytes."""
    magic = start[:2]
    if magic in CLASSIC and re.match(_GAP, start[2:]):
        return _classic(start, href)
    if magic == b"P7" and start[2:].partition(b"\n")[0].strip() == b"":
        return _pam(start, href)
    if index:
        raise BadInput(f"goes on behind image {index - 1} with {start[:16]!r}, which is no picture.", href, hint=AGAIN)
    raise BadInput(f"is no Netpbm picture: it begins with {start[:16]!r}.", href, hint=AGAIN)


def _classic(start: bytes, href: str) -> _Header:
    """P1 to P6: numbers, then one blank, then the samples."""
    packing, bands = CLASSIC[start[:2]]
    limits = {"width": MOST_SIDE, "height": MOST_SIDE, "maxval": MOST_SAMPLE}
    if packing in {"bits", "text-bits"}:
        del limits["maxval"]
    numbers, at = [], 2
    for name, most in limits.items():
        token = _TOKEN.match(start, at)
        if token is None:
            raise _endless(start, href)
        numbers.append(_number(name, token[1], most, href))
        at = token.end()
    width, height, maxval = (*numbers, 1)[:3]
    return _Header(shape=(height, width), bands=bands, alpha=False, maxval=maxval, packing=packing, length=at)


def _pam(start: bytes, href: str) -> _Header:
    """P7: lines in any order, then ENDHDR."""
    numbers: dict[str, int] = {}
    kinds: list[str] = []
    at = start.find(b"\n") + 1
    while at and (end := start.find(b"\n", at)) >= 0:
        line, at = start[at:end], end + 1
        key, _, value = line.strip().decode("ascii", "replace").replace("\t", " ").partition(" ")
        if key == "ENDHDR" and not value:
            # Several lines are one type of several words (pam(5)); ALPHA behind another is meant as the known type.
            return _pam_header(numbers, " ".join(kinds).replace(" ALPHA", "_ALPHA"), at, href)
        if key == "TUPLTYPE":
            kinds += [value.strip()] if value.strip() else []
        elif key in FIELDS:
            if key in numbers:
                raise BadInput(f"has two {key} lines in its header.", href)
            numbers[key] = _number(key, value.strip().encode(), FIELDS[key], href)
        elif key and not line.startswith(b"#"):
            raise BadInput(f"has a line in its header that PAM does not know: {_short(line)}.", href)
    raise _endless(start, href)


def _pam_header(numbers: Mapping[str, int], kind: str, length: int, href: str) -> _Header:
    if missing := [name for name in FIELDS if name not in numbers]:
        raise BadInput(f"has no {', '.join(missing)} in its header.", href)
    bands = numbers["DEPTH"]
    if kind and kind not in TUPLES:
        what = f"holds tuples of type {_short(kind)}; {', '.join(TUPLES)} can be read."
        raise BadInput(what, href, hint="Convert it first, or choose planes: pamchannel -tupletype=RGB 0 1 2")
    if TUPLES.get(kind, bands) != bands:
        what = f"has a DEPTH of {bands}, and its tuple type {kind} needs {TUPLES[kind]}."
        raise BadInput(what, href, hint="Choose planes first: pamchannel")
    return _Header(
        shape=(numbers["HEIGHT"], numbers["WIDTH"]),
        bands=bands,
        alpha=bands in {2, 4},
        maxval=numbers["MAXVAL"],
        packing="bytes",
        length=length,
    )


def _number(name: str, token: bytes, most: int, href: str) -> int:
    if not token.isdigit() or len(token) > 20 or not 1 <= int(token) <= most:
        raise BadInput(f"has the {name} {_short(token)}; it must be a whole number from 1 to {most}.", href)
    return int(token)


def _short(text: bytes | str) -> str:
    """For messages, which hostile files could make very long."""
    said = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    return repr(said if len(said) <= 32 else said[:32] + "…")


def _endless(start: bytes, href: str) -> BadInput:
    if len(start) < HEADER_LIMIT:
        return BadInput("ends inside its header.", href, hint=AGAIN)
    return BadInput(f"has a header that does not end within {HEADER_LIMIT} bytes.", href)


def _read_bits(picture: PlainPicture, top: int, out: NDArray[Any], left: int) -> None:
    """Rows of a bitmap, from any column on: 1 is black there, and 0 in every other picture."""
    stored, columns = _samples.row_bytes(picture), out.shape[1]
    first, skipped = divmod(left, 8)
    length = (skipped + columns + 7) // 8
    with _samples.opened(picture.href) as file:
        for rows in _samples.strips(len(out), columns):
            packed = np.empty((rows.stop - rows.start, length), np.uint8)
            begin = picture.offset + (top + rows.start) * stored + first
            _samples.fill_rows(file, packed, begin, stored, picture.href)
            out[rows, :, 0] = 1 - unpacked(packed, 1, skipped + columns)[:, skipped:]


@lru_cache(maxsize=1)
def _decimal(picture: PlainPicture) -> NDArray[Any]:
    """All samples of a picture in decimal, not yet over the full range."""
    with _samples.opened(picture.href) as file:
        raw = np.empty(min(os.fstat(file).st_size - picture.offset, TEXT_LIMIT), np.uint8)
        _samples.fill(file, raw, picture.offset, picture.href)
    text = _COMMENT.sub(b"", raw.tobytes())
    shape = (*picture.shape, picture.bands)
    found = _digits(text, picture) if picture.packing == "text-bits" else _numbers(text, picture)
    need = int(np.prod(shape))
    if found.size < need:
        raise BadInput(f"has {found.size} of {need} samples.", picture.href, hint=AGAIN)
    return found[:need].reshape(shape)


def _digits(text: bytes, picture: PlainPicture) -> NDArray[Any]:
    """Samples of a plain PBM, which need no blanks between them; 1 is black."""
    need = picture.shape[0] * picture.shape[1]
    digits = np.frombuffer(re.sub(_BLANK, b"", text)[:need], np.uint8)
    if digits.size and not ((digits == ord("0")) | (digits == ord("1"))).all():
        raise BadInput("holds something else than 0 and 1 in its pixels.", picture.href)
    return ord("1") - digits


def _numbers(text: bytes, picture: PlainPicture) -> NDArray[Any]:
    need = picture.shape[0] * picture.shape[1] * picture.bands
    tokens = (match[0] for match in islice(_SAMPLE.finditer(text), need))
    return np.fromiter((_sample(token, picture) for token in tokens), picture.dtype)


def _sample(token: bytes, picture: PlainPicture) -> int:
    if not token.isdigit() or len(token) > 20 or (value := int(token)) > picture.maxval:
        raise BadInput(f"has the sample {_short(token)}, and a maxval of {picture.maxval}.", picture.href)
    return value
