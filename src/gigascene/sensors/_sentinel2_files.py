"""The files of a SAFE product: which metadata speaks for it, which of its granules is meant, and where its images lie."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from gigascene.metadata import safe_manifest, safe_xml
from gigascene.model.errors import BadInput
from gigascene.model.sensor import Archive
from gigascene.sensors._sentinel2_xml import deep, each, text

_PRODUCT = re.compile(r"(?:MTD_MSIL(?P<new>1C|2A)|S2[A-D]_[A-Z]{4}_MTD_SAFL(?P<old>1C|2A)_.+)\.xml")
"""Product metadata: since December 2016, and before."""

_TILE = re.compile(r"(?:MTD_TL|S2[A-D]_[A-Z]{4}_MTD_L(?:1C|2A)_TL_.+)\.xml")
_IMAGES = ("IMAGE_FILE", "IMAGE_FILE_2A", "IMAGE_ID", "IMAGE_ID_2A")
"""How granule lists name image files: since December 2016, by early Sen2Cor, and before."""

_PLAIN = re.compile(
    r"(?:L2A_)?(?P<tile>T\d{2}[A-Z]{3})_(?P<time>\d{8}T\d{6})_(?P<band>B\d[\dA])(?:_(?P<m>[126]0)m)?\.jp2"
)
TILE_ID = re.compile(r"(?<![A-Za-z0-9])T\d{2}[A-Z]{3}(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The files of one tile of one product, and what its metadata says."""

    archive: Archive
    level: str
    """``"1C"`` or ``"2A"``."""

    product_file: str
    product: Mapping[str, Any]
    """Product metadata, below its root element."""

    tile_file: str
    tile: Mapping[str, Any]
    """Metadata of the granule, below its root element."""

    granule: Mapping[str, Any]
    """The granule's entry in the product's list."""

    alone: bool
    """True if the product has no other granule."""

    images: Mapping[str, str] = field(default_factory=dict)
    """Files of the granule's images by name without suffix, as the list says; empty where one is not there."""

    checksums: Mapping[str, str] = field(default_factory=dict)
    """By file, as the manifest says; empty where there is none."""

    @property
    def root(self) -> str:
        """Folder of the product inside the archive, with a slash, or empty."""
        return _root(self.product_file)

    @property
    def place(self) -> str:
        """Archive and product metadata, for messages."""
        return f"{self.archive.name}: {self.product_file}"


def knows(archive: Archive, level: str) -> bool:
    """True if the archive holds product metadata of this level, or a granule of this level without any."""
    found = {_level(name) for name in archive.names()} - {""}
    return level in found or (not found and any(_is_in_granule(name, level) for name in archive.names()))


def plain_bands(archive: Archive) -> Mapping[str, str]:
    """Image files by band (``"B04_10m"``, ``"B04"``) that lie side by side without product metadata, of one tile and time."""
    if any(_level(name) for name in archive.names()):
        return {}
    found = [match for name in archive.names() if (match := _PLAIN.fullmatch(name))]
    if len({(match["tile"], match["time"]) for match in found}) != 1:
        return {}
    return {match["band"] + (f"_{match['m']}m" if match["m"] else ""): match[0] for match in found}


def source(archive: Archive, level: str) -> Source:
    """The tile's files and metadata; raises `BadInput` naming what is missing or does not belong together."""
    product_file = _product_file(archive, level)
    product = _parsed(archive, product_file, f"Level-{level}_User_Product")
    granules = [one for group in deep(product, "Granule_List") for one in _granules(group)]
    if not granules:
        raise BadInput("lists no granule", f"{archive.name}: {product_file}")
    granule = _chosen(archive, granules)
    folder = _folder(archive, product_file, granule)
    tile_file = _tile_file(archive, folder)
    tile = _parsed(archive, tile_file, f"Level-{level}_Tile_ID")
    found = Source(
        archive=archive,
        level=level,
        product_file=product_file,
        product=product,
        tile_file=tile_file,
        tile=tile,
        granule=granule,
        alone=len(granules) == 1,
        images=_images(archive, folder, granule),
        checksums=_checksums(archive, _root(product_file)),
    )
    _check_tile(found)
    return found


def _is_in_granule(name: str, level: str) -> bool:
    return re.fullmatch(rf"(?:.*/)?GRANULE/(?:L{level}_|S2[A-D]_[A-Z]{{4}}_MSI_L{level}_TL_).*", name) is not None


def _level(name: str) -> str:
    match = _PRODUCT.fullmatch(PurePosixPath(name).name)
    return (match["new"] or match["old"]) if match else ""


def _root(product_file: str) -> str:
    return product_file[: -len(PurePosixPath(product_file).name)]


