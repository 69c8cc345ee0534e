"""Any raster format that is read: GeoTIFF or JPEG 2000, whichever the first bytes say."""

from __future__ import annotations

from gigascene.readers import _gdal
from gigascene.readers._gdal import Header

__all__ = ["Header", "describe"]


def describe(href: str, *, band: str, index: int = 1) -> Header:
    """Header of one band; arguments and errors as those of `readers.geotiff.describe`."""
    return _gdal.describe(href, band=band, index=index, kinds=_gdal.KINDS)
