"""Open scenes: a folder, a tar or zip file, an id under a root, or plain rasters."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from gigascene.model.errors import UsageError
from gigascene.model.scene import Scene
from gigascene.sensors import open_scene as open_archived
from gigascene.sensors.raster import SUFFIXES, scene_of_rasters
from gigascene.settings import settings

Source = Scene | str | PathLike[str] | Sequence[str | PathLike[str]]
"""A scene, where to find one, or the plain rasters to take as its bands."""


def open_scene(source: Source, root: str | PathLike[str] | None = None) -> Scene:
    """Open a scene and read its metadata and headers; no pixels.

    Parameters
    ----------
    source : path, scene id, list of rasters, or Scene
        A folder, tar or zip file as the archive delivers it; or an id to be found under `root`;
        or GeoTIFF or JPEG 2000 files that are taken as bands, named by their file names.
    root : path, optional
        Where scenes are looked up by id; default is the environment's ``GIGASCENE_SCENES``.

    Raises
    ------
    BadInput
        Nothing there, no scene of a known sensor, or a broken file; names file and band.
    """
    if isinstance(source, Scene):
        return source
    if not isinstance(source, str | PathLike):
        if not isinstance(source, Sequence):
            raise UsageError(f"a scene is a path, an id or a list of rasters, not {source!r}")
        paths = [Path(path) for path in source]
        return open_scene(paths[0], root) if len(paths) == 1 else scene_of_rasters(paths)
    path = Path(source)
    if path.suffix.lower() in SUFFIXES and path.is_file():
        return scene_of_rasters([path])
    folder = root if root is not None else settings().scenes
    return open_archived(path, None if folder is None else Path(folder))
