"""Copies that go into a bucket, and copies out of one whose readers pay."""

import hashlib
import json
import os
import signal
import subprocess
import time

import obstore
import pytest

import gigascene
import stac_scene
from cli.shell import PROGRAM, spoken, started
from gigascene.model.errors import BadInput, WriteFailed
from gigascene.storage import bucket as buckets
from gigascene.storage import paid
from range_server import forget, serving
from stac_server import RUSTAC, WHY, stac_server

pytestmark = pytest.mark.slow

SIZE = 5 * (8 << 20)
ID = "S2A_32TMS_20240607_0_L2A"


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """Bands behind HTTP, and the search result that names them."""
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    forget()
    stac_scene.write_bands(tmp_path / "bands", {"forest": 1, "water": 1}, raw=True, side=256)
    with serving() as (address, files):
        files.files |= {f"/{path.name}": path.read_bytes() for path in (tmp_path / "bands").iterdir()}
        items = {"type": "FeatureCollection", "features": [stac_scene.item(side=256, base=f"{address}/")]}
        (tmp_path / "scenes.json").write_text(json.dumps(items))
        yield tmp_path / "scenes.json", files
    forget()


def test_bands_and_catalogue_lie_in_the_bucket_and_open_from_there(archive, bucket, tmp_path):
    source, files = archive
    near = bucket.url("near")
    done = gigascene.fetch_scenes(source, near)
    assert (done.target, done.files) == (near, 3)
    names = {f"near/{ID}/{name}" for name in ("B02.tif", "B03.tif", "B04.tif", f"{ID}.json")}
    assert bucket.index() == names | {"near/catalog.json"}
    assert bucket.get(f"near/{ID}/B04.tif") == files.files["/B04.tif"]
    assets = bucket.json(f"near/{ID}/{ID}.json")["assets"]
    assert assets["red"]["href"] == "./B04.tif"
    assert assets["nir"]["href"].startswith("http://")
    gigascene.compose("true-color", source, tmp_path / "far.png", offset="raw")
    files.files.clear()
    gigascene.compose("true-color", f"{near}/catalog.json", tmp_path / "near.png", offset="raw")
    assert (tmp_path / "near.png").read_bytes() == (tmp_path / "far.png").read_bytes()


def test_what_is_there_does_not_come_again(archive, bucket):
    source, files = archive
    gigascene.fetch_scenes(source, bucket.url("near"), bands=["red"])
    files.reset()
    again = gigascene.fetch_scenes(source, bucket.url("near"), bands=["red", "nir"])
    assert (again.files, again.came) == (2, len(files.files["/B08.tif"]))
    assert bucket.json(f"near/{ID}/{ID}.json")["assets"]["red"]["href"] == "./B04.tif"
    files.files["/B04.tif"], files.tags["/B04.tif"] = files.files["/B03.tif"], '"new"'
    forget()
    gigascene.fetch_scenes(source, bucket.url("near"), bands=["red"])
    assert bucket.get(f"near/{ID}/B04.tif") == files.files["/B03.tif"]


@pytest.fixture
def big(archive, tmp_path):
    """An item with one file of five parts, its size and checksum told."""
    source, files = archive
    files.files["/big.tif"] = os.urandom(SIZE)
    item = json.loads(source.read_text())["features"][0]
    href = item["assets"]["red"]["href"].replace("B04.tif", "big.tif")
    told = {"file:size": SIZE, "file:checksum": f"1220{hashlib.sha256(files.files['/big.tif']).hexdigest()}"}
    item["assets"] = {"x": {"href": href, **told}}
    (tmp_path / "item.json").write_text(json.dumps(item))
    return tmp_path / "item.json", files


def test_a_large_file_is_streamed_and_noted(big, bucket):
    item, files = big
    gigascene.fetch_assets(item, ["x"], bucket.url("near"))
    key = f"near/{ID}/big.tif"
    assert bucket.get(key) == files.files["/big.tif"]
    notes = obstore.get(bucket.store, key).attributes
    assert notes["gigascenechecksum"] == f"sha256:{hashlib.sha256(files.files['/big.tif']).hexdigest()}"
    files.reset()
    assert gigascene.fetch_assets(item, ["x"], bucket.url("near")).came == 0
    assert not files.asked


def test_one_that_others_put_there_is_read_and_taken_or_replaced(big, bucket):
    item, files = big
    key = f"near/{ID}/big.tif"
    bucket.put(key, files.files["/big.tif"])
    assert gigascene.fetch_assets(item, ["x"], bucket.url("near")).came == 0
    bucket.put(key, os.urandom(SIZE))
    assert gigascene.fetch_assets(item, ["x"], bucket.url("near")).came == SIZE
    assert bucket.get(key) == files.files["/big.tif"]


@pytest.mark.parametrize("size", [1000, SIZE])
def test_a_damaged_one_never_gets_there(big, bucket, size):
    item, files = big
    right = files.files["/big.tif"][:size]
    files.files["/big.tif"] = right[:-1] + bytes([right[-1] ^ 1])
    document = json.loads(item.read_text())
    document["assets"]["x"] |= {"file:size": size, "file:checksum": f"1220{hashlib.sha256(right).hexdigest()}"}
    item.write_text(json.dumps(document))
    former = b"former"
    bucket.put(f"near/{ID}/big.tif", former)
    with pytest.raises(BadInput, match=r"big.tif: has not the sha256"):
        gigascene.fetch_assets(item, ["x"], bucket.url("near"))
    assert bucket.get(f"near/{ID}/big.tif") == former
    assert bucket.index() == {f"near/{ID}/big.tif"}


