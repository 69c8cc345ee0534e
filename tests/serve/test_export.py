"""Exported sites: every tile exact, opened again, replaced whole or not at all, in little memory."""

import json
import tracemalloc

import numpy as np
import pytest

from gigascene.api.view import export_view
from gigascene.codecs.tile_rows import Half, pyramid
from gigascene.metadata.deep_zoom import DeepZoom
from gigascene.model.errors import BadInput, UsageError, WriteFailed
from gigascene.serve.encode import Levels, Validity
from gigascene.serve.open import open_pictures
from serve.pictures import SHAPES, as_seen, cog, geotiff, needs_openseadragon, noise, reductions, seen, visible

pytestmark = needs_openseadragon


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def tiles(folder, name="a"):
    """Address → content of every tile."""
    root = folder / f"{name}_files"
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*.*")}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_tile(tmp_path, shape, dtype):
    levels = cog(tmp_path / "a.tif", shape, 3, dtype)
    facts = export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    found, zoom = tiles(tmp_path / "site"), DeepZoom(shape=shape)
    assert facts["tiles"] == len(found) == len(zoom)
    for level, wanted in enumerate(reductions(levels, nodata=0)):
        grid = zoom.tiles(level)
        for number in range(len(grid)):
            row, column = divmod(number, grid.across)
            part = slice(grid[number].top, grid[number].bottom), slice(grid[number].left, grid[number].right)
            got = visible(seen(found[f"{level}/{column}_{row}.png"]))
            np.testing.assert_array_equal(got, as_seen(wanted[part], (wanted[part] != 0).any(-1)))


@pytest.mark.parametrize("how", [{}, {"nodata": 0}, {"nodata": 7}, {"mask": True}])
def test_served_and_exported_tiles_are_the_same(tmp_path, how):
    levels = noise((1300, 700))
    levels[:600, :300] = how.get("nodata", 0)
    mask = {"mask": noise((1300, 700), 1)[..., 0] > 99} if how.pop("mask", False) else {}
    geotiff(tmp_path / "a.tif", levels, **how, **mask)
    export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    [picture] = open_pictures([tmp_path / "a.tif"])
    for address, content in tiles(tmp_path / "site").items():
        level, place = address.removesuffix(".png").split("/")
        column, row = place.split("_")
        assert picture.tile(int(level), int(row), int(column)) == content


@pytest.mark.parametrize("tile", [2, 4, 512])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (3, 5), (17, 4), (4, 17), (33, 31)])
def test_pyramid(tile, shape):
    levels, zoom = noise(shape), DeepZoom(shape=shape, tile=tile)
    found = {}
    strips = (levels[top : top + tile] for top in range(0, shape[0], tile))
    pixels = Levels(bands=levels.shape[2], dtype="uint8", validity=Validity.ALL)
    below = [Half(zoom.level_shape(level), tile, pixels) for level in reversed(range(zoom.top))]
    for number, strip in pyramid(strips, 0, below):
        found.setdefault(zoom.top - number, []).append(strip.copy())
    for level, wanted in enumerate(reductions(levels)):
        np.testing.assert_array_equal(np.concatenate(found[level]), wanted)


def test_opened_again(tmp_path):
    cog(tmp_path / "a.tif", (700, 1025), 1, "uint16")
    export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    [first], [again] = open_pictures([tmp_path / "a.tif"]), open_pictures([tmp_path / "site"])
    for name in ("name", "title", "zoom", "format", "overlap", "bands", "depth"):
        assert getattr(first.facts, name) == getattr(again.facts, name)
    assert first.facts.place.affine == again.facts.place.affine
    assert not again.facts.exact
    export_view(tmp_path / "site", folder=tmp_path / "copy")
    assert tiles(tmp_path / "copy") == tiles(tmp_path / "site")
    assert names(tmp_path / "copy") == names(tmp_path / "site")
    with pytest.raises(UsageError, match="png tiles already"):
        export_view(tmp_path / "site", folder=tmp_path / "copy", format="webp")


def test_two_pictures(tmp_path):
    for name in ("a", "b"):
        cog(tmp_path / f"{name}.tif", (30, 20))
    export_view(tmp_path / "b.tif", tmp_path / "a.tif", folder=tmp_path / "site")
    assert [picture.facts.name for picture in open_pictures([tmp_path / "site"])] == ["b", "a"]
    assert {"a.dzi", "b.dzi", "a_files", "b_files", "index.html", "view.json", "vendor"} <= set(
        names(tmp_path / "site")
    )


