"""What cannot be decoded, or is gone, is left out where that is allowed: declared, the same from every engine, and proven."""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.warp import transform_bounds

import gigascene
import stac_scene
from gigascene.api.verify import verify
from gigascene.execute import coordinate
from gigascene.model import wire
from gigascene.model.errors import Broken, LimitExceeded
from gigascene.model.gap import rectangles
from gigascene.model.grid import Window
from gigascene.model.plan import Cut, Execution
from gigascene.plan.gaps import searched
from gigascene.readers import raster
from range_server import serving
from tiny_safe import write_jp2, write_l2a

FEW = {**dict.fromkeys(("B02", "B03", "B04"), (10,))}
LOST = Window(top=64, left=0, height=64, width=240)
"""The second tile of the codestream: rasterio writes tiles as wide as the picture."""


def spoil_jp2(path, number):
    """Bytes of one tile of the codestream become nonsense; all others stay."""
    data = bytearray(path.read_bytes())
    tiles = [at for at in range(len(data)) if data[at : at + 4] == b"\xff\x90\x00\x0a"]
    begin, length = tiles[number], int.from_bytes(data[tiles[number] + 6 : tiles[number] + 10], "big")
    data[begin + 60 : begin + length - 10] = b"\xff" * (length - 70)
    path.write_bytes(bytes(data))


def spoil_tiff(path, number):
    """Bytes of one block of full resolution become nonsense."""
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        offset, length = page.dataoffsets[number], page.databytecounts[number]
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(b"\xff" * length)


def another(safe, folder):
    """The same product of another day: every number 500 more."""
    later = shutil.copytree(safe, folder / safe.name.replace("20230815T102031", "20230818T102031"))
    for path in later.rglob("*_B0?_10m.jp2"):
        with rasterio.open(path) as file:
            numbers = file.read(1)
        write_jp2(path, np.where(numbers > 0, np.minimum(numbers, 60000) + 500, 0).astype(np.uint16), 10)
    return later


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return write_l2a(tmp_path_factory.mktemp("good"), bands=FEW)


@pytest.fixture(scope="module")
def later(good, tmp_path_factory):
    return another(good, tmp_path_factory.mktemp("later"))


@pytest.fixture(scope="module")
def damaged(good, tmp_path_factory):
    """One tile of green cannot be decoded."""
    safe = shutil.copytree(good, tmp_path_factory.mktemp("damaged") / good.name)
    spoil_jp2(next(safe.rglob("*_B03_10m.jp2")), 1)
    return safe


def pixels(path):
    with rasterio.open(path) as file:
        return file.read()


def inside(window):
    return (slice(None), slice(window.top, window.bottom), slice(window.left, window.right))


def test_without_the_option_it_is_bad_input(command, damaged, tmp_path):
    for verb in ("mosaic", "compose"):
        said = command(verb, "true-color", damaged, "-o", tmp_path / "a.tif", "--stretch", "0:0.5")
        assert said.code == 4
        assert "band B03_10m, rows " in said.err
        assert "--allow-gaps goes on without" in said.err
        assert not (tmp_path / "a.tif").exists()


def test_a_tile_of_jpeg_2000_is_filled_by_other_scenes(command, damaged, good, later, tmp_path):
    words = ("--stretch", "0:0.8", "--json")
    said = command("mosaic", "true-color", damaged, later, "-o", tmp_path / "a.tif", "--allow-gaps", *words)
    assert said.code == 3
    (gap,) = json.loads(said.out)["gaps"]
    assert gap["file"].endswith("_B03_10m.jp2")
    assert (gap["band"], gap["window"], gap["output"]) == ("B03_10m", wire.to_wire(LOST), wire.to_wire(LOST))
    warning = [line for line in said.err.splitlines() if "warning" in line]
    assert len(warning) == 1
    assert "_B03_10m.jp2, band B03_10m, rows 64-127, columns 0-239: cannot be decoded" in warning[0]
    assert "(output rows 64-127, columns 0-239)" in warning[0]
    assert said.err.endswith("gigascene: 1 gap was allowed.\n")
    found = pixels(tmp_path / "a.tif")
    for name, scene in (("good", good), ("later", later)):
        gigascene.mosaic("true-color", scene, tmp_path / f"{name}.tif", stretch="0:0.8")
    whole, filled = pixels(tmp_path / "good.tif"), pixels(tmp_path / "later.tif")
    assert not np.array_equal(whole[inside(LOST)], filled[inside(LOST)])
    whole[inside(LOST)] = filled[inside(LOST)]
    # The pixels that are no data in the first columns of both are so here too.
    assert np.array_equal(found, whole)


