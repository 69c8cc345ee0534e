"""Some files of a catalogue copied, and the catalogue with them: its hrefs lead to the copies, all others to where they led."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gigascene.execute.catalog.build import text
from gigascene.execute.catalog.copying import Count, Watch, copied
from gigascene.execute.catalog.describe import size_of
from gigascene.execute.catalog.layout import Layout, Placed, layout
from gigascene.execute.catalog.pick import Pick, chosen, source_of
from gigascene.execute.catalog.settled import is_local
from gigascene.metadata import multihash, stac_tree
from gigascene.model.errors import BadInput, GigasceneError, WriteFailed
from gigascene.storage import fetched, hrefs
from gigascene.storage.fetched import Copy
from gigascene.storage.local import Target, writing

ALTERNATE = "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json"
ORIGINAL = "original"
"""Under this name a copied asset tells, as an alternate, where it came from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetCopy:
    """One file that is wanted."""

    item: str
    asset: str
    href: str
    """Where it lies, without secrets."""

    path: str
    """Where it goes."""

    bytes: int
    there: int
    """Of these, those that an earlier run has brought."""

    whole: bool
    """True if it need not be copied."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPlan:
    """What would be copied."""

    catalog: str
    target: str
    copies: tuple[AssetCopy, ...]
    gaps: tuple[str, ...]
    """What is wanted and cannot be had."""

    items: int
    """Of the whole catalogue."""

    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Of all files."""
        return sum(one.bytes for one in self.copies)

    @property
    def there(self) -> int:
        """Of these, those that need not come."""
        return sum(one.there for one in self.copies)


@dataclass(frozen=True, slots=True)
class _Wanted:
    placed: Placed
    keys: tuple[str, ...]
    """Of the assets that are this one file."""

    copy: Copy


class Fetching:
    """A catalogue, and which of its files are to be copied where."""

    def __init__(self, place: str, pick: Pick, items: Sequence[str], target: Path) -> None:
        self.place, self.target = hrefs.public(place), target
        self._layout = layout(place)
        _check_target(target, place, self._layout)
        picked = list(pick(chosen(self._layout, items, self.place)))
        self._wanted = [one for placed, keys, _ in picked for one in _files(placed, keys, target)]
        self._gaps = tuple(why for _, _, why in picked if why)
        self.done: tuple[AssetCopy, ...] = ()

    def plan(self, workers: int) -> FetchPlan:
        """Ask for sizes, and look at what is there. What cannot be had becomes a gap."""
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(_looked_at, self._wanted))
        kept = [one for one, known in zip(self._wanted, found, strict=True) if not isinstance(known, str)]
        gaps = (*self._gaps, *(known for known in found if isinstance(known, str)))
        copies = tuple(known for known in found if not isinstance(known, str))
        self._wanted = kept
        return FetchPlan(
            catalog=self.place,
            target=str(self.target),
            copies=copies,
            gaps=gaps,
            items=len(self._layout.items),
            notes=self._layout.refused,
        )

    def run(self, plan: FetchPlan, workers: int, watch: Watch) -> tuple[str, ...]:
        """Copy what is not there; words about each file that failed."""
        with writing(self.target):
            self.target.mkdir(exist_ok=True)
        known = {one.path: one for one in plan.copies}
        whole = {path for path, one in known.items() if one.whole}
        todo = [one.copy for one in self._wanted if str(one.copy.path) not in whole]
        count = Count(sum(known[path].bytes for path in whole), plan.bytes, plan.there, watch)
        failed = copied(todo, count, workers)
        self._wanted = [one for one in self._wanted if one.copy.path not in failed]
        self.done = tuple(one for one in plan.copies if Path(one.path) not in failed)
        return tuple(sorted(failed.values()))

    def write(self) -> None:
        """The catalogue, its root last."""
        done = {(id(one.placed), key) for one in self._wanted for key in one.keys}
        leaves = [self._leaf(placed, done) for placed in self._layout.items]
        for path, document in stac_tree.documents(self._layout.root, self._layout.heads, leaves):
            file = self.target / path
            with writing(file):
                file.parent.mkdir(parents=True, exist_ok=True)
            Target(file).check()
            Target(file).write_text(text(document))

    def _leaf(self, placed: Placed, done: set[tuple[int, str]]) -> stac_tree.Leaf:
        """The item with local hrefs for what was copied, now or before."""
        before = _assets(self.target / placed.leaf.path)
        assets = {}
        for key, asset in placed.assets.items():
            local = _local(asset, placed.names[key])
            folder = self.target / placed.leaf.folder
            kept = before.get(key) == local and (folder / placed.names[key]).is_file()
            assets[key] = local if (id(placed), key) in done or kept else asset
        item = {**placed.leaf.item, "assets": assets}
        if assets != placed.assets:
            item["stac_extensions"] = list(dict.fromkeys([*(item.get("stac_extensions") or ()), ALTERNATE]))
        return replace(placed.leaf, item=item)


