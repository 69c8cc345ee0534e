"""Some assets of a catalogue copied from a real server, stopped and gone on with; and catalogues that mean harm."""

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pystac
import pytest

import daymet
import gigascene
import stac_scene
from cli.shell import PROGRAM, spoken, started
from gigascene.model.errors import BadInput, UnknownName, UsageError, WriteFailed
from range_server import forget, serving


@pytest.fixture
def allowed(monkeypatch):
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    forget()
    yield
    forget()


@pytest.fixture
def archive(allowed):
    """Daymet's catalogue and some of its files behind HTTP."""
    forget()
    with serving() as (address, files):
        for path, document in daymet.documents(f"{address}/data/").items():
            files.files[f"/{path}"] = json.dumps(document).encode()
        for variable in daymet.VARIABLES:
            for year in (2021, 2022):
                body = f"{variable} {year} ".encode() * 20_000
                files.files[f"/data/{daymet.file('pr', variable, year)}"] = body
        yield f"{address}/catalog.json", files


def body(files, variable, year=2022):
    return files.files[f"/data/{daymet.file('pr', variable, year)}"]


def item_of(folder, year=2022):
    return json.loads((folder / "pr" / f"pr-{year}" / f"pr-{year}.json").read_text())


def data_asked(files):
    return [path for path, _ in files.asked if path.startswith("/data/")]


def test_only_what_is_named_comes_and_the_rest_stays_remote(archive, tmp_path):
    href, files = archive
    done = gigascene.fetch_assets(href, ["tmin"], tmp_path / "near", items=["pr-2022"])
    copy = tmp_path / "near" / "pr" / "pr-2022" / daymet.file("pr", "tmin", 2022)
    assert copy.read_bytes() == body(files, "tmin")
    assert (done.files, done.bytes, done.came) == (1, len(body(files, "tmin")), len(body(files, "tmin")))
    assert {*data_asked(files)} == {f"/data/{copy.name}"}
    assets = item_of(tmp_path / "near")["assets"]
    origin = href.replace("catalog.json", f"data/{copy.name}")
    assert assets["tmin"]["href"] == f"./{copy.name}"
    assert assets["tmin"]["alternate"] == {"original": {"href": origin}}
    assert assets["tmax"]["href"] == origin.replace("tmin", "tmax")
    assert "alternate" not in assets["tmax"]
    others = item_of(tmp_path / "near", 1950)["assets"]
    assert all(asset["href"].startswith("http://") for asset in others.values())


def test_the_copy_is_a_whole_catalogue(archive, tmp_path):
    href, _ = archive
    gigascene.fetch_assets(href, ["tmin"], tmp_path / "near", items=["pr-2022"])
    catalog = pystac.Catalog.from_file(str(tmp_path / "near" / "catalog.json"))
    found = list(catalog.get_items(recursive=True))
    assert len(found) == 159
    assert sum(len(item.assets) for item in found) == 1113
    [item] = [one for one in found if one.id == "pr-2022"]
    assert Path(item.assets["tmin"].get_absolute_href()).is_file()
    here, there = gigascene.describe_catalog(tmp_path / "near"), gigascene.describe_catalog(href)
    assert (here.items, here.bbox, here.first) == (there.items, there.bbox, there.first)


def test_more_of_it_later_keeps_what_is_there(archive, tmp_path):
    href, files = archive
    gigascene.fetch_assets(href, ["tmin", "tmax"], tmp_path / "near", items=["pr-202[12]"])
    files.reset()
    done = gigascene.fetch_assets(href, ["t*", "vp"], tmp_path / "near", items=["pr-2022"])
    assert done.files == 3
    assert done.came == len(body(files, "vp"))
    assets = item_of(tmp_path / "near")["assets"]
    assert [key for key, asset in assets.items() if asset["href"].startswith("./")] == ["tmax", "tmin", "vp"]
    assert item_of(tmp_path / "near", 2021)["assets"]["tmin"]["href"].startswith("./")


