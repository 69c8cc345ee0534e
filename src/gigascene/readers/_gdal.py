"""What the readers through GDAL share: a format is known by its first bytes, and opened by its own driver and no other."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError

from gigascene.model.errors import BadInput
from gigascene.storage.contents import start

AGAIN = "Is the file whole? Fetch it again."

OPTIONS: dict[str, int | str] = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # side files must not change pixels, nor what a file says of itself
    "GDAL_NUM_THREADS": 1,  # with more, GDAL 3.10 hands on what is left of a JPEG 2000 file cut short, and no error
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A file format."""

    driver: str
    """GDAL's name of its driver."""

    title: str
    """For messages, behind "is no"."""

    magic: tuple[bytes, ...]
    """What its files begin with."""


GEOTIFF = Kind(driver="GTiff", title="TIFF", magic=(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"))
"""TIFF and BigTIFF, either byte order."""

JPEG2000 = Kind(
    driver="JP2OpenJPEG",
    title="JPEG 2000 file",
    magic=(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
)
"""JP2, and a bare codestream."""

KINDS = (GEOTIFF, JPEG2000)


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


def kind_of(href: str, band: str, kinds: tuple[Kind, ...] = KINDS) -> Kind:
    """The format of a file by its first bytes: GDAL tells drivers apart by content, and a ``.TIF`` may hold a VRT
    that names any other file. Raises `BadInput` where it is none of `kinds`.
    """  # noqa: D205
    try:
        found = start(href, 16)
    except BadInput as error:
        raise BadInput(error.args[0], href, band, hint=AGAIN) from error
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", href, band) from error
    for kind in kinds:
        if found.startswith(kind.magic):
            return kind
    titles = " and no ".join(kind.title for kind in kinds)
    raise BadInput(f"is no {titles}: it begins with {found!r}.", href, band, hint=AGAIN)


def describe(href: str, *, band: str, index: int, kinds: tuple[Kind, ...]) -> Header:
    """Header of one band of a file of one of these formats; raises `BadInput`."""
    with opened(href, band=band, kinds=kinds) as source:
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
def opened(href: str, *, band: str, kinds: tuple[Kind, ...]) -> Iterator[Any]:
    """A rasterio dataset, opened by its format's own driver; its errors as `BadInput`."""
    kind = kind_of(href, band, kinds)
    try:
        with rasterio.Env(**OPTIONS), warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            source = rasterio.open(href, driver=kind.driver, sharing=False)
        with source:
            yield source
    except (RasterioError, RasterioIOError) as error:
        raise BadInput(f"cannot be read: {error}.", href, band, hint=AGAIN) from error
