"""Copy: stored levels are display levels. Of a plain picture, or of the bands of one GeoTIFF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.model.grid import Window
from gigascene.model.plain_picture import PlainPicture
from gigascene.model.scene import Asset
from gigascene.readers import pnm, raw, tiles
from gigascene.readers.window import read
from gigascene.works._needs import Needs

READERS: Mapping[str, Callable[[PlainPicture, int, int, NDArray[Any], int], NDArray[Any]]] = {
    "pnm": pnm.read,
    "raw": raw.read,
    "tiles": tiles.read,
}
"""By form, those that read from any row on; others are unpacked first."""


class CopyPicture:
    """Pixels of a plain picture."""

    def __init__(self, picture: PlainPicture) -> None:
        self._picture = picture

    @property
    def needs(self) -> Needs:
        """Rows are read into place; tiles are decoded as a whole."""
        tiling, shape = self._picture.tiling, self._picture.shape
        if tiling is None:
            return Needs(pixel=1, block=(1, 1), sources=())
        block = (min(tiling.side, shape[0]), min(tiling.side, shape[1]))
        size = self._picture.bands * np.dtype(self._picture.dtype).itemsize
        return Needs(pixel=size, block=block, sources=((block, size),))

    def levels(self, window: Window, out: NDArray[Any]) -> None:
        """Stored levels of a window into `out` (y, x, band)."""
        READERS[self._picture.form](self._picture, window.top, window.height, out, window.left)


class CopyBands:
    """Bands of a GeoTIFF, side by side."""

    def __init__(self, assets: tuple[Asset, ...]) -> None:
        self._assets = assets

    @property
    def needs(self) -> Needs:
        """All bands by themselves, before they stand side by side."""
        block, size = self._assets[0].blocks, np.dtype(self._assets[0].dtype).itemsize
        count = len(self._assets)
        return Needs(pixel=count * size, block=block, sources=tuple((asset.blocks, size) for asset in self._assets))

    def levels(self, window: Window, out: NDArray[Any]) -> None:
        """Stored levels of a window into `out` (y, x, band)."""
        for number, asset in enumerate(self._assets):
            band = read(asset, window)
            out[..., number] = band if asset.index else band * np.asarray(np.iinfo(out.dtype).max // 255, out.dtype)