def test_a_truncated_copy_is_fetched_again(archive, tmp_path):
    href, files = archive
    gigascene.fetch_assets(href, ["tmin"], tmp_path / "near", items=["pr-2022"])
    copy = tmp_path / "near" / "pr" / "pr-2022" / daymet.file("pr", "tmin", 2022)
    os.truncate(copy, 1000)
    gigascene.fetch_assets(href, ["tmin"], tmp_path / "near", items=["pr-2022"])
    assert copy.read_bytes() == body(files, "tmin")


def test_plan_tells_and_writes_nothing(archive, tmp_path, capsys, monkeypatch):
    href, files = archive
    words = ("plan", "stac", "fetch", href, "--asset", "tmin,tmax", "--items", "pr-2022", "--to", tmp_path / "near")
    said = spoken(capsys, monkeypatch, *words)
    assert said.code == 0
    size = len(body(files, "tmin")) + len(body(files, "tmax"))
    assert said.out.splitlines()[-1] == f"2 files, {size / 1000:.1f} kB; {size / 1000:.1f} kB to come"
    assert not (tmp_path / "near").exists()
    told = json.loads(spoken(capsys, monkeypatch, *words, "--json").out)
    assert (told["bytes"], told["there"], told["items"]) == (size, 0, 159)


def test_what_is_not_there(archive, tmp_path, capsys, monkeypatch):
    href, _ = archive
    near = tmp_path / "near"
    with pytest.raises(UnknownName, match="'pr-1900'"):
        gigascene.fetch_assets(href, ["tmin"], near, items=["pr-1900"])
    with pytest.raises(UnknownName, match=r"'tmean'.*dayl, prcp"):
        gigascene.fetch_assets(href, ["tmean"], near, items=["pr-2022"])
    with pytest.raises(UsageError, match="no asset is named"):
        gigascene.fetch_assets(href, [], near)
    words = ("stac", "fetch", href, "--asset", "tmin", "--items", "pr-2020,pr-2022", "--to", near, "-q")
    said = spoken(capsys, monkeypatch, *words)
    assert said.code == 4
    assert "pr_tmin_2020.nc: is gone (HTTP 404)" in said.err
    said = spoken(capsys, monkeypatch, *words, "--allow-gaps")
    assert said.code == 3
    assert "pr_tmin_2020.nc: is gone" in said.err
    assert item_of(near)["assets"]["tmin"]["href"].startswith("./")
    assert item_of(near, 2020)["assets"]["tmin"]["href"].startswith("http")


def one_item(folder, assets, **more):
    item = {**stac_scene.item("scene"), **more, "assets": assets}
    folder.mkdir(exist_ok=True)
    (folder / "scene.json").write_text(json.dumps(item))
    return folder / "scene.json"


def test_a_damaged_file_is_refused_and_the_others_kept(archive, tmp_path):
    href, files = archive
    base = href.removesuffix("/catalog.json")
    files.files |= {"/good.tif": b"good" * 9000, "/bad.tif": b"bad" * 9000}
    checksum = {name: f"1220{hashlib.sha256(name.encode() * 9000).hexdigest()}" for name in ("good", "bad")}
    assets = {
        name: {"href": f"{base}/{name}.tif", "file:checksum": checksum[name], "file:size": len(name) * 9000}
        for name in checksum
    }
    item = one_item(tmp_path / "a", assets)
    files.files["/bad.tif"] = b"Bad" * 9000
    with pytest.raises(BadInput, match=r"bad.tif: has not the sha256"):
        gigascene.fetch_assets(item, ["*"], tmp_path / "near")
    assert sorted(path.name for path in (tmp_path / "near").rglob("*.tif")) == ["good.tif"]
    files.files["/bad.tif"], files.tags["/bad.tif"] = b"bad" * 9000, '"whole"'
    forget()
    done = gigascene.fetch_assets(item, ["*"], tmp_path / "near")
    assert (done.files, done.came) == (2, 27_000)


