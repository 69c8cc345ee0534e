"""A small picture of a whole asset, nearest pixels: for statistics that bear it, never for a result."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from gigascene.model.scene import Asset
from gigascene.readers._gdal import AGAIN, unreadable
from gigascene.readers.raster import opened


def decimated(asset: Asset, side: int) -> NDArray[Any]:
    """Stored numbers of about every n-th pixel: (side, side) of the asset's dtype.

    GDAL takes them from the file's overviews, if it has any, however these were made, or from the reduced
    resolutions inside JPEG 2000; else from all of its blocks. Raises `BadInput` naming file and band.
    """
    out = np.empty((side, side), asset.dtype)
    try:
        with opened(asset.href, band=asset.key) as source:
            source.read(asset.index, out=out)
    except (RasterioError, ValueError, RuntimeError) as error:
        raise unreadable(error, f"cannot be read ({error}).", asset.href, asset.key, hint=AGAIN) from error
    return out
