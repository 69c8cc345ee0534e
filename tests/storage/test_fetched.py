"""Copies of files: whole, gone on with, held to what was told, never half in their place."""

import hashlib
import json
import os

import pytest

from gigascene.metadata import multihash
from gigascene.model.errors import BadInput, Stopped, WriteFailed
from gigascene.storage import _source
from gigascene.storage.fetched import Copy, begun, fetch, is_there
from gigascene.storage.names import LONGEST, file_name, unlike
from range_server import forget, serving

BODY = os.urandom(300_000)
SUM = ("sha256", hashlib.sha256(BODY).hexdigest())


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("GIGASCENE_ALLOW_PRIVATE_HREFS", "1")
    monkeypatch.setattr(_source, "CHUNK", 100_000)
    forget()
    with serving() as (address, files):
        files.files["/a.tif"] = BODY
        yield f"{address}/a.tif", files
    forget()


def nothing(_):
    """Nobody watches."""


def spans(files):
    return [headers["Range"] for path, headers in files.asked]


def half_done(copy, tag='"300000"', size=150_000, body=BODY):
    part = copy.path.with_name(f".{copy.path.name}.part")
    part.write_bytes(body[:size])
    notes = {"href": copy.href, "size": 300_000, "tag": tag}
    copy.path.with_name(f".{copy.path.name}.from").write_text(json.dumps(notes))


@pytest.mark.parametrize("checksum", [None, SUM])
def test_a_remote_file_whole(server, tmp_path, checksum):
    href, files = server
    copy = Copy(href=href, path=tmp_path / "a.tif", size=300_000, checksum=checksum)
    told = []
    assert not is_there(copy)
    fetch(copy, told.append)
    assert copy.path.read_bytes() == BODY
    assert sum(told) == 300_000
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    files.reset()
    assert is_there(copy)
    assert files.asked == []  # the size was told


def test_a_local_file(tmp_path):
    (tmp_path / "b.tif").write_bytes(BODY)
    copy = Copy(href=str(tmp_path / "b.tif"), path=tmp_path / "a.tif", checksum=SUM)
    fetch(copy, nothing)
    assert copy.path.read_bytes() == BODY
    assert is_there(copy)


def test_an_empty_file(tmp_path):
    (tmp_path / "b.txt").touch()
    fetch(Copy(href=str(tmp_path / "b.txt"), path=tmp_path / "a.txt", size=0), nothing)
    assert (tmp_path / "a.txt").read_bytes() == b""


def test_what_was_begun_is_gone_on_with(server, tmp_path):
    href, files = server
    copy = Copy(href=href, path=tmp_path / "a.tif", checksum=SUM)
    half_done(copy)
    assert begun(copy) == 150_000
    told = []
    fetch(copy, told.append)
    assert copy.path.read_bytes() == BODY
    assert told[0] == 150_000
    assert spans(files)[1:] == ["bytes=150000-249999", "bytes=250000-299999"]


@pytest.mark.parametrize(
    "wishes", [{"tag": '"other"'}, {"body": bytes(300_000)}, {"size": 300_000, "body": bytes(300_000)}]
)
def test_what_was_begun_of_another_file_or_is_damaged_is_not_kept(server, tmp_path, wishes):
    href, _ = server
    copy = Copy(href=href, path=tmp_path / "a.tif", checksum=SUM)
    half_done(copy, **wishes)
    told = []
    fetch(copy, told.append)
    assert copy.path.read_bytes() == BODY
    assert sum(told) == 300_000


def test_without_a_tag_or_a_checksum_nobody_can_tell_and_it_begins_anew(server, tmp_path):
    href, files = server
    files.tags["/a.tif"] = ""
    copy = Copy(href=href, path=tmp_path / "a.tif")
    half_done(copy, tag="", body=bytes(300_000))
    fetch(copy, nothing)
    assert copy.path.read_bytes() == BODY


def test_a_damaged_source_leaves_nothing(server, tmp_path):
    href, files = server
    files.files["/a.tif"] = BODY[:-1] + bytes([BODY[-1] ^ 1])
    with pytest.raises(BadInput, match="has not the sha256"):
        fetch(Copy(href=href, path=tmp_path / "a.tif", checksum=SUM), nothing)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_copy_is_not_there(server, tmp_path):
    href, _ = server
    copy = Copy(href=href, path=tmp_path / "a.tif", size=300_000, checksum=SUM)
    copy.path.write_bytes(bytes(300_000))
    assert not is_there(copy)
    fetch(copy, nothing)
    assert is_there(copy)


