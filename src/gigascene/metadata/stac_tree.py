"""A static, self-contained STAC catalogue as documents: groups within groups, an item in a folder of its own, relative links."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ROOT = "catalog.json"
STRUCTURE = frozenset({"self", "root", "parent", "child", "item", "items", "collection", "prev", "next"})
"""Relations that tell where a document lies in its catalogue."""

JSON, GEOJSON = "application/json", "application/geo+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """An item, and where it goes."""

    folders: tuple[str, ...]
    """Of its groups from the root down; these names are keys of `documents`."""

    name: str
    """Of its own folder and of its document."""

    item: Mapping[str, Any]
    """Hrefs relative to its own folder, or absolute."""

    @property
    def folder(self) -> str:
        """From the root, with ``/``."""
        return "/".join((*self.folders, self.name))

    @property
    def path(self) -> str:
        """Of the document, from the root."""
        return f"{self.folder}/{self.name}.json"


@dataclass(slots=True)
class _Group:
    head: Mapping[str, Any]
    path: str
    children: list[_Group] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)

    @property
    def is_collection(self) -> bool:
        return self.head.get("type") == "Collection"


def catalog(id: str, title: str, description: str) -> dict[str, Any]:
    """A catalogue's own members, without links."""
    named = {"title": title} if title else {}
    return {"type": "Catalog", "stac_version": "1.1.0", "id": id, **named, "description": description, "links": []}


def documents(
    root: Mapping[str, Any],
    heads: Mapping[tuple[str, ...], Mapping[str, Any]],
    leaves: Sequence[Leaf],
    others: Sequence[str] = (),
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every document with its path below the root: items, then their groups from the deepest up, the root last.

    Parameters
    ----------
    root : mapping
        A catalogue or collection; its links of structure are replaced.
    heads : mapping
        By the folders that lead there, each group's own catalogue or collection; all that leaves name.
    leaves : sequence of Leaf
        In the order in which they are linked.
    others : sequence of str
        Paths of items that are there already and are linked from the root too.
    """
    groups: dict[tuple[str, ...], _Group] = {(): _Group(root, ROOT)}
    for leaf in leaves:
        for depth in range(1, len(leaf.folders) + 1):
            here = leaf.folders[:depth]
            if here not in groups:
                groups[here] = _Group(heads[here], _document("/".join(here), heads[here]))
                groups[here[:-1]].children.append(groups[here])
        groups[leaf.folders].leaves.append(leaf)
    for here, group in reversed(groups.items()):
        for leaf in group.leaves:
            yield leaf.path, _item(leaf, group)
        yield group.path, _group(group, groups[here[:-1]] if here else None, () if here else others)


def _document(folder: str, head: Mapping[str, Any]) -> str:
    return f"{folder}/{'collection.json' if head.get('type') == 'Collection' else ROOT}"


def _item(leaf: Leaf, group: _Group) -> dict[str, Any]:
    """With its links; its collection is named as one only where it lies in one (STAC 1.1 binds name and link together)."""
    links = [_link(leaf.path, "root", ROOT), _link(leaf.path, "parent", group.path)]
    said = {key: value for key, value in leaf.item.items() if key != "collection"}
    if group.is_collection:
        links.append(_link(leaf.path, "collection", group.path))
        said["collection"] = group.head["id"]
    elif leaf.item.get("collection"):
        said["properties"] = {**leaf.item["properties"], "collection": leaf.item["collection"]}
    return {**said, "links": [*links, *_others(leaf.item)]}


def _group(group: _Group, above: _Group | None, more: Sequence[str]) -> dict[str, Any]:
    links = [_link(group.path, "root", ROOT)]
    if above is not None:
        links.append(_link(group.path, "parent", above.path))
    links += [
        _link(group.path, "child", one.path, str(one.head.get("title") or one.head["id"])) for one in group.children
    ]
    links += [_link(group.path, "item", path) for path in (*more, *(leaf.path for leaf in group.leaves))]
    return {**group.head, "links": [*links, *_others(group.head)]}


def _link(here: str, relation: str, to: str, title: str = "") -> dict[str, Any]:
    href = posixpath.relpath(to, posixpath.dirname(here) or ".")
    told = {"rel": relation, "href": href if href.startswith("../") else f"./{href}"}
    return {**told, "type": GEOJSON if relation == "item" else JSON, **({"title": title} if title else {})}


def _others(document: Mapping[str, Any]) -> list[Any]:
    """Links that lead out of the catalogue."""
    links = document.get("links")
    return [
        one
        for one in (links if isinstance(links, list) else [])
        if isinstance(one, Mapping) and one.get("rel") not in STRUCTURE
    ]
