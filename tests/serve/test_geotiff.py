"""Every tile of every level, pixel by pixel, against plain NumPy; values; pictures that are none."""

import os
import threading

import numpy as np
import pytest
import rasterio
import tifffile
from rasterio.enums import Resampling

from gigascene.model.errors import BadInput
from gigascene.serve import _geotiff
from gigascene.serve._geotiff import GeoTiff
from gigascene.serve.open import open_pictures
from serve.pictures import NORTH_UP, SHAPES, as_seen, cog, geotiff, noise, reductions, seen, visible


def compare(picture, levels, valids):
    """All tiles of a picture with what they must be: levels and masks, the smallest first."""
    zoom = picture.facts.zoom
    assert len(levels) == zoom.top + 1
    for level, (wanted, valid) in enumerate(zip(levels, valids, strict=True)):
        tiles = zoom.tiles(level)
        for number in range(len(tiles)):
            window = tiles[number]
            part = slice(window.top, window.bottom), slice(window.left, window.right)
            got = seen(picture.tile(level, *divmod(number, tiles.across)))
            np.testing.assert_array_equal(visible(got), as_seen(wanted[part], valid[part]))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("bands", "dtype"), [(1, "uint8"), (3, "uint8"), (3, "uint16")])
def test_own_pictures(tmp_path, shape, bands, dtype):
    levels = cog(tmp_path / "a.tif", shape, bands, dtype)
    wanted = reductions(levels, nodata=0)
    compare(GeoTiff(tmp_path / "a.tif", "a"), wanted, [(level != 0).any(-1) for level in wanted])


def test_known_by_its_first_bytes_whatever_its_name(tmp_path):
    cog(tmp_path / "a.tif", (70, 50), 3)
    (tmp_path / "a.tif").rename(tmp_path / "a.geotiff")
    [picture] = open_pictures([tmp_path / "a.geotiff"])
    assert picture.facts.zoom.shape == (70, 50)
    picture.close()
    (tmp_path / "b.tif").write_bytes(b"GIF89a")
    with pytest.raises(BadInput, match="is no GeoTIFF"):
        open_pictures([tmp_path / "b.tif"])


@pytest.mark.parametrize("bands", [2, 4])
def test_alpha(tmp_path, bands):
    wanted = reductions(cog(tmp_path / "a.tif", (700, 1025), bands), alpha=True)
    compare(GeoTiff(tmp_path / "a.tif", "a"), [w[..., :-1] for w in wanted], [w[..., -1] > 0 for w in wanted])


@pytest.mark.parametrize("tiled", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_without_overviews(tmp_path, shape, tiled):
    options = {"tiled": True, "blockxsize": 256, "blockysize": 256} if tiled else {}
    levels = noise(shape)
    wanted = reductions(levels)
    picture = GeoTiff(geotiff(tmp_path / "a.tif", levels, **options), "a")
    compare(picture, wanted, [np.ones(level.shape[:2], bool) for level in wanted])


def test_nodata_that_is_not_zero(tmp_path):
    levels = noise((700, 1025))
    levels[:400, :600] = 255
    valid = (levels != 255).any(-1, keepdims=True) * np.uint8(255)
    wanted = reductions(np.concatenate([levels, valid], axis=-1), alpha=True)
    picture = GeoTiff(geotiff(tmp_path / "a.tif", levels, nodata=255), "a")
    compare(picture, [w[..., :-1] for w in wanted], [w[..., -1] > 0 for w in wanted])


@pytest.mark.parametrize("declared", ["7", "nan", "0.5", "-9999"])
def test_nodata_of_any_kind(tmp_path, declared):
    """As other programs declare it, also for numbers that no level has."""
    levels = noise((70, 50), 1)
    tifffile.imwrite(tmp_path / "a.tif", levels[..., 0], extratags=[(42113, "s", 0, declared, True)])
    valid = (levels != 7)[..., 0] if declared == "7" else np.ones((70, 50), bool)
    np.testing.assert_array_equal(visible(seen(GeoTiff(tmp_path / "a.tif", "a").tile(7, 0, 0))), as_seen(levels, valid))


def test_mask(tmp_path):
    levels, valid = noise((700, 1025)), noise((700, 1025), 1)[..., 0] > 99
    wanted = reductions(np.concatenate([levels, valid[..., None] * np.uint8(255)], axis=-1), alpha=True)
    picture = GeoTiff(geotiff(tmp_path / "a.tif", levels, mask=valid), "a")
    compare(picture, [w[..., :-1] for w in wanted], [w[..., -1] > 0 for w in wanted])


def test_overviews_of_the_file_are_taken(tmp_path):
    path = geotiff(tmp_path / "a.tif", noise((700, 1025)))
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 8], Resampling.nearest)
    picture = GeoTiff(path, "a")
    with rasterio.open(path, overview_level=0) as half, rasterio.open(path, overview_level=1) as eighth:
        second, fourth = (np.moveaxis(file.read(), 0, -1) for file in (half, eighth))
    np.testing.assert_array_equal(seen(picture.tile(10, 0, 1))[..., :3], second[:, 512:])
    np.testing.assert_array_equal(seen(picture.tile(8, 0, 0))[..., :3], fourth)
    np.testing.assert_array_equal(seen(picture.tile(9, 0, 0))[..., :3], reductions(second)[-2])  # there is no quarter