def test_a_server_without_ranges(archive, bucket, scratch):
    source, files = archive
    files.ranges = False
    item = json.loads(source.read_text())["features"][0]
    (source.parent / "item.json").write_text(json.dumps(item))
    gigascene.fetch_assets(source.parent / "item.json", ["red"], bucket.url("near"))
    assert bucket.get(f"near/{ID}/B04.tif") == files.files["/B04.tif"]
    assert not list(scratch.iterdir())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_and_begun_again(big, bucket, number):
    item, files = big
    files.wait_s = 0.4
    words = ("stac", "fetch", item, "--asset", "x", "--to", bucket.url("near"), "--allow-private")
    files.reset()
    with subprocess.Popen([PROGRAM, *map(str, words)], stderr=subprocess.PIPE, text=True) as first:
        end = time.monotonic() + 60
        while files.sent < 16 << 20:
            assert time.monotonic() < end
            time.sleep(0.02)
        first.send_signal(number)
        first.communicate(timeout=60)
    assert first.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    assert not [name for name in bucket.names() if name.startswith("near/")]
    if number == signal.SIGTERM:
        assert not bucket.index()
    files.wait_s = 0.0
    done = started(*words, "--json")
    assert (done.code, json.loads(done.out)["came"]) == (0, SIZE), done.err
    assert bucket.get(f"near/{ID}/big.tif") == files.files["/big.tif"]


def test_refusals_come_before_any_byte(archive, bucket, monkeypatch, at):
    source, files = archive
    files.reset()
    bucket.put("near/catalog.json", b'{"id": "another"}')
    with pytest.raises(WriteFailed, match=r"another catalogue \(another\)"):
        gigascene.fetch_scenes(source, bucket.url("near"))
    with pytest.raises(WriteFailed, match="there is no bucket nobody-has-this"):
        gigascene.fetch_scenes(source, "s3://nobody-has-this/near")
    with pytest.raises(WriteFailed, match="the catalogue itself lies there"):
        bucket.put("c/scenes.json", source.read_bytes())
        gigascene.fetch_scenes(bucket.url("c/scenes.json"), bucket.url("c"))
    at({**bucket.server.environment(), "AWS_SECRET_ACCESS_KEY": "PLANTEDwrong"})
    with pytest.raises(WriteFailed, match="does not accept the credentials"):
        gigascene.fetch_scenes(source, bucket.url("other"))
    assert not files.asked


def test_landsat_is_read_by_who_pays(server, bucket, at, archive, tmp_path, monkeypatch, capsys):
    """A real bucket whose readers pay, by another user than its owner."""
    source, files = archive
    files.locked["/"] = (401, "never")
    bucket.paid_by_readers()
    document = json.loads(source.read_text())
    for asset in document["features"][0]["assets"].values():
        name = asset["href"].rpartition("/")[2]
        bucket.put(name, files.files[f"/{name}"])
        asset["alternate"] = {"s3": {"storage:requester_pays": True, "href": bucket.url(name)}}
        asset["file:size"] = len(files.files[f"/{name}"])
    source.write_text(json.dumps(document))
    key, secret = server.user(f"reader{time.monotonic_ns()}")
    at(server.environment() | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret})
    monkeypatch.setenv(paid.VARIABLE, "")
    words = ("fetch", source, "--to", tmp_path / "near")
    said = spoken(capsys, monkeypatch, *words)
    assert (said.code, len(said.err.splitlines())) == (4, 1)
    assert (
        f"--requester-pays reads it in s3://{bucket.name} with your AWS credentials, and AWS bills you: less than"
        in said.err
    )
    said = spoken(capsys, monkeypatch, *words, "--requester-pays", "--dry-run")
    assert said.code == 0, said.err
    assert f"read in s3://{bucket.name}, for which AWS bills you: less than $0.01" in said.out.splitlines()[-1]
    said = spoken(capsys, monkeypatch, *words, "--requester-pays")
    assert said.code == 0, said.err
    assert (tmp_path / "near" / ID / "B04.tif").read_bytes() == files.files["/B04.tif"]


def test_by_id_more_comes_to_the_same_place(archive, bucket, tmp_path):
    if RUSTAC is None:
        pytest.skip(WHY)
    [first] = json.loads(archive[0].read_text())["features"]
    second = {**first, "id": ID.replace("0607", "0617")}
    second["properties"] = {**first["properties"], "datetime": "2024-06-17T10:26:05Z"}
    (tmp_path / "server").mkdir()
    with stac_server(tmp_path / "server", [first, second]) as api:
        gigascene.fetch_scenes(first["id"], bucket.url("near"), api=api, bands=["red"])
        gigascene.fetch_scenes(second["id"], bucket.url("near"), api=api, bands=["red"])
    links = [one["href"] for one in bucket.json("near/catalog.json")["links"] if one["rel"] == "item"]
    assert links == [f"./{one}/{one}.json" for one in (first["id"], second["id"])]
    scenes = {scene.id: scene for scene in gigascene.open_scenes(bucket.url("near/catalog.json"))}
    assert scenes[ID].asset("red").href == bucket.url(f"near/{ID}/B04.tif")


def test_notes_of_what_is_not_there(bucket):
    assert buckets.noted(bucket.url("nothing")) is None
