"""One file for each way the files of a scene may lie: a folder, a folder of folders, a tar file, a zip file."""

from __future__ import annotations

import os
from pathlib import Path

from gigascene.archives._stat import identity
from gigascene.archives._unpacked import is_unpacked
from gigascene.archives.folder import Folder
from gigascene.archives.tarball import SUFFIXES as TAR_SUFFIXES
from gigascene.archives.tarball import Tarball
from gigascene.archives.tree import Tree
from gigascene.archives.zipped import SUFFIXES as ZIP_SUFFIXES
from gigascene.archives.zipped import Zipped
from gigascene.model.errors import BadInput
from gigascene.model.sensor import Archive

__all__ = ["Folder", "Tarball", "Tree", "Zipped", "identity", "is_unpacked", "open_archive"]

SUFFIXES = (*TAR_SUFFIXES, ".SAFE", *ZIP_SUFFIXES, ".SAFE.zip")
"""What a scene's file or folder may be called behind its id."""

_SAFE_METADATA = ("manifest.safe", "MTD_MSIL1C.xml", "MTD_MSIL2A.xml")


def open_archive(path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> Archive:
    """The files of one scene.

    Parameters
    ----------
    path : path or str
        A folder, a tar file (``.tar``, ``.tar.gz``, ``.tgz``, ``.tar.bz2``) or zip file, any file inside a
        scene's folder, or a scene id, or the beginning of one, to be looked up under `root`.
        Of a SAFE product, also any folder inside, such as that of one granule.
    root : path, optional
        Folder that holds ``ID/``, ``ID.SAFE/``, ``ID.tar``, ``ID.zip`` …

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
    _refuse_zarr(path, name)
    if path.is_file() and path.name.lower().endswith(TAR_SUFFIXES):
        return Tarball(path, name)
    if path.is_file() and path.name.lower().endswith(ZIP_SUFFIXES):
        return Zipped(path, name)
    safe = _safe_around(path)
    if safe is not None:
        return Tree(safe, name)
    return Folder(path if path.is_dir() else path.parent, name)


def _safe_around(path: Path) -> Path | None:
    """The SAFE product that a path is, or lies in."""
    here = path.absolute()
    return next((folder for folder in (here, *here.parents) if _is_safe(folder)), None)


def _is_safe(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return folder.suffix.upper() == ".SAFE" or any((folder / name).is_file() for name in _SAFE_METADATA)


def _refuse_zarr(path: Path, name: str) -> None:
    """EOPF, the format that follows SAFE, is another thing under a similar name."""
    said = path.name.lower().removesuffix(".zip")
    if said.endswith(".zarr") or (path / "zarr.json").is_file() or (path / ".zgroup").is_file():
        raise BadInput(
            "is a Zarr store, as the EOPF products of Sentinel are; they are not read yet.",
            name,
            hint="Fetch the same scene as a SAFE product.",
        )


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
    """Scene id of a folder, tar or zip file, empty for anything else."""
    if entry.is_dir():
        return entry.name.removesuffix(".SAFE")
    endings = sorted(SUFFIXES, key=len, reverse=True)
    suffix = next((ending for ending in endings if entry.name.lower().endswith(ending.lower())), "")
    return entry.name.removesuffix(entry.name[-len(suffix) :]) if suffix else ""


def _hint(path: Path) -> str:
    return "" if path.parent.is_dir() else f"Nor does the folder {path.parent}."
