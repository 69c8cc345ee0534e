"""Open scenes: a folder, a tar or zip file, an id under a root, a STAC item or catalogue, or plain rasters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from os import PathLike, fspath
from pathlib import Path

from gigascene.archives import open_archive
from gigascene.archives.tarball import SUFFIXES as TARS
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.gap import Gap
from gigascene.model.scene import Scene
from gigascene.plan.gaps import opened
from gigascene.sensors import Located, find_items, is_stac, lacking, open_items, scenes_of, sensor_of
from gigascene.sensors import open_scene as open_archived
from gigascene.sensors.raster import is_raster, scene_of_raster, scene_of_rasters
from gigascene.settings import settings

Source = Scene | str | PathLike[str] | Sequence[str | PathLike[str]]
"""A scene, where to find one, or the plain rasters to take as its bands."""

Opens = Callable[[], Scene]

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
        return open_scene(source[0], root, offset=offset) if len(source) == 1 else scene_of_rasters(source)
    if is_stac(fspath(source)):
        return _only(fspath(source), offset or "")
    if offset:
        raise UsageError("--offset is for Sentinel-2 scenes from STAC; the files of an archive say it themselves")
    if is_raster(source):
        return scene_of_rasters([source])
    return open_archived(Path(source), _root(root))


def open_scenes(
    sources: Source | Sequence[Source], root: str | PathLike[str] | None = None, *, offset: str | None = None
) -> tuple[Scene, ...]:
    """Open many scenes, in the order they are given; reads metadata and headers, no pixels.

    Parameters
    ----------
    sources : path, scene id, Scene, or a sequence of them
        Folders, tar and zip files of scenes, folders that hold many of these (taken in the order of their names), STAC
        items, ItemCollections and catalogues with all their scenes, and plain GeoTIFFs, each a scene of its own with
        bands ``1``, ``2`` …
    root, offset
        As for `open_scene`.

    Raises
    ------
    BadInput
        As `open_scene`; or a folder holds no scene; or nothing was given.
    """
    return tuple(open_() for _, open_ in _given(sources, root, offset))


def open_whole(
    sources: Source | Sequence[Source], root: str | PathLike[str] | None = None, *, offset: str | None = None
) -> tuple[tuple[Scene, ...], tuple[Gap, ...]]:
    """As `open_scenes`, but scenes whose files are gone or broken are left out and told; raises where none is left."""
    scenes, gaps = opened(_given(sources, root, offset), lambda one: one[1](), lambda one: one[0])
    return tuple(scenes), gaps


def _given(
    sources: Source | Sequence[Source], root: str | PathLike[str] | None, offset: str | None
) -> list[tuple[str, Opens]]:
    """All scenes by name, and how each is opened."""
    given = [sources] if isinstance(sources, Scene | str | PathLike) else list(sources)
    found = [one for source in given for one in _scenes(source, root, offset)]
    if not found:
        raise BadInput("holds no scene", ", ".join(map(str, given)))
    return found


def _scenes(source: Source, root: str | PathLike[str] | None, offset: str | None) -> Iterator[tuple[str, Opens]]:
    """The scene of a source, or all that a catalogue or folder holds."""
    if not isinstance(source, str | PathLike):
        yield source.id if isinstance(source, Scene) else "", partial(open_scene, source, root)
    elif is_stac(fspath(source)):
        yield from _items(fspath(source), offset)
    elif (path := Path(source)).is_dir():
        yield from _scenes_in(path, offset)
    elif is_raster(source):
        yield path.stem, partial(scene_of_raster, source)
    else:
        yield path.name, partial(open_archived, path, _root(root))


def _items(source: str, offset: str | None) -> Iterator[tuple[str, Opens]]:
    for located in find_items(source):
        yield located.item.id, partial(_of_item, located, offset or "")


def _of_item(located: Located, offset: str) -> Scene:
    return next(scenes_of([located], offset))


def _scenes_in(folder: Path, offset: str | None) -> Iterator[tuple[str, Opens]]:
    """A folder that is a scene; else the scenes it holds; else its GeoTIFFs."""
    if _is_scene(folder):
        yield folder.name, partial(open_archived, folder)
        return
    entries = sorted(folder.iterdir())
    inside = [entry for entry in entries if not entry.name.startswith(".") and (_is_scene(entry) or _is_item(entry))]
    rasters = [entry for entry in entries if is_raster(entry)]
    if not inside and not rasters:
        raise BadInput("holds no scene of a known sensor, and no GeoTIFF.", str(folder))
    for entry in inside:
        yield from _items(str(entry), offset) if _is_item(entry) else [(entry.name, partial(open_archived, entry))]
    if not inside:
        yield from ((raster.stem, partial(scene_of_raster, raster)) for raster in rasters)


def _is_item(path: Path) -> bool:
    """True for a folder that is known by a STAC document."""
    return path.is_dir() and is_stac(str(path))


def _is_scene(path: Path) -> bool:
    """True for one that can be opened, and for one whose metadata are gone: to be told, not passed over."""
    if not path.is_dir() and not path.name.lower().endswith((*TARS, ".zip")):
        return False
    try:
        archive = open_archive(path)
        return sensor_of(archive) is not None or bool(lacking(archive))
    except BadInput:  # an empty folder, or one of folders
        return False


def _root(root: str | PathLike[str] | None) -> Path | None:
    folder = root if root is not None else settings().scenes
    return None if folder is None else Path(folder)


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