def test_another_size_than_told(server, tmp_path):
    href, _ = server
    with pytest.raises(BadInput, match="has 300,000 bytes, and its catalogue says 299,999"):
        fetch(Copy(href=href, path=tmp_path / "a.tif", size=299_999), nothing)


def test_a_file_that_changes_meanwhile(server, tmp_path):
    href, files = server
    copy = Copy(href=href, path=tmp_path / "a.tif")

    def change(_):
        files.tags["/a.tif"] = '"new"'

    with pytest.raises(BadInput, match="has changed while it was read"):
        fetch(copy, change)
    forget()
    fetch(copy, nothing)
    assert copy.path.read_bytes() == BODY


def test_a_server_without_ranges(server, tmp_path):
    href, files = server
    files.ranges = False
    copy = Copy(href=href, path=tmp_path / "a.tif", checksum=SUM)
    half_done(copy)
    told = []
    fetch(copy, told.append)
    assert copy.path.read_bytes() == BODY
    assert sum(told) == 300_000
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_a_server_without_ranges_that_breaks_off(server, tmp_path):
    href, files = server
    files.ranges = False
    files.failing["/a.tif"] = [0, 0, "half", 503]
    told = []
    fetch(Copy(href=href, path=tmp_path / "a.tif"), told.append)
    assert (tmp_path / "a.tif").read_bytes() == BODY
    assert sum(told) == 300_000


def test_who_is_stopped_does_not_ask_again(server, tmp_path):
    href, files = server
    files.ranges = False
    asked = len(files.asked)

    def stop(count):
        if count:
            raise Stopped(15, "Stopped.")

    with pytest.raises(Stopped):
        fetch(Copy(href=href, path=tmp_path / "a.tif"), stop)
    assert len(files.asked) - asked == 3  # its state, its length, itself


def test_credentials_are_asked_for_in_one_line(server, tmp_path):
    href, files = server
    files.failing["/a.tif"] = [401]
    with pytest.raises(BadInput, match=r"may not be read \(HTTP 401\).*credentials") as caught:
        fetch(Copy(href=href, path=tmp_path / "a.tif"), nothing)
    assert "\n" not in str(caught.value)


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "b.tif").write_bytes(BODY)
    (tmp_path / "elsewhere").write_bytes(b"precious")
    (tmp_path / "a.tif").symlink_to("elsewhere")
    copy = Copy(href=str(tmp_path / "b.tif"), path=tmp_path / "a.tif")
    assert not is_there(copy)
    with pytest.raises(WriteFailed, match="it is a link"):
        fetch(copy, nothing)
    assert (tmp_path / "elsewhere").read_bytes() == b"precious"


@pytest.mark.parametrize(
    "words",
    [
        "../x",
        "..",
        ".",
        "",
        "/etc/passwd",
        "a\nb",
        "-rf",
        ".hidden",
        "a/b",
        "a\\b",
        "$(id)",
        "é" * 200,
        "x" * 300,
        "\x00",
    ],
)
def test_names_stay_inside_and_are_plain(words):
    name = file_name(words)
    assert "/" not in name
    assert name.isascii()
    assert name.isprintable()
    assert name[0] not in ".-"
    assert 0 < len(name) <= LONGEST
    assert file_name(f"{words}.") != name
    assert not set(name) & set(" $();'\"\\")


def test_taken_names_are_told_apart():
    taken = set()
    names = [unlike(file_name("A"), taken, "1"), unlike(file_name("a"), taken, "2"), unlike(file_name("a"), taken, "3")]
    assert len({name.lower() for name in names}) == 3


@pytest.mark.parametrize("algorithm", multihash.CODES)
def test_multihash_there_and_back(algorithm):
    digest = hashlib.new(algorithm, b"scene").hexdigest()
    assert multihash.decoded(multihash.encoded(algorithm, digest)) == (algorithm, digest)


def test_multihash_of_real_catalogues():
    usgs = "1340" + "ab" * 64  # as USGS's items tell SHA2-512
    assert multihash.decoded(usgs) == ("sha512", "ab" * 64)
    assert multihash.decoded("1220" + "ab" * 31) is None
    assert multihash.decoded("zz") is None
