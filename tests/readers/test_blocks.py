"""Blocks decoded by us are GDAL's, for every layout we take; the rest goes to GDAL."""

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from gigascene.kernels.predictor import summed, summed_numpy
from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.readers import _blocks
from gigascene.readers.window import forget, limit_cache, read
from gigascene.sensors.raster import scene_of_rasters

SHAPE = (301, 417)
LAYOUTS = [
    {"tiled": True, "blockxsize": 64, "blockysize": 48, "compress": "deflate", "predictor": 2},
    {"tiled": True, "blockxsize": 128, "blockysize": 128, "compress": "zstd", "predictor": 2},
    {"tiled": True, "blockxsize": 256, "blockysize": 256, "compress": "deflate"},
    {"tiled": True, "blockxsize": 512, "blockysize": 512},
    {"blockysize": 7, "compress": "deflate", "predictor": 2},
    {"blockysize": 1},
]
OTHERS = [
    {"blockysize": 301},
    {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "lzw"},
    {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate", "endianness": "BIG"},
]


def asset_of(path, dtype="uint16", **layout):
    rng = np.random.default_rng(3)
    pixels = rng.integers(0, np.iinfo(dtype).max, SHAPE).astype(dtype)
    where = {"transform": Affine(30, 0, 5e5, 0, -30, 7e6), "crs": "EPSG:32626"}
    height, width = SHAPE
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=1, dtype=dtype, **where, **layout
    ) as f:
        f.write(pixels, 1)
    return next(iter(scene_of_rasters([path]).assets.values())), pixels


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("layout", [*LAYOUTS, *OTHERS])
@pytest.mark.parametrize("room", [0, 8 << 20])
def test_every_window(tmp_path, layout, dtype, room):
    asset, pixels = asset_of(tmp_path / "a.tif", dtype, **layout)
    limit_cache(room, 1)
    assert (_blocks.blocks_of(asset) is not None) == (
        layout in LAYOUTS or (dtype == "uint8" and "endianness" in layout)
    )
    for top, left, height, width in [
        (0, 0, *SHAPE),
        (300, 416, 1, 1),
        (47, 63, 2, 3),
        (100, 0, 150, 417),
        (0, 400, 301, 17),
    ]:
        found = read(asset, Window(top=top, left=left, height=height, width=width))
        np.testing.assert_array_equal(found, pixels[top : top + height, left : left + width])
    forget()


def test_blocks_never_written_are_no_data(tmp_path):
    path = tmp_path / "sparse.tif"
    profile = {
        "driver": "GTiff",
        "height": 300,
        "width": 300,
        "count": 1,
        "dtype": "uint16",
        "nodata": 7,
        "tiled": True,
    }
    with rasterio.open(path, "w", blockxsize=128, blockysize=128, sparse_ok=True, crs="EPSG:32626",
                       transform=Affine(30, 0, 5e5, 0, -30, 7e6), **profile) as file:  # fmt: skip
        file.write(np.full((128, 128), 9, np.uint16), 1, window=rasterio.windows.Window(128, 128, 128, 128))
    asset = next(iter(scene_of_rasters([path]).assets.values()))
    found = read(asset, Window(top=0, left=0, height=300, width=300))
    assert (found[128:256, 128:256] == 9).all()
    assert (found == 7).sum() == 300 * 300 - 128 * 128


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_cut_file_is_named(tmp_path, layout):
    path = tmp_path / "a.tif"
    asset, _ = asset_of(path, **layout)
    blocks = _blocks.blocks_of(asset)
    offset, length = blocks._places[-1]
    with path.open("r+b") as file:
        file.truncate(offset + length // 2)
    with pytest.raises(BadInput, match=r"a\.tif, band a, rows .* cannot be read"):
        read(asset, Window(top=0, left=0, height=SHAPE[0], width=SHAPE[1]))


@pytest.mark.parametrize("layout", [one for one in LAYOUTS if "compress" in one])
def test_a_damaged_block_is_named(tmp_path, layout):
    path = tmp_path / "a.tif"
    asset, _ = asset_of(path, **layout)
    offset, length = _blocks.blocks_of(asset)._places[0]
    data = bytearray(path.read_bytes())
    data[offset : offset + length] = bytes(length)
    path.write_bytes(data)
    with pytest.raises(BadInput, match="cannot be read"):
        read(asset, Window(top=0, left=0, height=10, width=10))


@settings(max_examples=40)
@given(st.integers(1, 9), st.integers(1, 40), st.sampled_from(["uint8", "uint16"]), st.integers(0, 99))
def test_differences_undone_twice_the_same(rows, columns, dtype, seed):
    steps = np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, (rows, columns)).astype(dtype)
    plain, compiled = steps.copy(), steps.copy()
    summed_numpy(plain)
    summed(compiled)
    np.testing.assert_array_equal(compiled, plain)
