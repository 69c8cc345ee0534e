"""Folders and tar files: what they show, where they are found, and what they refuse."""

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import rasterio

from gigascene.archives import Folder, Tarball, identity, open_archive
from gigascene.model.errors import BadInput, exit_code
from gigascene.model.sensor import Archive
from gigascene.sensors import open_scene
from tiny_landsat import write_band, write_collection2

ID = "LC08_L1TP_016037_20170813_20200903_02_T1"


@pytest.fixture
def folder(tmp_path):
    return write_collection2(tmp_path / ID)


def packed(folder, suffix, inside=""):
    path = folder.parent / f"{folder.name}{suffix}"
    mode = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2"}[suffix]
    with tarfile.open(path, mode) as tar:
        for file in sorted(folder.iterdir()):
            tar.add(file, inside + file.name)
    return path


def hostile(path, *members, content=b"x"):
    with tarfile.open(path, "w") as tar:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))
    return path


def member(name, type=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type, link
    return info


def test_a_folder_shows_its_own_regular_files(folder, tmp_path):
    outside = tmp_path / "secret.TIF"
    outside.write_bytes(b"x")
    (folder / "link_out.TIF").symlink_to(outside)
    (folder / "link_in.TIF").symlink_to(folder / f"{ID}_B2.TIF")
    (folder / "broken.TIF").symlink_to("nowhere")
    (folder / "._hidden.TIF").write_bytes(b"x")
    (folder / "inner").mkdir()
    (folder / "inner" / "x.TIF").write_bytes(b"x")
    archive: Archive = Folder(folder)
    assert set(archive.names()) == {f"{ID}_B{n}.TIF" for n in (2, 3, 4, 10)} | {f"{ID}_MTL.txt", "link_in.TIF"}
    assert archive.href(f"{ID}_B2.TIF") == str(folder / f"{ID}_B2.TIF")
    with pytest.raises(BadInput, match="has no file link_out"):
        archive.read("link_out.TIF")


def test_identity_changes_with_the_file(folder):
    name = f"{ID}_B2.TIF"
    before = Folder(folder).identity(name)
    os.utime(folder / name, ns=(1, 1))
    assert Folder(folder).identity(name) != before
    assert Folder(folder).identity(name) == identity(str(folder / name)) == f"{(folder / name).stat().st_size}-1"
    with pytest.raises(BadInput, match="cannot be looked at"):
        identity(str(folder / "gone.TIF"))


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tgz", ".tar.bz2"])
@pytest.mark.parametrize("inside", ["", "./", f"{ID}/"])
def test_a_tar_file_holds_the_same_scene_as_its_folder(folder, suffix, inside):
    path = packed(folder, suffix, inside)
    wanted, found = open_scene(folder), open_scene(path)
    assert found.id == wanted.id
    assert found.assets.keys() == wanted.assets.keys()
    for key, asset in found.assets.items():
        assert asset.geobox == wanted.assets[key].geobox
        assert asset.calibrations == wanted.assets[key].calibrations
        assert asset.identity == identity(asset.href)
        with rasterio.open(asset.href) as one, rasterio.open(wanted.assets[key].href) as other:
            assert (one.read() == other.read()).all()
    assert (
        open_archive(path).read(f"{inside.removeprefix('./')}{ID}_MTL.txt") == (folder / f"{ID}_MTL.txt").read_bytes()
    )


def test_a_plain_tar_is_read_in_place(folder):
    archive = Tarball(packed(folder, ".tar"))
    href = archive.href(f"{ID}_B4.TIF")
    assert href.startswith("/vsisubfile/")
    assert href.endswith(f",{folder}.tar")
    assert archive.identity(f"{ID}_B4.TIF") == identity(f"{folder}.tar")


def test_only_what_is_asked_for_is_unpacked_and_gone_with_the_process(folder):
    path = packed(folder, ".tar.gz")
    script = (
        "import sys; from pathlib import Path; from gigascene.archives import open_archive\n"
        f"href = Path(open_archive(sys.argv[1]).href('{ID}_B4.TIF'))\n"
        "print(href); assert [f.name for f in href.parent.iterdir()] == [href.name]\n"
        "assert href.parent.stat().st_mode & 0o077 == 0"
    )
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).parent.exists()


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (member("/etc/passwd"), "'/etc/passwd' points outside"),
        (member("a/../../x"), "'a/../../x' points outside"),
        (member("..\\x"), "points outside"),
        (member("x.TIF", tarfile.SYMTYPE, "/etc/passwd"), "'x.TIF' is a link"),
        (member("x.TIF", tarfile.LNKTYPE, "good"), "'x.TIF' is a link"),
        (member("x", tarfile.CHRTYPE), "'x' is neither a file nor a folder"),
        (member("x", tarfile.FIFOTYPE), "'x' is neither a file nor a folder"),
        (member("good"), "'good' stands twice"),
        (member("./good"), "'good' stands twice"),
    ],
)
def test_hostile_members_are_named(tmp_path, bad, words):
    path = hostile(tmp_path / "bad.tar", member("good"), bad)
    with pytest.raises(BadInput) as caught:
        open_archive(path)
    assert words in str(caught.value)
    assert "bad.tar" in str(caught.value)
    assert exit_code(caught.value) == 4


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_tar_cut_short_is_refused(folder, suffix, share):
    path = packed(folder, suffix)
    whole = path.read_bytes()
    size = len(whole) if suffix != ".tar" else whole.rindex(b"GROUP")
    path.write_bytes(whole[: int(share * size)])
    with pytest.raises(BadInput, match=path.name):
        open_scene(path)


