"""`verify`, `view` and `info` of what lies in a bucket."""

import json
from urllib.request import urlopen

import pytest

import gigascene
import stac_scene
from cli.shell import started
from gigascene.api.verify import verify
from gigascene.api.view import export_view, view
from gigascene.model.errors import BadInput
from gigascene.serve.open import open_pictures

pytestmark = pytest.mark.slow
KEYS = ("B04", "B03", "B02")


@pytest.fixture(scope="module")
def bands(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bands")
    stac_scene.write_bands(folder, {"forest": 3, "soil": 1}, raw=True, side=1024)
    return [str(folder / f"{key}.tif") for key in KEYS]


def compose(bands, target, **wishes):
    return gigascene.compose("rgb", bands, target, bands=KEYS, **wishes)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.dzi", "tiles/"])
def test_whole_and_damaged(name, bands, bucket, scratch):
    compose(bands, bucket.url(name))
    url = bucket.url(name).rstrip("/")
    verdict = verify(url)
    assert (verdict.state, verdict.file) == ("whole", url)
    assert verdict.notes == (("nothing here decodes DZI files",) if name == "a.dzi" else ())
    assert verify(url, quick=True).state == "whole"
    tiles = sorted(key for key in bucket.names() if key.endswith(".png") and "/" in key)
    victim = tiles[-1] if tiles else name
    data = bytearray(bucket.get(victim))
    data[len(data) // 2] ^= 255
    bucket.put(victim, bytes(data))
    said = started("verify", url, "--quiet")
    assert said.code == 4
    assert said.out.startswith(f"{url}: damaged: ")
    assert "verify-" not in said.out + said.err
    assert not list(scratch.iterdir())


def test_side_files_and_receipts(bands, bucket, scratch):
    compose(bands, bucket.url("a.png"))
    bucket.put("a.pgw", b"other")
    assert verify(bucket.url("a.png")).notes == ("its side file a.pgw has changed",)
    bucket.store.delete("a.pgw")
    assert verify(bucket.url("a.png")).notes == ("its side file a.pgw is gone",)
    bucket.store.delete("a.png.receipt.json")
    with pytest.raises(BadInput, match="no receipt was kept") as refused:
        verify(bucket.url("a.png"))
    assert refused.value.args[1] == bucket.url("a.png.receipt.json")
    assert verify(bucket.url("a.png"), decode_only=True).state == "decoded"
    with pytest.raises(BadInput, match="there is no such object") as refused:
        verify(bucket.url("b.png"), decode_only=True)
    assert refused.value.args[1] == bucket.url("b.png")
    assert not list(scratch.iterdir())


def test_a_receipt_that_leads_elsewhere(bands, bucket, scratch):
    compose(bands, bucket.url("a.png"))
    told = bucket.json("a.png.receipt.json")
    told["files"] = {"../../../out": "0" * 64}
    bucket.put("a.png.receipt.json", json.dumps(told).encode())
    with pytest.raises(BadInput, match="a side file lies elsewhere"):
        verify(bucket.url("a.png"))
    assert not list(scratch.iterdir())


def test_the_same_tiles(bands, bucket, tmp_path):
    compose(bands, tmp_path / "a.tif")
    url = bucket.put("a.tif", (tmp_path / "a.tif").read_bytes())
    (near,), (far,) = open_pictures([tmp_path / "a.tif"]), open_pictures([url])
    try:
        top = near.facts.zoom.top
        assert near.facts.title == far.facts.title
        for at in ((0, 0, 0), (top - 1, 0, 0), (top, 1, 1)):
            assert near.tile(*at) == far.tile(*at)
        assert near.values(500, 500) == far.values(500, 500)
        bucket.put("a.tif", (tmp_path / "a.tif").read_bytes()[:-1] + b"x")
        with pytest.raises(BadInput, match="has changed"):
            for row in range(2):
                far.tile(top, row, 1 - row)
    finally:
        near.close()
        far.close()


def test_served_and_exported(bands, bucket, tmp_path):
    compose(bands, tmp_path / "a.tif")
    url = bucket.put("a.tif", (tmp_path / "a.tif").read_bytes())
    with view(url) as viewer, urlopen(viewer.url, timeout=30) as page:
        assert page.status == 200
    export_view(tmp_path / "a.tif", folder=tmp_path / "near")
    export_view(url, folder=tmp_path / "far")
    near, far = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.png")}
        for folder in (tmp_path / "near", tmp_path / "far")
    )
    assert near == far
    assert len(near) > 10


@pytest.mark.parametrize("name", ["a.png", "a.dzi"])
def test_what_cannot_be_looked_at_says_so(name, bucket):
    said = started("view", bucket.url(name), "--no-open")
    assert said.code == 4
    assert "nothing else can be looked at where it lies. Copy it here first." in said.err
    said = started("view", bucket.url("none.tif"), "--no-open")
    assert (said.code, "there is no such object" in said.err) == (4, True)


def test_info(bands, bucket, tmp_path):
    compose(bands, tmp_path / "a.tif")
    bucket.put("a.tif", (tmp_path / "a.tif").read_bytes())
    near, far = started("info", tmp_path / "a.tif", "--json"), started("info", bucket.url("a.tif"), "--json")
    assert (near.code, far.code) == (0, 0)
    assert near.out.replace(str(tmp_path / "a.tif"), bucket.url("a.tif")) == far.out
    said = started("info", bucket.url("a.png"))
    print(said)
    assert said.code == 4
