"""Any raster format that is read: GeoTIFF or JPEG 2000, whichever the first bytes say."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

from gigascene.readers import _gdal
from gigascene.readers._gdal import Header

__all__ = ["Header", "describe", "opened"]


def describe(href: str, *, band: str, index: int = 1) -> Header:
    """Header of one band; arguments and errors as those of `readers.geotiff.describe`."""
    return _gdal.describe(href, band=band, index=index, kinds=_gdal.KINDS)


def opened(href: str, *, band: str) -> AbstractContextManager[Any]:
    """A rasterio dataset, opened by the driver of its format and no other; its errors as `BadInput`."""
    return _gdal.opened(href, band=band, kinds=_gdal.KINDS)