def test_the_result_tells_of_its_gaps_and_is_proven(command, damaged, tmp_path):
    made = tmp_path / "a.tif"
    assert command("compose", "true-color", damaged, "-o", made, "--allow-gaps").code == 3
    told = json.loads((tmp_path / "a.tif.receipt.json").read_text())
    assert [gap["window"] for gap in told["gaps"]] == [wire.to_wire(LOST)]
    verdict = verify(made)
    assert verdict.state == "whole"
    assert [gap.window for gap in verdict.gaps] == [LOST]
    said = command("verify", made)
    assert said.code == 0
    assert "made with a gap that was allowed" in said.out
    assert "band B03_10m, rows 64-127" in said.out
    with made.open("r+b") as file:
        file.seek(made.stat().st_size // 2)
        file.write(b"\x55\xaa\x55")
    assert command("verify", made).code == 4


def test_one_scene_has_no_data_there(damaged, good, tmp_path):
    receipt = gigascene.compose("true-color", damaged, tmp_path / "a.tif", stretch="0:0.8", allow_gaps=True)
    assert [gap.window for gap in receipt.gaps] == [LOST]
    gigascene.compose("true-color", good, tmp_path / "b.tif", stretch="0:0.8", allow_gaps=True)
    found, whole = pixels(tmp_path / "a.tif"), pixels(tmp_path / "b.tif")
    assert not found[inside(LOST)].any()
    whole[inside(LOST)] = 0
    assert np.array_equal(found, whole)


def test_nothing_is_missing_where_nothing_is_broken(command, good, tmp_path):
    said = command("mosaic", "true-color", good, "-o", tmp_path / "a.tif", "--allow-gaps", "--json")
    assert said.code == 0
    assert json.loads(said.out)["gaps"] == []
    receipt = gigascene.mosaic("true-color", good, tmp_path / "b.tif")
    assert receipt.fingerprint == json.loads(said.out)["fingerprint"]
    assert (tmp_path / "a.tif").read_bytes() == (tmp_path / "b.tif").read_bytes()


RECIPES = {
    "first": {"options": {"tile": 64}},
    "median": {"combine": "median", "options": {"tile": 64}},
    "warped": {"grid": "EPSG:3857:16", "resampling": "cubic", "feather": 300, "balance": True, "options": {"tile": 64}},
}


@pytest.mark.parametrize("recipe", RECIPES)
def test_engines_workers_and_tasks_change_nothing(recipe, damaged, later, tmp_path):
    def planned(**wishes):
        wishes = {"engine": "serial", "workers": 1, **RECIPES[recipe], **wishes}
        return gigascene.plan_mosaic("true-color", [damaged, later], tmp_path / "a.tif", allow_gaps=True, **wishes)

    plan = planned(memory="8G")
    other = planned(engine="threads", workers=3, memory="1G")
    assert plan.gaps == other.gaps
    assert [gap.window for gap in plan.gaps] == [LOST]
    whole = None
    for engine, workers, cut in (
        ("serial", 1, Cut(task_pieces=100, window_rows=1000)),
        ("threads", 3, Cut(task_pieces=1, window_rows=37, window_columns=50)),
        ("processes", 2, Cut(task_pieces=3, window_rows=64)),
    ):
        execution = replace(plan.execution, engine=engine, workers=workers)
        receipt = coordinate.run(replace(plan, cut=cut, execution=execution))
        found = hashlib.sha256(Path(plan.target).read_bytes()).hexdigest(), receipt.gaps, receipt.mosaic
        whole = whole or found
        assert found == whole


def test_a_resume_is_the_same(damaged, later, tmp_path):
    plan = gigascene.plan_mosaic(
        "true-color",
        [damaged, later],
        tmp_path / "a.tif",
        allow_gaps=True,
        workers=1,
        grid="utm32:4m",
        options={"tile": 64},
    )
    plan = replace(plan, cut=replace(plan.cut, task_pieces=1))
    whole = gigascene.run(plan)
    before = Path(plan.target).read_bytes()
    Path(plan.target).unlink()

    def stop(progress):
        if progress.pieces == 3:
            raise RuntimeError("pulled the plug")

    with pytest.raises(RuntimeError, match="plug"):
        gigascene.run(plan, watch=stop)
    gigascene.save_plan(plan, tmp_path / "plan.json")
    again = gigascene.run(gigascene.load_plan(tmp_path / "plan.json"), resume=True)
    assert again.resumed == 3
    assert again.gaps == whole.gaps
    assert Path(plan.target).read_bytes() == before


def test_a_file_cut_short(command, good, tmp_path):
    safe = shutil.copytree(good, tmp_path / good.name)
    path = next(safe.rglob("*_B02_10m.jp2"))
    os.truncate(path, int(path.stat().st_size * 0.6))
    said = command("compose", "true-color", safe, "-o", tmp_path / "a.png", "--allow-gaps", "--json")
    assert said.code == 3
    (gap,) = json.loads(said.out)["gaps"]
    assert gap["window"]["top"] + gap["window"]["height"] == 240
    assert gap["window"]["top"] % 64 == 0
    assert 0 < gap["window"]["top"] < 240


@pytest.fixture
def tiles(tmp_path):
    """Two tiles side by side as COGs of STAC items."""
    for number in (0, 1):
        folder = tmp_path / "tiles" / f"T{number}"
        stac_scene.write_bands(folder, {"water": 1, "forest": 3, "crop": 2}, raw=True, side=512, seed=number, block=128)
        stac_scene.write_item(folder, f"T{number}.json", id=f"T{number}", side=512)
    return tmp_path / "tiles"


def test_a_block_of_a_geotiff(command, tiles, tmp_path):
    spoil_tiff(tiles / "T0" / "B04.tif", 5)
    spoil_tiff(tiles / "T0" / "B04.tif", 6)
    words = ("mosaic", "true-color", tiles, "-o", tmp_path / "a.tif", "--stretch", "0:0.5", "--offset", "raw")
    assert command(*words).code == 4
    said = command(*words, "--allow-gaps", "--json")
    assert said.code == 3
    told = json.loads(said.out)
    assert [gap["window"] for gap in told["gaps"]] == [{"top": 128, "left": 128, "height": 128, "width": 256}]
    assert [gap["scene"] for gap in told["gaps"]] == ["T0"]
    assert told["mosaic"]["coverage"] == 1


def test_a_block_that_does_not_reach_the_output_is_no_gap(command, tiles, tmp_path):
    spoil_tiff(tiles / "T0" / "B04.tif", 0)
    with rasterio.open(tiles / "T0" / "B04.tif") as file:
        west, north = file.bounds.left + 3000, file.bounds.top - 3000
        box = transform_bounds(file.crs, 4326, west, north - 1000, west + 1000, north)
    box = ",".join(map(str, box))
    words = ("mosaic", "true-color", tiles / "T0", "-o", tmp_path / "a.tif", "--offset", "raw", "--allow-gaps")
    assert command(*words, f"--bbox={box}").code == 0
    assert command(*words).code == 3


def test_a_quality_band_that_nobody_can_read_hides_what_it_would_judge(command, tiles, tmp_path):
    (tiles / "T1").rename(tmp_path / "elsewhere")
    spoil_tiff(tiles / "T0" / "SCL.tif", 0)
    words = ("mosaic", "true-color", tiles, "-o", tmp_path / "a.tif", "--mask", "clouds", "--allow-gaps", "--json")
    said = command(*words)  # its offset is judged by the classes too
    assert said.code == 4
    assert "band SCL" in said.err
    assert "--offset raw" in said.err
    said = command(*words, "--offset", "raw")
    assert said.code == 3
    (gap,) = json.loads(said.out)["gaps"]
    assert gap["band"] == "SCL"
    place = gap["output"]
    assert place["top"] == place["left"] == 0
    found = pixels(tmp_path / "a.tif")
    assert not found[:, :256, :256].any()
    assert found[:, 256:, 256:].all()


def test_an_asset_that_is_gone_or_has_no_header(command, tiles, tmp_path):
    (tiles / "T1" / "B04.tif").unlink()
    (tiles / "T0" / "B03.tif").write_bytes(b"II*\0" + bytes(100))
    words = ("mosaic", "true-color", "-o", tmp_path / "a.tif")
    assert command(*words, tiles, "--allow-gaps").code == 4  # nothing is left
    shutil.copytree(tiles / "T1", tiles / "T2")
    (tiles / "T2" / "T1.json").unlink()
    stac_scene.write_item(tiles / "T2", "T2.json", id="T2", side=512)
    shutil.copy(tiles / "T0" / "B04.tif", tiles / "T2")
    assert command(*words, tiles).code == 4
    said = command(*words, tiles, "--allow-gaps", "--json")
    assert said.code == 3
    gaps = json.loads(said.out)["gaps"]
    assert [(gap["scene"], gap["band"], Path(gap["file"]).name, gap["window"]) for gap in gaps] == [
        ("T0", "B03", "B03.tif", None),
        ("T1", "B04", "B04.tif", None),
    ]
    assert "Scene T0 is left out." in said.err
    assert "Scene T1 is left out." in said.err


def test_a_safe_without_one_of_its_files(command, good, later, tmp_path):
    safe = shutil.copytree(good, tmp_path / good.name)
    next(safe.rglob("*_B03_10m.jp2")).unlink()
    said = command("mosaic", "true-color", safe, later, "-o", tmp_path / "a.tif", "--allow-gaps", "--json")
    assert said.code == 3
    (gap,) = json.loads(said.out)["gaps"]
    assert gap["band"] == "green"
    assert "B03_10m: the product lists it, and it is not there" in gap["why"]


def test_what_is_refused_is_no_gap(command, tiles, tmp_path):
    (tmp_path / "item.json").write_text(json.dumps(stac_scene.item(base="http://10.0.0.5/")))
    words = ("-o", tmp_path / "a.tif", "--offset", "raw", "--allow-gaps")
    said = command("mosaic", "true-color", tiles / "T0", tmp_path / "item.json", *words)
    assert said.code == 4
    assert "--allow-private" in said.err


def test_behind_an_address(command, tiles, tmp_path):
    """Gone is gone, and a broken block is one; a login that is missing, or a server that fails, is no gap."""
    spoil_tiff(tiles / "T0" / "B04.tif", 5)
    with serving() as (base, server):
        for number in (0, 1):
            for file in (tiles / f"T{number}").glob("*.tif"):
                server.files[f"/T{number}/{file.name}"] = file.read_bytes()
            item = stac_scene.item(id=f"T{number}", base=f"{base}/T{number}/", side=512)
            (tmp_path / f"T{number}.json").write_text(json.dumps(item))
        del server.files["/T1/B02.tif"]
        items = (tmp_path / "T0.json", tmp_path / "T1.json")
        words = ("mosaic", "true-color", *items, "-o", tmp_path / "a.tif", "--offset", "raw", "--allow-private")
        assert command(*words).code == 4
        said = command(*words, "--allow-gaps", "--json")
        assert said.code == 3
        gaps = json.loads(said.out)["gaps"]
        assert [(gap["scene"], gap["band"]) for gap in gaps] == [("T1", "B02"), ("T0", "B04")]
        assert gaps[1]["file"] == f"{base}/T0/B04.tif"
        assert gaps[1]["window"] == {"top": 128, "left": 128, "height": 128, "width": 128}
        server.locked["/T0/B03.tif"] = (403, "a key")
        said = command(*words, "--allow-gaps")
        assert said.code == 4
        assert "may not be read" in said.err


def test_a_scene_that_was_never_there_is_no_gap(command, tiles, tmp_path):
    said = command("mosaic", "true-color", tiles / "T0", tiles / "T7", "-o", tmp_path / "a.tif", "--allow-gaps")
    assert said.code == 4
    assert "T7" in said.err


def test_numbers_and_plain_pictures(command, tmp_path):
    """Bands that declare no number for no data: the gap is one all the same."""
    rng = np.random.default_rng(4)
    for name, dtype, count in (("n", "uint16", 1), ("p", "uint8", 3)):
        data = rng.integers(1, 200, (count, 256, 256)).astype(dtype)
        path = tmp_path / f"{name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=256, height=256, count=count, dtype=dtype, crs="EPSG:32632", tiled=True,
            blockxsize=64, blockysize=64, compress="deflate", interleave="band", nodata=None,
            transform=rasterio.Affine(10, 0, 600000, 0, -10, 5200020),
        ) as file:  # fmt: skip
            file.write(data)
        spoil_tiff(path, 6)  # row 1, column 2 of the first band
        product, more = ("numbers", ("--nodata", 0)) if name == "n" else ("picture", ())
        target = tmp_path / f"{name}-made.tif"
        said = command("mosaic", product, path, "-o", target, "--allow-gaps", "--json", *more)
        assert said.code == 3, said.err
        (gap,) = json.loads(said.out)["gaps"]
        assert gap["window"] == gap["output"] == {"top": 64, "left": 128, "height": 64, "width": 64}
        found = pixels(target)
        hole = np.zeros((256, 256), bool)
        hole[64:128, 128:192] = True
        assert not found[-1][hole].any()
        assert np.array_equal(found[:count, ~hole], data[:, ~hole])


