"""A picture that can only be decoded from its top: unpacked once beside the target, so that any task reads any rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from gigascene.model.plain_picture import Form, PlainPicture
from gigascene.model.plan import Plan
from gigascene.readers import raw
from gigascene.readers.jpeg import JpegRows
from gigascene.readers.png import PngRows
from gigascene.storage.local import Target, discard, writing

STRIP = 2 << 20
"""Bytes in hand."""

DECODERS: Mapping[Form, type[PngRows | JpegRows]] = {"png": PngRows, "jpeg": JpegRows}
"""By form, those that decode from the top."""


@contextmanager
def unpacked(plan: Plan, stopped: Callable[[], None]) -> Iterator[Plan]:
    """The same plan, with a picture that can be read from any row on; `stopped` raises when it is time to go."""
    picture = plan.picture
    if picture is None or not picture.from_top:
        yield plan
        return
    rows = _rows(plan)
    try:
        with writing(Path(plan.target)), rows.open("wb") as file:
            _unpack(picture, file, stopped)
        plain = raw.describe(rows, picture.shape, picture.bands, picture.dtype, sys.byteorder)
        yield replace(plan, picture=replace(plain, alpha=picture.alpha))
    finally:
        discard(rows)


def there(plan: Plan) -> bool:
    """Whether what was unpacked for a plan is seen from here; true of one that needs nothing unpacked."""
    rows = _rows(plan)
    return plan.picture is None or plan.picture.href != str(rows) or rows.exists()


def _rows(plan: Plan) -> Path:
    return Target(Path(plan.target)).sibling("rows")


def _unpack(picture: PlainPicture, file: BinaryIO, stopped: Callable[[], None]) -> None:
    height, width = picture.shape
    step = max(1, STRIP // (width * picture.bands * np.dtype(picture.dtype).itemsize))
    out = np.empty((min(step, height), width, picture.bands), picture.dtype)
    with DECODERS[picture.form](picture) as decoder:
        for top in range(0, height, step):
            strip = out[: min(step, height - top)]
            decoder.read(top, len(strip), strip)
            file.write(strip.data)
            stopped()
