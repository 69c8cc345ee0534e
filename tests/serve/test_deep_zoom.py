"""Levels and tiles by their definition; descriptors written, read, and refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gigascene.metadata.deep_zoom import DeepZoom, descriptor, parse_descriptor
from gigascene.model.errors import BadInput

SIDES = st.integers(1, 200_000)


@given(SIDES, SIDES)
def test_levels(height, width):
    zoom = DeepZoom(shape=(height, width))
    assert zoom.top == math.ceil(math.log2(max(height, width)))
    assert zoom.level_shape(0) == (1, 1)
    assert zoom.level_shape(zoom.top) == (height, width)
    for level in range(zoom.top):
        above = zoom.level_shape(level + 1)
        assert zoom.level_shape(level) == (math.ceil(above[0] / 2), math.ceil(above[1] / 2))


@given(SIDES, SIDES, st.sampled_from([256, 512]))
def test_tiles_cover_every_level(height, width, tile):
    zoom = DeepZoom(shape=(height, width), tile=tile)
    for level in range(zoom.top + 1):
        tiles, (rows, columns) = zoom.tiles(level), zoom.level_shape(level)
        last = tiles[len(tiles) - 1]
        assert (last.bottom, last.right) == (rows, columns)
        assert (level, tiles.down - 1, tiles.across - 1) in zoom
        assert (level, tiles.down, 0) not in zoom
        assert (level, 0, tiles.across) not in zoom


@pytest.mark.parametrize("place", [(-1, 0, 0), (12, 0, 0), (11, -1, 0), (11, 0, -1), (11, 2, 0), (0, 0, 1)])
def test_no_tile(place):
    assert place not in DeepZoom(shape=(700, 1025))


def test_number_of_tiles():
    assert len(DeepZoom(shape=(700, 1025))) == 6 + 2 + 10


def test_descriptor():
    zoom = DeepZoom(shape=(700, 1025), tile=254)
    assert parse_descriptor(descriptor(zoom.shape, zoom.tile, "webp", 1).encode(), "a.dzi") == (zoom, "webp", 1)


def test_descriptor_of_another_program():
    text = (
        b"<Image TileSize='254' Overlap='1' Format='jpeg' xmlns='http://schemas.microsoft.com/deepzoom/2009'>"
        b"<Size Width='9' Height='7'/></Image>"
    )
    assert parse_descriptor(text, "a.dzi") == (DeepZoom(shape=(7, 9), tile=254), "jpeg", 1)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"II*\0",
        b"<Image/>",
        b"<Image TileSize='512' Format='png'><Size Width='9'/></Image>",
        b"<Image TileSize='x' Format='png'><Size Width='9' Height='7'/></Image>",
        b"<Image TileSize='512' Format='png'><Size Width='0' Height='7'/></Image>",
        b"<Image TileSize='0' Format='png'><Size Width='9' Height='7'/></Image>",
        b"<Image TileSize='512' Overlap='-1' Format='png'><Size Width='9' Height='7'/></Image>",
        b"<Image TileSize='512'><Size Width='9' Height='7'/></Image>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><Image TileSize='512' Format='&b;'><Size Width='9' Height='7'/></Image>",
    ],
)
def test_no_descriptor(text):
    with pytest.raises(BadInput, match=r"a\.dzi"):
        parse_descriptor(text, "a.dzi")
