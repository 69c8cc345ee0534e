"""What the readers through GDAL share: a format is known by its first bytes, and opened by its own driver and no other."""

from __future__ import annotations

import hashlib
import math
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.abc import FileContainer
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError

from gigascene.model.errors import BadInput, Broken
from gigascene.storage import hrefs, remote
from gigascene.storage.contents import start
from gigascene.storage.signatures import LONGEST, SIGNATURES

AGAIN = "Is the file whole? Fetch it again."
_opening = threading.Lock()

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


GEOTIFF = Kind(driver="GTiff", title="TIFF", magic=SIGNATURES["tiff"])

JPEG2000 = Kind(driver="JP2OpenJPEG", title="JPEG 2000 file", magic=SIGNATURES["jpeg2000"])

KINDS = (GEOTIFF, JPEG2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a file says of one of its bands, without a pixel read."""

    geobox: GeoBox
    """Shape, affine and CRS (None where the file has none)."""

    dtype: str
    """NumPy name of the stored type."""

    nodata: float | None
    """Declared in the file, or None. Of floats, what is not finite is no data anyway; what the type cannot hold is none."""

    blocks: tuple[int, int]
    """Rows and columns of a tile or strip."""

    count: int
    """Bands in the file."""

    scale: float = 1.0
    """Declared in the file: physical value = scale * stored + offset."""

    offset: float = 0.0
    unit: str = "1"
    """Declared in the file, or ``"1"``."""

    alpha: bool = False
    """The band tells where the others have data."""

    masked: bool = False
    """The file has a mask of its own, for all bands."""


def kind_of(href: str, band: str, kinds: tuple[Kind, ...] = KINDS) -> Kind:
    """The format of a file by its first bytes: GDAL tells drivers apart by content, and a ``.TIF`` may hold a VRT
    that names any other file. Raises `BadInput` where it is none of `kinds`.
    """  # noqa: D205
    try:
        found = start(href, LONGEST)
    except BadInput as error:
        raise type(error)(error.args[0], href, band, hint=error.args[4] or AGAIN) from error
    except OSError as error:
        raise Broken(f"cannot be opened: {error.strerror}", href, band) from error
    for kind in kinds:
        if found.startswith(kind.magic):
            return kind
    titles = " and no ".join(kind.title for kind in kinds)
    raise Broken(f"is no {titles}: it begins with {found!r}.", href, band, hint=AGAIN)


def describe(href: str, *, band: str, index: int, kinds: tuple[Kind, ...]) -> Header:
    """Header of one band of a file of one of these formats; raises `BadInput`."""
    with opened(href, band=band, kinds=kinds) as source:
        if not 1 <= index <= source.count:
            raise BadInput(f"has {source.count} bands, not {index}", href, band)
        dtype = source.dtypes[index - 1]
        if (
            dtype.startswith("complex") or np.dtype(dtype).kind not in "uif"
        ):  # NumPy has no name for those of whole numbers
            raise BadInput(f"holds {dtype} numbers, which no product is made from", href, band)
        nodata = source.nodatavals[index - 1]
        return Header(
            geobox=GeoBox(source.shape, source.transform, source.crs),
            dtype=dtype,
            nodata=nodata if nodata is not None and _held(nodata, dtype) else None,
            blocks=tuple(source.block_shapes[index - 1]),
            count=source.count,
            scale=float(source.scales[index - 1]),
            offset=float(source.offsets[index - 1]),
            unit=source.units[index - 1] or "1",
            alpha=source.count > 1 and source.colorinterp[index - 1] == ColorInterp.alpha,
            masked={MaskFlags.per_dataset} == set(source.mask_flag_enums[index - 1]),
        )


def _held(nodata: float, dtype: str) -> bool:
    """Whether some number of the type is this one, and finite."""
    return math.isfinite(nodata) and (np.dtype(dtype).kind != "f" or abs(nodata) <= float(np.finfo(dtype).max))


@contextmanager
def unwarned() -> Iterator[None]:
    """No warning that a picture lies nowhere. Filters belong to the process, not to the thread, so one thread at a time."""
    with _opening, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield


@contextmanager
def opened(href: str, *, band: str, kinds: tuple[Kind, ...]) -> Iterator[Any]:
    """A rasterio dataset, opened by its format's own driver; its errors as `BadInput`."""
    kind = kind_of(href, band, kinds)
    try:
        with rasterio.Env(**OPTIONS), unwarned():
            source = open_dataset(href, kind.driver)
        with source:
            yield source
    except (RasterioError, RasterioIOError) as error:
        raise unreadable(error, f"cannot be read: {error}.", href, band, hint=AGAIN) from error


def open_dataset(href: str, driver: str, **options: Any) -> Any:
    """A rasterio dataset of a path, or of a remote file, of which GDAL reads ranges through us."""
    if not hrefs.is_remote(href):
        return rasterio.open(href, driver=driver, sharing=False, **options)
    name = f"/{hashlib.sha256(href.encode()).hexdigest()}"  # its own would be taken apart, and told in errors
    return rasterio.open(name, driver=driver, sharing=False, opener=_Ranges(name, href), **options)


class _Ranges(FileContainer):
    """One remote file, as the file system that rasterio wants."""

    def __init__(self, name: str, href: str) -> None:
        self._name = name
        self._href = href

    def open(self, path: str, mode: str = "r", **_: Any) -> remote.RangeFile:
        """A reader of its ranges."""
        return remote.RangeFile(self._href, quiet=True)

    def isfile(self, path: str) -> bool:
        """Side files, which GDAL asks for, are not looked for."""
        return path.endswith(self._name)

    def isdir(self, path: str) -> bool:
        """There are no folders."""
        return False

    def ls(self, path: str) -> list[str]:
        """Nor what would lie in them."""
        return []

    def mtime(self, path: str) -> int:
        """Not known."""
        return 0

    def rm(self, path: str) -> None:
        """Nothing is removed."""
        raise OSError(f"{path} is only read")

    def size(self, path: str) -> int:
        """Of the file, bytes."""
        return remote.state(self._href).size


def unreadable(error: Exception, what: str, href: str, band: str, window: str = "", hint: str = "") -> BadInput:
    """An error of GDAL, or where a remote file could not be read, why."""
    found = remote.failure() or error
    if isinstance(found, BadInput):
        return type(found)(found.args[0], href, band, window, found.args[4])
    return Broken(what, href, band, window, hint)