@pytest.mark.parametrize("name", ["../../../out", "a\nb", "-rf", "..", "$(touch x)", "a;b", "scene.json"])
def test_hostile_names_stay_inside(archive, tmp_path, name):
    href, files = archive
    base = href.removesuffix("/catalog.json")
    files.files["/x.tif"] = b"pixels"
    asset = {"href": f"{base}/x.tif"}
    item = one_item(tmp_path / "a", {"good": asset} | ({} if "\n" in name else {name: asset}), id="scene")
    if "\n" in name:
        with pytest.raises(BadInput):
            gigascene.fetch_assets(one_item(tmp_path / "b", {name: asset}), ["*"], tmp_path / "near")
        with pytest.raises(BadInput):
            gigascene.fetch_assets(one_item(tmp_path / "b", {"x": asset}, id=name), ["*"], tmp_path / "near")
        return
    gigascene.fetch_assets(item, ["*"], tmp_path / "near")
    gigascene.fetch_assets(one_item(tmp_path / "b", {"x": asset}, id=name), ["x"], tmp_path / "other")
    files.files["/%2e%2e%2fout.tif"] = files.files["/..%2f..%2fout.tif"] = b"pixels"
    wicked = one_item(
        tmp_path / "c", {"x": {"href": f"{base}/..%2f..%2fout.tif"}, "y": {"href": f"{base}/%2e%2e%2fout.tif"}}
    )
    gigascene.fetch_assets(wicked, ["*"], tmp_path / "third", allow_gaps=True)
    assert {path.name for path in tmp_path.iterdir()} <= {"a", "b", "c", "near", "other", "third"}
    for folder in (tmp_path / "near", tmp_path / "other", tmp_path / "third"):
        assert all(path.resolve().is_relative_to(folder) for path in folder.rglob("*"))
        assert not any(path.name.startswith("-") for path in folder.rglob("*"))


def test_a_stranger_names_no_file_of_this_machine(archive, tmp_path):
    href, files = archive
    (tmp_path / "secret").write_text("mine")
    document = {
        **stac_scene.item("scene"),
        "assets": {"x": {"href": f"file://{tmp_path}/secret"}, "y": {"href": "y.tif"}},
    }
    files.files |= {"/scene.json": json.dumps(document).encode(), "/y.tif": b"pixels"}
    place = href.replace("catalog.json", "scene.json")
    done = gigascene.fetch_assets(place, ["*"], tmp_path / "near")
    assert done.files == 1
    assert "names a file of this machine" in done.notes[0]
    assert [*json.loads((tmp_path / "near" / "scene" / "scene.json").read_text())["assets"]] == ["y"]
    assert not any(b"mine" in path.read_bytes() for path in (tmp_path / "near").rglob("*") if path.is_file())


def test_private_addresses_are_refused(archive, tmp_path, monkeypatch):
    href, _ = archive
    monkeypatch.delenv("GIGASCENE_ALLOW_PRIVATE_HREFS")
    forget()
    with pytest.raises(BadInput, match="inside this machine or its network"):
        gigascene.fetch_assets(href, ["tmin"], tmp_path / "near")
    local = one_item(tmp_path / "a", {"x": {"href": href}})
    with pytest.raises(BadInput, match="inside this machine or its network"):
        gigascene.fetch_assets(local, ["x"], tmp_path / "near")


def test_secrets_are_asked_with_and_never_written(archive, tmp_path, capsys, monkeypatch):
    href, files = archive
    base = href.removesuffix("/catalog.json")
    files.files |= {"/x.tif": b"pixels", "/t.png": b"png"}
    signed = "?sig=TOPSECRET&se=2026"
    assets = {"x": {"href": f"{base}/x.tif{signed}"}, "t": {"href": f"{base}/t.png{signed}"}}
    links = [{"rel": "license", "href": f"https://example.org/l{signed}"}, {"rel": "self", "href": f"{base}/i{signed}"}]
    item = one_item(tmp_path / "a", assets, links=links)
    said = spoken(capsys, monkeypatch, "stac", "fetch", item, "--asset", "x", "--to", tmp_path / "near", "--json")
    assert said.code == 0
    assert any("sig=TOPSECRET" in path for path, _ in files.asked)
    written = b"".join(path.read_bytes() for path in (tmp_path / "near").rglob("*") if path.is_file())
    assert b"TOPSECRET" not in written
    assert "TOPSECRET" not in said.out + said.err


