"""Signatures that are asked for, with, and never told; logins that are asked for in one line."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from gigascene.model.errors import BadInput, NoAccess
from gigascene.storage import _requests, remote
from range_server import forget, serving

PLACE = "sentinel2l2a01/sentinel2-l2"
HREF = "http://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/06/B04.tif"


def token(word, minutes=45):
    ends = datetime.now(UTC) + timedelta(minutes=minutes)
    return json.dumps({"msft:expiry": ends.isoformat().replace("+00:00", "Z"), "token": f"st=a&sig={word}"}).encode()


@pytest.fixture
def archive(monkeypatch):
    """A proxy that answers for Azure, and the service that signs."""
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    monkeypatch.setattr(_requests, "WAIT_S", 0.01)
    forget()
    with serving() as (address, files):
        monkeypatch.setenv("http_proxy", address)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setenv("PC_SDK_SAS_URL", f"{address}/api/sas/v1/token")
        files.files = {"/sentinel2-l2/06/B04.tif": b"pixels", f"/api/sas/v1/token/{PLACE}": token("PLANTED1")}
        files.locked["/sentinel2-l2"] = (409, "sig=PLANTED1")
        yield files
    forget()


def asked(files):
    return [path for path, _ in files.asked]


def test_a_signature_is_asked_for_once_and_used(archive):
    assert remote.read(HREF, 0, 6) == b"pixels"
    archive.files["/sentinel2-l2/06/B08.tif"] = b"other"
    assert remote.read(HREF.replace("B04", "B08"), 0, 5) == b"other"
    service = [path for path in asked(archive) if "/sas/" in path]
    assert len(service) == 1
    assert asked(archive)[-1].endswith("B08.tif?st=a&sig=PLANTED1")
    assert len(asked(archive)) == 4


def test_one_that_has_run_out_is_asked_for_anew(archive):
    archive.files[f"/api/sas/v1/token/{PLACE}"] = token("PLANTED1", minutes=0.5)  # too short to be kept
    assert remote.read(HREF, 0, 6) == b"pixels"
    archive.files[f"/api/sas/v1/token/{PLACE}"] = token("PLANTED2")
    archive.locked["/sentinel2-l2"] = (403, "sig=PLANTED2")
    assert remote.state(HREF, fresh=True).size == 6


def test_a_key_goes_to_the_service_alone(archive, monkeypatch):
    monkeypatch.setenv("PC_SDK_SUBSCRIPTION_KEY", "PLANTEDKEY")
    remote.read(HREF, 0, 6)
    brought = [path for path, headers in archive.asked if "PLANTEDKEY" in str(headers)]
    assert len(brought) == 1
    assert "/sas/" in brought[0]


def test_what_the_service_does_not_sign_is_refused_as_ever(archive):
    del archive.files[f"/api/sas/v1/token/{PLACE}"]
    for _ in range(2):
        with pytest.raises(NoAccess, match="HTTP 409") as caught:
            remote.read(HREF, 0, 6)
    assert len([path for path in asked(archive) if "/sas/" in path]) == 1
    assert caught.value.exit_code == 4
    archive.locked["/sentinel2-l2"] = (403, "never")
    archive.files[f"/api/sas/v1/token/{PLACE}"] = token("PLANTED3")
    forget()
    with pytest.raises(NoAccess) as caught:
        remote.read(HREF, 0, 6)
    assert "PLANTED" not in str(caught.value)


def test_other_hosts_are_not_signed_for(archive):
    archive.locked["/x"] = (403, "never")
    with pytest.raises(NoAccess):
        remote.read("http://blob.core.windows.net.example.org/x/B04.tif", 0, 6)
    assert not [path for path in asked(archive) if "/sas/" in path]


def test_a_page_for_people_is_no_file(archive):
    archive.files["/login.html"] = b"<html>Who are you?</html>"
    archive.moved["/data/B4.TIF"] = "http://ers.example.org/login.html"
    with pytest.raises(NoAccess, match=r"B4.TIF: wants a login: it leads to a page of ers.example.org"):
        remote.read("http://landsatlook.example.org/data/B4.TIF", 0, 6)
    archive.files["/own.html"] = b"<html>"
    assert remote.read("http://landsatlook.example.org/own.html", 0, 6) == b"<html>"


def test_a_service_that_talks_nonsense(archive):
    archive.files[f"/api/sas/v1/token/{PLACE}"] = b"[1]"
    with pytest.raises(BadInput, match="409"):
        remote.read(HREF, 0, 6)
