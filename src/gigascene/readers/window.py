"""Pixels of one window of one asset: block by block where the file is plain, else through rasterio."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.model.scene import Asset
from gigascene.readers import _gdal, gml
from gigascene.readers._blocks import blocks_of, keep
from gigascene.storage.identity import identity

MASK = 0
"""Instead of a band's number: 255 where the file says that its pixels are valid, by mask, alpha or nodata."""

OPEN_FILES = 24
"""Datasets one thread keeps open."""

GDAL: dict[str, int | str] = {
    **_gdal.OPTIONS,
    "GDAL_CACHEMAX": 16 << 20,  # rasterio wants bytes here; GDAL's own default is 5 % of all memory
    "GTIFF_VIRTUAL_MEM_IO": "NO",
}

_local = threading.local()


def read(asset: Asset, window: Window, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Stored numbers of a window that lies inside the asset: (y, x) of the asset's dtype.

    What lies in the asset's gaps is its nodata number, or 0 where there is none; `lost` tells where.
    Raises `BadInput` naming file, band and window.
    """
    if out is None:
        out = np.empty((window.height, window.width), asset.dtype)
    if any(gap.common(window) for gap in asset.gaps):
        return _around(asset, window, out)
    place = RasterioWindow(window.left, window.top, window.width, window.height)
    try:
        if (blocks := blocks_of(asset)) is not None:
            blocks.read(window, out)
            return out
        if asset.href.lower().endswith(".gml"):
            return gml.read(asset, window, out)
        with rasterio.Env(**GDAL):
            if asset.index == MASK:
                out[:] = _dataset(asset).dataset_mask(window=place)  # its `out` gets a band's levels
            else:
                _dataset(asset).read(asset.index, window=place, out=out)
    except BadInput:
        raise
    except (RasterioError, ValueError, RuntimeError, OSError) as error:
        forget()
        raise _unreadable(asset, window, error) from error
    return out


def lost(asset: Asset, window: Window) -> NDArray[np.bool_] | None:
    """Where a window lies in gaps of the asset, (y, x); None where it does nowhere. May reach beyond the file."""
    touched = [common for gap in asset.gaps if (common := gap.common(window))]
    if not touched:
        return None
    found = np.zeros((window.height, window.width), np.bool_)
    for part in touched:
        found[_slices(part, window)] = True
    return found


def _around(asset: Asset, window: Window, out: NDArray[Any]) -> NDArray[Any]:
    """Block by block, for a block that cannot be decoded may spoil what is read together with it."""
    out[:] = 0 if asset.nodata is None else asset.nodata
    height, width = asset.blocks
    for top in range(window.top // height * height, window.bottom, height):
        for left in range(window.left // width * width, window.right, width):
            part = Window(top=top, left=left, height=height, width=width).common(window)
            if part is not None and not any(gap.common(part) for gap in asset.gaps):
                out[_slices(part, window)] = read(asset, part)
    return out


def _slices(part: Window, window: Window) -> tuple[slice, slice]:
    top, left = part.top - window.top, part.left - window.left
    return slice(top, top + part.height), slice(left, left + part.width)


def limit_cache(size: int, threads: int) -> None:
    """Keep at most so many bytes of decoded blocks in this process, from the next read on."""
    GDAL["GDAL_CACHEMAX"] = size
    keep(size // threads)


def forget() -> None:
    """Close what this thread has open."""
    for dataset in _datasets().values():
        dataset.close()
    _datasets().clear()


def _dataset(asset: Asset) -> Any:
    """The thread's own handle: GDAL's datasets may not be shared. Its driver is pinned by the first bytes."""
    href = asset.href
    known, key = _datasets(), (href, identity(href))
    if key not in known:
        driver = _gdal.kind_of(href, asset.key).driver
        with _gdal.unwarned():
            known[key] = _gdal.open_dataset(href, driver)
        while len(known) > OPEN_FILES:
            known.popitem(last=False)[1].close()
    known.move_to_end(key)
    return known[key]


def _datasets() -> OrderedDict[tuple[str, str], Any]:
    if not hasattr(_local, "datasets"):
        _local.datasets = OrderedDict()
    datasets: OrderedDict[tuple[str, str], Any] = _local.datasets
    return datasets


def _unreadable(asset: Asset, window: Window, error: Exception) -> BadInput:
    words = str(error.__cause__ or error) or type(error).__name__
    what, hint = f"cannot be read ({words}).", "Is the file whole? Fetch it again and retry."
    return _gdal.unreadable(error, what, asset.href, asset.key, str(window), hint)
