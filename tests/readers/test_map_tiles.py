"""Folders of web map tiles as sources: ours and those of other programs; where they lie; what is broken is refused in words."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import Affine

import gigascene
from api.test_convert import noise, read_pam
from gigascene.codecs.tile_grid import GEODETIC, MERCATOR
from gigascene.model.errors import BadInput
from gigascene.model.grid import Window

AT = Window(top=40, left=68, height=3, width=2)
"""Tiles at zoom 7."""


def geotiff(path, levels, grid=MERCATOR, zoom=7, at=AT, side=64):
    box = grid.geobox(at, zoom, side)
    profile = {"driver": "GTiff", "height": levels.shape[0], "width": levels.shape[1], "count": levels.shape[2]}
    color = {"crs": f"EPSG:{grid.epsg}", "transform": Affine(*box.affine[:6])}
    with rasterio.open(path, "w", **profile, **color, dtype=levels.dtype, photometric="RGB", alpha="yes") as file:
        file.write(np.moveaxis(levels, -1, 0))
    return path


def picture(seed=3, shape=(192, 128)):
    levels = noise(shape, 4, seed=seed)
    levels[..., 3] = 255
    levels[100:150, :70] = 0
    return levels


@pytest.mark.parametrize("scheme", ["xyz", "tms"])
@pytest.mark.parametrize("grid", [MERCATOR, GEODETIC])
def test_ours_come_back_where_they_were(tmp_path, grid, scheme):
    levels = picture()
    source = geotiff(tmp_path / "a.tif", levels, grid)
    gigascene.convert(source, f"{tmp_path}/tiles/", options={"tile": 64, "scheme": scheme})
    gigascene.convert(tmp_path / "tiles", tmp_path / "b.tif")
    with rasterio.open(source) as one, rasterio.open(tmp_path / "b.tif") as other:
        assert other.crs == one.crs
        assert other.transform.almost_equals(one.transform, 1e-9)
        np.testing.assert_array_equal(np.moveaxis(other.read(), 0, -1), levels)


def test_a_tile_that_was_left_out_is_no_data(tmp_path):
    levels = picture()
    levels[64:128, :64] = 0
    gigascene.convert(geotiff(tmp_path / "a.tif", levels), f"{tmp_path}/tiles/", options={"tile": 64})
    assert not (tmp_path / "tiles" / "7" / "68" / "41.png").exists()
    plan = gigascene.plan_convert(tmp_path / "tiles", tmp_path / "b.tif")
    assert any("1 tiles of" in note for note in plan.notes)
    gigascene.run(plan)
    with rasterio.open(tmp_path / "b.tif") as file:
        np.testing.assert_array_equal(np.moveaxis(file.read(), 0, -1), levels)


def test_a_folder_without_a_word_is_web_mercator_from_the_north(tmp_path):
    levels = picture()
    gigascene.convert(geotiff(tmp_path / "a.tif", levels), f"{tmp_path}/tiles/", options={"tile": 64})
    bare = tmp_path / "bare"
    for zoom in ("6", "7"):
        shutil.copytree(tmp_path / "tiles" / zoom, bare / zoom)
    (bare / "7" / "68" / "notes.png").write_bytes(b"no tile")
    gigascene.convert(bare, tmp_path / "b.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "b.png")), levels)
    left, top = (float(line) for line in (tmp_path / "b.pgw").read_text().split()[4:])
    box = MERCATOR.geobox(AT, 7, 64)
    size = MERCATOR.resolution(7, 64)
    assert (left - size / 2, top + size / 2) == pytest.approx((box.affine.c, box.affine.f))


def test_what_gdals_program_writes(tmp_path):
    """TMS with a description in XML."""
    program = shutil.which("gdal2tiles.py") or shutil.which("gdal2tiles")
    if program is None:
        pytest.skip("gdal2tiles is not installed (Debian: python3-gdal, gdal-bin)")
    levels = picture(shape=(512, 768))
    at = Window(top=40, left=68, height=2, width=3)
    source = geotiff(tmp_path / "a.tif", levels, at=at, side=256)
    subprocess.run(
        [program, "-q", "-z", "7", "-w", "none", source, tmp_path / "tiles"], check=True, capture_output=True
    )
    assert (tmp_path / "tiles" / "tilemapresource.xml").exists()
    gigascene.convert(tmp_path / "tiles", tmp_path / "b.tif")
    with rasterio.open(source) as one, rasterio.open(tmp_path / "b.tif") as other:
        assert other.crs == one.crs
        row, column = (int(at) for at in other.index(*one.xy(0, 0)))
        assert other.xy(row, column) == pytest.approx(one.xy(0, 0), abs=1e-6)
        found = np.moveaxis(other.read(), 0, -1)
    # It rounds outward, and repeats a row of pixels there: more than the source may be there.
    np.testing.assert_array_equal(found[row : row + 512, column : column + 768], levels)


RESOURCE = """<TileMap version="1.0.0"><TileFormat width="64" extension="png"/>
<TileSets profile="{}"><TileSet href="7" order="{}"/></TileSets></TileMap>"""

BAD = {
    "holds no web map tiles": {},
    "no tile at its finest zoom, 7": {"7/68/a.txt": ""},
    "is no TileJSON": {"tilejson.json": json.dumps({"maxzoom": 10**9})},
    "no TileJSON of map tiles": {"tilejson.json": json.dumps({"crs": "EPSG:32632"})},
    "is no TileJSON of": {"tilejson.json": "["},
    "is no TileJSON of map": {"tilejson.json": "[" * 200_000},
    "True is not within": {"tilejson.json": json.dumps({"maxzoom": True})},
    "no suffix": {"tilejson.json": json.dumps({"format": "../png"})},
    "on no grid of web maps": {"tilemapresource.xml": RESOURCE.format("raster", 7)},
    "no description of a tile map": {"tilemapresource.xml": RESOURCE.format("mercator", "x")},
    "of the kind 'tif'": {"tilejson.json": json.dumps({"format": "tif", "maxzoom": 7})},
    "holds no web map tiles: no folder": {"-7/1/1.png": "", "readme": ""},
    r"Name .*a\.dzi": {"a.dzi": ""},
}


@pytest.mark.parametrize("words", BAD)
def test_what_is_broken_is_refused_in_words(tmp_path, words):
    folder = tmp_path / "tiles"
    folder.mkdir()
    for name, text in BAD[words].items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    with pytest.raises(BadInput, match=words):
        gigascene.plan_convert(folder, tmp_path / "b.png")


def test_what_is_no_zoom_column_or_tile_is_passed_by(tmp_path):
    """A date, a zoom too deep to be one, files with the names of folders, other ways to write numbers, tiles beyond the world."""
    levels = picture()
    gigascene.convert(geotiff(tmp_path / "a.tif", levels), f"{tmp_path}/tiles/", options={"tile": 64})
    folder = tmp_path / "tiles"
    (folder / "tilejson.json").unlink()
    tile = folder / "7" / "68" / "40.png"
    for name in (
        "20240101/1/1.png",
        "99/1/1.png",
        "900000000/1/1.png",
        "8/1/x",
        "7/068/40.png",
        "7/68/040.png",
        "7/128/40.png",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(tile, folder / name)
    for name in ("12", "7/70"):
        (folder / name).touch()
    gigascene.convert(folder, tmp_path / "b.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "b.png")), levels)


def test_tiles_of_which_only_some_have_alpha(tmp_path):
    """As programs leave them that make PNGs smaller: the first is full, and another is not."""
    levels = picture()
    gigascene.convert(geotiff(tmp_path / "a.tif", levels), f"{tmp_path}/tiles/", options={"tile": 64})
    for path in (tmp_path / "tiles" / "7").rglob("*.png"):
        tile = Image.open(path)
        if tile.getextrema()[3][0] == 255:
            tile.convert("RGB").save(path)
    gigascene.convert(tmp_path / "tiles", tmp_path / "b.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "b.png")), levels)


def test_tiles_of_two_kinds_are_refused(tmp_path):
    gigascene.convert(geotiff(tmp_path / "a.tif", picture()), f"{tmp_path}/tiles/", options={"tile": 64})
    Image.fromarray(noise((64, 64))).save(tmp_path / "tiles" / "7" / "69" / "41.jpg")
    with pytest.raises(BadInput, match=r"several kinds at zoom 7 \(jpg, png\)"):
        gigascene.plan_convert(tmp_path / "tiles", tmp_path / "b.png")


@pytest.mark.parametrize("name", ["tiles/7/69/41.png", "a_files/8/1_1.png"])
def test_a_tile_that_changes_is_noticed(tmp_path, name):
    """Before the run, and before a run that goes on: neither the folder nor the descriptor changes with it."""
    levels, options = picture(), {"tile": 64}
    geotiff(tmp_path / "a.tif", levels)
    gigascene.convert(tmp_path / "a.tif", f"{tmp_path}/tiles/", options=options)
    gigascene.convert(tmp_path / "a.tif", tmp_path / "a.dzi", options=options)
    source = tmp_path / ("tiles" if name.startswith("tiles") else "a.dzi")
    plan = gigascene.plan_convert(source, tmp_path / "b.pam", engine="serial")
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes() + b"\0")
    with pytest.raises(BadInput, match="has changed since the plan was made"):
        gigascene.run(plan)


def test_a_tile_unlike_the_others_is_named(tmp_path):
    gigascene.convert(geotiff(tmp_path / "a.tif", picture()), f"{tmp_path}/tiles/", options={"tile": 64})
    Image.fromarray(noise((32, 64), 4)).save(tmp_path / "tiles" / "7" / "69" / "41.png")
    with pytest.raises(gigascene.GigasceneError, match=r"69.41\.png.*is a tile of 64 x 32"):
        gigascene.convert(tmp_path / "tiles", tmp_path / "b.png")
    assert not (tmp_path / "b.png").exists()


def test_deep_zoom_of_map_tiles_and_back_to_a_pam(tmp_path):
    levels = picture()
    gigascene.convert(geotiff(tmp_path / "a.tif", levels), f"{tmp_path}/tiles/", options={"tile": 64})
    gigascene.convert(tmp_path / "tiles", tmp_path / "b.dzi")
    gigascene.convert(tmp_path / "b.dzi", tmp_path / "c.pam")
    np.testing.assert_array_equal(read_pam(tmp_path / "c.pam"), levels)
