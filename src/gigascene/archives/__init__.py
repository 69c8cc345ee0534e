"""One file for each way the files of a scene may lie: a folder, a tar file."""

from __future__ import annotations

import os
from pathlib import Path

from gigascene.archives._stat import identity
from gigascene.archives._unpacked import is_unpacked
from gigascene.archives.folder import Folder
from gigascene.archives.tarball import SUFFIXES, Tarball
from gigascene.model.errors import BadInput
from gigascene.model.sensor import Archive

__all__ = ["Folder", "Tarball", "identity", "is_unpacked", "open_archive"]


def open_archive(path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> Archive:
    """The files of one scene.

    Parameters
    ----------
    path : path or str
        A folder, a tar file (``.tar``, ``.tar.gz``, ``.tgz``, ``.tar.bz2``), any file inside a
        scene's folder, or a scene id, or the beginning of one, to be looked up under `root`.
    root : path, optional
        Folder that holds ``ID/``, ``ID.tar``, ``ID.tar.gz`` …

    Raises
    ------
    BadInput
        Nothing is there, more than one is, or it holds no file.
    """
    here = Path(path)
    if here.exists():
        return _at(here, os.fspath(path))
    text = os.fspath(path)
    if root is None:
        raise BadInput("does not exist", text, hint=_hint(here))
    return _at(_under(Path(root), text), text)


def _at(path: Path, name: str) -> Archive:
    if path.is_dir():
        return Folder(path, name)
    if path.name.lower().endswith(SUFFIXES):
        return Tarball(path, name)
    return Folder(path.parent, name)


def _under(root: Path, text: str) -> Path:
    if not root.is_dir():
        raise BadInput("is no folder to look for scenes in", str(root))
    if Path(text).name != text or not text.strip("."):
        raise BadInput("does not exist", text, hint=f"Nor is it a scene id to be looked up in {root}.")
    for exact in (root / text, *(root / f"{text}{suffix}" for suffix in SUFFIXES)):
        if exact.exists():
            return exact
    found = {_id(entry): entry for entry in sorted(root.glob("*"), reverse=True) if entry.name.startswith(text)}
    found.pop("", None)
    if len(found) == 1:
        return next(iter(found.values()))
    if found:
        some = ", ".join(sorted(found)[:5]) + (" …" if len(found) > 5 else "")
        raise BadInput(f"stands for {len(found)} scenes in {root}: {some}", text)
    raise BadInput(f"does not exist, and no scene in {root} has an id that begins so", text)


def _id(entry: Path) -> str:
    """Scene id of a folder or tar file, empty for anything else."""
    if entry.is_dir():
        return entry.name
    suffix = next((suffix for suffix in reversed(SUFFIXES) if entry.name.lower().endswith(suffix)), "")
    return entry.name.removesuffix(entry.name[-len(suffix) :]) if suffix else ""


def _hint(path: Path) -> str:
    return "" if path.parent.is_dir() else f"Nor does the folder {path.parent}."
