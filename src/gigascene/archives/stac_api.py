"""Items of a STAC API: one search, page after page, by POST where the server has it, else by GET.

What the server cannot do (its conformance classes say) is not asked of it. Only JSON comes out; what it means is
read elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin

from gigascene.model.errors import BadInput
from gigascene.storage import hrefs, remote

LARGEST_PAGE = 128 << 20
"""Bytes of JSON."""

PAGE = 200
"""Items in one page; servers may send fewer."""

MOST_PAGES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for."""

    collections: tuple[str, ...]
    """Empty for all."""

    ids: tuple[str, ...] = ()
    """Of items; empty for all."""

    bbox: tuple[float, float, float, float] | None = None
    """West, south, east, north, degrees, west below east."""

    datetime: str = ""
    """RFC 3339 interval."""

    cloud: float | None = None
    """Largest ``eo:cloud_cover``, percent."""


@dataclass(frozen=True, slots=True)
class Server:
    """A STAC API as its landing page tells it."""

    href: str
    search: str
    post: bool
    classes: tuple[str, ...]
    """Conformance classes."""

    def does(self, what: str) -> bool:
        """True if a conformance class ends so, such as ``item-search#sort``."""
        return any(one.endswith(what) for one in self.classes)

    @property
    def sorts(self) -> bool:
        """True if it can send the oldest first."""
        return self.does("item-search#sort")


def server_of(href: str, landing: Any) -> Server | None:
    """The API of a landing page, or None where that is a static catalogue."""
    links = [link for link in _links(landing) if link.get("rel") == "search" and isinstance(link.get("href"), str)]
    if not links:
        return None
    posts = [link for link in links if str(link.get("method", "")).upper() == "POST"]
    told = landing.get("conformsTo")
    classes = tuple(str(one) for one in told) if isinstance(told, Sequence) and not isinstance(told, str) else ()
    chosen = (posts or links)[0]
    return Server(href, urljoin(href, chosen["href"]), bool(posts), classes)


def items(server: Server, query: Query) -> Iterator[Mapping[str, Any]]:
    """Raw items in the server's order, oldest first where it can.

    Raises `BadInput` where it does not answer, or answers with something else than an ItemCollection.
    """
    body: Mapping[str, Any] = _body(server, query)
    href, post = server.search, server.post
    seen = set()
    for _ in range(MOST_PAGES):
        asked = (href, json.dumps(body, sort_keys=True) if post else "")
        if asked in seen:
            raise BadInput("sends the same page again", hrefs.public(href))
        seen.add(asked)
        page = _page(href, body, post=post)
        yield from page["features"]
        following = next((link for link in _links(page) if link.get("rel") == "next"), None)
        if following is None or not page["features"]:
            return
        href, body, post = _next(href, body, following, post=post)
    raise BadInput(f"sends more than {MOST_PAGES} pages", hrefs.public(server.search), hint="Ask for less.")


def _page(href: str, body: Mapping[str, Any], *, post: bool) -> Mapping[str, Any]:
    if post:
        page = remote.document(hrefs.remember(href), LARGEST_PAGE, body=body)
    else:
        mark = "&" if "?" in href else "?"
        page = remote.document(hrefs.remember(f"{href}{mark}{_flat(body)}" if body else href), LARGEST_PAGE)
    if not isinstance(page, Mapping) or not isinstance(page.get("features"), list):
        raise BadInput("sends something else than an ItemCollection", hrefs.public(href))
    return page


def _next(
    href: str, body: Mapping[str, Any], link: Mapping[str, Any], *, post: bool
) -> tuple[str, Mapping[str, Any], bool]:
    """Where the next page is: a whole body, or one to be merged into the last; or all of it in the address."""
    to = link.get("href")
    if not isinstance(to, str):
        raise BadInput("links to a next page without an address", hrefs.public(href))
    if str(link.get("method", "GET")).upper() == "POST":
        more = link.get("body")
        more = more if isinstance(more, Mapping) else {}
        return urljoin(href, to), ({**body, **more} if link.get("merge") else more), True
    return urljoin(href, to), {}, False


def _body(server: Server, query: Query) -> dict[str, Any]:
    body: dict[str, Any] = {"limit": PAGE}
    if query.collections:
        body["collections"] = list(query.collections)
    if query.ids:
        body["ids"] = list(query.ids)
    if query.bbox is not None:
        body["bbox"] = list(query.bbox)
    if query.datetime:
        body["datetime"] = query.datetime
    if query.cloud is not None:
        body |= _cloudless(server, query.cloud)
    if server.sorts:
        ways = [{"field": "properties.datetime", "direction": "asc"}, {"field": "id", "direction": "asc"}]
        body["sortby"] = ways if server.post else "+properties.datetime,+id"
    return body


def _cloudless(server: Server, most: float) -> dict[str, Any]:
    """By the extension the server has; by none, where all are fetched and looked through."""
    if server.does("item-search#query"):
        return {"query": {"eo:cloud_cover": {"lte": most}}}
    if server.does("item-search#filter"):
        if not server.post:
            return {"filter": f'"eo:cloud_cover" <= {most:g}', "filter-lang": "cql2-text"}
        wanted = {"op": "<=", "args": [{"property": "eo:cloud_cover"}, most]}
        return {"filter": wanted, "filter-lang": "cql2-json"}
    return {}


def _flat(body: Mapping[str, Any]) -> str:
    """As a query: lists by commas, objects as JSON."""
    return urlencode({key: _text(value) for key, value in body.items()})


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(f"{one:.15g}" if isinstance(one, float) else str(one) for one in value)
    return json.dumps(value) if isinstance(value, Mapping) else str(value)


def _links(document: Any) -> Iterator[Mapping[str, Any]]:
    found = document.get("links") if isinstance(document, Mapping) else None
    yield from (link for link in found if isinstance(link, Mapping)) if isinstance(found, list) else ()