def test_bands_that_are_no_colours_are_left_out(tmp_path):
    levels = noise((30, 20), 5)
    colours = ("blue", "green", "red", "undefined", "undefined")
    picture = GeoTiff(geotiff(tmp_path / "a.tif", levels, colours=colours), "a")
    np.testing.assert_array_equal(seen(picture.tile(5, 0, 0))[..., :3], levels[..., [2, 1, 0]])


def test_values(tmp_path):
    levels = cog(tmp_path / "a.tif", (700, 1025), 3, "uint16")
    picture = GeoTiff(tmp_path / "a.tif", "a")
    assert picture.facts.exact
    assert picture.values(0, 0) is None
    for row, column in ((699, 1024), (511, 512), (10, 600)):
        assert picture.values(row, column) == (levels[row, column].tolist() if levels[row, column].any() else None)
    for outside in ((700, 0), (0, 1025), (-1, 0)):
        with pytest.raises(KeyError):
            picture.values(*outside)


def test_facts(tmp_path):
    cog(tmp_path / "a.tif", (30, 20), 1, "uint16")
    facts = GeoTiff(tmp_path / "a.tif", "a").facts
    assert (facts.title, facts.depth, facts.bands) == ("True colour, Ätna", 16, ("grey",))
    assert facts.place.crs.name == "WGS 84 / UTM zone 26N"
    assert tuple(facts.place.affine)[:6] == tuple(NORTH_UP)[:6]


def test_no_place(tmp_path):
    path = geotiff(tmp_path / "a.tif", noise((3, 4)), crs=None, affine=rasterio.Affine.identity())
    facts = GeoTiff(path, "a").facts
    assert facts.place is None
    assert facts.title == "a.tif"


@pytest.mark.parametrize(
    ("levels", "options", "words"),
    [
        (np.zeros((3, 4, 1), np.float32), {}, "float32.*8 or 16 bits.*gigascene compose"),
        (np.zeros((3, 4, 1), np.int16), {}, "int16"),
        (np.zeros((3, 4, 5), np.uint8), {"colours": ("gray", *4 * ("undefined",))}, "5 bands"),
        (np.zeros((3, 4, 2), np.uint8), {"colours": ("gray", "undefined")}, "2 bands"),
        (np.zeros((3, 4, 1), np.uint8), {"photometric": "palette"}, "colour table.*gdal_translate"),
    ],
)
def test_no_picture(tmp_path, levels, options, words):
    with pytest.raises(BadInput, match=words):
        GeoTiff(geotiff(tmp_path / "a.tif", levels, **options), "a")


def test_no_tile(tmp_path):
    cog(tmp_path / "a.tif", (30, 20))
    with pytest.raises(KeyError):
        GeoTiff(tmp_path / "a.tif", "a").tile(5, 1, 0)


def test_a_broken_tile_is_told(tmp_path):
    cog(tmp_path / "a.tif", (700, 1025))
    os.truncate(tmp_path / "a.tif", (tmp_path / "a.tif").stat().st_size - 99)
    picture = GeoTiff(tmp_path / "a.tif", "a")
    picture.tile(11, 0, 0)
    with pytest.raises(BadInput, match=r"a\.tif: cannot be read"):
        picture.tile(11, 1, 2)
    picture.tile(11, 0, 1)


def test_a_file_that_was_replaced_is_told(tmp_path):
    cog(tmp_path / "a.tif", (700, 1025))
    picture = GeoTiff(tmp_path / "a.tif", "a")
    picture.close()
    cog(tmp_path / "a.tif", (701, 1025))
    with pytest.raises(BadInput, match="has changed"):
        picture.tile(11, 0, 0)


def test_without_overviews_there_is_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(_geotiff, "MOST_WITHOUT_OVERVIEWS", 1000)
    with pytest.raises(BadInput, match="no overview"):
        GeoTiff(geotiff(tmp_path / "a.tif", noise((70, 50))), "a").check()
    cog(tmp_path / "b.tif", (700, 1025))
    monkeypatch.setattr(_geotiff, "MOST_WITHOUT_OVERVIEWS", 512 * 512)
    GeoTiff(tmp_path / "b.tif", "b").check()


def test_many_threads(tmp_path):
    levels = noise((2050, 1025))
    picture = GeoTiff(geotiff(tmp_path / "a.tif", levels), "a")
    wanted, got = reductions(levels), []

    def look():
        for level in range(len(wanted)):
            tile = seen(picture.tile(level, 0, 0))[..., :3]
            got.append(bool((tile == wanted[level][:512, :512]).all()))

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [True] * 6 * len(wanted)
