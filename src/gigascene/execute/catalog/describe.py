"""What a catalogue holds: its tree, with counts, time, place and assets of each part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gigascene.metadata.stac_items import Item
from gigascene.sensors._stac_file import Group, walk
from gigascene.storage import hrefs

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetCount:
    """Assets of one key."""

    items: int
    """How many items have it."""

    media_type: str
    title: str
    bytes: int | None
    """Of all together; None where one of them does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogPart:
    """A catalogue or collection, and all that is below it."""

    id: str
    type: str
    """``"Catalog"``, ``"Collection"``, or ``"Items"`` for a document of items alone."""

    title: str
    place: str
    items: int
    """Here and below."""

    first: str
    """Time of the earliest, RFC 3339; empty where there is no item."""

    last: str
    bbox: Box | None
    """West, south, east, north, degrees; west is the greater where it crosses the date line."""

    assets: Mapping[str, AssetCount]
    children: tuple[CatalogPart, ...]


@dataclass(slots=True)
class _Sum:
    """A part while it is being counted."""

    head: Mapping[str, Any]
    place: str
    children: list[_Sum] = field(default_factory=list)
    items: int = 0
    times: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)
    assets: dict[str, AssetCount] = field(default_factory=dict)

    def add(self, item: Item) -> None:
        self.items += 1
        said = item.properties
        spans = (said.get("start_datetime"), said.get("end_datetime"))
        self.times += [item.datetime, *(one for one in spans if isinstance(one, str))]
        self.times = [min(self.times), max(self.times)]
        self.boxes += [item.bbox] if item.bbox else []
        for asset in item.assets:
            raw = item.document["assets"][asset.key]
            before = self.assets.get(asset.key)
            size = size_of(raw)
            known = (
                None
                if size is None or (before and before.bytes is None)
                else size + (before.bytes or 0 if before else 0)
            )
            self.assets[asset.key] = AssetCount(
                items=1 + (before.items if before else 0),
                media_type=asset.media_type,
                title=str(raw.get("title") or ""),
                bytes=known,
            )

    def whole(self) -> CatalogPart:
        return CatalogPart(
            id=str(self.head.get("id") or hrefs.public(self.place).rpartition("/")[2]),
            type=str(self.head.get("type") or "Catalog"),
            title=str(self.head.get("title") or ""),
            place=self.place,
            items=self.items,
            first=self.times[0] if self.times else "",
            last=self.times[-1] if self.times else "",
            bbox=around(self.boxes),
            assets=self.assets,
            children=tuple(child.whole() for child in self.children),
        )


def size_of(asset: Mapping[str, Any]) -> int | None:
    """Bytes of an asset as its item tells them, or None."""
    size = asset.get("file:size")
    return size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None


def described(place: str) -> CatalogPart:
    """The tree below a document; raises `BadInput` where one of its documents cannot be read."""
    root: _Sum | None = None
    sums: dict[str, _Sum] = {}
    for found in walk(place):
        if isinstance(found, Group):
            sums[found.place] = here = _Sum(found.document, found.place)
            if found.within:
                sums[found.within[-1].place].children.append(here)
            root = root or here
            continue
        if root is None:
            root = _Sum({"type": "Items"}, hrefs.public(place))
        for part in [sums[group.place] for group in found.within] or [root]:
            part.add(found.item)
    return (root or _Sum({}, hrefs.public(place))).whole()


def around(boxes: Iterable[Box]) -> Box | None:
    """The smallest box around all: on the side of the Earth where the largest gap in longitude is left out.

    >>> around([(170.0, -20.0, 180.0, -10.0), (-180.0, -15.0, -175.0, -5.0)])
    (170.0, -20.0, -175.0, -5.0)
    """
    given = list(boxes)
    if not given:
        return None
    flat = [span for w, _, e, _ in given for span in ([(w, e)] if w <= e else [(w, 180.0), (-180.0, e)])]
    joined: list[tuple[float, float]] = []
    for west, east in sorted(flat):
        if joined and west <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], east))
        else:
            joined.append((west, east))
    after = [*joined[1:], (joined[0][0] + 360, joined[0][1] + 360)]
    gaps = [(b[0] - a[1], a[1], b[0]) for a, b in zip(joined, after, strict=True)]
    _, east, west = max(gaps)
    return (west - 360 if west > 180 else west, min(box[1] for box in given), east, max(box[3] for box in given))
