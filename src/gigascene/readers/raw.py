"""Samples without a header, of which the caller knows shape and type."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.model.errors import UsageError
from gigascene.model.plain_picture import ByteOrder, Depth, PlainPicture
from gigascene.readers import _samples


def describe(
    path: str | Path, shape: tuple[int, int], bands: int, dtype: Depth, byteorder: ByteOrder = "big", offset: int = 0
) -> PlainPicture:
    """What the caller says of a file, checked against the file's size. More bytes than are needed may follow.

    Parameters
    ----------
    path : str or Path
        The file.
    shape : (int, int)
        Rows and columns, top row first, no padding.
    bands : int
        1 to 4, all bands of a pixel side by side; 2 and 4 end with alpha.
    dtype : {"uint8", "uint16"}
        Of the samples, which use its full range.
    byteorder : {"big", "little"}
        Of 16-bit samples.
    offset : int
        Bytes before the first sample.

    Raises
    ------
    UsageError
        A shape, number of bands, type or offset that cannot be.
    BadInput
        Naming the file: not there, or too short.
    """
    possible = {
        "shape": len(shape) == 2 and min(shape) > 0,
        "bands": 1 <= bands <= 4,
        "dtype": dtype in {"uint8", "uint16"},
        "byteorder": byteorder in {"big", "little"},
        "offset": offset >= 0,
    }
    said = {"shape": shape, "bands": bands, "dtype": dtype, "byteorder": byteorder, "offset": offset}
    if wrong := [f"{name} {said[name]!r}" for name, fits in possible.items() if not fits]:
        raise UsageError(f"A raw picture cannot have {', '.join(wrong)}.")
    version = _samples.version(str(path))
    with _samples.opened(str(path)) as file:
        size = os.fstat(file).st_size
    picture = PlainPicture(
        href=str(path),
        form="raw",
        shape=shape,
        bands=bands,
        dtype=dtype,
        alpha=bands in {2, 4},
        maxval=int(np.iinfo(dtype).max),
        offset=offset,
        byteorder=byteorder,
        identity=version,
    )
    need = offset + shape[0] * _samples.row_bytes(picture)
    _samples.check_size(f"{_samples.words(picture)} from byte {offset} on", need, size, str(path))
    return picture


def read(picture: PlainPicture, top: int, height: int, out: NDArray[Any], left: int = 0) -> NDArray[Any]:
    """Rows from `top` on into `out`, (height, columns, bands) of the picture's dtype, C-contiguous; returns `out`.

    As many columns from `left` on as `out` has.

    Raises `BadInput` where the file has changed or cannot be read, and ValueError where `out` does not fit.
    """
    return _samples.read(picture, top, height, out, left)
