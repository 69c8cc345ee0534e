"""Some files of a catalogue copied, and the catalogue with them: its hrefs lead to the copies, all others to where they led."""

from __future__ import annotations

import fnmatch
import json
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gigascene.execute.catalog.build import text
from gigascene.execute.catalog.describe import size_of
from gigascene.execute.catalog.layout import Layout, Placed, layout
from gigascene.execute.catalog.settled import is_local
from gigascene.execute.signals import Stop, stopping
from gigascene.metadata import multihash, stac_tree
from gigascene.model.errors import BadInput, GigasceneError, UnknownName, WriteFailed
from gigascene.storage import fetched, hrefs
from gigascene.storage.fetched import Copy
from gigascene.storage.local import Target, writing

Watch = Callable[[int, int, int], None]
"""Told (bytes that are there, of, that were there before)."""

Pick = Callable[[Sequence[Placed]], Iterable[tuple[Placed, Sequence[str], str]]]
"""Of some items which assets are wanted, and why others that were asked for are not there, or nothing."""

ALTERNATE = "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json"
ORIGINAL = "original"
"""Under this name a copied asset tells, as an alternate, where it came from."""

MOST_KEYS = 10
_GLOB = re.compile(r"[*?\[]")


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
    """Of these, those that an earlier run has brought; all of them where it is whole."""


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
        picked = list(pick(_chosen(self._layout, items, self.place)))
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
        whole = {path for path, one in known.items() if one.there == one.bytes}
        todo = [one.copy for one in self._wanted if str(one.copy.path) not in whole]
        count = _Count(sum(known[path].bytes for path in whole), plan.bytes, plan.there, watch)
        failed = _copied(todo, count, workers)
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


def _chosen(found: Layout, patterns: Sequence[str], place: str) -> list[Placed]:
    """Items that a pattern fits; each pattern must fit one."""
    ids = [str(placed.leaf.item["id"]) for placed in found.items]
    for pattern in patterns:
        if not any(_fits(one, pattern) for one in ids):
            raise UnknownName(pattern, f"item of {place}", "", tuple(ids[:MOST_KEYS]))
    if not found.items:
        raise BadInput("holds no item.", place)
    return [
        placed
        for placed, one in zip(found.items, ids, strict=True)
        if not patterns or any(_fits(one, pattern) for pattern in patterns)
    ]


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatch.fnmatchcase(name, pattern)


def by_key(patterns: Sequence[str]) -> Pick:
    """Assets whose keys fit; each pattern must fit one of an item, and one with ``*``, ``?`` or ``[`` one of them all."""

    def pick(chosen: Sequence[Placed]) -> Iterator[tuple[Placed, Sequence[str], str]]:
        keys = list(dict.fromkeys(key for placed in chosen for key in placed.assets))
        for pattern in patterns:
            if not any(_fits(key, pattern) for key in keys):
                raise UnknownName(pattern, "asset of these items", "", tuple(keys[:MOST_KEYS]))
        for placed in chosen:
            has = ", ".join(list(placed.assets)[:MOST_KEYS])
            lacks = [one for one in patterns if not _GLOB.search(one) and one not in placed.assets]
            why = BadInput(f"has no asset {', '.join(map(repr, lacks))}; it has {has}.", placed.located.named)
            yield (
                placed,
                [key for key in placed.assets if any(_fits(key, pattern) for pattern in patterns)],
                str(why) if lacks else "",
            )

    return pick


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


def source_of(asset: Mapping[str, Any]) -> str:
    """Of an asset's hrefs the first on this machine or the web, which wants no account; its own where there is none."""
    alternates = asset.get("alternate")
    others = alternates.values() if isinstance(alternates, Mapping) else ()
    known = [asset["href"], *(one.get("href") for one in others if isinstance(one, Mapping))]
    return next((href for href in known if is_local(href) or str(href).startswith(("http://", "https://"))), known[0])


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
            there=size if whole else min(fetched.begun(copy), max(size - 1, 0)),
        )
    except GigasceneError as error:
        return str(error)


class _Count:
    """Bytes that are there, told as they come, from any thread."""

    def __init__(self, done: int, total: int, before: int, watch: Watch) -> None:
        self._done, self._total, self._before, self._watch = done, total, before, watch
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._watch(self._done, self._total, self._before)


def _copied(todo: Sequence[Copy], count: _Count, workers: int) -> dict[Path, str]:
    """Copy them; by its path, what was wrong with each that failed."""
    failed: dict[Path, str] = {}
    with (
        stopping("What has come is kept: the same command goes on with it.") as stop,
        ThreadPoolExecutor(workers) as pool,
    ):
        running = {pool.submit(_copy, one, count, stop): one.path for one in todo}
        waiting: set[Future[None]] = set(running)
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.2, return_when="FIRST_COMPLETED")
                stop.check()
                for one in done:
                    error = one.exception()
                    if isinstance(error, BadInput):
                        failed[running[one]] = str(error)
                    elif error is not None:
                        raise error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stop.signal = stop.signal or signal.SIGTERM  # whoever is still copying ends at the next part
            raise
    return failed


def _copy(copy: Copy, count: _Count, stop: Stop) -> None:
    def told(size: int) -> None:
        stop.check()
        count.add(size)

    with writing(copy.path):
        copy.path.parent.mkdir(parents=True, exist_ok=True)
    fetched.fetch(copy, told)
