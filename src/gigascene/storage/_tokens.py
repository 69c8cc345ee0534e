"""Bearer tokens, as grids of storage hand them out (WLCG's and dCache's way): only to hosts that the user has named, and only by TLS.

Looked up anew for each request, for they live for an hour or so and another program renews their file.
"""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import SplitResult

from gigascene.model.errors import BadInput
from gigascene.settings import settings
from gigascene.storage.hrefs import place

VARIABLE, FILE = "BEARER_TOKEN", "BEARER_TOKEN_FILE"
LARGEST = 1 << 16

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""RFC 6750, section 2.1."""


def is_named(host: str, port: int) -> bool:
    """True for a host that the user's own settings name: it may lie inside this network."""
    return f"{host.lower()}:{port}" in _hosts()


def bearer(part: SplitResult, said: str) -> str:
    """The token for an address; empty where it gets none. Raises `BadInput` where there should be one and is none."""
    if part.scheme.lower() != "https" or not is_named(*place(part)):
        return ""
    found = os.environ.get(VARIABLE, "").strip() or _from_file(said)
    if found and not _TOKEN.fullmatch(found):
        raise BadInput("gets no bearer token: what is given is none.", said, hint=f"Look at {VARIABLE}, {FILE}.")
    return found


def whence() -> str:
    """Where a token comes from, or how to give one."""
    if os.environ.get(VARIABLE, "").strip():
        return f"The token is that of {VARIABLE}; it may have run out."
    if os.environ.get(FILE):
        return f"The token is that of {FILE}; it may have run out."
    return f"Name the host in GIGASCENE_TOKEN_HOSTS, and give a token by {FILE} or {VARIABLE}."


def _hosts() -> Iterator[str]:
    for named in (settings().token_hosts or "").lower().split(","):
        if named := named.strip():
            yield named if re.search(r":\d+$", named) else f"{named}:443"


def _from_file(said: str) -> str:
    """Of a file that holds nothing else, or of rclone's: ``bearer_token`` of the section that is called as the file is."""
    name = os.environ.get(FILE)
    if not name:
        return ""
    path = Path(name).expanduser()
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LARGEST).strip()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text"
        raise BadInput(f"gets no bearer token: {FILE} cannot be read ({why}).", said) from None
    return _of_rclone(text, path.stem) if path.suffix == ".conf" else text


def _of_rclone(text: str, section: str) -> str:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
        return parser.get(section, "bearer_token")
    except configparser.Error:
        return "(none)"  # no token, and so refused
