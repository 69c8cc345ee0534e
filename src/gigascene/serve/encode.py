"""Levels as a screen shows them, and tiles as a browser takes them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from gigascene.codecs._jpeg_image import compressed
from gigascene.codecs.png import whole
from gigascene.kernels.overview import halve
from gigascene.model.errors import UsageError

FORMATS = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
"""Suffixes of tiles, and their media types."""


class Validity(Enum):
    """How levels say which pixels are valid."""

    ALL = "all"
    NODATA = "nodata"
    """Those with any band above 0."""

    ALPHA = "alpha"
    """Those with a last band above 0."""

    def mask(self, levels: NDArray[Any]) -> NDArray[np.bool_]:
        """Which pixels of (y, x, band) levels are valid: (y, x)."""
        if self is Validity.ALL:
            return np.ones(levels.shape[:2], np.bool_)
        return np.asarray((levels if self is Validity.NODATA else levels[..., -1:]).any(axis=-1))

    def halved(self, levels: NDArray[Any], out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Half-size levels, as in every overview of this package."""
        return halve(levels, nodata=0 if self is Validity.NODATA else None, alpha=self is Validity.ALPHA, out=out)


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What pixels are, for `gigascene.codecs.tile_rows`."""

    bands: int
    dtype: str
    validity: Validity
    numbers: None = None
    """They are levels."""

    @property
    def alpha(self) -> bool:
        """The last band tells which are valid."""
        return self.validity is Validity.ALPHA

    @property
    def nodata(self) -> int | None:
        """0 where those that are 0 in all bands are not."""
        return 0 if self.validity is Validity.NODATA else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coder:
    """How tiles are encoded."""

    format: str = "png"
    """png, jpg (or jpeg, as some folders have it) or webp."""

    quality: int = 90
    """Of jpg and webp, 1 to 100."""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UsageError(f"tiles are png, jpg or webp, not {self.format!r}")
        if not 1 <= self.quality <= 100:
            raise UsageError(f"the quality of tiles is 1 to 100, not {self.quality}")

    def encode(self, pixels: NDArray[np.uint8]) -> bytes:
        """A tile of (y, x, band) pixels as `shown` makes them. JPEG knows no transparency: there it is black."""
        if self.format == "png":
            return whole(pixels)
        if self.format in {"jpg", "jpeg"}:
            return compressed(opaque(pixels), self.quality)
        grey = pixels.shape[2] < 3  # which WebP does not know
        colours = pixels[..., [0, 0, 0, 1][: pixels.shape[2] + 2]] if grey else pixels
        return bytes(imagecodecs.webp_encode(_plain(colours), level=self.quality, lossless=False))


def shown(levels: NDArray[Any], validity: Validity) -> NDArray[np.uint8]:
    """Pixels for a screen, the last band alpha if any is transparent.

    Parameters
    ----------
    levels : (y, x, band) uint8 or uint16
        Grey or RGB, with a band of alpha behind if `validity` says so. Of 16 bits the upper 8 are shown.

    Returns
    -------
    (y, x, 1 to 4) uint8

    Examples
    --------
    >>> shown(np.uint16([[[0], [255], [65535]]]), Validity.NODATA).tolist()
    [[[0, 0], [0, 255], [255, 255]]]
    >>> shown(np.uint8([[[7, 0], [7, 99], [7, 255]]]), Validity.ALPHA).tolist()
    [[[7, 0], [7, 99], [7, 255]]]
    """
    eight = levels if levels.dtype == np.uint8 else (levels >> 8).astype(np.uint8)
    if validity is Validity.ALPHA:
        alpha = np.maximum(eight[..., -1:], validity.mask(levels)[..., None])  # of 16 bits, what is hardly there stays
        return eight[..., :-1] if (alpha == 255).all() else np.concatenate([eight[..., :-1], alpha], axis=-1)
    valid = validity.mask(levels)
    return eight if valid.all() else np.concatenate([eight, np.uint8(255) * valid[..., None]], axis=-1)


def opaque(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours alone, black where they were transparent."""
    if pixels.shape[2] in {1, 3}:
        return pixels
    return np.where(pixels[..., -1:] > 0, pixels[..., :-1], np.uint8(0))


def _plain(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As imagecodecs wants it: strides of a whole array even where a side is 1, and grey without a third axis."""
    return np.array(pixels[..., 0] if pixels.shape[2] == 1 else pixels, order="C")
