"""What a folder holds for a catalogue: scenes as archives deliver them, and STAC items, those beside our own pictures too."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from gigascene.api.describe import footprint_of
from gigascene.archives import open_archive
from gigascene.archives.tarball import SUFFIXES as TARS
from gigascene.execute.catalog.build import Draft, may_be_told
from gigascene.execute.catalog.settled import settled
from gigascene.metadata import stac_scene
from gigascene.metadata.stac_scene import Listed
from gigascene.model.errors import BadInput, GigasceneError
from gigascene.model.scene import Asset, Scene
from gigascene.model.sensor import Archive
from gigascene.sensors import is_stac, lacking, sensor_of
from gigascene.sensors._stac_file import find_items
from gigascene.storage.folder import MARKER
from gigascene.storage.local import ITEM

PACKED = (*TARS, ".zip")
DEEPEST = 32
"""Folders within folders."""

_METADATA = re.compile(r"(?:^|/|_)(manifest\.safe|MTD_\w+\.xml|MTL\.(?:txt|xml|json)|ANG\.txt)$")
_TYPES = {
    ".tif": "image/tiff; application=geotiff",
    ".jp2": "image/jp2",
    ".xml": "application/xml",
    ".safe": "application/xml",
    ".json": "application/json",
    ".txt": "text/plain",
    ".tar": "application/x-tar",
    ".zip": "application/zip",
}


def found(folder: Path, leave_out: Path) -> Iterator[Draft | str]:
    """Drafts of all that a folder and the folders in it hold, in the order of names; words for what cannot be read."""
    yield from _inside(folder, leave_out.resolve(), frozenset())


def _inside(folder: Path, leave_out: Path, above: frozenset[str]) -> Iterator[Draft | str]:
    here = os.path.realpath(folder)
    if here == str(leave_out) or here in above or len(above) > DEEPEST or _is_built(folder):
        return
    known = _scene(folder)
    if known is not None:
        yield known
        return
    if is_stac(str(folder)):
        yield from _items(folder)
        return
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        yield f"{folder}: cannot be listed: {error.strerror}"
        return
    for entry in (one for one in entries if not one.name.startswith(".")):
        if entry.is_dir():
            yield from _inside(entry, leave_out, above | {here})
        elif entry.name.lower().endswith(PACKED) and (packed := _scene(entry)) is not None:
            yield packed
        elif entry.name.endswith(ITEM) and entry.is_file():
            yield from _items(entry)


def _is_built(folder: Path) -> bool:
    """True for a catalogue (or another folder) that was written here: its scenes lie elsewhere."""
    return (folder / MARKER).is_file()


def _scene(path: Path) -> Draft | str | None:
    """The draft of a scene, words where it is a broken one, or None."""
    try:
        archive = open_archive(path)
    except BadInput as error:
        return str(error) if path.is_file() or path.suffix == ".zarr" else None
    try:
        sensor = sensor_of(archive)
        if sensor is not None:
            return _draft(sensor.open(archive), archive, path)
        words = lacking(archive)
        return str(BadInput(words, archive.name, hint="Fetch it too.")) if words else None
    except GigasceneError as error:
        return str(error)


def _draft(scene: Scene, archive: Archive, path: Path) -> Draft | str:
    if not scene.assets:
        return f"{archive.name}: has no file of any band."
    outline = footprint_of(scene, max(scene.assets.values(), key=lambda asset: asset.gsd_m or 0).geobox)
    files = _files(scene, archive, path)
    if outline is None or not scene.datetime:
        return f"{archive.name}: does not tell where or when it was taken."
    if not all(may_be_told(one.href) for one in files):
        return f"{str(path)!r}: its path holds a line break or another control character."
    return Draft(stac_scene.item(scene, outline, files), archive.name)


def _files(scene: Scene, archive: Archive, path: Path) -> list[Listed]:
    """Each band and each file of metadata; of a tar or zip file only the whole."""
    if path.is_file():
        bands = tuple(scene.assets.values())
        kind = "application/gzip" if path.name.lower().endswith(("gz", ".tgz")) else _type(path.name)
        return [
            Listed(key="product", href=str(path.resolve()), media_type=kind, roles=("data", "archive"), bands=bands)
        ]
    names = {archive.href(name): name for name in archive.names()}
    listed: list[tuple[str, str, tuple[Asset, ...]]] = [
        (key, asset.href, (asset,)) for key, asset in scene.assets.items()
    ]
    listed += [(found[1], href, ()) for href, name in names.items() if (found := _METADATA.search(name))]
    return [
        Listed(
            key=key,
            href=href,
            media_type=_type(href),
            roles=("data",) if bands else ("metadata",),
            bands=bands,
            local_path=names.get(href, "") if any("/" in name for name in names.values()) else "",
        )
        for key, href, bands in listed
    ]


def _type(name: str) -> str:
    return _TYPES.get(Path(name).suffix.lower(), "application/octet-stream")


def _items(place: Path) -> Iterator[Draft | str]:
    """Items of a document, as they are; hrefs into this machine are followed."""
    try:
        for located in find_items(str(place)):
            item, refused = settled(located)
            yield from refused
            if not refused:
                yield Draft(item, located.named)
    except GigasceneError as error:
        yield str(error)
