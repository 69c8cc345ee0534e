"""Sentinel-2 mosaics of what is not as it should be: what is wrong is named, with file, band and place, or it does not matter."""

import json
import shutil

import numpy as np
import pytest
import rasterio
from PIL import Image

import gigascene
import stac_scene
from tiny_safe import LEVEL2A, write_jp2, write_l2a

COVER = {"water": 1, "forest": 3, "crop": 2}
FEW = dict.fromkeys(("B02", "B03", "B04"), (10,))


@pytest.fixture
def tell(command):
    """Exit code and words of a command."""

    def run(*words):
        said = command(*words)
        return said.code, said.err

    return run


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """Two tiles side by side, each with its item."""
    root = tmp_path_factory.mktemp("tiles")
    for number in (0, 1):
        folder = root / f"T{number}"
        stac_scene.write_bands(folder, COVER, raw=True, side=256, seed=number)
        stac_scene.write_item(folder, f"T{number}.json", id=f"T{number}", side=256)
    return root


def test_mixed_baselines_give_one_reflectance(tmp_path):
    """The offset is each product's own: numbers of 02.14 without it beside those of 05.09 with it."""
    old = write_l2a(tmp_path / "old", bands=FEW, baseline="02.14", offset=0)
    new = write_l2a(tmp_path / "new", bands=FEW)
    for path in new.rglob("*_B0?_10m.jp2"):
        other = next(old.rglob(f"*_{path.name.split('_')[2]}_10m.jp2"))
        with rasterio.open(other) as file:
            numbers = file.read(1)
        write_jp2(path, np.where(numbers > 0, numbers + 1000, 0).astype(np.uint16), 10)
    for name, scenes in (("old", [old]), ("both", [new, old])):
        gigascene.mosaic("true-color", scenes, tmp_path / f"{name}.png", stretch="0:0.5", combine="mean")
    old, both = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("old", "both"))
    assert np.array_equal(old, both)
    assert old.std() > 10


def test_a_corrupt_jp2_tile_is_named_with_band_and_window(tell, tmp_path):
    good = write_l2a(tmp_path / "good", bands=FEW)
    bad = shutil.copytree(good, tmp_path / "bad" / good.name.replace("T32", "T31"))
    green = next(bad.rglob("*_B03_10m.jp2"))
    green.write_bytes(green.read_bytes()[: green.stat().st_size // 2])
    target = tmp_path / "m.tif"
    target.write_bytes(b"old")
    code, said = tell("mosaic", "true-color", bad, good, "-o", target, "--stretch", "0:0.5")
    assert code == 4
    assert green.name in said
    assert "band B03_10m, rows " in said
    assert target.read_bytes() == b"old"


def test_a_file_that_is_missing_at_the_resolution_asked_for(tell, tmp_path):
    safe = write_l2a(tmp_path, bands=LEVEL2A, leave_out=("B03_10m",))
    code, said = tell("mosaic", "true-color", safe, "-o", tmp_path / "m.tif", "--resolution", "10")
    assert code == 4
    assert "needs green" in said
    assert "B03_10m: the product lists it, and it is not there" in said
    assert "green" not in said.partition("has only")[2].partition("\n")[0]  # what is there at 20 m is no help


def test_a_missing_tile(tell, tiles, tmp_path):
    code, said = tell("mosaic", "true-color", tiles / "T0", tiles / "T7", "-o", tmp_path / "m.tif")
    assert code == 4
    assert "T7" in said


def test_an_asset_that_is_gone(tell, tiles, tmp_path):
    root = shutil.copytree(tiles, tmp_path / "tiles")
    (root / "T1" / "B04.tif").unlink()
    code, said = tell("mosaic", "true-color", root, "-o", tmp_path / "m.tif")
    assert code == 4
    assert "scene T1: " in said
    assert "B04.tif, band B04: cannot be opened" in said


@pytest.mark.parametrize("host", ["127.0.0.1:9", "10.0.0.5", "[::1]", "169.254.169.254", "192.168.1.1"])
def test_an_address_inside_the_network(tell, tmp_path, host):
    item = stac_scene.item(base=f"http://{host}/")
    (tmp_path / "item.json").write_text(json.dumps(item))
    code, said = tell("mosaic", "true-color", tmp_path / "item.json", "-o", tmp_path / "m.tif", "--offset", "raw")
    assert code == 4
    assert "--allow-private" in said
    assert "band B04" in said


def test_a_box_that_no_tile_touches_and_a_grid_nobody_knows(tell, tiles, tmp_path):
    code, said = tell("mosaic", "true-color", tiles, "-o", tmp_path / "m.tif", "--bbox=1,2,3,4")
    assert code == 4
    assert "none of the 2 scenes touches the bounding box" in said
    code, said = tell("mosaic", "true-color", tiles, "-o", tmp_path / "m.tif", "--grid", "utm77:10m")
    assert code == 2
    assert "utm77:10m" in said
    assert not (tmp_path / "m.tif").exists()


def test_bands_whose_metadata_are_gone(tell, small_scene, tmp_path):
    """Neither passed over beside others, nor taken for plain pictures."""
    for name in ("whole", "parted"):
        shutil.copytree(small_scene, tmp_path / "scenes" / name)
    for path in (tmp_path / "scenes" / "parted").glob("*_MTL.*"):
        path.unlink()
    for source in (tmp_path / "scenes", tmp_path / "scenes" / "parted"):
        for more in ((), ("--allow-gaps",)):
            code, said = tell("mosaic", "true-color", source, "-o", tmp_path / "m.tif", *more)
            assert code == 4
            assert "parted: holds bands of " in said
            assert "_MTL.txt (or .xml or .json), which says what they mean. Fetch it too." in said
