"""Scenes by id: found in the public archives, under their names of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gigascene.api.search import CATALOGS, boxes, came_from
from gigascene.archives import stac_api
from gigascene.archives.stac_api import Query, Server
from gigascene.metadata.stac_items import Item, read_item
from gigascene.model.errors import BadInput, UsageError
from gigascene.sensors._scene_id import LANDSAT, SENTINEL2, Wanted, freshness, is_it, is_same, wanted
from gigascene.sensors._stac_file import Located
from gigascene.storage import hrefs, remote

ARCHIVES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    LANDSAT: {
        "planetary-computer": ("landsat-c2-l2",),
        "usgs": ("landsat-c2l2-sr", "landsat-c2l1"),
        "earth-search": ("landsat-c2-l2",),
    },
    SENTINEL2: {
        "earth-search": ("sentinel-2-l2a", "sentinel-2-c1-l2a", "sentinel-2-l1c"),
        "planetary-computer": ("sentinel-2-l2a",),
    },
}
"""Where an id of each kind is looked for, in turn, and in which collections: first those whose files are had without an account."""

MOST_IDS = 100
"""In one question."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """Scenes that were asked for by id."""

    found: tuple[Located, ...]
    """In the order of the ids, each once."""

    notes: tuple[str, ...]
    """Where another product stands for the one that was named, and what was not asked."""


@dataclass(frozen=True, slots=True)
class _Archive:
    name: str
    href: str
    collections: tuple[str, ...]
    """Empty where nobody knows them."""


def named(sources: Sequence[str]) -> tuple[Wanted, ...]:
    """What ids mean; none where one of the words is no id. Raises `BadInput` for one that nobody can follow."""
    found = [wanted(source) for source in sources]
    return tuple(one for one in found if one is not None) if None not in found else ()


def resolved(asked: Sequence[Wanted], api: str | None) -> Resolved:
    """The items of scenes, from the first archive that has them.

    Parameters
    ----------
    asked : sequence of Wanted
        The scenes.
    api : str, optional
        A short name of `CATALOGS` or the address of a STAC API: this one is asked, and no other.

    Raises
    ------
    BadInput
        One is in none of the archives, under no name; or none of them answers.
    """
    known: dict[str, Located] = {}
    words: dict[str, str] = {}
    notes: list[str] = []
    for kind in dict.fromkeys(one.kind for one in asked):
        missing, silent = [one for one in asked if one.kind == kind], list[str]()
        tried = _archives(kind, api)
        for archive in tried:
            missing = _ask(archive, missing, known, words, silent) if missing else missing
        if missing:
            raise _nowhere(missing, tried, silent)
        notes += silent
    found = {(one.item.collection, one.item.id): one for one in (known[one.id] for one in asked)}
    return Resolved(found=tuple(found.values()), notes=(*notes, *filter(None, words.values())))


def _archives(kind: str, api: str | None) -> list[_Archive]:
    known = ARCHIVES[kind]
    if api is None:
        return [_Archive(name, CATALOGS[name], collections) for name, collections in known.items()]
    if api in CATALOGS:
        return [_Archive(api, CATALOGS[api], known.get(api, ()))]
    if not hrefs.is_remote(api):
        raise UsageError(f"--api is {', '.join(CATALOGS)} or an address, not {api!r}")
    return [_Archive(hrefs.public(api), api, ())]


def _ask(
    archive: _Archive, asked: Sequence[Wanted], known: dict[str, Located], words: dict[str, str], notes: list[str]
) -> list[Wanted]:
    """Ask one archive; those that it has not."""
    try:
        server = _server(archive)
        exact = _exact(server, archive, asked)
        for one in asked:
            if one.id in exact:
                known[one.id] = _located(server, exact[one.id])
            elif (other := _other(server, archive, one)) is not None:
                known[one.id] = _located(server, other)
                words[one.id] = _instead(one, other, archive)
    except BadInput as error:
        notes.append(str(error))
    return [one for one in asked if one.id not in known]


def _server(archive: _Archive) -> Server:
    landing = remote.document(hrefs.remember(archive.href), stac_api.LARGEST_PAGE)
    server = stac_api.server_of(archive.href, landing)
    if server is None:
        raise BadInput(
            "is no STAC API.", hrefs.public(archive.href), hint="--api names the address of its landing page."
        )
    return server


def _exact(server: Server, archive: _Archive, asked: Sequence[Wanted]) -> dict[str, Item]:
    """Those that are there under the very id, by that id."""
    ids = [id for one in asked if one.current for id in _spellings(one)]
    found: dict[str, Item] = {}
    for start in range(0, len(ids), MOST_IDS):
        query = Query(collections=archive.collections, ids=tuple(ids[start : start + MOST_IDS]))
        items = list(_items(server, query))
        found |= {one.id: item for one in asked for item in items if is_it(item, one)}
    return found


def _spellings(one: Wanted) -> tuple[str, ...]:
    """What archives may call an item of just this product."""
    return (one.id, f"{one.id}_SR") if one.kind == LANDSAT and not one.id.endswith(("_SR", "_ST")) else (one.id,)


def _other(server: Server, archive: _Archive, one: Wanted) -> Item | None:
    """The same product under another name, or the same acquisition in its best processing."""
    when = f"{_text(one.first)}/{_text(one.last)}"
    queries = [Query(collections=archive.collections, bbox=box, datetime=when) for box in boxes(one.box) or (None,)]
    items = [item for query in queries for item in _items(server, query) if is_same(item, one)]
    same = [item for item in items if is_it(item, one)]
    return max(same or items, key=lambda item: freshness(item, one), default=None)


def _items(server: Server, query: Query) -> Iterator[Item]:
    """Those that can be read."""
    for raw in stac_api.items(server, query):
        try:
            item = read_item(raw, hrefs.public(server.href))
        except BadInput:
            continue
        yield replace(item, document=came_from(server.href, item))


def _text(moment: Any) -> str:
    return str(moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def _located(server: Server, item: Item) -> Located:
    """As an item that was found behind an address: what it names is a stranger's word."""
    [place] = [one["href"] for one in item.document["links"] if one.get("rel") == "self"][:1]
    whole = replace(item, self_href=place)
    return Located(whole, hrefs.public(place), place, trusted=False)


def _instead(one: Wanted, other: Item, archive: _Archive) -> str:
    if is_it(other, one):
        return ""
    where = "path, row and day" if one.kind == LANDSAT else "tile and time"
    old = "is not kept any more" if not one.current else "is not there under this name"
    return f"{one.id} {old}; {archive.name} has {other.id} of the same satellite, {where}, and this is taken."


def _nowhere(missing: Sequence[Wanted], tried: Sequence[_Archive], notes: Sequence[str]) -> BadInput:
    """What is nowhere; or why nobody answered."""
    names = ", ".join(one.id for one in missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
    asked = ", ".join(archive.name for archive in tried)
    if len(notes) >= len(tried):
        return BadInput(f"cannot be looked for, for no archive answers ({asked}): {notes[0]}", names)
    hint = f"Search for its day: gigascene search …{' Not asked: ' + notes[0] if notes else ''}"
    return BadInput(
        f"is in none of the archives that were asked ({asked}), nor another of its place and time.", names, hint=hint
    )