@pytest.mark.parametrize("format", ["jpg", "webp"])
def test_formats(tmp_path, format):
    cog(tmp_path / "a.tif", (600, 520))
    export_view(tmp_path / "a.tif", folder=tmp_path / "site", format=format, quality=50)
    assert {address.rpartition(".")[2] for address in tiles(tmp_path / "site")} == {format}
    said = json.loads((tmp_path / "site" / "view.json").read_text())["pictures"][0]
    assert said["tiles"].endswith(format)
    assert said["values"] is None


def test_progress(tmp_path):
    cog(tmp_path / "a.tif", (700, 1025))
    told = []
    export_view(tmp_path / "a.tif", folder=tmp_path / "site", progress=lambda *state: told.append(state))
    assert told == [(done, 18) for done in range(1, 19)]


def test_an_earlier_export_is_replaced(tmp_path):
    for name in ("a", "b"):
        cog(tmp_path / f"{name}.tif", (30, 20))
    for name in ("a", "b"):
        export_view(tmp_path / f"{name}.tif", folder=tmp_path / "site")
    assert "b.dzi" in names(tmp_path / "site")
    assert "a.dzi" not in names(tmp_path / "site")
    assert names(tmp_path) == ["a.tif", "b.tif", "site", "site.receipt.json"]
    export_view(tmp_path / "site", folder=tmp_path / "site")  # onto itself
    assert len(tiles(tmp_path / "site", "b")) == 6


def test_an_empty_folder_is_taken(tmp_path):
    cog(tmp_path / "a.tif", (30, 20))
    (tmp_path / "site").mkdir()
    export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    assert "index.html" in names(tmp_path / "site")


def test_nothing_of_others_is_replaced(tmp_path):
    cog(tmp_path / "a.tif", (30, 20))
    export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    (tmp_path / "site" / "notes.txt").write_text("mine")
    with pytest.raises(WriteFailed, match="notes"):
        export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("mine")
    with pytest.raises(WriteFailed, match="chapter"):
        export_view(tmp_path / "a.tif", folder=tmp_path / "thesis")
    with pytest.raises(WriteFailed, match="a link or a file"):
        export_view(tmp_path / "a.tif", folder=tmp_path / "a.tif")
    with pytest.raises(WriteFailed, match="there is no folder"):
        export_view(tmp_path / "a.tif", folder=tmp_path / "none" / "site")
    assert names(tmp_path) == ["a.tif", "site", "site.receipt.json", "thesis"]


@pytest.mark.parametrize("before", [False, True])
def test_broken_input_leaves_what_was(tmp_path, before):
    cog(tmp_path / "a.tif", (1300, 700))
    if before:
        export_view(tmp_path / "a.tif", folder=tmp_path / "site")
        old = tiles(tmp_path / "site")
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:-99])
    with pytest.raises(BadInput, match="cannot be read"):
        export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    assert names(tmp_path) == ["a.tif", "site", "site.receipt.json"][: 1 + 2 * before]
    if before:
        assert tiles(tmp_path / "site") == old


def test_a_stop_leaves_nothing(tmp_path):
    cog(tmp_path / "a.tif", (1300, 700))

    def stop(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_view(tmp_path / "a.tif", folder=tmp_path / "site", progress=stop)
    assert names(tmp_path) == ["a.tif"]


def test_what_a_kill_left_is_put_right(tmp_path):
    cog(tmp_path / "a.tif", (30, 20))
    export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    (tmp_path / "site").rename(tmp_path / ".site.old")  # killed between the two renames
    (tmp_path / ".site.new" / "a_files").mkdir(parents=True)
    (tmp_path / ".site.lock").touch()

    def stop(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_view(tmp_path / "a.tif", folder=tmp_path / "site", progress=stop)
    assert names(tmp_path) == ["a.tif", "site", "site.receipt.json"]
    assert len(tiles(tmp_path / "site")) == 6


def test_two_runs_do_not_meet(tmp_path):
    cog(tmp_path / "a.tif", (30, 20))

    def again(done, of):
        with pytest.raises(WriteFailed, match="another run"):
            export_view(tmp_path / "a.tif", folder=tmp_path / "site")

    export_view(tmp_path / "a.tif", folder=tmp_path / "site", progress=again)
    assert names(tmp_path) == ["a.tif", "site", "site.receipt.json"]


def test_memory_is_that_of_a_few_rows_of_tiles(tmp_path):
    shape = (8192, 1024)
    geotiff(tmp_path / "a.tif", noise(shape, 3), tiled=True, blockxsize=512, blockysize=512)
    export_view(tmp_path / "a.tif", folder=tmp_path / "warm")
    tracemalloc.start()
    export_view(tmp_path / "a.tif", folder=tmp_path / "site")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * (512 * 1024 * 3)  # the picture is 16 rows of tiles
