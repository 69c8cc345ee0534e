"""Where the documents and files of a copied catalogue lie: names made safe, the same each time it is copied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from gigascene.execute.catalog.settled import head, is_local, settled
from gigascene.metadata import stac_tree
from gigascene.metadata.stac_tree import Leaf
from gigascene.sensors._stac_file import Group, Located, walk
from gigascene.storage import hrefs
from gigascene.storage.names import file_name, unlike

DEEPEST = 12
"""Folders of a product within folders."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An item, and where it and each of its files go."""

    leaf: Leaf
    """Hrefs of its item are absolute paths or addresses."""

    names: Mapping[str, str]
    """By the key of an asset, its file's name beside the item, with ``/`` where it lies deeper."""

    located: Located
    """As it was found."""

    @property
    def assets(self) -> Mapping[str, Any]:
        """Of its item, by key."""
        assets: Mapping[str, Any] = self.leaf.item["assets"]
        return assets


@dataclass(frozen=True, slots=True)
class Layout:
    """A catalogue to be copied."""

    root: Mapping[str, Any]
    heads: Mapping[tuple[str, ...], Mapping[str, Any]]
    items: tuple[Placed, ...]
    refused: tuple[str, ...]
    """Why assets were left out: they name what they may not."""


def layout(place: str) -> Layout:
    """The catalogue at a place, read whole; raises `BadInput` where a document of it cannot be read."""
    stem = PurePosixPath(urlsplit(place).path if hrefs.is_remote(place) else place).stem
    return laid_out(walk(place), stem)


def laid_out(found: Iterable[Group | Located], name: str) -> Layout:
    """Groups and items as `walk` tells them; a catalogue of that name where no group is their root."""
    folders: dict[str, tuple[str, ...]] = {}
    heads: dict[tuple[str, ...], Mapping[str, Any]] = {}
    taken: dict[tuple[str, ...], set[str]] = {}
    items: list[Placed] = []
    refused: list[str] = []
    root: Mapping[str, Any] | None = None
    for one in found:
        if isinstance(one, Group):
            here = _folders(one, folders, taken)
            folders[one.place] = here
            heads[here] = head(one)
            root = heads[here] if not here else root
            continue
        above = folders[one.within[-1].place] if one.within else ()
        item, words = settled(one)
        refused += words
        own = unlike(file_name(one.item.id), taken.setdefault(above, _reserved()), one.named)
        leaf = Leaf(folders=above, name=own, item=_from(one, item))
        items.append(Placed(leaf, _names(item["assets"], f"{own}.json"), one))
    return Layout(root or stac_tree.catalog(file_name(name), "", "Items."), heads, tuple(items), tuple(refused))


def _folders(
    group: Group, known: Mapping[str, tuple[str, ...]], taken: dict[tuple[str, ...], set[str]]
) -> tuple[str, ...]:
    if not group.within:
        return ()
    above = known[group.within[-1].place]
    name = file_name(str(group.document.get("id") or "catalog"))
    return (*above, unlike(name, taken.setdefault(above, _reserved()), group.place))


def _reserved() -> set[str]:
    return {"catalog.json", "collection.json"}


def _from(located: Located, item: Mapping[str, Any]) -> Mapping[str, Any]:
    """With a link to where it was found, where that is an address."""
    if not hrefs.is_remote(located.place):
        return item
    origin = located.item.self_href if hrefs.is_remote(located.item.self_href) else located.place
    return {**item, "links": [{"rel": "canonical", "href": hrefs.public(origin)}, *item["links"]]}


def _names(assets: Mapping[str, Any], document: str) -> dict[str, str]:
    """A file's own name; with its key where another asset has that. Assets of one file share it."""
    taken, names = {document.lower()}, {}
    of: dict[str, str] = {}
    for key, asset in assets.items():
        href = str(asset.get("href")) if isinstance(asset, Mapping) else ""
        if href not in of:
            own = _inside(asset) or file_name(_last(href) or key)
            of[href] = unlike(own if own.lower() not in taken else file_name(f"{key}-{own}"), taken, f"{key} {href}")
        names[key] = of[href]
    return names


def _inside(asset: Any) -> str:
    """Where a file lies in its product (``file:local_path``), each part of it made safe; empty where nothing is told."""
    told = asset.get("file:local_path") if isinstance(asset, Mapping) else None
    parts = [part for part in told.split("/") if part not in {"", "."}] if isinstance(told, str) else []
    return "/".join(map(file_name, parts)) if len(parts) <= DEEPEST else ""


def _last(href: str) -> str:
    path = href if is_local(href) else unquote(urlsplit(href).path)
    return PurePosixPath(path).name