def _product_file(archive: Archive, level: str) -> str:
    found = [name for name in archive.names() if _level(name)]
    if len(found) > 1:
        raise BadInput(
            f"holds {len(found)} product metadata files: {', '.join(sorted(found)[:5])}.",
            archive.name,
            hint="Give the folder of one product alone.",
        )
    if not found or _level(found[0]) != level:
        raise BadInput(f"has no MTD_MSIL{level}.xml.", archive.name, hint="Fetch the product again.")
    return found[0]


def _parsed(archive: Archive, name: str, root: str) -> Mapping[str, Any]:
    place = f"{archive.name}: {name}"
    try:
        whole = safe_xml.parse(archive.read(name), name)
    except BadInput as error:
        raise BadInput(error.args[0], place, hint="Is the file whole? Fetch it again.") from error
    content = whole.get(root)
    if not isinstance(content, dict):
        raise BadInput(f"is {next(iter(whole))}, not {root}: these files are not of one product.", place)
    return content


def _granules(group: Any) -> Sequence[Mapping[str, Any]]:
    """A granule list is one element with one granule, or many elements with one each."""
    return [
        one for name in ("Granule", "Granules") for one in each(group.get(name) if isinstance(group, dict) else None)
    ]


def _chosen(archive: Archive, granules: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The only granule, or that of many in whose folder the path given lies."""
    if len(granules) == 1:
        return granules[0]
    named = [one for one in granules if any(part and part in archive.name for part in _ids(one))]
    if len(named) == 1:
        return named[0]
    some = ", ".join(sorted(filter(None, map(_tile, granules)))[:8])
    raise BadInput(
        f"holds {len(granules)} tiles: {some} …",
        archive.name,
        hint="Give the path of one of its folders in GRANULE.",
    )


def _ids(granule: Mapping[str, Any]) -> tuple[str, ...]:
    """What the folder of a granule may be called."""
    paths = [PurePosixPath(image).parts for image in _image_texts(granule)]
    return (text(granule.get("@granuleIdentifier")), *{parts[1] for parts in paths if len(parts) > 2})


def _tile(granule: Mapping[str, Any]) -> str:
    match = TILE_ID.search(text(granule.get("@granuleIdentifier")).replace("_", " "))
    return match[0] if match else ""


def _folder(archive: Archive, product_file: str, granule: Mapping[str, Any]) -> str:
    base = f"{_root(product_file)}GRANULE/"
    for name in _ids(granule):
        folder = f"{base}{name}/"
        if name and any(file.startswith(folder) for file in archive.names()):
            return folder
    raise BadInput(
        f"has no folder {base}{next(filter(None, reversed(_ids(granule))), '')}, which its metadata names.",
        archive.name,
        hint="Fetch the product again.",
    )


def _tile_file(archive: Archive, folder: str) -> str:
    found = [n for n in archive.names() if n.startswith(folder) and _TILE.fullmatch(n.removeprefix(folder))]
    if len(found) != 1:
        has = f"has {len(found)} metadata files of the tile" if found else "has no MTD_TL.xml"
        raise BadInput(f"{has} in {folder}", archive.name, hint="Fetch the product again.")
    return found[0]


def _image_texts(granule: Mapping[str, Any]) -> Sequence[str]:
    return [text(one) for name in _IMAGES for one in each(granule.get(name), str)]


def _images(archive: Archive, folder: str, granule: Mapping[str, Any]) -> dict[str, str]:
    """By the list, whatever else lies in the folder. Only the last part of what it says is taken: no path from outside."""
    files = {
        PurePosixPath(name).name.removesuffix(".jp2"): name
        for name in archive.names()
        if name.startswith(f"{folder}IMG_DATA/") and name.endswith(".jp2")
    }
    stems = [PurePosixPath(said).name.removesuffix(".jp2") for said in _image_texts(granule)]
    return {stem: files.get(stem, "") for stem in stems if stem}


def _checksums(archive: Archive, root: str) -> dict[str, str]:
    name = f"{root}manifest.safe"
    if name not in archive.names():
        return {}
    found = safe_manifest.checksums(archive.read(name), f"{archive.name}: {name}")
    return {f"{root}{file}": checksum for file, checksum in found.items()}


def _check_tile(found: Source) -> None:
    """The tile's own metadata must speak of the tile that the product lists."""
    said = text(next(iter(deep(found.tile, "TILE_ID", "TILE_ID_2A")), ""))
    listed = _tile(found.granule)
    if listed and said and listed not in said.split("_"):
        raise BadInput(
            f"speaks of {said}, but the product lists tile {listed}: these files are not of one product.",
            f"{found.archive.name}: {found.tile_file}",
        )
