"""Files that are not had by everybody: who pays for reading them, and what is missing, in one line for each server."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gigascene.execute.catalog.describe import size_of
from gigascene.model.errors import BadInput, NoAccess
from gigascene.storage import hrefs, paid


def hrefs_of(asset: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """All hrefs of an asset, its own first, each with whether who reads it pays."""
    alternates = asset.get("alternate")
    others = alternates.values() if isinstance(alternates, Mapping) else ()
    for one in (asset, *(one for one in others if isinstance(one, Mapping))):
        if isinstance(href := one.get("href"), str):
            yield href, paid.is_paid(href) or (hrefs.is_bucket(href) and one.get("storage:requester_pays") is True)


def paid_href(asset: Mapping[str, Any]) -> str:
    """Where an asset is read by who pays; empty where nowhere."""
    return next((href for href, pays in hrefs_of(asset) if pays), "")


def check_agreed(asset: Mapping[str, Any], href: str) -> None:
    """Raise `NoAccess` where reading costs the user something to which they have not agreed; nobody is asked."""
    if (href, True) in set(hrefs_of(asset)) and not paid.agreed():
        raise NoAccess("is paid for by who reads it.", href)


def told(failed: Iterable[tuple[Mapping[str, Any], BadInput]]) -> tuple[str, ...]:
    """What was wrong with files, in words: one line for each, or for all that one server refuses alike."""
    lines: list[str] = []
    shut: dict[tuple[str, str], list[tuple[Mapping[str, Any], NoAccess]]] = {}
    for asset, error in failed:
        if isinstance(error, NoAccess):
            shut.setdefault((_server(str(error.args[1])), str(error.args[0])), []).append((asset, error))
        else:
            lines.append(str(error))
    return (*lines, *(_line(server, what, these) for (server, what), these in shut.items()))


def _server(words: str) -> str:
    """Host or bucket of the address in some words."""
    found = re.search(r"\w+://(?:[^/@\s]*@)?([^/\s]+)", words)
    return f"{found[0].partition('://')[0]}://{found[1]}" if found else words


def _line(server: str, what: str, these: list[tuple[Mapping[str, Any], NoAccess]]) -> str:
    asset, error = these[0]
    sizes = [size_of(one) for one, _ in these]
    hint = _advice(asset, None if None in sizes else sum(size or 0 for size in sizes)) or error.args[4]
    if len(these) == 1:
        return str(BadInput(what, error.args[1], error.args[2], error.args[3], hint))
    name = str(error.args[1]).rpartition("/")[2]
    return str(BadInput(what, f"{len(these)} files at {server}, such as {name}", hint=hint))


def _advice(asset: Mapping[str, Any], size: int | None) -> str:
    """How they are had in a bucket whose readers pay, and what that may cost."""
    href = paid_href(asset)
    if not href or paid.agreed():
        return ""
    return (
        f"--requester-pays reads it in {_server(href)} with your AWS credentials, and AWS bills you: {paid.cost(size)}."
    )