def test_a_damaged_checksum_is_seen(folder):
    path = packed(folder, ".tar.gz")
    whole = bytearray(path.read_bytes())
    whole[-8] ^= 0xFF
    path.write_bytes(whole)
    with pytest.raises(BadInput, match="CRC"):
        open_archive(path)


def test_declared_sizes_are_not_believed(tmp_path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 1 << 33
    (tmp_path / "bomb.tar").write_bytes(info.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    with pytest.raises(BadInput, match="declares 8589934592 bytes"):
        open_archive(tmp_path / "bomb.tar")
    big = tmp_path / "big"
    big.mkdir()
    with (big / "X_MTL.txt").open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(BadInput, match="is 1074 MB"):
        open_archive(big).read("X_MTL.txt")


def test_a_file_that_is_no_tar(tmp_path):
    (tmp_path / "x.tar").write_bytes(b"hello" * 1000)
    (tmp_path / "y.tar.gz").write_bytes(b"\x1f\x8b" + b"hello" * 1000)
    (tmp_path / "z.tar").write_bytes(b"")
    for name in ("x.tar", "y.tar.gz", "z.tar"):
        with pytest.raises(BadInput, match=name):
            open_archive(tmp_path / name)


def test_ids_are_found_under_a_root(folder, tmp_path):
    assert open_scene(ID, tmp_path).id == ID
    assert open_scene("LC08_L1TP_016037_2017", tmp_path).id == ID
    packed(folder, ".tar")
    assert open_archive(ID[:-3], tmp_path).names() == Folder(folder).names()  # the folder before its tar
    write_collection2(tmp_path / "LC08_L1TP_016037_20170829_20200903_02_T1")
    with pytest.raises(BadInput, match="stands for 2 scenes"):
        open_archive("LC08_L1TP_016037_2017", tmp_path)
    assert open_archive(ID, tmp_path).name == ID


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_ids_are_found_as_tar_files(folder, tmp_path, suffix):
    root = tmp_path / "root"
    root.mkdir()
    packed(folder, suffix).rename(root / f"{ID}{suffix}")
    (root / f"{ID}.tar.sha256").write_text("")
    assert open_scene(ID, root).id == open_scene(ID[:20], root).id == ID


def test_what_is_not_there(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "nested" / "deeper").mkdir(parents=True)
    for path, root, words in [
        (tmp_path / "gone", None, "does not exist"),
        (tmp_path / "gone" / "gone", None, "Nor does the folder"),
        ("LC08", tmp_path, "no scene in"),
        ("../x", tmp_path, "does not exist"),
        ("..", tmp_path / "gone", ""),
        ("LC08", tmp_path / "gone", "is no folder"),
        (tmp_path / "empty", None, "is an empty folder"),
        (tmp_path / "nested", None, "holds only folders: deeper"),
    ]:
        if words:
            with pytest.raises(BadInput, match=words):
                open_archive(path, root)


def test_a_folder_that_holds_no_scene(tmp_path):
    write_band(tmp_path / "x.TIF")
    with pytest.raises(BadInput, match=r"is not a scene of any known sensor.*Landsat 4-9 Collection 2 level 1"):
        open_scene(tmp_path)


def test_a_file_inside_the_folder_stands_for_the_scene(folder):
    assert open_scene(folder / f"{ID}_MTL.txt").id == ID
    assert open_scene(folder / f"{ID}_B4.TIF").id == ID
