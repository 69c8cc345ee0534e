"""Deep Zoom: the ``.dzi`` that stands beside the tiles of a picture, which of them were left out as blank, and the arithmetic of its levels.

Level `top` is the whole picture, each below it half as large, level 0 one pixel.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from gigascene.model.errors import BadInput
from gigascene.model.grid import PieceGrid

SPACE = "http://schemas.microsoft.com/deepzoom/2008"
"""Name space of descriptors. An older one, of 2009, has the same elements."""


def descriptor(shape: tuple[int, int], tile: int, kind: str, overlap: int = 0) -> str:
    """Rows and columns, side of a tile, suffix of the tiles and by how many pixels neighbours overlap, as XML."""
    rows, columns = shape
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Image xmlns="{SPACE}" Format="{kind}" Overlap="{overlap}" TileSize="{tile}">\n'
        f'  <Size Width="{columns}" Height="{rows}"/>\n'
        "</Image>\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeepZoom:
    """Levels and tiles of a picture.

    >>> zoom = DeepZoom(shape=(700, 1025))
    >>> zoom.top, zoom.level_shape(10), len(zoom.tiles(11))
    (11, (350, 513), 6)
    """

    shape: tuple[int, int]
    """Rows and columns of the picture."""

    tile: int = 512
    """Pixels a side; those at the right and bottom edge may be smaller."""

    @property
    def top(self) -> int:
        """Number of the level at full resolution: ceil(log2(longest side))."""
        return (max(self.shape) - 1).bit_length()

    def level_shape(self, level: int) -> tuple[int, int]:
        """Rows and columns of a level, 0 to `top`."""
        factor = 1 << (self.top - level)
        return -(-self.shape[0] // factor), -(-self.shape[1] // factor)

    def tiles(self, level: int) -> PieceGrid:
        """How a level is cut into tiles, in row-major order."""
        return PieceGrid(shape=self.level_shape(level), piece=(self.tile, self.tile))

    def __contains__(self, place: tuple[int, int, int]) -> bool:
        """Whether there is a tile at (level, row, column)."""
        level, row, column = place
        if not 0 <= level <= self.top:
            return False
        tiles = self.tiles(level)
        return 0 <= row < tiles.down and 0 <= column < tiles.across

    def __len__(self) -> int:
        """Tiles in all levels."""
        return sum(len(self.tiles(level)) for level in range(self.top + 1))


def parse_descriptor(text: bytes, file: str) -> tuple[DeepZoom, str, int]:
    """Read a ``.dzi``: levels and tiles, suffix of the tiles, and by how many pixels neighbours overlap.

    Raises
    ------
    BadInput
        Naming `file`: no XML, or no descriptor of one picture.
    """
    try:
        image = fromstring(text)
        size = next(child for child in image if child.tag.rpartition("}")[2] == "Size")
        zoom = DeepZoom(shape=(int(size.get("Height")), int(size.get("Width"))), tile=int(image.get("TileSize")))
        format, overlap = str(image.attrib["Format"]), int(image.get("Overlap", 0))
    except (ParseError, DefusedXmlException, StopIteration, KeyError, TypeError, ValueError) as error:
        raise BadInput("is no Deep Zoom descriptor of one picture", file) from error
    if min(*zoom.shape, zoom.tile) < 1 or overlap < 0:
        raise BadInput(f"describes a picture of {zoom.shape[1]} x {zoom.shape[0]} in tiles of {zoom.tile}", file)
    return zoom, format, overlap


def written(tiles: Sequence[bool] | bytearray) -> str:
    """Which tiles of a level were written, row by row: a bit for each, the highest of a byte first, in base64; empty if all were.

    >>> written([True, False, True]), written([True, True])
    ('oA==', '')
    """
    return "" if all(tiles) else base64.b64encode(np.packbits(np.array(tiles, np.bool_)).tobytes()).decode()


def check_written(text: str, count: int) -> None:
    """Raise ValueError where a text cannot be that of so many tiles."""
    if text and len(base64.b64decode(text, validate=True)) != -(-count // 8):
        raise ValueError(f"{len(text)} characters do not tell of {count} tiles")
