"""Buckets whose readers pay: nothing is read before the user has agreed; then with their own credentials."""

import time

import pytest

from gigascene.model.errors import NoAccess
from gigascene.storage import paid, remote
from range_server import forget

pytestmark = pytest.mark.slow


@pytest.fixture
def reader(server, bucket, at, monkeypatch):
    """Who does not own the bucket."""
    monkeypatch.delenv(paid.VARIABLE, raising=False)
    forget()
    bucket.put("a.tif", b"pixels")
    bucket.paid_by_readers()
    key, secret = server.user(f"reader{time.monotonic_ns()}")
    at(server.environment() | {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret})
    return bucket.url("a.tif")


def test_who_does_not_pay_reads_nothing(reader):
    with pytest.raises(NoAccess, match=r"give no right to it.*AWS_REQUEST_PAYER=requester") as caught:
        remote.read(reader, 0, 6)
    assert caught.value.exit_code == 4


def test_who_agrees_reads(reader, monkeypatch, at):
    monkeypatch.setenv(paid.VARIABLE, "requester")
    assert paid.agreed()
    assert remote.read(reader, 0, 6) == b"pixels"
