"""Which paths are pictures, and which two can be laid over one another."""

import json

import numpy as np
import pytest
from affine import Affine
from pyproj import CRS

from gigascene.metadata.deep_zoom import DeepZoom, descriptor
from gigascene.model.errors import BadInput, GigasceneError, UsageError
from gigascene.serve import site
from gigascene.serve.open import open_pictures
from gigascene.serve.picture import Facts
from gigascene.serve.place import place
from gigascene.serve.site import laid_over, page_files, view_files
from serve.pictures import NORTH_UP, cog, geotiff, needs_openseadragon, noise


def facts(name, shape, affine=None, crs=32626):
    where = affine and place(affine, CRS.from_epsg(crs), shape)
    return Facts(name=name, title=name, zoom=DeepZoom(shape=shape), format="png", place=where)


def test_pixel_on_pixel():
    assert laid_over(facts("a", (30, 20)), facts("b", (30, 20))) == {"left": 0, "top": 0, "scale": 1}
    one = facts("a", (30, 20), NORTH_UP)
    assert laid_over(one, facts("b", (30, 20))) == {"left": 0, "top": 0, "scale": 1}
    with pytest.raises(UsageError, match=r"a has 20 x 30 pixels and b 21 x 30.*pixel by pixel"):
        laid_over(one, facts("b", (30, 21)))


def test_by_place():
    one = facts("a", (300, 200), NORTH_UP)
    other = facts("b", (30, 20), Affine(5, 0, 500_100, 0, -5, 6_999_800))
    assert laid_over(one, other) == pytest.approx({"left": 10, "top": 20, "scale": 0.5})
    assert laid_over(one, one) == pytest.approx({"left": 0, "top": 0, "scale": 1})


@pytest.mark.parametrize(
    ("affine", "crs", "words"),
    [
        (NORTH_UP, 32627, "zone 26N and b in WGS 84 / UTM zone 27N"),
        (Affine(10, 0, 600_000, 0, -10, 7_000_000), 32626, "lie apart"),
        (Affine(10, 0, 500_000, 0, -10, 6_997_000), 32626, "lie apart"),
        (Affine(10, 0, 500_000, 0, -20, 7_000_000), 32626, "differ in shape"),
        (Affine(10, 1, 500_000, 1, -10, 7_000_000), 32626, "differ in shape or direction"),
        (Affine(-10, 0, 500_000, 0, 10, 7_000_000), 32626, "differ in shape or direction"),
    ],
)
def test_nothing_to_compare(affine, crs, words):
    with pytest.raises(UsageError, match=words):
        laid_over(facts("a", (300, 200), NORTH_UP), facts("b", (30, 20), affine, crs))


def test_the_facts_of_a_page():
    files = view_files([facts("a", (300, 200), NORTH_UP), facts("b", (30, 20), NORTH_UP)])
    said = json.loads(files["view.json"])["pictures"]
    assert files["view.js"] == b"globalThis.view = " + files["view.json"] + b";\n"
    assert said[0]["tiles"] == "a_files/{level}/{column}_{row}.png"
    assert (said[0]["width"], said[0]["height"], said[0]["levels"]) == (200, 300, 10)
    assert said[1]["at"]["scale"] == 1
    assert said[0]["values"] is None


@needs_openseadragon
def test_the_page_names_only_what_is_there():
    files = page_files()
    page = files["index.html"].decode()
    for name in ("viewer.css", "coordinates.js", "reading.js", "swipe.js", "viewer.js", "vendor/openseadragon.min.js"):
        assert f'"{name}"' in page
    for name, content in files.items():
        if not name.startswith("vendor/"):
            assert b"://" not in content.replace(b"http://www.w3.org/2000/svg", b""), name


def test_without_openseadragon(tmp_path, monkeypatch):
    monkeypatch.setattr(site, "PAGE", tmp_path)
    with pytest.raises(GigasceneError, match="fetch_openseadragon") as error:
        page_files()
    assert error.value.exit_code == 1


