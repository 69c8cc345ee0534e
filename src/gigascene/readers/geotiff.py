"""GeoTIFF and Cloud Optimized GeoTIFF through GDAL, and nothing that merely has the suffix."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from gigascene.readers import _gdal
from gigascene.readers._gdal import AGAIN, GEOTIFF, Header

__all__ = ["AGAIN", "Header", "describe", "opened"]


def describe(href: str, *, band: str, index: int = 1) -> Header:
    """Header of one band.

    Parameters
    ----------
    href : str
        A path, or GDAL's ``/vsisubfile/`` or ``/vsizip/`` name.
    band : str
        Name for messages.
    index : int
        Band number inside the file, from 1.

    Raises
    ------
    BadInput
        Naming file and band: not there, no TIFF, broken, no such band, or complex numbers.
    """
    return _gdal.describe(href, band=band, index=index, kinds=(GEOTIFF,))


def dataset(href: str, **options: Any) -> Any:
    """A rasterio dataset that the caller closes; raises what rasterio does, and tells of a remote file by `remote.failure`."""
    return _gdal.open_dataset(href, GEOTIFF.driver, **options)


def opened(href: str, *, band: str) -> AbstractContextManager[Any]:
    """A rasterio dataset, opened by GDAL's TIFF driver and no other; its errors as `BadInput`."""
    return _gdal.opened(href, band=band, kinds=(GEOTIFF,))
