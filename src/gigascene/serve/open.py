"""From the paths that were named to one picture, or two for a swipe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

from gigascene.model.errors import BadInput, UsageError
from gigascene.serve._folder import DeepZoomFolder, descriptors
from gigascene.serve._geotiff import GeoTiff
from gigascene.serve.picture import Picture
from gigascene.storage.signatures import kind_of_file

TIFF = {".tif", ".tiff"}
"""Names of GeoTIFFs elsewhere."""


def open_pictures(paths: Sequence[Path | str]) -> list[Picture]:
    """One picture or two, by their kind: a GeoTIFF, a ``.dzi``, or a folder that holds Deep Zoom pictures.

    A text is an address elsewhere, of a GeoTIFF, which is read by ranges.

    Raises
    ------
    UsageError
        None, or more than two.
    BadInput
        Not there, or of no kind that can be viewed.
    """
    files = [file for path in paths for file in _files(path)]
    if not 1 <= len(files) <= 2:
        raise UsageError(f"one picture is viewed, or two side by side, not {len(files)}")
    with ExitStack() as unless_both:
        pictures: list[Picture] = []
        for file in files:
            pictures.append(_open(file, _name(file, {picture.facts.name for picture in pictures})))
            unless_both.callback(pictures[-1].close)
        unless_both.pop_all()
    return pictures


def _files(path: Path | str) -> list[Path] | list[str]:
    if isinstance(path, str):
        return [path]
    return descriptors(path) if path.is_dir() else [path]


def _open(file: Path | str, name: str) -> Picture:
    if isinstance(file, Path) and file.suffix.lower() == ".dzi":
        return DeepZoomFolder(file, name)
    if _is_tiff(file):
        return GeoTiff(file, name)
    if isinstance(file, str):
        what = "is no GeoTIFF, and nothing else can be looked at where it lies."
        raise BadInput(what, file, hint="Copy it here first.")
    raise BadInput(
        "is no GeoTIFF, PNG, PAM, PNM, .dzi or folder of one.",
        str(file),
        hint="Write the picture as .tif: -o picture.tif.",
    )


def _is_tiff(file: Path | str) -> bool:
    """By its first bytes; elsewhere by its name, before anything is asked. True too for what cannot be read: who opens it says why."""
    if isinstance(file, str):
        return PurePosixPath(file).suffix.lower() in TIFF
    try:
        return kind_of_file(file) == "tiff"
    except OSError:
        return True


def _name(file: Path | str, taken: set[str]) -> str:
    """What its addresses begin with, of characters that need no quoting."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", PurePosixPath(file).stem).strip("-.") or "picture"
    return f"{name}-2" if name in taken else name
