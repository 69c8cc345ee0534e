"""Signatures for the containers of the Planetary Computer, which anybody may ask for, and which run out within the hour.

Its own client does the same (`planetary_computer/sas.py` of that package, version 1.0.0): a token for each account and
container of Azure's, from one address, added to the href as its query. A token is asked for when a file was refused
without one; it stays in memory, and is never written down.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from gigascene.model.errors import BadInput
from gigascene.storage.hrefs import split

TOKENS = "https://planetarycomputer.microsoft.com/api/sas/v1/token"
"""Left out `PC_SDK_SAS_URL`, as its own client calls it."""

HOSTS = ".blob.core.windows.net"
FRESH_S = 60
"""A token that runs out sooner is asked for anew."""

CLOSED = {401, 403, 404, 409}
"""What Azure answers to who brings no signature; 404 and 409 where nothing of an account is public."""

Ask = Callable[[str, Mapping[str, str]], bytes]
"""The answer of an address, asked with some headers; raises `BadInput`."""


@dataclass(frozen=True, slots=True)
class _Token:
    """Empty, where none is given."""

    text: str
    ends: datetime


_tokens: dict[str, _Token] = {}
_lock = threading.Lock()


def ready(href: str) -> str:
    """The href with a signature, where one for its container is at hand; else as it is."""
    token = _tokens.get(_container(href))
    return _joined(href, token.text) if token and token.text and _holds(token) else href


def signed(href: str, ask: Ask) -> str:
    """The href with a signature that is asked for, unless it is at hand; as it is where it can have none."""
    container = _container(href)
    if not container or href.startswith(_service()):
        return href
    with _lock:
        known = _tokens.get(container)
        if known is None or not _holds(known):
            _tokens[container] = known = _asked(container, ask)
    return _joined(href, known.text) if known.text else href


def _service() -> str:
    return os.environ.get("PC_SDK_SAS_URL", "").rstrip("/") or TOKENS


def _container(href: str) -> str:
    """``ACCOUNT/CONTAINER`` of an href without a signature; empty for any other."""
    part = split(href)
    host, name = (part.hostname or "").lower(), part.path.strip("/").partition("/")[0]
    if not host.endswith(HOSTS) or not name or part.query or part.username:
        return ""
    return f"{host.removesuffix(HOSTS)}/{name}"


def _asked(container: str, ask: Ask) -> _Token:
    """From the service; none for what it does not know, which is not asked again for a while."""
    key = os.environ.get("PC_SDK_SUBSCRIPTION_KEY", "")
    headers = {"Ocp-Apim-Subscription-Key": key} if key else {}
    try:
        told = json.loads(ask(f"{_service()}/{container}", headers))
        return _Token(str(told["token"]).lstrip("?"), datetime.fromisoformat(told["msft:expiry"]))
    except (BadInput, ValueError, KeyError, TypeError):
        return _Token("", datetime.now(UTC) + timedelta(minutes=5))


def _holds(token: _Token) -> bool:
    left = token.ends.replace(tzinfo=token.ends.tzinfo or UTC) - datetime.now(UTC)
    return left > timedelta(seconds=FRESH_S if token.text else 0)


def _joined(href: str, token: str) -> str:
    return f"{href}?{token}"
