"""One small JPEG, as all of ours are: by libjpeg-turbo, colours at half size (4:2:0), the standard's Huffman code."""

from __future__ import annotations

import imagecodecs
import numpy as np
from numpy.typing import NDArray

PIXEL_BOUND = {1: 2, 3: 3}
"""Bytes that a pixel can take at most, by bands: libjpeg-turbo's ``tjBufSize``."""


def compressed(colors: NDArray[np.uint8], quality: int) -> bytes:
    """A whole JPEG of (y, x, 1) grey or (y, x, 3) RGB levels."""
    # libjpeg's wrapper minds the strides even of sides of one pixel.
    if not colors.flags.c_contiguous or 1 in colors.shape:
        colors = colors.copy()
    if colors.shape[-1] == 1:
        return bytes(imagecodecs.jpeg8_encode(colors[..., 0], level=quality))
    return bytes(
        imagecodecs.jpeg8_encode(colors, level=quality, colorspace="RGB", outcolorspace="YCBCR", subsampling="420")
    )
