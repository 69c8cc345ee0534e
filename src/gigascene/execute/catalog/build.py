"""A catalogue built of items: files looked at, items put into groups, and the folder in its place in one step."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gigascene.execute.catalog.settled import is_local
from gigascene.execute.signals import stopping
from gigascene.metadata import multihash, stac_scene, stac_tree
from gigascene.metadata.stac_tree import Leaf
from gigascene.model.errors import BadInput
from gigascene.model.scene import SENSOR
from gigascene.storage import contents
from gigascene.storage.folder import FolderTarget
from gigascene.storage.identity import path_of
from gigascene.storage.local import writing
from gigascene.storage.names import file_name, unlike

ALGORITHM = "sha256"
OTHERS = "others"
"""The group of items that do not tell what groups are made by."""

Watch = Callable[[int, int], None]
"""Told (bytes done, of)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An item on its way into a catalogue."""

    item: Mapping[str, Any]
    """Hrefs are absolute paths or addresses; links lead out of the catalogue."""

    place: str
    """Where it comes from, for messages."""


@dataclass(frozen=True, slots=True)
class Fact:
    """Of a file: bytes, and the multihash, or empty."""

    size: int
    checksum: str


def sensor(item: Mapping[str, Any]) -> str:
    """Name of the sensor, else the collection, else what can be told."""
    said = item["properties"]
    ours = "pictures" if "gigascene" in str(said.get("processing:software")) else ""
    return str(said.get(SENSOR) or item.get("collection") or ours or said.get("platform") or OTHERS)


def month(item: Mapping[str, Any]) -> str:
    """Year and month, UTC."""
    said = item["properties"]
    return str(said.get("datetime") or said.get("start_datetime"))[:7]


def path_row(item: Mapping[str, Any]) -> str:
    """Path and row of Landsat, or the tile of Sentinel-2."""
    said = item["properties"]
    path, row = said.get("landsat:wrs_path"), said.get("landsat:wrs_row")
    tile = said.get("grid:code") or said.get("s2:mgrs_tile")
    return f"{path:0>3}-{row:0>3}" if path and row else str(tile or OTHERS)


GROUPS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {"sensor": sensor, "month": month, "path-row": path_row}
"""What sub-catalogues can be made by."""


def looked_at(drafts: Sequence[Draft], *, checksums: bool, workers: int, watch: Watch) -> tuple[list[Draft], list[str]]:
    """Drafts with size and checksum of every file on this machine; and what is wrong with the others."""
    whole, gaps = [], []
    for draft in drafts:
        if lost := next((path for path in _files([draft]) if not path_of(path).is_file()), None):
            gaps.append(str(BadInput(f"names a file that is not there ({lost}).", draft.place)))
        else:
            whole.append(draft)
    facts = _facts(sorted(set(_files(whole))), checksums=checksums, workers=workers, watch=watch)
    return [replace(draft, item=_told(draft.item, facts)) for draft in whole], gaps


def _files(drafts: Iterable[Draft]) -> Iterator[str]:
    for draft in drafts:
        yield from (asset["href"] for asset in draft.item["assets"].values() if is_local(asset.get("href")))


def _facts(paths: Sequence[str], *, checksums: bool, workers: int, watch: Watch) -> dict[str, Fact]:
    sizes = {path: path_of(path).stat().st_size for path in paths}
    if not checksums:
        return {path: Fact(size, "") for path, size in sizes.items()}
    facts, done, total = {}, 0, sum(sizes.values())
    with stopping("Nothing was written.") as stop, ThreadPoolExecutor(workers) as pool:
        try:
            for path, digest in zip(paths, pool.map(_digest, paths), strict=True):
                stop.check()
                facts[path] = Fact(sizes[path], multihash.encoded(ALGORITHM, digest))
                watch(done := done + sizes[path], total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return facts


def _digest(path: str) -> str:
    try:
        return contents.digest(path, ALGORITHM)
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", path) from error


def _told(item: Mapping[str, Any], facts: Mapping[str, Fact]) -> dict[str, Any]:
    assets = {}
    for key, asset in item["assets"].items():
        fact = facts.get(asset.get("href")) if is_local(asset.get("href")) else None
        kept = {name: value for name, value in asset.items() if fact is None or name != "file:checksum"}
        known: dict[str, Any] = {} if fact is None else {"file:size": fact.size}
        known |= {"file:checksum": fact.checksum} if fact and fact.checksum else {}
        assets[key] = {**kept, **known}
    told = {**item, "assets": assets}
    return {**told, "stac_extensions": stac_scene.extensions(told)}


def write(drafts: Sequence[Draft], target: FolderTarget, by: Sequence[str], source: str) -> int:
    """Put the catalogue in its place; how many groups it has."""
    root = stac_tree.catalog(file_name(target.path.resolve().name), "", f"{_count(len(drafts), 'item')} of {source}.")
    heads, leaves = _placed(drafts, target.path.resolve(), by)
    target.recover()
    with writing(target.path):
        for path, document in stac_tree.documents(root, heads, leaves):
            file = target.fresh / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text(document), encoding="utf-8")
    target.mark({"catalog": {"items": len(drafts)}})
    target.place()
    return len(heads)


def text(document: Mapping[str, Any]) -> str:
    """As every document of a catalogue is written."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _placed(
    drafts: Sequence[Draft], root: Path, by: Sequence[str]
) -> tuple[dict[tuple[str, ...], dict[str, Any]], list[Leaf]]:
    heads: dict[tuple[str, ...], dict[str, Any]] = {}
    taken: dict[tuple[str, ...], set[str]] = {}
    leaves = []
    for draft in sorted(
        drafts, key=lambda one: (*(GROUPS[name](one.item) for name in by), _when(one.item), one.item["id"])
    ):
        words = [GROUPS[name](draft.item) for name in by]
        folders = tuple(map(file_name, words))
        for depth in range(1, len(folders) + 1):
            title = ", ".join(words[:depth])
            head = stac_tree.catalog("-".join(folders[:depth]), title, f"By {' and '.join(by[:depth])}: {title}.")
            heads.setdefault(folders[:depth], head)
        name = unlike(file_name(draft.item["id"]), taken.setdefault(folders, set()), draft.item["id"])
        leaf = Leaf(folders=folders, name=name, item=draft.item)
        leaves.append(replace(leaf, item=_relative(draft, root / leaf.folder)))
    return heads, leaves


def _when(item: Mapping[str, Any]) -> str:
    return str(item["properties"].get("datetime") or item["properties"].get("start_datetime"))


def _relative(draft: Draft, folder: Path) -> dict[str, Any]:
    assets = {}
    for key, asset in draft.item["assets"].items():
        href = asset.get("href")
        assets[key] = {**asset, "href": os.path.relpath(href, folder)} if is_local(href) else asset
    return {**draft.item, "assets": assets}


def may_be_told(path: str) -> bool:
    """False for a path that no href can hold: with a line break or another control character."""
    return not re.search(r"[\x00-\x1f\x7f]", path)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