def test_names(tmp_path):
    for name in ("Å fjord (1).tif", "b.tif"):
        geotiff(tmp_path / name, noise((3, 4)))
    other = tmp_path / "other"
    other.mkdir()
    geotiff(other / "b.tif", noise((3, 4)))
    [picture] = open_pictures([tmp_path / "Å fjord (1).tif"])
    assert picture.facts.name == "fjord-1"
    assert [one.facts.name for one in open_pictures([tmp_path / "b.tif", other / "b.tif"])] == ["b", "b-2"]


def deep_zoom(folder, name, zoom, format="png", overlap=0):
    (folder / f"{name}.dzi").write_text(descriptor(zoom.shape, zoom.tile, format, overlap))
    for level in range(zoom.top + 1):
        (folder / f"{name}_files" / str(level)).mkdir(parents=True)
    (folder / f"{name}_files" / str(zoom.top) / f"0_0.{format}").write_bytes(b"tile")
    return folder / f"{name}.dzi"


def test_a_folder_of_another_program(tmp_path):
    path = deep_zoom(tmp_path, "a", DeepZoom(shape=(700, 1025), tile=254), "jpeg", 1)
    for named in (path, tmp_path):
        [picture] = open_pictures([named])
        assert (picture.facts.overlap, picture.facts.format, picture.facts.exact) == (1, "jpeg", False)
        assert picture.facts.zoom == DeepZoom(shape=(700, 1025), tile=254)
        assert picture.tile(11, 0, 0) == b"tile"
        for lacking in ((11, 0, 1), (11, 3, 0), (12, 0, 0)):
            with pytest.raises(KeyError):
                picture.tile(*lacking)


def test_a_tile_that_leads_elsewhere_is_none(tmp_path):
    path = deep_zoom(tmp_path, "a", DeepZoom(shape=(3, 4)))
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "a_files" / "1" / "0_0.png").symlink_to(tmp_path / "secret")
    [picture] = open_pictures([path])
    with pytest.raises(KeyError):
        picture.tile(1, 0, 0)


def test_no_pictures(tmp_path):
    (tmp_path / "notes.png").write_bytes(b"")
    (tmp_path / "none.tif").write_bytes(b"nothing")
    (tmp_path / "empty").mkdir()
    for path, words in {
        "missing.tif": "No such file",
        "missing.dzi": "No such file",
        "notes.png": r"Write the picture as \.tif",
        "none.tif": "is no GeoTIFF",
        "empty": "no .dzi in it",
    }.items():
        with pytest.raises(BadInput, match=words):
            open_pictures([tmp_path / path])


def test_a_folder_of_several(tmp_path):
    deep_zoom(tmp_path, "a", DeepZoom(shape=(3, 4)))
    deep_zoom(tmp_path, "b", DeepZoom(shape=(3, 4)))
    with pytest.raises(BadInput, match=r"2 of them: a\.dzi, b\.dzi"):
        open_pictures([tmp_path])


def test_tiles_that_are_gone(tmp_path):
    (tmp_path / "a.dzi").write_text(descriptor((3, 4), DeepZoom(shape=(3, 4)).tile, "png"))
    with pytest.raises(BadInput, match="has no tiles"):
        open_pictures([tmp_path / "a.dzi"])
    deep_zoom(tmp_path, "b", DeepZoom(shape=(3, 4)), "tif")
    with pytest.raises(BadInput, match="browsers do not show"):
        open_pictures([tmp_path / "b.dzi"])


def test_three_are_too_many(tmp_path):
    cog(tmp_path / "a.tif", (3, 4))
    with pytest.raises(UsageError, match="not 3"):
        open_pictures([tmp_path / "a.tif"] * 3)


@pytest.mark.parametrize("text", ["", "[]", '{"pictures": [{"name": "a"}]}', '{"pictures": [3]}'])
def test_a_page_that_is_none(tmp_path, text):
    path = deep_zoom(tmp_path, "a", DeepZoom(shape=(3, 4)))
    (tmp_path / "view.json").write_text(text)
    with pytest.raises(BadInput, match=r"view\.json"):
        open_pictures([path])


def test_numbers_stay_plain():
    at = laid_over(facts("a", (300, 200), NORTH_UP), facts("b", (300, 200), NORTH_UP))
    assert all(type(value) is float for value in at.values())
    assert np.isfinite(list(at.values())).all()
