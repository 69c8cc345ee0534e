"""One server for each run of the tests, a bucket for each test, and scratch and cache folders that nobody else uses."""

import tempfile
from pathlib import Path

import pytest

from buckets.client import Bucket
from buckets.radosgw import missing, radosgw
from gigascene.settings import settings
from gigascene.storage import _stores


@pytest.fixture(scope="session")
def server():
    if why := missing():
        pytest.skip(why)
    with tempfile.TemporaryDirectory(prefix="radosgw-") as folder, radosgw(folder) as running:
        yield running


@pytest.fixture
def at(monkeypatch, tmp_path):
    """Let this process, and those it starts, ask a server as somebody."""

    def set_up(environment):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        _stores._store.cache_clear()

    monkeypatch.setenv("GIGASCENE_CACHE", str(tmp_path / "cache"))
    for name in ("CONFIG", "SHARED_CREDENTIALS"):
        monkeypatch.setenv(f"AWS_{name}_FILE", str(tmp_path / name.lower()))
    settings.cache_clear()
    monkeypatch.setattr(_stores, "WAIT_S", 0.05)
    yield set_up
    _stores._store.cache_clear()
    settings.cache_clear()


@pytest.fixture
def bucket(server, at, request):
    """An empty bucket, which this process may read and write."""
    at(server.environment())
    return Bucket.made(server)


@pytest.fixture
def scratch(tmp_path) -> Path:
    return tmp_path / "cache" / "outputs"
