"""The files of a Landsat scene: which MTL speaks for it, and which file holds which band."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from gigascene.model.errors import BadInput, NoAccess
from gigascene.model.sensor import Archive
from gigascene.sensors._landsat_id import SceneId, parse_id
from gigascene.sensors._landsat_mtl import first, group, parse

_MTL = re.compile(r"(?P<stem>.+)_MTL\.(?P<form>txt|xml|json)", re.IGNORECASE)
_FORMS = ("txt", "xml", "json")
_BAND = re.compile(r".*_(?:SR_|ST_)?(?:B\d+(?:_VCID_\d)?|B?QA|QA_PIXEL)\.tiff?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files of one scene and what its MTL says."""

    archive: Archive
    id: SceneId
    stem: str
    """What its file names begin with."""

    mtl: str
    """Name of the metadata file."""

    metadata: Mapping[str, Any]
    """Groups by name."""

    @property
    def place(self) -> str:
        """Archive and metadata file, for messages."""
        return f"{self.archive.name}: {self.mtl}"


def knows(archive: Archive, family: str) -> bool:
    """True if the archive's scene, or one of them where none is preferred, is of this family."""
    return any(_family(stem) == family for stem in _stems(archive))


def lacks(archive: Archive, family: str) -> str:
    """Words for an archive that holds bands of this family without their metadata; empty for any other."""
    bands = (name for name in archive.names() if _BAND.fullmatch(PurePath(name).name))
    ids = [id for name in bands if (id := _parsed(PurePath(name).name)) is not None and id.family == family]
    if not ids:
        return ""
    others = " or ".join(f".{form}" for form in _FORMS[1:])
    return f"holds bands of {ids[0].text}, but not {ids[0].text}_MTL.txt (or {others}), which says what they mean."


def source(archive: Archive, family: str) -> Source:
    """The scene's metadata. Of several scenes, the one after which the archive is named."""
    stems = _stems(archive)
    if not stems or not knows(archive, family):
        raise BadInput(f"has no MTL file of {family}", archive.name)
    if len(stems) > 1:
        some = ", ".join(stems[:5])
        raise BadInput(f"holds {len(stems)} scenes: {some}.", archive.name, hint="Give the path of one MTL file.")
    names = {match["form"].lower(): name for name, match in _metadata_files(archive) if match["stem"] == stems[0]}
    mtl = names[next(form for form in _FORMS if form in names)]
    try:
        metadata = parse(mtl, archive.read(mtl))
    except BadInput as error:
        if isinstance(error, NoAccess):  # which names where it lies
            raise
        raise BadInput(error.args[0], f"{archive.name}: {mtl}", hint=error.args[4]) from error
    found = Source(archive=archive, id=parse_id(stems[0]), stem=stems[0], mtl=mtl, metadata=metadata)
    _check_satellite(found)
    return found


def number(source: Source, content: Mapping[str, Any], *keys: str) -> float | None:
    """The first of these keys as a finite number, or None where none is there."""
    value = first(content, *keys)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInput(f"{' or '.join(keys)} is {value!r}, which is no number", source.place)
    return float(value)


def sun_elevation_deg(source: Source) -> float:
    """Of the scene's centre; below 0 by night."""
    elevation = number(source, group(source.metadata, "IMAGE_ATTRIBUTES", "PRODUCT_PARAMETERS"), "SUN_ELEVATION")
    if elevation is None or not -90 <= elevation <= 90:
        raise BadInput(f"SUN_ELEVATION is {elevation}, which is no angle of the sun", source.place)
    return elevation


def band_file(source: Source, key: str, declared: Any = None) -> str | None:
    """Name of the file of one band, or None where it is not there.

    A file may have something before the identifier (``tiny_LC8…_B2.TIF``) or
    ``_CLIP`` behind it or behind the band, as people cut and rename; of several,
    the one with the shortest name.

    Parameters
    ----------
    source : Source
        The scene.
    key : str
        Band in the archive's own words: ``"B4"``, ``"QA_PIXEL"``.
    declared : str, optional
        File name in the metadata.
    """
    bases = [re.escape(f"{source.stem}_{key}"), re.escape(f"{source.stem}_CLIP_{key}")]
    if isinstance(declared, str):
        bases.append(re.escape(declared.rpartition(".")[0] or declared))
    pattern = re.compile(rf"(?:.*[^A-Za-z0-9])?(?:{'|'.join(bases)})(?:_CLIP)?\.tiff?", re.IGNORECASE)
    names = [name for name in source.archive.names() if pattern.fullmatch(PurePath(name).name)]
    return min(names, key=lambda name: (len(name), name), default=None)


def _metadata_files(archive: Archive) -> Iterator[tuple[str, re.Match[str]]]:
    for name in archive.names():
        match = _MTL.fullmatch(PurePath(name).name)
        if match:
            yield name, match


def _stems(archive: Archive) -> Sequence[str]:
    """What stands before ``_MTL`` in the archive's metadata files; only the preferred one where there is one."""
    stems = sorted({match["stem"] for _, match in _metadata_files(archive)})
    named = [stem for stem in stems if PurePath(archive.name).name.startswith(stem)]
    return named[-1:] or stems


def _family(stem: str) -> str:
    found = _parsed(stem)
    return "" if found is None else found.family


def _parsed(name: str) -> SceneId | None:
    try:
        return parse_id(name)
    except BadInput:
        return None


def _check_satellite(source: Source) -> None:
    content = group(source.metadata, "PRODUCT_METADATA", "IMAGE_ATTRIBUTES")
    platform = str(first(content, "SPACECRAFT_ID"))
    if not platform.endswith(str(source.id.satellite)):
        raise BadInput(
            f"SPACECRAFT_ID is {platform!r}, but the file is named for Landsat {source.id.satellite}", source.place
        )
