"""The viewer's foreign part: only the pinned bytes are taken."""

import importlib.util
import io
import tarfile
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "fetch_openseadragon.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("fetch_openseadragon", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def package(path, names):
    with tarfile.open(path, "w:gz") as archive:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 3
            archive.addfile(member, io.BytesIO(b"..."))
    return path


def test_other_bytes_are_refused(tool, tmp_path):
    with pytest.raises(SystemExit, match="not what was pinned"):
        tool.check(package(tmp_path / "a.tgz", tool.MEMBERS))


def test_nothing_else_is_unpacked(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "FOLDER", tmp_path / "vendor")
    tool.unpack(package(tmp_path / "a.tgz", [*tool.MEMBERS, "package/../../outside", "package/package.json"]))
    assert sorted(path.name for path in (tmp_path / "vendor").iterdir()) == ["LICENSE.txt", "openseadragon.min.js"]


def test_without_npm(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match="npm is not here"):
        tool.fetched(tmp_path)


def test_no_place_to_fetch_from_is_named(tool):
    assert "://" not in TOOL.read_text()
    assert "registry" not in TOOL.read_text()
