"""Tiles of a Deep Zoom picture are proven with it."""

import pytest

import gigascene


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
