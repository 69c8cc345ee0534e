"""Scenes as STAC tells them: an item, an ItemCollection, a static catalogue; on disk, behind http(s):// or in a bucket.

An href in a catalogue is a stranger's word. It leads to http:// and https://
anywhere public (`storage/_hosts.py` checks the addresses), to buckets of the one
server that the user's own settings name, and to files of this machine only from a catalogue that lies here itself; from one that was fetched,
only to what lies in its own folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from gigascene.metadata import stac_parquet
from gigascene.metadata.stac_items import Item, item_assets, kind_of, link, links, read_item
from gigascene.model.errors import BadInput, UnknownName
from gigascene.sensors._stac_documents import read, read_on
from gigascene.storage import hrefs

MOST_DOCUMENTS = 20_000
"""Of one catalogue."""

DEEPEST = 32
"""Catalogues within catalogues."""

SUFFIXES = {".json", ".geojson"}
RASTERS = (".tif", ".tiff", ".jp2")
"""Suffixes of files that hold pixels."""

_HEADS = ("catalog.json", "collection.json")


class Unreadable(BadInput):
    """An href that leads to where nothing is read from here, such as ``ftp://``: this band is absent, the others are not."""


@dataclass(frozen=True, slots=True)
class Group:
    """A catalogue or collection that links to others and to items."""

    document: Mapping[str, Any]
    place: str
    """File or address, without secrets."""

    within: tuple[Group, ...] = ()
    """Those that lead to it, the outermost first."""


@dataclass(frozen=True, slots=True)
class Located:
    """An item and where it was found."""

    item: Item
    place: str
    """File or address of the document, without secrets, for messages."""

    folder: str
    """Against which its hrefs are read: a folder with an absolute path, or an address."""

    trusted: bool
    """True: an item made here, which may name any file of this machine."""

    within: tuple[Group, ...] = ()
    """Catalogues and collections that lead to it, the outermost first."""

    def resolved(self, href: str) -> str:
        """Where the bytes are: an absolute path, or an address without its secret.

        Raises `Unreadable` for a scheme that is not read, `BadInput` for a file it may not name.
        """
        scheme = urlsplit(href).scheme.lower() if "://" in href else ""
        if hrefs.is_remote(href):
            return hrefs.remember(href)
        if scheme not in {"", "file"}:
            raise Unreadable(f"its href begins with {scheme}://, which is not read: {hrefs.public(href)}", self.named)
        if hrefs.is_remote(self.folder):
            return self._beside(href, scheme)
        return self._local(href, scheme)

    @property
    def named(self) -> str:
        """Document and item, for messages."""
        return f"{self.place}: {self.item.id}"

    def _beside(self, href: str, scheme: str) -> str:
        if scheme == "file":
            raise BadInput(
                f"names a file of this machine ({href}), and came from elsewhere.",
                self.named,
                hint="Save the item to disk if you trust it.",
            )
        return hrefs.remember(hrefs.joined(self.folder, href))

    def _local(self, href: str, scheme: str) -> str:
        name = unquote(urlsplit(href).path) if scheme else href
        path = Path(self.folder, name)
        if not scheme and not path.exists():
            other = Path(self.folder, unquote(name))
            path = other if other.exists() else path
            if not path.exists() and hrefs.is_remote(self.item.self_href):
                return hrefs.remember(hrefs.joined(self.item.self_href, href))
        path = path.resolve()
        if not self.trusted and not path.is_relative_to(Path(self.folder).resolve()):
            raise BadInput(
                f"names a file outside its own folder ({path}), and was fetched from {hrefs.public(self.item.self_href)}.",
                self.named,
                hint="Move what it names beside it if you trust it.",
            )
        return str(path)


def is_stac(source: str) -> bool:
    """True for an address (but of a raster), a folder with a catalogue or an item, a JSON file that holds STAC, or GeoParquet.

    ``#ID`` may follow.
    """
    if hrefs.is_remote(source):
        return not hrefs.split(source).path.lower().endswith(RASTERS)
    path = Path(parted(source)[0])
    if path.is_dir():
        return _head(path) is not None
    if stac_parquet.is_parquet(str(path)):
        return path.is_file()
    if path.suffix.lower() not in SUFFIXES or not path.is_file():
        return False
    try:
        return bool(kind_of(read(str(path))))
    except BadInput:
        return not path.name.lower().endswith("_mtl.json")  # broken, and nothing else here reads such a file


def _head(folder: Path) -> Path | None:
    """The document that a folder is known by: its catalogue, or the item of its own name beside what that describes."""
    heads = (folder / name for name in (*_HEADS, f"{folder.resolve().name}.json"))
    return next((head for head in heads if head.is_file() and (head.name in _HEADS or is_stac(str(head)))), None)


