"""Zip files and folders of folders: what they show, and what they refuse."""

import stat
import struct
import zipfile

import pytest

from gigascene.archives import Tree, Zipped, open_archive
from gigascene.model.errors import BadInput, exit_code
from gigascene.storage.contents import digest, start, whole


def packed(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def refused(path, words):
    with pytest.raises(BadInput, match=words) as caught:
        Zipped(path)
    assert exit_code(caught.value) == 4
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_are_read_in_place(compression, tmp_path):
    content = bytes(range(256)) * 100
    path = packed(tmp_path / "a b.zip", [("P.SAFE/x/y.xml", content), ("P.SAFE/._z", b"1"), ("Q/", b"")], compression)
    archive = open_archive(path)
    assert isinstance(archive, Zipped)
    assert list(archive.names()) == ["P.SAFE/x/y.xml"]
    assert archive.read("P.SAFE/x/y.xml") == content
    href = archive.href("P.SAFE/x/y.xml")
    assert href == f"/vsizip/{{{path}}}/P.SAFE/x/y.xml"
    assert start(href, 3) == b"\0\1\2"
    assert whole(href, 1 << 20) == content
    assert digest(href, "md5") == __import__("hashlib").md5(content).hexdigest()
    with pytest.raises(BadInput, match="larger than"):
        whole(href, 100)
    before = archive.identity("P.SAFE/x/y.xml")
    packed(path, [("P.SAFE/x/y.xml", content + b"1")], compression)
    assert archive.identity("P.SAFE/x/y.xml") != before


@pytest.mark.parametrize("name", ["../a.xml", "x/../../a.xml", "/etc/passwd", "a\\..\\b", "a{b}.xml"])
def test_a_path_that_leads_outside(name, tmp_path):
    refused(packed(tmp_path / "a.zip", [("ok.xml", b"1"), (name, b"2")]), "points outside the archive")


def test_a_link(tmp_path):
    info = zipfile.ZipInfo("link.xml")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(packed(tmp_path / "a.zip", [(info, b"/etc/passwd")]), "is a link")


def test_a_name_twice(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = packed(tmp_path / "a.zip", [("a.xml", b"1"), ("a.xml", b"2")])
    refused(path, "stands twice")


def test_an_encrypted_member(tmp_path):
    path = packed(tmp_path / "a.zip", [("a.xml", b"1")])
    data = bytearray(path.read_bytes())
    for magic, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.index(magic) + place
        data[at : at + 2] = struct.pack("<H", struct.unpack("<H", data[at : at + 2])[0] | 1)
    path.write_bytes(data)
    refused(path, "is encrypted")


def test_another_compression(tmp_path):
    refused(packed(tmp_path / "a.zip", [("a.xml", b"1")], zipfile.ZIP_BZIP2), "method that is not read in place")


def test_a_bomb(tmp_path):
    path = packed(tmp_path / "a.zip", [(f"{number}.xml", bytes(40_000_000)) for number in range(8)])
    assert path.stat().st_size < 400_000
    refused(path, "unpack from 0.3 MB to 320 MB")


def test_members_that_lie_over_each_other(tmp_path):
    """Every entry of the index leads to the same bytes, so that little becomes much."""
    path = packed(tmp_path / "a.zip", [("a.xml", bytes(range(256)) * 40)], zipfile.ZIP_STORED)
    data = path.read_bytes()
    at = data.index(b"PK\1\2")
    end = data.index(b"PK\5\6")
    entries = b"".join(data[at:end].replace(b"a.xml", f"{chr(98 + n)}.xml".encode()) for n in range(20))
    tail = bytearray(data[end:])
    tail[8:12] = struct.pack("<HH", 20, 20)
    tail[12:16] = struct.pack("<I", len(entries))
    path.write_bytes(data[:at] + entries + bytes(tail))
    refused(path, "holds 20 files that unpack")


@pytest.mark.parametrize("spoil", [lambda data: data[:-30], lambda data: b"", lambda data: b"no zip" * 100])
def test_a_broken_file(spoil, tmp_path):
    path = packed(tmp_path / "a.zip", [("a.xml", b"1" * 1000)])
    path.write_bytes(spoil(path.read_bytes()))
    refused(path, "is no readable zip file")


def test_an_empty_file(tmp_path):
    refused(packed(tmp_path / "a.zip", []), "holds no file")


def test_metadata_that_is_too_large(tmp_path):
    path = packed(tmp_path / "a.zip", [("a.xml", bytes(70_000_000))])
    with pytest.raises(BadInput, match="metadata is at most"):
        Zipped(path).read("a.xml")


def test_a_broken_member(tmp_path):
    path = packed(tmp_path / "a.zip", [("a.xml", bytes(range(256)) * 100)])
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    archive = Zipped(path)
    for read in (lambda: archive.read("a.xml"), lambda: whole(archive.href("a.xml"), 1 << 20)):
        with pytest.raises(BadInput, match="zip file"):
            read()


def test_a_tree_shows_its_own_files_however_deep(tmp_path):
    root = tmp_path / "P.SAFE"
    (root / "GRANULE" / "x").mkdir(parents=True)
    (root / "GRANULE" / "x" / "b.jp2").write_bytes(b"1")
    (root / "a.xml").write_bytes(b"12")
    (root / "GRANULE" / ".hidden").write_bytes(b"1")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "c.xml").write_bytes(b"1")
    (root / "link").symlink_to(tmp_path / "outside")
    (root / "c.xml").symlink_to(tmp_path / "outside" / "c.xml")
    archive = open_archive(root / "GRANULE" / "x")
    assert isinstance(archive, Tree)
    assert list(archive.names()) == ["GRANULE/x/b.jp2", "a.xml"]
    assert archive.read("a.xml") == b"12"
    assert archive.href("a.xml") == str(root / "a.xml")
    assert archive.name == str(root / "GRANULE" / "x")
    with pytest.raises(BadInput, match="has no file"):
        archive.read("../outside/c.xml")


def test_an_empty_tree(tmp_path):
    (tmp_path / "P.SAFE").mkdir()
    with pytest.raises(BadInput, match="holds no file"):
        open_archive(tmp_path / "P.SAFE")
