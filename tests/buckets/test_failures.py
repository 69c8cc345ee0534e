"""What goes wrong says so and leaves nothing: refusals, cut wires, kills at every step."""

import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

import gigascene
import stac_scene
from buckets.relay import relayed
from cli.shell import PROGRAM, started
from gigascene.model.errors import BadInput, Stopped, WriteFailed
from gigascene.storage import _stores
from gigascene.storage import bucket as buckets
from gigascene.storage.delivery import UNFINISHED
from gigascene.storage.folder import MARKER

pytestmark = pytest.mark.slow
KEYS = ("B04", "B03", "B02")
BIG = {"depth": 16, "options": {"compress": "none"}}
DEADLINE_S = 120


@pytest.fixture(scope="module")
def bands(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bands")
    stac_scene.write_bands(folder, {"forest": 3, "soil": 1}, raw=True, side=1536)
    return [str(folder / f"{key}.tif") for key in KEYS]


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """The same, a small picture."""
    folder = tmp_path_factory.mktemp("few")
    stac_scene.write_bands(folder, {"forest": 3, "soil": 1}, raw=True, side=256)
    return [str(folder / f"{key}.tif") for key in KEYS]


@pytest.fixture(scope="module")
def words(bands):
    """A command that writes 18 MB: four parts."""
    return ["compose", "rgb", *bands, "--bands", ",".join(KEYS), "--depth", "16", "--compress", "none"]


@pytest.fixture(scope="module")
def expected(bands, tmp_path_factory):
    """What it writes."""
    path = tmp_path_factory.mktemp("expected") / "a.tif"
    gigascene.compose("rgb", bands, path, bands=KEYS, **BIG)
    assert path.stat().st_size > buckets.AT_ONCE * buckets.PART
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stranger(server):
    key, secret = server.user(f"stranger{time.monotonic_ns()}")
    return {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret}


REFUSALS = {
    "secret": (lambda _: {"AWS_SECRET_ACCESS_KEY": "PLANTEDwrong"}, "does not accept the credentials"),
    "key": (lambda _: {"AWS_ACCESS_KEY_ID": "nobody"}, "does not accept the credentials"),
    "right": (stranger, "give no right to it"),
    "network": (lambda _: {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot be reached"),
    "unsigned": (lambda _: {"AWS_SKIP_SIGNATURE": "true"}, "give no right to it"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refusals(name, server, bucket, few, scratch):
    changed, what = REFUSALS[name]
    bucket.put("in.tif", b"II*\0")
    environment = changed(server)
    said = started("compose", "rgb", *few, "--bands", ",".join(KEYS), "-o", bucket.url("a.tif"), env=environment)
    assert said.code == 5, said
    assert f"Cannot write {bucket.url('a.tif')}: " in said.err
    assert what in said.err
    assert len(said.err.splitlines()) <= 2
    assert bucket.index() == {"in.tif"}
    assert not scratch.exists() or not list(scratch.iterdir())
    said = started("info", bucket.url("in.tif"), env=environment)
    assert said.code == 4, said
    assert what in said.err
    assert "PLANTED" not in said.err


def test_missing_buckets_and_objects(bucket, few):
    said = started("compose", "rgb", *few, "--bands", ",".join(KEYS), "-o", "s3://nobody-has-this/a.tif")
    assert (said.code, "there is no bucket nobody-has-this" in said.err) == (5, True)
    said = started("info", "s3://nobody-has-this/a.tif")
    assert (said.code, "there is no bucket nobody-has-this" in said.err) == (4, True)
    said = started("info", bucket.url("a.tif"))
    assert (said.code, "there is no such object" in said.err) == (4, True)


def test_a_reader_only(server, bucket, few, at):
    """Who may read but not write is told before any work."""
    key, secret = server.user(f"reader{time.monotonic_ns()}")
    at(server.environment() | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret})
    with pytest.raises(WriteFailed, match="give no right"):
        gigascene.compose("rgb", few, bucket.url("a.tif"), bands=KEYS)


def until(true, what):
    end = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def in_the_middle(words, server, bucket, number):
    """Run the command, and signal it while its file is being sent."""
    with relayed(server.port) as relay:
        relay.pause = 0.02
        environment = os.environ | server.environment(relay.port)
        command = [PROGRAM, *words, "-o", bucket.url("a.tif")]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        until(lambda: relay.taken > buckets.PART // 2, "nothing was sent")
        process.send_signal(number)
        _, said = process.communicate(timeout=DEADLINE_S)
    return process.returncode, said


@pytest.mark.parametrize("before", [False, True], ids=["new", "replaced"])
def test_killed_while_it_sends(words, server, bucket, expected, scratch, before):
    if before:
        bucket.put("a.tif", b"former")
        bucket.put("a.tif.receipt.json", b"{}")
    code, _ = in_the_middle(words, server, bucket, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert bucket.names() == ({"a.tif"} if before else set())  # what tells of the former one is gone already
    if before:
        assert bucket.get("a.tif") == b"former"
    (receipt,) = scratch.glob("*/a.tif.receipt.json")
    finished = json.loads(receipt.read_text())["finished"]
    said = started(*words, "-o", bucket.url("a.tif"), "--resume")
    assert said.code == 0, said.err
    assert bucket.sha256("a.tif") == expected
    assert bucket.json("a.tif.receipt.json")["finished"] == finished  # sent, and not made again
    assert not list(scratch.iterdir())


def test_stopped_while_it_sends(words, server, bucket, expected):
    code, said = in_the_middle(words, server, bucket, signal.SIGINT)
    assert code == 130
    assert "--resume" in said
    assert bucket.index() == set()  # the upload was given up, not left
    assert started(*words, "-o", bucket.url("a.tif"), "--resume").code == 0
    assert bucket.sha256("a.tif") == expected


def test_a_wire_that_is_cut_while_it_sends(words, server, bucket, expected):
    with relayed(server.port) as relay:
        relay.fuse = buckets.PART
        said = started(*words, "-o", bucket.url("a.tif"), env=server.environment(relay.port))
    assert said.code == 5
    assert "cannot be reached" in said.err
    assert "--resume sends it" in said.err
    assert bucket.names() == set()
    assert started(*words, "-o", bucket.url("a.tif"), "--resume").code == 0
    assert bucket.sha256("a.tif") == expected


def test_what_was_finished_is_not_sent_for_another(words, bands, server, bucket, tmp_path):
    """Another recipe, or a file in scratch that has changed: made anew."""
    in_the_middle(words, server, bucket, signal.SIGKILL)
    other = gigascene.compose("rgb", bands, tmp_path / "b.tif", bands=KEYS, stretch="1%:99%", **BIG)
    gigascene.compose("rgb", bands, bucket.url("a.tif"), bands=KEYS, stretch="1%:99%", resume=True, **BIG)
    assert bucket.get("a.tif") == (tmp_path / "b.tif").read_bytes()
    assert bucket.json("a.tif.receipt.json")["fingerprint"] == other.fingerprint


def test_a_damaged_file_in_scratch_is_made_again(words, server, bucket, scratch, expected):
    in_the_middle(words, server, bucket, signal.SIGKILL)
    (made,) = scratch.glob("*/a.tif")
    with made.open("r+b") as file:
        file.seek(1_000_000)
        file.write(b"damage")
    assert started(*words, "-o", bucket.url("a.tif"), "--resume").code == 0
    assert bucket.sha256("a.tif") == expected


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def killed_at(step, monkeypatch):
    """Let the process die before the so-manieth change in the bucket, after the probe."""
    count, lock = 0, threading.Lock()

    def dying(change):
        def changed(*arguments, **said):
            nonlocal count
            with lock:
                count += 1
                if count > step:
                    raise Killed
            return change(*arguments, **said)

        return changed

    for name in ("send", "put", "delete"):
        monkeypatch.setattr(buckets, name, dying(getattr(buckets, name)))


PLACES = {"png": "a.png", "dzi": "a.dzi", "tiles": "tiles/"}


@pytest.mark.parametrize("kind", PLACES)
def test_killed_at_every_step(kind, bucket, few, tmp_path, monkeypatch):
    """At any moment: no receipt of anything but what is there, and no whole that is not whole."""
    target = PLACES[kind]
    small = {"bands": KEYS, "stretch": "2%:98%"}
    gigascene.compose("rgb", few, bucket.url(target), **small, options={} if kind == "png" else {"tiles": "jpg"})
    if kind == "png":
        bucket.put("a.pgw", b"former")  # one that the new picture must not be read by, nor the other way round
    old = {key: bucket.sha256(key) for key in bucket.names()}
    gigascene.compose("rgb", few, f"{tmp_path}/{target}", **small, gamma="2")
    new = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*") if path.is_file()}
    new = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in new.items() if "cache" not in name}
    step, done = 0, False
    while not done:
        with monkeypatch.context() as patch:
            killed_at(step + 2, patch)  # two are the probe's
            try:
                gigascene.compose("rgb", few, bucket.url(target), **small, gamma="2", resume=step > 0)
                done = True
            except Killed:
                pass
        check(bucket, target.rstrip("/"), old, new)
        step = step + 1 if step < 12 else step + 7
    there = {key: bucket.sha256(key) for key in bucket.names()}
    receipts = {f"{target.rstrip('/')}.receipt.json"}
    assert {key: there[key] for key in there.keys() - receipts} == {key: new[key] for key in new.keys() - receipts}


def check(bucket, target, old, new):
    there = {key: bucket.sha256(key) for key in bucket.names()}
    receipt = f"{target}.receipt.json"
    if target in there:  # a file that stands stands with its own
        assert there[target] in {old[target], new[target]}
        own = old if there[target] == old[target] else new
        beside = {key for key in own if key != receipt and key != f"{target}.stac.json"}
        assert {key: there.get(key) for key in beside} == {key: own[key] for key in beside}
    marker = next((key for key in there if key.endswith(f"/{MARKER}")), None)
    if marker is not None:
        folder = marker.rpartition("/")[0]
        own = old if there[marker] == old[marker] else new
        within = {key: there[key] for key in there if key.startswith(f"{folder}/") and UNFINISHED not in key}
        assert within == {key: own[key] for key in own if key.startswith(f"{folder}/")}
    if receipt in there:
        assert marker is not None or target in there


def test_strange_folders_are_left_alone(bucket, few):
    bucket.put("tiles/mine.txt", b"mine")
    with pytest.raises(WriteFailed, match=r"holds mine\.txt"):
        gigascene.compose("rgb", few, bucket.url("tiles/"), bands=KEYS)
    assert bucket.names() == {"tiles/mine.txt"}


def test_two_runs_at_once(bucket, few, monkeypatch):
    """The second is told that another is writing."""
    began, go_on = threading.Event(), threading.Event()

    def watch(_):
        began.set()
        go_on.wait(DEADLINE_S)

    first = threading.Thread(target=lambda: gigascene.compose("rgb", few, bucket.url("a.png"), bands=KEYS, watch=watch))
    first.start()
    try:
        assert began.wait(DEADLINE_S)
        with pytest.raises(WriteFailed, match="another run"):
            gigascene.compose("rgb", few, bucket.url("a.png"), bands=KEYS)
    finally:
        go_on.set()
        first.join()
    assert "a.png.receipt.json" in bucket.names()


def test_a_watcher_that_stops_it_while_it_sends(bucket, bands):
    def watch(progress):
        if progress.to_send:
            raise Stopped(signal.SIGTERM, "enough")

    with pytest.raises(Stopped):
        gigascene.compose("rgb", bands, bucket.url("a.tif"), bands=KEYS, watch=watch, **BIG)
    assert bucket.index() == set()


# Credentials


def test_a_profile_is_looked_at_anew(server, bucket, at, tmp_path, monkeypatch):
    bucket.put("a", b"abc")
    monkeypatch.setattr(_stores, "FRESH_S", 0)
    where = {name: value for name, value in server.environment().items() if name == "AWS_ENDPOINT_URL"}
    at(where | {"AWS_PROFILE": "mine"})
    with pytest.raises(BadInput, match="profile mine is in none of AWS's files"):
        buckets.part(bucket.url("a"), 0, 3)
    file = tmp_path / "shared_credentials"
    keys = "[mine]\naws_access_key_id = {}\naws_secret_access_key = {}\n"
    file.write_text(keys.format(server.key, "PLANTEDwrong"))
    with pytest.raises(BadInput, match=r"does not accept.*profile mine") as refused:
        buckets.part(bucket.url("a"), 0, 3)
    assert "PLANTED" not in str(refused.value)
    file.write_text(keys.format(server.key, server.secret))
    assert buckets.part(bucket.url("a"), 0, 3)[0] == b"abc"


def test_a_profile_without_keys_says_what_to_do(server, at, tmp_path):
    at({"AWS_PROFILE": "role", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}"})
    (tmp_path / "config").write_text("[profile role]\nrole_arn = arn:aws:iam::1:role/x\n")
    with pytest.raises(BadInput, match="export-credentials --format env --profile role"):
        buckets.part("s3://anything/a", 0, 3)


def test_no_secret_is_written_anywhere(server, bucket, bands, tmp_path, scratch):
    """Plans, receipts, items, capsules, logs, journals, what is left of a killed run: nowhere."""
    out = tmp_path / "made"
    out.mkdir()
    sources = [bucket.put(f"{key}.tif", Path(path).read_bytes()) for key, path in zip(KEYS, bands, strict=True)]
    common = ["compose", "rgb", *sources, "--bands", ",".join(KEYS), "--engine", "processes"]
    said = [
        started(*common, "-o", bucket.url("a.png"), "--save", out / "plan.json", cwd=out),
        started(*common, "-o", out / "b.tif", cwd=out, env={"GIGASCENE_DEBUG": "1"}),
        started("run", out / "plan.json", cwd=out, env={"AWS_ACCESS_KEY_ID": "nobody", "GIGASCENE_DEBUG": "1"}),
        started("run", out / "plan.json", cwd=out, env={"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}),
        started("info", bucket.url("none.tif"), env={"GIGASCENE_DEBUG": "1"}),
    ]
    assert [one.code for one in said] == [0, 0, 5, 5, 4]
    in_the_middle([*common, "--depth", "16", "--compress", "none"], server, bucket, signal.SIGKILL)
    texts = [text.encode() for one in said for text in (one.out, one.err)]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert any(path.is_relative_to(scratch) for path in files)
    texts += [path.read_bytes() for path in files] + [bucket.get(key) for key in bucket.names()]
    for secret in (server.secret, server.key):
        assert not [text for text in texts if secret.encode() in text]


def test_only_the_users_own_server_is_asked(server, bucket, tmp_path):
    """A catalogue may name buckets of the server that the environment names; no other server inside this network."""
    stac_scene.write_bands(tmp_path / "in", {"forest": 1}, raw=True)
    for path in (tmp_path / "in").iterdir():
        bucket.put(f"in/{path.name}", path.read_bytes())
    far = stac_scene.item(base=f"http://127.0.0.1:{server.port}/{bucket.name}/in/")
    near = stac_scene.item(base=bucket.url("in/"))
    for name, item in {"far": far, "near": near}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(item))
    with pytest.raises(BadInput, match="inside this machine"):
        gigascene.compose("true-color", tmp_path / "far.json", tmp_path / "a.png")
    gigascene.compose("true-color", tmp_path / "near.json", tmp_path / "a.png")


def test_resume_of_pieces(bucket, bands, tmp_path):
    """A run that is stopped before all is made goes on where it was."""
    gigascene.compose("rgb", bands, tmp_path / "a.png", bands=KEYS)
    plan = gigascene.plan_compose("rgb", bands, bucket.url("a.png"), bands=KEYS, engine="serial")
    plan = replace(plan, cut=replace(plan.cut, task_pieces=1))

    def watch(progress):
        if progress.pieces == 2:
            raise Stopped(signal.SIGTERM, "enough")

    with pytest.raises(Stopped):
        gigascene.run(plan, watch=watch)
    assert gigascene.run(plan, resume=True).resumed == 2
    assert bucket.get("a.png") == (tmp_path / "a.png").read_bytes()
