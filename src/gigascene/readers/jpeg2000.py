"""JPEG 2000 (JP2) through GDAL's OpenJPEG driver, and nothing that merely has the suffix.

Pixels are read by `readers.window`, each thread with a handle of its own that stays open. Only
full resolution is read: the reduced ones inside a file are filtered by its wavelet, and hold
values that no pixel has, so a survey or preview made of them would differ from the picture.
"""

from __future__ import annotations

from gigascene.readers import _gdal
from gigascene.readers._gdal import JPEG2000, Header

__all__ = ["Header", "describe"]


def describe(href: str, *, band: str, index: int = 1) -> Header:
    """Header of one band; its blocks are the tiles of the codestream.

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
        Naming file and band: not there, no JPEG 2000, broken, or no such band.
    """
    return _gdal.describe(href, band=band, index=index, kinds=(JPEG2000,))
