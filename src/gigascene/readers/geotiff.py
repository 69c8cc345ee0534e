"""GeoTIFF and Cloud Optimized GeoTIFF through GDAL, and nothing that merely has the suffix."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError

from gigascene.model.errors import BadInput

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF and BigTIFF, either byte order
_GDAL = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}  # side files do not change what a file says
_MEMBER = re.compile(r"/vsisubfile/(?P<offset>\d+)_\d+,(?P<path>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of one of its bands, without a pixel read."""

    geobox: GeoBox
    """Shape, affine and CRS (None where the file has none)."""

    dtype: str
    """NumPy name of the stored type."""

    nodata: float | None
    """Declared in the file, or None."""

    blocks: tuple[int, int]
    """Rows and columns of a tile or strip."""

    count: int
    """Bands in the file."""

    scale: float = 1.0
    """Declared in the file: physical value = scale * stored + offset."""

    offset: float = 0.0
    unit: str = "1"
    """Declared in the file, or ``"1"``."""


AGAIN = "Is the file whole? Fetch it again."


def describe(href: str, *, band: str, index: int = 1) -> Header:
    """Header of one band.

    Parameters
    ----------
    href : str
        A path, or GDAL's ``/vsisubfile/`` name.
    band : str
        Name for messages.
    index : int
        Band number inside the file, from 1.

    Raises
    ------
    BadInput
        Naming file and band: not there, no TIFF, broken, no such band, or complex numbers.
    """
    with opened(href, band=band) as source:
        if not 1 <= index <= source.count:
            raise BadInput(f"has {source.count} bands, not {index}", href, band)
        dtype = source.dtypes[index - 1]
        if np.dtype(dtype).kind not in "uif":
            raise BadInput(f"holds {dtype} numbers, which no product is made from", href, band)
        return Header(
            geobox=GeoBox(source.shape, source.transform, source.crs),
            dtype=dtype,
            nodata=source.nodatavals[index - 1],
            blocks=tuple(source.block_shapes[index - 1]),
            count=source.count,
            scale=float(source.scales[index - 1]),
            offset=float(source.offsets[index - 1]),
            unit=source.units[index - 1] or "1",
        )


@contextmanager
def opened(href: str, *, band: str) -> Iterator[Any]:
    """A rasterio dataset, opened by GDAL's TIFF driver and no other; its errors as `BadInput`."""
    _check_magic(href, band)
    try:
        with rasterio.Env(**_GDAL), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(href, driver="GTiff", sharing=False)
        with source:
            yield source
    except (RasterioError, RasterioIOError) as error:
        raise BadInput(f"cannot be read: {error}.", href, band, hint=AGAIN) from error


def _check_magic(href: str, band: str) -> None:
    """GDAL tells drivers apart by content: a ``.TIF`` may hold a VRT that names any other file."""
    member = _MEMBER.fullmatch(href)
    path, offset = (member["path"], int(member["offset"])) if member else (href, 0)
    if path.startswith("/vsi"):
        return
    try:
        with Path(path).open("rb") as file:
            file.seek(offset)
            start = file.read(16)
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", href, band) from error
    if not start.startswith(_MAGIC):
        raise BadInput(f"is no TIFF: it begins with {start!r}.", href, band, hint=AGAIN)
