"""A mosaic and a composite on a real Slurm, from disk and from a bucket, to both; no secret lies where others can read it."""

import stat
import tempfile
from pathlib import Path

import psutil
import pytest

import gigascene
from buckets import mixed, radosgw
from buckets.client import Bucket
from gigascene.settings import settings
from gigascene.storage import _stores
from slurm.cluster import missing
from slurm.runs import hidden, queued, until

why = missing() or radosgw.missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why), reason=why or "both can be")]


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="radosgw-") as folder, radosgw.radosgw(folder) as running:
        yield running


@pytest.fixture
def bucket(server, monkeypatch, tmp_path):
    """An empty bucket, to which the jobs' environment has the keys; scratch is on what nodes share."""
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GIGASCENE_SCRATCH", str(tmp_path / "scratch"))
    _stores._store.cache_clear()
    settings.cache_clear()
    yield Bucket.made(server)
    _stores._store.cache_clear()
    settings.cache_clear()


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    return folder, mixed.write(folder)


@pytest.fixture(scope="module")
def expected(scenes, tmp_path_factory):
    return mixed.made_by_one_core(*scenes, tmp_path_factory.mktemp("serial"))


@pytest.mark.parametrize("source", ["file", "s3"])
@pytest.mark.parametrize("kind", mixed.KINDS)
def test_the_same_bytes(kind, source, scenes, expected, bucket, tmp_path):
    plan = mixed.planned(kind, mixed.lying(source, *scenes, bucket), tmp_path / "a.tif")
    here = mixed.on(plan, "slurm", str(tmp_path / "a.tif"))
    gigascene.run(here, where={"array": "2"})
    gigascene.run(mixed.on(plan, "slurm", bucket.url("out/a.tif")), where={"array": "2"})
    assert mixed.sha256(tmp_path / "a.tif") == bucket.sha256("out/a.tif") == expected[kind]
    assert not hidden(here)
    assert not list((tmp_path / "scratch").iterdir())
    until(lambda: not queued(), "empty queue")


def test_no_secret_lies_where_others_can_read_it(scenes, bucket, cluster, tmp_path):
    """While jobs run: in none of our files at all, in none of Slurm's that others may open, in no command line."""
    seen = {"elements": 0, "files": 0}
    secret = bucket.server.secret

    def look(_):
        seen["elements"] += sum("gigascene.execute.element" in line for line in command_lines())
        assert not [line for line in command_lines() if secret in line]
        assert not [path for path in files(tmp_path) if secret.encode() in content(path)]
        holding = [path for path in files(cluster) if secret.encode() in content(path)]
        seen["files"] += len(holding)
        assert not [path for path in holding if readable_by_others(path)]

    plan = mixed.planned("mosaic", mixed.lying("s3", *scenes, bucket), tmp_path / "a.tif")
    gigascene.run(mixed.on(plan, "slurm", bucket.url("a.tif")), where={"array": "2"}, watch=look)
    assert seen["elements"] > 0
    assert seen["files"] > 0  # Slurm keeps the environment of jobs for itself: this test does see it
    assert not [path for path in files(tmp_path) if secret.encode() in content(path)]
    assert not [key for key in bucket.names() if secret.encode() in bucket.get(key)]


def command_lines():
    for process in psutil.process_iter(["cmdline"]):
        yield "\0".join(process.info["cmdline"] or ())


def files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def content(path):
    """Gone meanwhile: nothing."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def readable_by_others(path):
    """By its own rights, and those of the folders above it."""
    try:
        mode = path.stat().st_mode
        above = [folder.stat().st_mode for folder in path.parents]
    except OSError:
        return False
    return bool(mode & (stat.S_IROTH | stat.S_IRGRP)) and all(one & (stat.S_IXOTH | stat.S_IXGRP) for one in above)
