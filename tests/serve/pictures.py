"""Small pictures to look at, and what their tiles must be."""

import io
import warnings

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning

from gigascene.kernels.overview import halve_numpy
from gigascene.serve.site import PAGE, VENDOR
from gigascene.writers.cog import WRITER
from writers import _drive as drive

SHAPES = [(1, 1), (1, 513), (513, 1), (700, 1025), (512, 1024)]
NORTH_UP = Affine(10, 0, 500_000, 0, -10, 7_000_000)
needs_openseadragon = pytest.mark.skipif(
    not all((PAGE / name).exists() for name in VENDOR), reason="OpenSeadragon is not fetched: make setup, with npm"
)


def cog(path, shape, bands=3, dtype="uint8", **options):
    """A picture as this package writes it; its levels."""
    format = drive.format_of(WRITER, shape, bands, dtype, **options)
    levels = drive.picture(format)
    drive.write(path, levels, WRITER, format)
    return levels


def geotiff(path, levels, *, nodata=None, mask=None, crs="EPSG:32626", affine=NORTH_UP, colours=None, **options):
    """A picture as any other program writes it: no overviews, unless it is asked for them afterwards."""
    rows, columns, bands = levels.shape
    profile = {"driver": "GTiff", "width": columns, "height": rows, "count": bands, "dtype": levels.dtype}
    with warnings.catch_warnings(), rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **profile, nodata=nodata, crs=crs, transform=affine, **options) as picture:
            if colours:
                picture.colorinterp = [ColorInterp[name] for name in colours]
            picture.write(np.moveaxis(levels, -1, 0))
            if mask is not None:
                picture.write_mask(mask)
    return path


def noise(shape, bands=3, dtype="uint8", low=0, seed=0):
    """Levels without any order."""
    return np.random.default_rng(seed).integers(low, np.iinfo(dtype).max, (*shape, bands), dtype, endpoint=True)


def reductions(levels, **how):
    """Every level of Deep Zoom by plain NumPy, the smallest first."""
    found = [levels]
    while max(found[0].shape[:2]) > 1:
        found.insert(0, halve_numpy(found[0], **how))
    return found


def seen(content):
    """An encoded tile as RGBA, by another decoder."""
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image.convert("RGBA"))


def as_seen(levels, valid):
    """Levels as RGBA: upper 8 bits, transparent and (for comparison) black where they are not valid."""
    eight = (levels >> (8 * levels.dtype.itemsize - 8)).astype(np.uint8)
    eight = np.repeat(eight, 3, axis=-1) if eight.shape[-1] == 1 else eight
    return np.concatenate([eight * valid[..., None], 255 * valid[..., None].astype(np.uint8)], axis=-1)


def visible(rgba):
    """Nothing but black where nothing is seen."""
    return rgba * (rgba[..., 3:] > 0)
