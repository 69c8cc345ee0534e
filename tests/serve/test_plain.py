"""PNG, PAM and PNM in the viewer: by a GeoTIFF in the cache, made once, of the same pixels."""

import json
import os
import urllib.request

import numpy as np
import pytest
from PIL import Image

import gigascene
from gigascene.api import _viewable
from gigascene.api._viewable import KEPT_S
from gigascene.model.errors import BadInput, WriteFailed
from gigascene.settings import settings
from serve.pictures import needs_openseadragon, noise

pytestmark = needs_openseadragon


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GIGASCENE_CACHE", str(tmp_path / "cache"))
    settings.cache_clear()
    yield tmp_path / "cache" / "view"
    settings.cache_clear()


def plain(path, levels):
    if path.suffix == ".png":
        Image.fromarray(levels.squeeze()).save(path)
    else:
        path.write_bytes(b"P6\n%d %d\n255\n" % (levels.shape[1], levels.shape[0]) + levels.tobytes())
    return path


@pytest.mark.parametrize("suffix", [".png", ".ppm"])
def test_every_value_is_the_stored_one(tmp_path, cache, suffix):
    levels, told = noise((700, 1100)), []
    path = plain(tmp_path / f"a{suffix}", levels)
    with gigascene.view(path, notice=told.append) as viewer:
        facts = json.load(urllib.request.urlopen(f"{viewer.url}view.json"))["pictures"][0]
        assert (facts["width"], facts["height"]) == (1100, 700)
        for row, column in ((0, 0), (699, 1099), (123, 456)):
            address = facts["values"].format(row=row, column=column)
            found = json.load(urllib.request.urlopen(viewer.url + address))
            assert found == levels[row, column].tolist()
    [words] = told
    assert str(cache) in words
    with gigascene.view(path, notice=told.append):
        assert len(told) == 1  # it is there


def test_a_changed_picture_is_made_anew(tmp_path, cache):
    path = plain(tmp_path / "a.ppm", noise((30, 20)))
    with gigascene.view(path):
        pass
    plain(path, noise((40, 20)))
    with gigascene.view(path) as viewer:
        assert json.load(urllib.request.urlopen(f"{viewer.url}view.json"))["pictures"][0]["height"] == 40


def test_what_nobody_looks_at_goes(tmp_path, cache):
    with gigascene.view(plain(tmp_path / "a.ppm", noise((30, 20)))):
        pass
    [old] = cache.iterdir()
    os.utime(old, (old.stat().st_mtime - KEPT_S - 9,) * 2)
    with gigascene.view(plain(tmp_path / "b.ppm", noise((30, 20)))):
        pass
    assert not old.exists()
    assert len(list(cache.iterdir())) == 1


def test_exported(tmp_path):
    levels = noise((30, 20))
    gigascene.export_view(plain(tmp_path / "a.ppm", levels), folder=tmp_path / "site")
    with Image.open(tmp_path / "site" / "a_files" / "5" / "0_0.png") as top:
        np.testing.assert_array_equal(np.asarray(top), levels)


def test_a_broken_one_leaves_nothing(tmp_path, cache):
    path = plain(tmp_path / "a.ppm", noise((30, 20)))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(BadInput, match="cut short"):
        gigascene.view(path)
    assert not list(cache.iterdir())


def test_two_that_look_at_one_picture_harm_each_other_not(tmp_path, cache, monkeypatch):
    """While the first makes the GeoTIFF, the second is told to wait; the first goes on."""
    path, met = plain(tmp_path / "a.ppm", noise((300, 200))), []
    run = _viewable.run

    def meanwhile(plan, watch=None):
        def look(progress):
            if not met:
                with pytest.raises(WriteFailed, match="another run") as caught, monkeypatch.context() as inner:
                    inner.setattr(_viewable, "run", run)
                    gigascene.view(path)
                met.append(caught.value)

        return run(plan, watch=look)

    monkeypatch.setattr(_viewable, "run", meanwhile)
    with gigascene.view(path) as viewer:
        assert urllib.request.urlopen(f"{viewer.url}view.json").status == 200
    assert met


def test_a_changed_place_is_seen(tmp_path, cache):
    path = plain(tmp_path / "a.ppm", noise((30, 20)))
    world = tmp_path / "a.wld"
    world.write_text("10 0 0 -10 5 -5".replace(" ", "\n"))
    before = _viewable._key(path)
    world.write_text("99 0 0 -99 5 -5".replace(" ", "\n"))
    os.utime(world, ns=(1, 1))
    changed = _viewable._key(path)
    world.unlink()
    assert len({before, changed, _viewable._key(path)}) == 3