def find_items(source: str) -> Iterator[Located]:
    """The items of a document and of all that it links to, in its order.

    Parameters
    ----------
    source : str
        File, folder or address; with ``#ID`` behind it only that item.

    Raises
    ------
    BadInput
        Not there, no STAC, too large, or an item that cannot be read; names the document.
    UnknownName
        No item has this id.
    """
    place, wanted = parted(source)
    seen: list[str] = []
    for located in walk(place):
        if isinstance(located, Group):
            continue
        if not wanted or located.item.id == wanted:
            yield located
            if wanted:
                return
        seen.append(located.item.id)
    if wanted:
        raise UnknownName(wanted, f"item of {hrefs.public(place)}", "", tuple(seen[:10]))


def parted(source: str) -> tuple[str, str]:
    """Document and id, which may be empty: ``scenes.json#ID``. A file of just that name goes first."""
    place, mark, wanted = source.rpartition("#")
    if not mark or (not hrefs.is_remote(source) and Path(source).exists()):
        return source, ""
    return place, wanted


def walk(place: str) -> Iterator[Group | Located]:
    """Groups and items, each group before what it holds; each document once, so that catalogues may link in circles.

    Raises `BadInput` as `find_items`.
    """
    yield from rows(place) if stac_parquet.is_parquet(place) else _walk(place)


def _walk(place: str) -> Iterator[Group | Located]:
    """Of documents of JSON."""
    if not hrefs.is_remote(place) and Path(place).is_dir():
        place = str(_head(Path(place)) or place)
    known = {_key(place)}
    shared: dict[str, Any] = {}
    trails: dict[str, tuple[Group, ...]] = {place: ()}
    for here, document, more in read_on(place):
        within, kind = trails.pop(here), kind_of(document)
        if kind == "item":
            common = item_assets(within[-1].document) if within else {}
            found = _located(document, here, common or _collection(document, here, shared), alone=True)
            yield replace(found, within=within)
        elif kind == "items":
            for one in document["features"]:
                yield replace(_located(one, here, {}, alone=False), within=within)
        elif kind == "catalog":
            _check_saved(here, document)
            _check_depth(here, len(within))
            yield (group := Group(document, hrefs.public(here), within))
            for href in links(document, "child", "item"):
                to = _followed(here, href)
                if _key(to) not in known:
                    known.add(_key(to))
                    trails[to] = (*within, group)
                    more(to)
            if len(known) > MOST_DOCUMENTS:
                raise BadInput(f"links to more than {MOST_DOCUMENTS} documents", hrefs.public(place))
        else:
            raise BadInput("holds no STAC item, ItemCollection, catalogue or collection.", hrefs.public(here))


def rows(place: str, bounds: stac_parquet.Bounds | None = None) -> Iterator[Located]:
    """The items of a GeoParquet file; with `bounds` perhaps not those that do not meet them."""
    for one in stac_parquet.items(place, bounds):
        yield _located(one, place, {}, alone=False)


def _check_saved(here: str, document: Mapping[str, Any]) -> None:
    """The landing page of an API links to none of its items."""
    if "conformsTo" in document and link(document, "search"):
        raise BadInput(
            "is a STAC API, no saved catalogue.",
            hrefs.public(here),
            hint="Search it, and keep what is found: gigascene search … -o scenes.json",
        )


def _check_depth(here: str, depth: int) -> None:
    if depth > DEEPEST:
        raise BadInput(f"lies in more than {DEEPEST} catalogues", hrefs.public(here))


def _located(document: Any, here: str, common: Any, *, alone: bool) -> Located:
    """A single item's hrefs are read from where it lies; those of an item in a collection from where it says it is from."""
    place = hrefs.public(here)
    item = read_item(document, place, common)
    if hrefs.is_remote(here) or (not alone and hrefs.is_remote(item.self_href)):
        return Located(item, place, item.self_href if not alone and item.self_href else here, trusted=False)
    return Located(item, place, str(Path(here).resolve().parent), trusted=not hrefs.is_remote(item.self_href))


def _collection(document: Any, here: str, shared: dict[str, Any]) -> Any:
    """``item_assets`` of a lone item's collection, where that lies on disk beside it; none otherwise."""
    href = link(document, "collection")
    if not href or "://" in href or hrefs.is_remote(here):
        return {}
    path = Path(here).parent / href
    if str(path) not in shared:
        shared[str(path)] = item_assets(read(str(path))) if path.is_file() else {}
    return shared[str(path)]


def _followed(here: str, href: str) -> str:
    """Where a link leads."""
    if hrefs.is_remote(href) or hrefs.is_remote(here):
        to = hrefs.joined(here, href) if hrefs.is_remote(here) else href
        if not hrefs.is_remote(to):
            raise BadInput(f"links to {href}, a file of this machine", hrefs.public(here))
        return to
    return os.path.normpath(Path(here).parent / (unquote(urlsplit(href).path) if href.startswith("file://") else href))


def _key(place: str) -> str:
    return hrefs.public(place) if hrefs.is_remote(place) else os.path.realpath(place)
