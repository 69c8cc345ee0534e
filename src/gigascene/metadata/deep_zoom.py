"""The ``.dzi`` that stands beside the tiles of a Deep Zoom picture."""

from __future__ import annotations

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
