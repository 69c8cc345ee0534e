"""A static site is proven by the receipt beside it, file by file."""

import json
import shutil

import pytest

import gigascene
from cli.shell import spoken
from gigascene.api.view import export_view
from gigascene.model.errors import BadInput
from gigascene.storage.folder import MARKER
from serve.pictures import cog, needs_openseadragon

pytestmark = needs_openseadragon


@pytest.fixture
def site(tmp_path):
    """Of two pictures."""
    cog(tmp_path / "a.tif", (700, 1025))
    cog(tmp_path / "b.tif", (700, 1025), 1)
    export_view(tmp_path / "a.tif", tmp_path / "b.tif", folder=tmp_path / "site")
    return tmp_path / "site"


def told(site):
    return json.loads(site.with_name("site.receipt.json").read_text())


def test_whole(site, capsys, monkeypatch):
    verdict = gigascene.verify(site)
    assert (verdict.state, verdict.tiles, verdict.shape) == ("whole", 36, (700, 1025))
    assert verdict.inputs == {str(site.with_name(name)): "unchanged" for name in ("a.tif", "b.tif")}
    assert verdict.bytes == sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    code, out, _ = spoken(capsys, monkeypatch, "verify", f"{site}/")
    assert code == 0
    assert "36 tiles as written" in out


def test_its_receipt_tells_all(site):
    receipt = told(site)
    assert {name for name, _, _ in receipt["tree"]} == {
        path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()
    }
    assert receipt["recipe"] == {"product": "view", "format": "png"}
    assert {"versions", "seconds", "peak_memory", "fingerprint"} <= set(receipt)


def test_the_same_twice(site):
    first = told(site)
    export_view(site.with_name("a.tif"), site.with_name("b.tif"), folder=site.with_name("again"))
    again = json.loads(site.with_name("again.receipt.json").read_text())
    assert [first[key] for key in ("tree", "bytes", "fingerprint")] == [
        again[key] for key in ("tree", "bytes", "fingerprint")
    ]


@pytest.mark.parametrize("name", ["a_files/11/1_1.png", "b_files/0/0_0.png", "index.html", "b.dzi", MARKER])
@pytest.mark.parametrize("damage", ["was changed", "is gone", "was not written here"])
def test_damage_is_named(site, name, damage, capsys, monkeypatch):
    victim = site / name
    if damage == "was changed":
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 1
        victim.write_bytes(data)
    elif damage == "is gone":
        victim.unlink()
    else:
        name += ".more"
        (site / name).write_bytes(b"x")
    verdict = gigascene.verify(site)
    assert [one.what for one in verdict.damage] == [f"site/{name} {damage}"]
    code, out, _ = spoken(capsys, monkeypatch, "verify", str(site))
    assert code == 4
    assert f"site/{name} {damage}" in out


def test_links_are_not_followed(site, tmp_path):
    tile = site / "a_files" / "0" / "0_0.png"
    shutil.move(tile, tmp_path / "elsewhere.png")
    tile.symlink_to(tmp_path / "elsewhere.png")
    (site / "loop").symlink_to(site)
    assert [one.what for one in gigascene.verify(site).damage] == [
        "site/a_files/0/0_0.png was changed",
        "site/loop was not written here",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [("bytes", 1), ("tree", [["a", 1, "x"]]), ("tree", [["a", -1, "0" * 64]]), ("tree", [["a"]]), ("blocks", [[0, 1, "0" * 64]])],
)  # fmt: skip
def test_a_receipt_that_cannot_be_true(site, key, value):
    receipt = told(site)
    receipt[key] = value
    site.with_name("site.receipt.json").write_text(json.dumps(receipt))
    with pytest.raises(BadInput, match="is damaged"):
        gigascene.verify(site)


def test_a_new_export_has_a_new_receipt(site):
    export_view(site.with_name("b.tif"), folder=site, format="webp")
    assert gigascene.verify(site).tiles == 18
    assert told(site)["recipe"] == {"product": "view", "format": "webp", "quality": 90}