def _local(asset: Mapping[str, Any], name: str) -> dict[str, Any]:
    others = asset.get("alternate") if isinstance(asset.get("alternate"), Mapping) else {}
    return {**asset, "href": f"./{name}", "alternate": {**(others or {}), ORIGINAL: {"href": asset["href"]}}}


def _assets(path: Path) -> Mapping[str, Any]:
    """Of an item that an earlier run wrote."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["assets"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, Mapping) else {}


def _check_target(target: Path, place: str, found: Layout) -> None:
    """A folder that is new, or one into which the same catalogue was copied."""
    if not hrefs.is_remote(place) and Path(place).resolve().is_relative_to(target.resolve()):
        raise WriteFailed(str(target), "the catalogue itself lies there", "Name another folder.")
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise WriteFailed(str(target), "it is a link or a file", "Name a folder.")
    if not target.parent.is_dir():
        raise WriteFailed(str(target), f"there is no folder {target.parent}", "Make it first.")
    there = target / stac_tree.ROOT
    if there.exists():
        try:
            id = json.loads(there.read_text(encoding="utf-8"))["id"]
        except (OSError, ValueError, KeyError, TypeError):
            id = "?"
        if id != found.root["id"] or (target / ".gigascene.json").exists():
            raise WriteFailed(str(target), f"it holds another catalogue ({id})", "Name a new folder.")


def _files(placed: Placed, keys: Sequence[str], target: Path) -> Iterator[_Wanted]:
    """Assets of one item, those of the same file together."""
    by_name: dict[str, list[str]] = {}
    for key in keys:
        by_name.setdefault(placed.names[key], []).append(key)
    for name, same in by_name.items():
        asset = placed.assets[same[0]]
        told = asset.get("file:checksum") or asset.get("checksum:multihash")
        copy = Copy(
            href=source_of(asset),
            path=target / placed.leaf.folder / name,
            size=size_of(asset),
            checksum=multihash.decoded(told) if isinstance(told, str) else None,
        )
        yield _Wanted(placed, tuple(same), copy)


def _looked_at(wanted: _Wanted) -> AssetCopy | str:
    copy = wanted.copy
    try:
        if not hrefs.is_remote(copy.href) and not is_local(copy.href):
            scheme = copy.href.partition(":")[0]
            raise BadInput(f"begins with {scheme}://, which is not read.", hrefs.public(copy.href))
        whole = fetched.is_there(copy)
        size = copy.path.stat().st_size if whole else fetched.size_of(copy)
        return AssetCopy(
            item=str(wanted.placed.leaf.item["id"]),
            asset=",".join(wanted.keys),
            href=copy.href,
            path=str(copy.path),
            bytes=size,
            there=size if whole else min(fetched.begun(copy), size),
            whole=whole,
        )
    except GigasceneError as error:
        return str(error)
