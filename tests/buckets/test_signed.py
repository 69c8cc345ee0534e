"""Outputs by signed addresses, and outputs that never replace anything: on a real server, which looks at signatures."""

import json
import signal
import subprocess
import time
from datetime import timedelta

import obstore
import pytest

import gigascene
import stac_scene
from buckets.relay import relayed
from cli.shell import PROGRAM, started
from gigascene.model.errors import WriteFailed
from gigascene.storage import bucket as buckets
from gigascene.storage import hrefs, presigned

pytestmark = pytest.mark.slow
KEYS = ("B04", "B03", "B02")
BIG = {"depth": 16, "options": {"compress": "none"}}


@pytest.fixture(scope="module")
def bands(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bands")
    stac_scene.write_bands(folder, {"forest": 3, "soil": 1}, raw=True, side=1536)
    return [str(folder / f"{key}.tif") for key in KEYS]


@pytest.fixture
def private(monkeypatch, at, server, bucket):
    """Nobody's keys, and leave to ask this machine: the address is all there is."""
    at({"GIGASCENE_ALLOW_PRIVATE_HREFS": "1"})


def signed(bucket, key, method="PUT", seconds=300):
    return obstore.sign(bucket.store, method, key, timedelta(seconds=seconds))


def compose(sources, target, **wishes):
    return gigascene.compose("rgb", sources, target, bands=KEYS, **wishes)


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_the_same_bytes_and_nothing_beside(name, bands, bucket, private, tmp_path, scratch):
    address = signed(bucket, name)
    wishes = BIG if name == "a.tif" else {}
    compose(bands, tmp_path / name, **wishes)
    receipt = compose(bands, address, **wishes)
    assert bucket.get(name) == (tmp_path / name).read_bytes()
    assert bucket.index() == {name}
    assert (receipt.target, receipt.path) == (hrefs.public(address), "")
    assert "Signature" not in receipt.target
    assert not list(scratch.iterdir())
    compose(bands, address, **wishes)  # again: replaced


def test_its_signature_is_written_nowhere(bands, bucket, private, tmp_path, scratch):
    address = signed(bucket, "a.png")
    secret = address.partition("X-Amz-Signature=")[2].partition("&")[0]
    assert len(secret) == 64
    out = tmp_path / "made"
    out.mkdir()
    words = ["compose", "rgb", *bands, "--bands", ",".join(KEYS), "--engine", "processes", "-o"]
    loud = {"GIGASCENE_DEBUG": "1"}
    said = [
        started(*words, address, "--save", out / "plan.json", cwd=out),
        started(*words, address, cwd=out, env=loud | {"GIGASCENE_ALLOW_PRIVATE_HREFS": ""}),
        started("run", out / "plan.json", cwd=out, env=loud),
    ]
    assert [one.code for one in said] == [0, 5, 5]
    assert "A signed address takes one file" in said[0].err
    assert "inside this machine" in said[1].err
    texts = [text.encode() for one in said for text in (one.out, one.err)]
    texts += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not [text for text in texts if secret.encode() in text]


def test_refusals(bands, bucket, private, scratch):
    old = signed(bucket, "a.png", seconds=1)
    wrong = signed(bucket, "a.png").replace("X-Amz-Signature=", "X-Amz-Signature=0")
    reads = signed(bucket, "a.png", method="GET")
    time.sleep(2)
    with pytest.raises(WriteFailed, match="its signature ran out at"):
        compose(bands, old)
    assert not scratch.exists() or not list(scratch.iterdir())
    for address in (wrong, reads):
        with pytest.raises(WriteFailed, match=r"its signature is not accepted \(HTTP 403\).*--resume sends it"):
            compose(bands, address)
    compose(bands, signed(bucket, "a.png"), resume=True)
    assert bucket.index() == {"a.png"}
    with pytest.raises(WriteFailed, match="takes one file"):
        compose(bands, signed(bucket, "a.dzi"))


@pytest.mark.parametrize("wishes", [{}, BIG], ids=["small", "large"])
def test_nothing_is_replaced_by_a_signed_address(wishes, bands, bucket, private):
    address = signed(bucket, "a.tif")
    compose(bands, address, overwrite=False, **wishes)
    first = bucket.get("a.tif")
    with pytest.raises(WriteFailed, match="it is there already"):
        compose(bands, address, overwrite=False, stretch="1%:99%", **wishes)
    assert bucket.get("a.tif") == first


@pytest.mark.parametrize("wishes", [{}, BIG], ids=["small", "large"])
def test_nothing_is_replaced_in_a_bucket(wishes, bands, bucket, tmp_path):
    compose(bands, tmp_path / "a.tif", **wishes)
    compose(bands, bucket.url("a.tif"), overwrite=False, **wishes)
    assert bucket.get("a.tif") == (tmp_path / "a.tif").read_bytes()
    before = {key: bucket.sha256(key) for key in bucket.names()}
    with pytest.raises(WriteFailed, match="it is there already"):
        compose(bands, bucket.url("a.tif"), overwrite=False, stretch="1%:99%", **wishes)
    assert {key: bucket.sha256(key) for key in bucket.names()} == before

    def watch(progress):
        if progress.to_send == 0:
            bucket.put("b.tif", b"mine")

    with pytest.raises(WriteFailed, match="it is there already"):
        compose(bands, bucket.url("b.tif"), overwrite=False, watch=watch, **wishes)
    assert bucket.get("b.tif") == b"mine"
    assert "b.tif.receipt.json" not in bucket.names()


@pytest.mark.parametrize("name", ["tiles/", "a.dzi"])
def test_no_folder_is_replaced_in_a_bucket(name, bands, bucket):
    compose(bands, bucket.url(name), overwrite=False)
    before = {key: bucket.sha256(key) for key in bucket.names()}
    with pytest.raises(WriteFailed, match="it is there already"):
        compose(bands, bucket.url(name), overwrite=False, stretch="1%:99%")
    assert {key: bucket.sha256(key) for key in bucket.names()} == before


def test_tried_again_from_the_beginning(bands, bucket, server, private, tmp_path):
    """Tried again from the beginning, and what is told of it adds up."""
    compose(bands, tmp_path / "a.tif", **BIG)
    sent = []
    with relayed(server.port) as relay:
        relay.dropped = 2
        address = signed(bucket, "a.tif")
        host = f"127.0.0.1:{server.port}"
        assert host in address
        buckets_own = address.replace(host, f"127.0.0.1:{relay.port}")  # the host is part of the signature
        with pytest.raises(WriteFailed, match="not accepted"):
            presigned.send(hrefs.remember(buckets_own), tmp_path / "a.tif", sent.append)
        assert relay.dropped == 0
    sent.clear()
    presigned.send(hrefs.remember(address), tmp_path / "a.tif", sent.append)
    assert sum(sent) == (tmp_path / "a.tif").stat().st_size
    assert bucket.get("a.tif") == (tmp_path / "a.tif").read_bytes()


def test_killed_while_it_sends(bands, bucket, server, private, scratch):
    with relayed(server.port) as relay:
        relay.pause = 0.05
        address = signed(Relayed(bucket, relay.port), "a.tif")
        words = [
            "compose",
            "rgb",
            *bands,
            "--bands",
            ",".join(KEYS),
            "--depth",
            "16",
            "--compress",
            "none",
            "-o",
            address,
        ]
        with subprocess.Popen([PROGRAM, *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
            end = time.monotonic() + 120
            while relay.taken < 3_000_000:
                assert time.monotonic() < end
                time.sleep(0.02)
            running.send_signal(signal.SIGKILL)
    assert bucket.names() == set()
    (told,) = scratch.glob("*/a.tif.receipt.json")
    assert json.loads(told.read_text())["bytes"] > buckets.PART


class Relayed:
    """The same bucket, signed for by way of another port."""

    def __init__(self, bucket, port):
        self.store = obstore.store.S3Store(
            bucket.name,
            endpoint=f"http://127.0.0.1:{port}",
            access_key_id=bucket.server.key,
            secret_access_key=bucket.server.secret,
            region="us-east-1",
            client_options={"allow_http": True},
        )
