"""GeoTIFF keys for any CRS and affine: GDAL writes a file of one pixel in memory, and its tags are picked out."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import tifffile
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.crs import CRS
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile

from gigascene.model.errors import WriteFailed

TAGS = (33550, 33922, 34264, 34735, 34736, 34737)
"""Pixel scale, tie point, transformation; key directory and its doubles and texts (OGC 19-008r4, annex B)."""


def geotiff_tags(geobox: GeoBox) -> Mapping[int, tuple[int, bytes]]:
    """Georeferencing as TIFF tags: number → (TIFF's type code, values little-endian).

    Empty for a picture that has no CRS and lies at its own pixels. Raises
    `WriteFailed` for a CRS that would be lost.
    """
    crs = None if geobox.crs is None else CRS.from_wkt(geobox.crs.to_wkt())
    if crs is None and geobox.affine.is_identity:
        return {}
    content = _one_pixel(crs, geobox.affine)
    with ungeoreferenced_allowed(), MemoryFile(content) as memory, memory.open() as picture:
        if picture.crs != crs:
            raise WriteFailed("GeoTIFF", f"its keys cannot hold the CRS {crs}", "Choose a projection GDAL can store.")
    with tifffile.TiffFile(io.BytesIO(content)) as tiff:
        return {tag.code: (int(tag.dtype), _raw(tag, content)) for tag in tiff.pages[0].tags if tag.code in TAGS}


def _one_pixel(crs: CRS | None, affine: Affine) -> bytes:
    profile = {"driver": "GTiff", "width": 1, "height": 1, "count": 1, "dtype": "uint8"}
    with MemoryFile() as memory:
        with memory.open(**profile, crs=crs, transform=affine):
            pass
        return bytes(memory.read())


def _raw(tag: tifffile.TiffTag, content: bytes) -> bytes:
    """Bytes of the values as they lie in the file, which GDAL made little-endian."""
    return content[tag.valueoffset : tag.valueoffset + tag.valuebytecount]


@contextmanager
def ungeoreferenced_allowed() -> Iterator[None]:
    """A picture without georeference is no mistake here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield
