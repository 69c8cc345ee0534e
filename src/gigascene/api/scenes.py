"""Open scenes: a folder, a tar or zip file, an id under a root, a STAC item or catalogue, or plain rasters."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path

from gigascene.model.errors import BadInput, UsageError
from gigascene.model.scene import Scene
from gigascene.sensors import is_stac, open_items
from gigascene.sensors import open_scene as open_archived
from gigascene.sensors.raster import SUFFIXES, scene_of_rasters
from gigascene.settings import settings

Source = Scene | str | PathLike[str] | Sequence[str | PathLike[str]]
"""A scene, where to find one, or the plain rasters to take as its bands."""

MOST_NAMED = 5
"""Scenes in a message."""


def open_scene(source: Source, root: str | PathLike[str] | None = None, *, offset: str | None = None) -> Scene:
    """Open a scene and read its metadata and headers; no pixels.

    Parameters
    ----------
    source : path, scene id, list of rasters, or Scene
        A folder, tar or zip file as the archive delivers it; or an id to be found under `root`;
        or GeoTIFF or JPEG 2000 files that are taken as bands, named by their file names; or a STAC item, ItemCollection
        or catalogue (file, folder or address), with ``#ID`` behind it where it holds more than one scene.
    root : path, optional
        Where scenes are looked up by id; default is the environment's ``GIGASCENE_SCENES``.
    offset : str, optional
        Of Sentinel-2 from STAC: ``"applied"`` or ``"raw"``, whether the offset of -1000 has been subtracted from the
        stored numbers; None: metadata and pixels decide.

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
        return open_scene(source[0], root, offset=offset) if len(paths) == 1 else scene_of_rasters(paths)
    if is_stac(fspath(source)):
        return _only(fspath(source), offset or "")
    if offset:
        raise UsageError("--offset is for Sentinel-2 scenes from STAC; the files of an archive say it themselves")
    path = Path(source)
    if path.suffix.lower() in SUFFIXES and path.is_file():
        return scene_of_rasters([path])
    folder = root if root is not None else settings().scenes
    return open_archived(path, None if folder is None else Path(folder))


def open_scenes(source: str | PathLike[str], *, offset: str | None = None) -> tuple[Scene, ...]:
    """All scenes of a STAC item, ItemCollection or catalogue, in its order; no pixels, and no files of scenes are opened.

    Parameters
    ----------
    source, offset
        As for `open_scene`.

    Raises
    ------
    BadInput
        Nothing there, no STAC, an item that cannot be read, or not a single one.
    """
    scenes = tuple(open_items(fspath(source), offset or ""))
    if not scenes:
        raise BadInput("holds no scene", fspath(source))
    return scenes


def _only(source: str, offset: str) -> Scene:
    """The one scene of a document."""
    found = []
    for scene in open_items(source, offset):
        found.append(scene)
        if len(found) > MOST_NAMED:
            break
    if not found:
        raise BadInput("holds no scene", source)
    if len(found) > 1:
        some = ", ".join(scene.id for scene in found[:MOST_NAMED]) + (" …" if len(found) > MOST_NAMED else "")
        raise UsageError(f"{source} holds more than one scene: {some}. Say which: {source}#{found[0].id}")
    return found[0]
