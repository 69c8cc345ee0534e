"""Draws an overlay into the levels of a window: after everything else, and the same whatever the window."""

from __future__ import annotations

import base64
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from gigascene.kernels.outline import UNIT
from gigascene.kernels.stroke import LONGEST, WIDEST, covered
from gigascene.model.grid import Window
from gigascene.model.overlay import Overlay
from gigascene.model.plan import Format

HELD = 64
"""Bytes a piece of line costs in every process: its text, its ends, and what asks which of them are near."""

LUMA = (299, 587, 114)
"""Thousandths of red, green and blue in grey (ITU-R BT.601)."""


class Drawing:
    """An overlay ready to be drawn on a picture of one format."""

    def __init__(self, overlay: Overlay, format: Format) -> None:
        self._pieces, self._reach = unpacked(overlay), overlay.reach
        self._levels = levels_of(overlay.color, format)

    def paint(self, window: Window, levels: NDArray[Any]) -> None:
        """Cover what lies under the lines: `levels` (y, x, band) of a window."""
        under = covered(self._near(window), self._reach, window)
        for band, level in enumerate(self._levels):
            levels[..., band][under] = level

    def _near(self, window: Window) -> NDArray[np.int64]:
        """Pieces of line that may touch a window."""
        x0, y0, x1, y1 = self._pieces.T
        top, left = window.top * UNIT - self._reach, window.left * UNIT - self._reach
        bottom, right = window.bottom * UNIT + self._reach, window.right * UNIT + self._reach
        near = (np.maximum(y0, y1) >= top) & (np.minimum(y0, y1) <= bottom)
        near &= (np.maximum(x0, x1) >= left) & (np.minimum(x0, x1) <= right)
        return self._pieces[near].astype(np.int64)


def levels_of(color: tuple[int, int, int], format: Format) -> tuple[int, ...]:
    """Of every band: a colour, or as grey as it looks where there is one channel.

    Never 0 where that means no data; alpha, where there is one, is full.
    """
    most, channels = int(np.iinfo(format.dtype).max), format.bands - format.alpha
    grey = (sum(part * share for part, share in zip(color, LUMA, strict=True)) + 500) // 1000
    shades = color if channels == len(color) else (grey,) * channels
    levels = tuple(max(shade * (most // 255), int(format.nodata == 0)) for shade in shades)
    return (*levels, most) if format.alpha else levels


def packed(pieces: NDArray[np.int64]) -> str:
    """Ends (n, 4) as a text; what `unpacked` unpacks."""
    return base64.b64encode(imagecodecs.zstd_encode(pieces.astype("<i4").tobytes(), level=9)).decode()


def unpacked(overlay: Overlay) -> NDArray[np.int32]:
    """Ends of its pieces, (n, 4); raises `ValueError` where they are not what `Overlay` says."""
    try:
        raw = (
            imagecodecs.zstd_decode(base64.b64decode(overlay.pieces), out=16 * overlay.count) if overlay.count else b""
        )
        pieces = np.frombuffer(raw, "<i4").reshape(overlay.count, 4).astype(np.int32)
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    x0, y0, x1, y1 = pieces.astype(np.int64).T
    if (
        overlay.count < 0
        or not 0 <= overlay.reach <= WIDEST
        or (np.maximum(abs(x1 - x0), abs(y1 - y0)) > LONGEST).any()
    ):
        raise ValueError("lines that are too wide, or pieces that are too long")
    return pieces
