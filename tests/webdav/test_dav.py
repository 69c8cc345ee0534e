"""From a WebDAV server and to it: the same bytes as on disk, each file whole or not at all, and nobody sees the token."""

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import gigascene
import stac_scene
from cli.shell import PROGRAM, started
from gigascene.model.errors import BadInput, Stopped, WriteFailed
from gigascene.serve.open import open_pictures
from gigascene.storage import dav, remote
from gigascene.storage.delivery import UNFINISHED
from gigascene.storage.folder import MARKER

pytestmark = pytest.mark.slow
KEYS = ("B04", "B03", "B02")
DEADLINE_S = 120


@pytest.fixture(scope="module")
def bands(tmp_path_factory):
    """A COG for each band, and their item."""
    folder = tmp_path_factory.mktemp("bands")
    stac_scene.write_bands(folder, {"forest": 3, "soil": 1}, raw=True)
    stac_scene.write_item(folder)
    return folder


@pytest.fixture
def lying(bands, server):
    """The same on the server, in ``in/``."""
    (server.files / "in").mkdir()
    for path in bands.iterdir():
        (server.files / "in" / path.name).write_bytes(path.read_bytes())
    return server


def rasters(where):
    return [f"{where}/{key}.tif" for key in KEYS]


def digests(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def compose(sources, target, **wishes):
    return gigascene.compose("rgb", sources, target, bands=KEYS, **wishes)


@pytest.mark.parametrize("scheme", ["davs", "https"])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.dzi", "tiles/"])
def test_the_same_as_on_disk(name, scheme, bands, lying, tmp_path, scratch):
    here, there = tmp_path / "here", lying.files / "out"
    here.mkdir()
    compose(rasters(bands), f"{here}/{name}")
    receipt = compose(rasters(lying.url("in", scheme)), lying.url(f"out/{name}", scheme))
    tells = {f"{name.rstrip('/')}.receipt.json"}
    assert {key: value for key, value in digests(there).items() if key not in tells} == {
        key: value for key, value in digests(here).items() if key not in tells
    }
    (told,) = (json.loads((there / key).read_text()) for key in tells)
    assert told["target"] == receipt.target == lying.url(f"out/{name}", scheme).rstrip("/")
    assert [one["href"] for one in told["inputs"]] == rasters(lying.url("in", scheme))
    assert not list(scratch.iterdir())
    ranges = [line["range"] for line in lying.log() if line["method"] == "GET" and line["path"].startswith("/in/")]
    assert ranges
    assert all(ranges)


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_an_item_and_a_mosaic(engine, bands, lying, tmp_path):
    gigascene.mosaic("true-color", bands / "item.json", tmp_path / "a.tif")
    gigascene.mosaic("true-color", lying.url("in/item.json"), lying.url("out/a.tif"), engine=engine, workers=2)
    assert (lying.files / "out" / "a.tif").read_bytes() == (tmp_path / "a.tif").read_bytes()
    assert {"a.tif", "a.tif.receipt.json", "a.tif.stac.json"} == lying.names("out")


def test_what_it_costs(bands, server, tmp_path):
    """A new file: put, looked at, moved. One that is there is looked at before it goes."""
    (tmp_path / "a").write_bytes(b"abc")
    dav.send(server.url("a.tif"), tmp_path / "a", lambda _: None)
    assert [line["method"] for line in server.log()] == ["PUT", "HEAD", "MOVE"]
    server.forget()
    dav.send(server.url("a.tif"), tmp_path / "a", lambda _: None)
    assert [line["method"] for line in server.log()] == ["PUT", "HEAD", "MOVE", "HEAD", "PROPFIND", "MOVE"]


def test_replaced_with_its_side_files(bands, server):
    compose(rasters(bands), server.url("a.png"))
    assert server.names() == {"a.png", "a.pgw", "a.png.aux.xml", "a.png.receipt.json"}
    compose(rasters(bands), server.url("a.png"), writer="figure")
    assert server.names() == {"a.png", "a.png.receipt.json"}


# A server that sends elsewhere


def test_elsewhere_without_the_token(bands, lying, at, tmp_path):
    (lying.folder / "elsewhere").touch()
    with pytest.raises(BadInput, match="inside this machine"):  # this server's pool is no public address
        compose(rasters(lying.url("in")), tmp_path / "a.png")
    at(lying.environment() | {"GIGASCENE_ALLOW_PRIVATE_HREFS": "1"})
    compose(rasters(bands), tmp_path / "a.png")
    compose(rasters(lying.url("in")), lying.url("out/a.png"), engine="processes", workers=2)
    assert (lying.files / "out" / "a.png").read_bytes() == (tmp_path / "a.png").read_bytes()
    pool = [line for line in lying.log() if line["pool"]]
    assert {line["method"] for line in pool} == {"GET", "PUT"}
    assert not [line for line in pool if line["token"]]
    assert lying.names("out") == {"a.png", "a.pgw", "a.png.aux.xml", "a.png.receipt.json"}


# Tokens


def test_only_named_hosts_get_it(lying, at):
    at({key: value for key, value in lying.environment().items() if key != "GIGASCENE_TOKEN_HOSTS"})
    with pytest.raises(BadInput, match="inside this machine"):
        remote.state(lying.url("in/B04.tif"), fresh=True)
    at(lying.environment() | {"GIGASCENE_TOKEN_HOSTS": "127.0.0.1", "GIGASCENE_ALLOW_PRIVATE_HREFS": "1"})  # port 443
    lying.forget()
    with pytest.raises(BadInput, match=r"HTTP 401.*GIGASCENE_TOKEN_HOSTS|HTTP 401.*BEARER_TOKEN"):
        remote.state(lying.url("in/B04.tif"), fresh=True)
    assert lying.log()
    assert not [line for line in lying.log() if line["token"]]


def test_a_file_is_looked_at_for_each_request(lying, at, tmp_path):
    file = tmp_path / "token"
    without = {key: value for key, value in lying.environment().items() if key != "BEARER_TOKEN"}
    at(without | {"BEARER_TOKEN_FILE": str(file)})
    with pytest.raises(BadInput, match="BEARER_TOKEN_FILE cannot be read"):
        remote.state(lying.url("in/B04.tif"), fresh=True)
    file.write_text("PLANTEDwrong\n")
    with pytest.raises(BadInput, match=r"HTTP 401.*BEARER_TOKEN_FILE; it may have run out") as refused:
        remote.state(lying.url("in/B04.tif"), fresh=True)
    assert "PLANTED" not in str(refused.value)
    file.write_text(f"{lying.token}\n")
    assert remote.state(lying.url("in/B04.tif"), fresh=True).size > 0


def test_a_file_of_rclone(lying, at, tmp_path):
    file = tmp_path / "macaroon.conf"
    without = {key: value for key, value in lying.environment().items() if key != "BEARER_TOKEN"}
    at(without | {"BEARER_TOKEN_FILE": str(file)})
    file.write_text(f"[macaroon]\ntype = webdav\nurl = https://x/\nbearer_token = {lying.token}\n")
    assert remote.state(lying.url("in/B04.tif"), fresh=True).size > 0
    for text in ("[other]\nbearer_token = PLANTED\n", "PLANTED", "[macaroon]\nbearer_token = PLAN TED\n"):
        file.write_text(text)
        with pytest.raises(BadInput, match="gets no bearer token") as refused:
            remote.state(lying.url("in/B04.tif"), fresh=True)
        assert "PLAN" not in str(refused.value)


def test_a_token_that_would_be_a_header_is_none(lying, at):
    at(lying.environment() | {"BEARER_TOKEN": "PLANTED\r\nX-Other: 1"})
    with pytest.raises(BadInput, match="gets no bearer token") as refused:
        remote.state(lying.url("in/B04.tif"), fresh=True)
    assert "PLANTED" not in str(refused.value)


REFUSALS = {
    "token": (lambda server: {"BEARER_TOKEN": "PLANTEDwrong"}, "does not accept the credentials"),
    "right": (lambda server: {"BEARER_TOKEN": server.reader}, "give no right to it"),
    "host": (lambda server: {"GIGASCENE_TOKEN_HOSTS": "example.org"}, "inside this machine"),
    "certificate": (lambda server: {"SSL_CERT_FILE": os.devnull}, "cannot be reached"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals_come_before_any_work(name, bands, server, scratch):
    changed, what = REFUSALS[name]
    said = started(
        "compose", "rgb", *rasters(bands), "--bands", ",".join(KEYS), "-o", server.url("a.tif"), env=changed(server)
    )
    assert said.code == 5, said
    assert f"Cannot write {server.url('a.tif')}: " in said.err
    assert what in said.err
    assert "PLANTED" not in said.err
    assert len(said.err.splitlines()) <= 2
    assert server.names() == set()
    assert not scratch.exists() or not list(scratch.iterdir())


def test_a_token_is_written_nowhere(lying, tmp_path, scratch):
    """Plans, receipts, items, capsules, messages, journals, what is left of a killed run: nowhere."""
    out = tmp_path / "made"
    out.mkdir()
    common = ["compose", "rgb", *rasters(lying.url("in")), "--bands", ",".join(KEYS), "--engine", "processes"]
    loud = {"GIGASCENE_DEBUG": "1"}
    said = [
        started(*common, "-o", lying.url("out/a.png"), "--save", out / "plan.json", cwd=out),
        started("run", out / "plan.json", cwd=out, env=loud | {"BEARER_TOKEN": lying.reader}),
        started("info", lying.url("in/none.tif"), env=loud),
    ]
    assert [one.code for one in said] == [0, 5, 4]
    (lying.folder / "fail.json").write_text(json.dumps({"GET": ("403 Forbidden", 1)}))
    said.append(started("run", out / "plan.json", cwd=out, env=loud))
    assert said[-1].code == 4
    texts = [text.encode() for one in said for text in (one.out, one.err)]
    folders = (tmp_path, lying.files)
    texts += [path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()]
    for secret in (lying.token, lying.reader):
        assert not [text for text in texts if secret.encode() in text]


# What goes wrong


def test_a_folder_is_never_replaced_or_deleted(bands, server):
    """Servers would delete it with all that is in it."""
    (server.files / "a.png" / "deep").mkdir(parents=True)
    (server.files / "a.png" / "deep" / "mine").write_text("mine")
    with pytest.raises(WriteFailed, match="it is a folder"):
        compose(rasters(bands), server.url("a.png"))
    with pytest.raises(WriteFailed, match="it is a folder"):
        dav.put(server.url("a.png"), b"abc")
    with pytest.raises(WriteFailed, match="it is a folder"):
        dav.delete([server.url("a.png/deep")])
    assert server.names() == {"a.png/deep/mine"}


def test_strange_folders_are_left_alone(bands, server):
    (server.files / "tiles").mkdir()
    (server.files / "tiles" / "mine.txt").write_text("mine")
    with pytest.raises(WriteFailed, match=r"holds mine\.txt"):
        compose(rasters(bands), server.url("tiles/"))
    assert server.names() == {"tiles/mine.txt"}


def test_a_folder_is_replaced_by_a_smaller_one(bands, server, tmp_path):
    compose(rasters(bands), server.url("tiles/"))
    before = server.names("tiles")
    compose(rasters(bands), f"{tmp_path}/tiles/", options={"tiles": "jpg"})
    compose(rasters(bands), server.url("tiles/"), options={"tiles": "jpg"})
    assert digests(server.files / "tiles") == digests(tmp_path / "tiles")
    assert MARKER in before
    assert UNFINISHED not in server.names("tiles")


FAILING = {
    "busy": ({"PUT": ("503 Busy", 2), "MOVE": ("502 Bad", 1), "HEAD": ("504 Late", 1)}, None),
    "lost": ({"after MOVE": ("503 Busy", 1)}, None),
    "full": ({"PUT": ("507 Insufficient Storage", 9)}, "no space left"),
    "no DAV": ({"MOVE": ("405 Method Not Allowed", 9)}, "takes no files"),
    "down": ({"PUT": ("503 Busy", 99)}, r"cannot be reached \(HTTP 503\)"),
}


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("before", [False, True], ids=["new", "replaced"])
def test_refusals_on_the_way(name, before, server, tmp_path):
    failing, what = FAILING[name]
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    if before:
        (server.files / "a.tif").write_bytes(b"former")
    (server.folder / "fail.json").write_text(json.dumps(failing))
    sent = []
    if what is None:
        dav.send(server.url("a.tif"), tmp_path / "a", sent.append)
        assert sum(sent) == 3_000_000
        assert (server.files / "a.tif").read_bytes() == (tmp_path / "a").read_bytes()
    else:
        with pytest.raises(WriteFailed, match=what):
            dav.send(server.url("a.tif"), tmp_path / "a", sent.append)
        assert not before or (server.files / "a.tif").read_bytes() == b"former"
    assert server.names() == ({"a.tif"} if before or what is None else set())


def test_what_is_there_stays_where_it_must(server, tmp_path):
    (tmp_path / "a").write_bytes(b"new")
    (server.files / "a.tif").write_bytes(b"former")
    with pytest.raises(WriteFailed, match="it is there already"):
        dav.send(server.url("a.tif"), tmp_path / "a", lambda _: None, keep=True)
    assert (server.files / "a.tif").read_bytes() == b"former"
    assert server.names() == {"a.tif"}
    dav.send(server.url("b.tif"), tmp_path / "a", lambda _: None, keep=True)
    assert (server.files / "b.tif").read_bytes() == b"new"


def test_a_watcher_that_stops_it(server, tmp_path):
    (tmp_path / "a").write_bytes(b"abc" * 3_000_000)

    def sent(count):
        raise Stopped(signal.SIGTERM, "enough")

    with pytest.raises(Stopped):
        dav.send(server.url("a.tif"), tmp_path / "a", sent)
    until(lambda: server.names() == set(), "cleared folder")


def until(true, what):
    end = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.05)


def test_killed_before_it_is_moved_and_resumed(bands, server, tmp_path, scratch):
    """All of it is there under another name: the file itself is not, and a resume sends it."""
    compose(rasters(bands), tmp_path / "a.tif")
    (server.folder / "fail.json").write_text(json.dumps({"HEAD": ("503 Busy", 1)}))
    words = ["compose", "rgb", *rasters(bands), "--bands", ",".join(KEYS), "-o", server.url("a.tif")]
    with subprocess.Popen([PROGRAM, *words], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        until(lambda: any(line["method"] == "HEAD" for line in server.log()), "first look")
        running.kill()
    left = server.names()
    assert "a.tif" not in left
    said = started(*words, "--resume")
    assert said.code == 0, said.err
    assert (server.files / "a.tif").read_bytes() == (tmp_path / "a.tif").read_bytes()
    assert server.names() - left == {"a.tif", "a.tif.receipt.json"}
    assert not list(scratch.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        "davs://",
        "davs:///a.png",
        "davs://example.org",
        "davs://example.org/",
        "davs://example.org/a//b.png",
        "davs://example.org/a/../b.png",
        "davs://example.org/a/%2e%2e/b.png",
        "davs://example.org/a\n.png",
        "davs://me:PLANTED@example.org/a.png",
        "davs://example.org:port/a.png",
    ],
)
def test_paths_that_are_none(url):
    with pytest.raises((WriteFailed, BadInput)) as refused:
        dav.check(url)
    assert "PLANTED" not in str(refused.value)


def test_nothing_is_asked_when_it_is_planned(bands, server, tmp_path):
    plan = gigascene.plan_compose("rgb", rasters(bands), server.url("a.tif"), bands=KEYS)
    gigascene.save_plan(plan, tmp_path / "plan.json")
    assert server.log() == []
    assert server.token not in Path(tmp_path / "plan.json").read_text()


@pytest.mark.parametrize("name", ["a.png", "a.dzi", "tiles/"])
def test_verified_where_it_lies(name, bands, server, scratch):
    compose(rasters(bands), server.url(name))
    said = started("verify", server.url(name), "--quiet")
    assert said.code == 0, said
    assert said.out.startswith(f"{server.url(name).rstrip('/')}: whole; ")
    tile = next(server.files.rglob("*.png"))
    tile.write_bytes(tile.read_bytes()[:-20] + bytes(20))
    assert started("verify", server.url(name), "--quiet").code == 4
    assert not list(scratch.iterdir())


def test_looked_at_where_it_lies(bands, server, tmp_path):
    compose(rasters(bands), tmp_path / "a.tif")
    (server.files / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes())
    near, far = started("info", tmp_path / "a.tif", "--json"), started("info", server.url("a.tif"), "--json")
    assert near.out.replace(str(tmp_path / "a.tif"), server.url("a.tif")) == far.out
    (picture,) = open_pictures([server.url("a.tif")])
    (own,) = open_pictures([tmp_path / "a.tif"])
    assert picture.tile(picture.facts.zoom.top, 0, 0) == own.tile(own.facts.zoom.top, 0, 0)
    picture.close()
    own.close()


def test_copies_do_not_go_there(bands, server, tmp_path):
    """Nor into a folder here of that name."""
    said = started("stac", "fetch", bands / "item.json", "--asset", "red", "--to", server.url("copies"), cwd=tmp_path)
    assert (said.code, "copies go into folders and buckets only" in said.err) == (5, True), said
    assert not list(tmp_path.rglob("davs*"))
    assert server.names() == set()