def test_a_plan_tells_of_them_before(command, damaged, tmp_path):
    plan = tmp_path / "plan.json"
    words = ("mosaic", "true-color", damaged, "-o", tmp_path / "a.tif", "--allow-gaps")
    said = command("plan", *words, "--save", plan)
    assert said.code == 0
    assert "rows 64-127, columns 0-239: cannot be decoded" in said.out
    assert command("run", plan).code == 3
    told = json.loads(plan.read_text())
    told["scenes"][0]["assets"]["B03_10m"]["gaps"][0]["top"] = 200
    plan.write_text(json.dumps(told))
    assert command("run", plan).code == 4


def test_to_try_a_block_needs_memory(tiles):
    """One block as large as the file, which nobody could hold."""
    scene = gigascene.open_scene(tiles / "T0" / "B04.tif")
    (key, asset), grid = *scene.assets.items(), GeoBox((60_000, 60_000), Affine(1, 0, 0, 0, -1, 0), "EPSG:32632")
    large = replace(scene, assets={key: replace(asset, geobox=grid, blocks=(60_000, 60_000))})
    with pytest.raises(LimitExceeded, match=r"B04.*--allow-gaps takes 27,.* MiB, and 1,024 MiB are allowed"):
        searched(large, [key], grid, grid, Execution(memory=1 << 30))


def test_errors_of_broken_files_have_a_kind_of_their_own(damaged, tmp_path):
    with pytest.raises(Broken):
        raster.describe(str(tmp_path / "a.tif"), band="a")
    with pytest.raises(Broken, match="band B03_10m, rows"):
        gigascene.compose("true-color", damaged, tmp_path / "a.tif", workers=1)  # the survey meets it


def test_rectangles_hold_every_block_once():
    rng = np.random.default_rng(1)
    for share in (0.1, 0.5, 0.9, 1.0):
        bad = rng.random((7, 9)) < share
        blocks = [Window(top=int(y) * 4, left=int(x) * 5, height=4, width=5) for y, x in np.argwhere(bad)]
        count = np.zeros((28, 45), int)
        for one in rectangles(blocks):
            count[one.top : one.bottom, one.left : one.right] += 1
        assert np.array_equal(count, np.kron(bad, np.ones((4, 5), int)))
    assert rectangles([]) == ()