def test_another_catalogue_is_not_written_over(archive, tmp_path):
    href, _ = archive
    near = tmp_path / "near"
    near.mkdir()
    (near / "catalog.json").write_text('{"id": "another"}')
    with pytest.raises(WriteFailed, match="another catalogue"):
        gigascene.fetch_assets(href, ["tmin"], near)
    here = one_item(tmp_path / "a", {"x": {"href": "./x.tif"}})
    with pytest.raises(WriteFailed, match="the catalogue itself lies there"):
        gigascene.fetch_assets(here, ["x"], tmp_path / "a")


def test_an_empty_file_comes_too(tmp_path):
    item = one_item(tmp_path / "a", {"x": {"href": "./x.txt"}})
    (tmp_path / "a" / "x.txt").touch()
    for _ in range(2):
        assert gigascene.fetch_assets(item, ["x"], tmp_path / "near").files == 1
        assert (tmp_path / "near" / "scene" / "x.txt").read_bytes() == b""


def test_files_of_this_machine_and_schemes_of_others(tmp_path):
    assets = {"x": {"href": "./x.tif"}, "far": {"href": "ftp://example.org/far.tif"}}
    item = one_item(tmp_path / "a", assets)
    (tmp_path / "a" / "x.tif").write_bytes(b"pixels")
    done = gigascene.fetch_assets(item, ["x"], tmp_path / "near")
    assert (tmp_path / "near" / "scene" / "x.tif").read_bytes() == b"pixels"
    written = json.loads((tmp_path / "near" / "scene" / "scene.json").read_text())
    assert written["assets"]["far"]["href"] == "ftp://example.org/far.tif"
    assert done.files == 1
    with pytest.raises(BadInput, match="begins with ftp://, which is not read"):
        gigascene.fetch_assets(item, ["far"], tmp_path / "near")


# Killed and stopped

SIZE = 5 * (8 << 20)


@pytest.fixture
def slow(archive, tmp_path):
    """An item with one file of five parts, behind a server that takes its time."""
    href, files = archive
    files.files["/big.tif"] = os.urandom(SIZE)
    files.wait_s = 0.4
    asset = {"href": href.replace("catalog.json", "big.tif")}
    return one_item(tmp_path / "a", {"x": asset}), files


def until(holds):
    for _ in range(400):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it takes too long")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_stopped_and_gone_on_with(slow, tmp_path, number):
    item, files = slow
    words = ("stac", "fetch", item, "--asset", "x", "--to", tmp_path / "near", "--allow-private")
    part = tmp_path / "near" / "scene" / ".big.tif.part"
    with subprocess.Popen([PROGRAM, *map(str, words)], stderr=subprocess.PIPE, text=True) as first:
        until(lambda: part.exists() and part.stat().st_size >= 8 << 20)
        first.send_signal(number)
        _, said = first.communicate(timeout=60)
    assert first.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    if number != signal.SIGKILL:
        assert "the same command goes on with it" in said
    assert not (tmp_path / "near" / "scene" / "big.tif").exists()
    assert not (tmp_path / "near" / "catalog.json").exists()
    had = part.stat().st_size
    files.wait_s = 0.0
    files.reset()
    done = started(*words, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["came"] == SIZE - had
    assert files.sent <= SIZE - had + (1 << 20)
    assert (tmp_path / "near" / "scene" / "big.tif").read_bytes() == files.files["/big.tif"]
    assert not [path.name for path in (tmp_path / "near").rglob(".*")]
