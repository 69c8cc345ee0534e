"""Which items and assets of a catalogue are wanted."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gigascene.execute.catalog.access import hrefs_of, paid_href
from gigascene.execute.catalog.layout import Layout, Placed
from gigascene.execute.catalog.settled import is_local
from gigascene.model.errors import BadInput, UnknownName
from gigascene.storage import paid

Pick = Callable[[Sequence[Placed]], Iterable[tuple[Placed, Sequence[str], BadInput | None]]]
"""Of some items which assets are wanted, and what is wrong with others that were asked for, if anything is."""

MOST_KEYS = 10
"""Names in a message."""

_GLOB = re.compile(r"[*?\[]")


def chosen(found: Layout, patterns: Sequence[str], place: str) -> list[Placed]:
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


def by_key(patterns: Sequence[str]) -> Pick:
    """Assets whose keys fit; each pattern must fit one of an item, and one with ``*``, ``?`` or ``[`` one of them all."""

    def pick(chosen: Sequence[Placed]) -> Iterator[tuple[Placed, Sequence[str], BadInput | None]]:
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
                why if lacks else None,
            )

    return pick


def source_of(asset: Mapping[str, Any]) -> str:
    """Where an asset is read: in a bucket that the user pays for, where they have agreed to; else where no account is wanted.

    That is the first of its hrefs on this machine or the web, or its own where there is none.
    """
    known = [href for href, _ in hrefs_of(asset)]
    if paid.agreed() and (href := paid_href(asset)):
        return href
    return next((href for href in known if is_local(href) or href.startswith(("http://", "https://"))), known[0])


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatch.fnmatchcase(name, pattern)
