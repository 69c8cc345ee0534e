"""Some files of a catalogue copied, and the catalogue with them: its hrefs lead to the copies, all others to where they led."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any

from gigascene.execute.catalog.access import check_agreed, paid_href, told
from gigascene.execute.catalog.build import text
from gigascene.execute.catalog.copying import Count, Watch, copied
from gigascene.execute.catalog.describe import size_of
from gigascene.execute.catalog.layout import Layout, Placed
from gigascene.execute.catalog.pick import Pick, chosen, source_of
from gigascene.execute.catalog.settled import is_local
from gigascene.execute.catalog.shelf import Shelf, shelf
from gigascene.metadata import multihash, stac_tree
from gigascene.model.errors import BadInput, WriteFailed
from gigascene.storage import fetched, hrefs, paid
from gigascene.storage.fetched import Copy

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

    paid: bool = False
    """True if who reads it pays for it."""


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

    @property
    def cost(self) -> str:
        """What reading may cost the user, in words; empty where nothing is known to."""
        size = sum(one.bytes - one.there for one in self.copies if one.paid)
        buckets = sorted({"/".join(one.href.split("/", 3)[:3]) for one in self.copies if one.paid})
        return f"read in {', '.join(buckets)}, for which AWS bills you: {paid.cost(size)}" if size else ""


@dataclass(frozen=True, slots=True)
class _Wanted:
    placed: Placed
    keys: tuple[str, ...]
    """Of the assets that are this one file."""

    copy: Copy

    @property
    def asset(self) -> Mapping[str, Any]:
        """The first of them."""
        asset: Mapping[str, Any] = self.placed.assets[self.keys[0]]
        return asset


class Fetching:
    """A catalogue, and which of its files are to be copied where.

    With `adds`, items that an earlier run has brought and that are not in this catalogue stay in the copied one.
    """

    def __init__(
        self,
        place: str,
        found: Layout,
        pick: Pick,
        items: Sequence[str],
        target: str | PathLike[str],
        *,
        adds: bool = False,
        notes: Sequence[str] = (),
    ) -> None:
        self.place = hrefs.public(place)
        self._layout, self._shelf, self._adds, self._notes = found, shelf(target), adds, tuple(notes)
        self._shelf.check("" if adds else place)
        self._check_alike()
        picked = list(pick(chosen(found, items, self.place)))
        self._wanted = [one for placed, keys, _ in picked for one in _files(placed, keys, self._shelf)]
        self._lost = [(_paying(placed), why) for placed, _, why in picked if why is not None]
        self.done: tuple[AssetCopy, ...] = ()

    def plan(self, workers: int) -> FetchPlan:
        """Ask for sizes, and look at what is there. What cannot be had becomes a gap."""
        with ThreadPoolExecutor(workers) as pool:
            found = list(pool.map(_looked_at, self._wanted))
        pairs = list(zip(self._wanted, found, strict=True))
        self._wanted = [one for one, known in pairs if isinstance(known, AssetCopy)]
        lost = [*self._lost, *((one.asset, known) for one, known in pairs if isinstance(known, BadInput))]
        return FetchPlan(
            catalog=self.place,
            target=self._shelf.said,
            copies=tuple(known for known in found if isinstance(known, AssetCopy)),
            gaps=told(lost),
            items=len(self._layout.items),
            notes=(*self._notes, *self._layout.refused),
        )

    def run(self, plan: FetchPlan, workers: int, watch: Watch) -> tuple[str, ...]:
        """Copy what is not there; words about each file that failed."""
        self._shelf.begin()
        known = {one.path: one for one in plan.copies}
        whole = {path for path, one in known.items() if one.whole}
        todo = [one for one in self._wanted if str(one.copy.path) not in whole]
        count = Count(sum(known[path].bytes for path in whole), plan.bytes, plan.there, watch)
        failed = copied([one.copy for one in todo], count, workers)
        self._wanted = [one for one in self._wanted if str(one.copy.path) not in failed]
        self.done = tuple(one for one in plan.copies if one.path not in failed)
        lost = [(one.asset, failed[str(one.copy.path)]) for one in todo if str(one.copy.path) in failed]
        return tuple(sorted(told(lost)))

    def write(self) -> None:
        """The catalogue, its root last."""
        done = {(id(one.placed), key) for one in self._wanted for key in one.keys}
        leaves = [self._leaf(placed, done) for placed in self._layout.items]
        before = self._before({leaf.path for leaf in leaves}) if self._adds else ()
        for path, document in stac_tree.documents(self._layout.root, self._layout.heads, leaves, before):
            self._shelf.write(path, text(document))

    def _leaf(self, placed: Placed, done: set[tuple[int, str]]) -> stac_tree.Leaf:
        """The item with local hrefs for what was copied, now or before."""
        before = _mapping(self._document(placed.leaf.path).get("assets"))
        assets = {}
        for key, asset in placed.assets.items():
            local = _local(asset, placed.names[key])
            kept = before.get(key) == local and self._shelf.has(f"{placed.leaf.folder}/{placed.names[key]}")
            assets[key] = local if (id(placed), key) in done or kept else asset
        item = {**placed.leaf.item, "assets": assets}
        if assets != placed.assets:
            item["stac_extensions"] = list(dict.fromkeys([*(item.get("stac_extensions") or ()), ALTERNATE]))
        return replace(placed.leaf, item=item)

    def _before(self, now: set[str]) -> tuple[str, ...]:
        """Paths of items in the root as it is, but those that are written now."""
        links = self._document(stac_tree.ROOT).get("links")
        found = (one for one in (links if isinstance(links, list) else []) if isinstance(one, Mapping))
        paths = (str(one.get("href")).removeprefix("./") for one in found if one.get("rel") == "item")
        return tuple(path for path in paths if path not in now and ".." not in path.split("/") and "://" not in path)

    def _document(self, name: str) -> Mapping[str, Any]:
        """What an earlier run wrote; empty where there is none."""
        return _parsed(self._shelf.read(name) or b"{}")

    def _check_alike(self) -> None:
        """The place is new, or the same catalogue was copied there."""
        if (there := self._shelf.read(stac_tree.ROOT)) is not None:
            id = _parsed(there).get("id", "?")
            if id != self._layout.root["id"]:
                raise WriteFailed(self._shelf.said, f"it holds another catalogue ({id})", "Name a new folder.")


def _parsed(text: bytes) -> Mapping[str, Any]:
    """A JSON object; empty for anything else."""
    try:
        return _mapping(json.loads(text))
    except ValueError:
        return {}


def _paying(placed: Placed) -> Mapping[str, Any]:
    """An asset of an item whose readers may pay; none where none is."""
    return next((asset for asset in placed.assets.values() if isinstance(asset, Mapping) and paid_href(asset)), {})


def _mapping(found: Any) -> Mapping[str, Any]:
    return found if isinstance(found, Mapping) else {}


def _local(asset: Mapping[str, Any], name: str) -> dict[str, Any]:
    others = asset.get("alternate") if isinstance(asset.get("alternate"), Mapping) else {}
    return {**asset, "href": f"./{name}", "alternate": {**(others or {}), ORIGINAL: {"href": asset["href"]}}}


def _files(placed: Placed, keys: Sequence[str], target: Shelf) -> Iterator[_Wanted]:
    """Assets of one item, those of the same file together."""
    by_name: dict[str, list[str]] = {}
    for key in keys:
        by_name.setdefault(placed.names[key], []).append(key)
    for name, same in by_name.items():
        asset = placed.assets[same[0]]
        told = asset.get("file:checksum") or asset.get("checksum:multihash")
        copy = Copy(
            href=source_of(asset),
            path=target.place(f"{placed.leaf.folder}/{name}"),
            size=size_of(asset),
            checksum=multihash.decoded(told) if isinstance(told, str) else None,
        )
        yield _Wanted(placed, tuple(same), copy)


def _looked_at(wanted: _Wanted) -> AssetCopy | BadInput:
    copy = wanted.copy
    try:
        if not hrefs.is_remote(copy.href) and not is_local(copy.href):
            scheme = copy.href.partition(":")[0]
            raise BadInput(f"begins with {scheme}://, which is not read.", hrefs.public(copy.href))
        check_agreed(wanted.asset, copy.href)
        whole = fetched.is_there(copy)
        size = fetched.size_there(copy) if whole else fetched.size_of(copy)
        return AssetCopy(
            item=str(wanted.placed.leaf.item["id"]),
            asset=",".join(wanted.keys),
            href=copy.href,
            path=str(copy.path),
            bytes=size,
            there=size if whole else min(fetched.begun(copy), size),
            whole=whole,
            paid=copy.href == paid_href(wanted.asset),
        )
    except BadInput as error:
        return error
