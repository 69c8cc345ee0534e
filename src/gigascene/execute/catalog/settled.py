"""An item or group of a catalogue in words that mean the same wherever it is written, without secrets."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from gigascene.metadata.stac_tree import STRUCTURE
from gigascene.model.errors import BadInput
from gigascene.sensors._stac_file import Group, Located, Unreadable
from gigascene.storage import hrefs


def settled(located: Located) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The item, every href an absolute path or an address; and why assets were left out: they name what they may not."""
    refused: list[str] = []
    assets = {}
    for key, asset in located.item.document["assets"].items():
        try:
            assets[str(key)] = _asset(located, asset)
        except BadInput as error:
            refused.append(f"{error} (asset {key!r})")
    document = {**located.item.document, "assets": assets}
    return {**_shown(document), "links": _links(document, located.folder)}, tuple(refused)


def head(group: Group) -> dict[str, Any]:
    """The catalogue or collection itself, with links and assets that lead out of it as addresses."""
    document = group.document
    kept = {key: value for key, value in document.items() if key != "assets"}
    assets = {
        key: {**asset, "href": hrefs.joined(group.place, asset["href"])}
        for key, asset in _objects(document.get("assets"))
        if isinstance(asset.get("href"), str) and hrefs.is_remote(hrefs.joined(group.place, asset["href"]))
    }
    told = {**kept, **({"assets": assets} if assets else {})}
    return {**_shown(told), "links": _links(document, group.place)}


def _asset(located: Located, asset: Any) -> Any:
    if not isinstance(asset, Mapping) or not isinstance(asset.get("href"), str):
        return asset
    others = {
        name: {**one, "href": _resolved(located, one["href"])}
        for name, one in _objects(asset.get("alternate"))
        if isinstance(one.get("href"), str)
    }
    told = {**asset, "href": _resolved(located, asset["href"])}
    return {**told, "alternate": others} if "alternate" in asset else told


def _resolved(located: Located, href: str) -> str:
    try:
        return located.resolved(href)
    except Unreadable:  # such as s3://: an address for others
        return href


def _links(document: Mapping[str, Any], base: str) -> list[dict[str, Any]]:
    """Those that lead out of the catalogue, as addresses."""
    found = document.get("links")
    told = []
    for link in found if isinstance(found, list) else []:
        if not isinstance(link, Mapping) or link.get("rel") in STRUCTURE or not isinstance(link.get("href"), str):
            continue
        href = hrefs.joined(base, link["href"]) if hrefs.is_remote(base) else link["href"]
        if hrefs.is_remote(href):
            told.append({**_shown(link), "href": hrefs.public(href)})
    return told


def _objects(found: Any) -> list[tuple[str, Mapping[str, Any]]]:
    return [(str(k), one) for k, one in found.items() if isinstance(one, Mapping)] if isinstance(found, Mapping) else []


def _shown(value: Any) -> Any:
    """JSON without the secrets of the addresses in it."""
    if isinstance(value, Mapping):
        return {str(key): _shown(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return hrefs.public(value) if isinstance(value, str) else value


def is_local(href: Any) -> bool:
    """True for a settled href that is a path on this machine."""
    return isinstance(href, str) and os.path.isabs(href)  # noqa: PTH117
