"""Tiles of a Deep Zoom picture are proven with it; folders of map tiles by themselves."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

import gigascene
from cli.shell import spoken
from gigascene.model.errors import BadInput


@pytest.fixture
def world(small_scene, tmp_path):
    gigascene.compose("true-color", small_scene, tmp_path / "world.dzi", options={"tile": 64})
    return tmp_path


def test_whole(world):
    assert gigascene.verify(world / "world.dzi").holds


@pytest.mark.parametrize("damage", ["changed", "gone", "more"])
def test_damage_is_told_by_level(world, damage):
    tile = world / "world_files" / "9" / "1_2.png"
    if damage == "gone":
        tile.unlink()
    elif damage == "more":
        (world / "world_files" / "9" / "77_1.png").write_bytes(b"x")
    else:
        data = bytearray(tile.read_bytes())
        data[len(data) // 2] ^= 1
        tile.write_bytes(data)
    verdict = gigascene.verify(world / "world.dzi")
    assert not verdict.holds
    assert verdict.damaged == 1
    assert "world_files/9" in verdict.damage[0].what


@pytest.fixture(params=["xyz", "tms"])
def tiles(tmp_path, request) -> Path:
    """Tiles of zoom 4 and below, in web mercator, with some that are blank."""
    from gigascene.codecs.tile_grid import MERCATOR

    shape, size = (500, 900), MERCATOR.resolution(4)
    levels = np.zeros((*shape, 3), np.uint8)
    levels[100:, 300:] = np.random.default_rng(0).integers(1, 256, (400, 600, 3))
    transform = Affine(size, 0, MERCATOR.left + 4 * 256 * size, 0, -size, MERCATOR.top - 4 * 256 * size)
    profile = {"driver": "GTiff", "height": shape[0], "width": shape[1], "count": 3, "dtype": "uint8", "nodata": 0}
    with rasterio.open(tmp_path / "in.tif", "w", crs="EPSG:3857", transform=transform, **profile) as file:
        file.write(np.moveaxis(levels, -1, 0))
    gigascene.convert(tmp_path / "in.tif", f"{tmp_path}/world/", writer="tiles", options={"scheme": request.param})
    return tmp_path / "world"


def test_a_folder_of_map_tiles_is_whole(tiles, capsys, monkeypatch):
    written = sum(path.suffix == ".png" for path in tiles.rglob("*.png"))
    verdict = gigascene.verify(tiles)
    assert (verdict.state, verdict.tiles) == ("whole", written)
    code, out, _ = spoken(capsys, monkeypatch, "verify", f"{tiles}/")
    assert code == 0
    assert f"{written} tiles as written" in out


@pytest.mark.parametrize("damage", ["changed", "gone", "more", "text", "stranger"])
def test_damage_in_a_folder_is_told(tiles, damage, capsys, monkeypatch):
    tile = max(tiles.glob("4/*/*.png"))
    if damage == "gone":
        tile.unlink()
    elif damage == "more":
        tile.with_name("15.png").write_bytes(b"x")
    elif damage == "changed":
        data = bytearray(tile.read_bytes())
        data[len(data) // 2] ^= 1
        tile.write_bytes(data)
    elif damage == "text":
        (tiles / "tilejson.json").write_text("{}")
    else:
        (tiles / "diary.txt").write_text("mine")
    code, out, _ = spoken(capsys, monkeypatch, "verify", tiles)
    assert code == 4
    assert {"text": "tilejson.json was changed", "stranger": "diary.txt was not written"}.get(
        damage, "world/4: "
    ) in out


def test_a_folder_without_a_receipt_is_only_a_folder(tiles):
    (tiles.with_name("world.receipt.json")).unlink()
    with pytest.raises(BadInput, match="is a folder"):
        gigascene.verify(tiles)


@pytest.mark.parametrize(
    "lie", [{"finest": 99}, {"finest": -1}, {"tiles": 7}, {"scheme": "wms"}, {"texts": {"../x": "0" * 64}}]
)
def test_a_receipt_that_cannot_be_true_is_refused(tiles, lie):
    path = tiles.with_name("world.receipt.json")
    whole = json.loads(path.read_text())
    whole["pyramid"] |= lie
    path.write_text(json.dumps(whole))
    with pytest.raises(BadInput, match="is damaged"):
        gigascene.verify(tiles)
