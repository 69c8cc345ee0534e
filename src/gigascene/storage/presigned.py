"""Outputs by an address that is signed for just this one object: one PUT, whole or not at all, and nothing beside it.

Whoever has such an address may write there, so it is handled as an href's secret is: in memory only.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl

from gigascene.model.errors import BadInput, WriteFailed
from gigascene.storage._requests import STEP, TRIES, Ask, Unreachable, answered, file_body
from gigascene.storage.hrefs import is_bucket, public, signs, split, web, whole
from gigascene.storage.kinds import Sent, kind_of
from gigascene.storage.local import INSTEAD, THERE

LARGEST = 5_000_000_000
"""Bytes that servers take by one PUT."""


def is_signed(url: str) -> bool:
    """True for a web address whose query, which this process remembers and nobody writes down, is a signature."""
    return not is_bucket(url) and web(url) == url and signs(split(whole(url)).query)


def check(url: str, folder: str = "") -> None:
    """Raise `WriteFailed` if it is too late, or `folder` is the name of one that belongs to the output; asks no server."""
    if folder:
        raise WriteFailed(
            public(url), "a signed address takes one file, and this is a folder of many", "Name a bucket."
        )
    end = _end(_query(whole(url)))
    if end is not None and end <= datetime.now(UTC):
        raise WriteFailed(public(url), f"its signature ran out at {end:%Y-%m-%d %H:%M:%S} UTC", "Sign it anew.")


def send(url: str, path: Path, sent: Sent, *, keep: bool = False) -> None:
    """Upload a file; what is there already stays if `keep`. Raises `WriteFailed`."""
    send_by("", url, path, sent, keep=keep)


def send_by(signed: str, url: str, path: Path, sent: Sent, *, keep: bool) -> None:
    """The same by an address that was signed here, for a server of the user's own settings."""
    size = path.stat().st_size
    if size > LARGEST:
        raise WriteFailed(public(url), f"it has {size:,} bytes, and one PUT takes {LARGEST:,}", "Name a bucket.")

    def use(status: int, answer: http.client.HTTPResponse) -> None:
        text = answer.read(STEP)
        if status not in {200, 201, 204}:
            raise _refused(url, status, text)

    query = _query(signed or whole(url))
    headers = {"Content-Length": str(size), **_headers(query, path)}
    if keep:
        headers["If-None-Match"] = "*"
    try:
        answered(url, Ask(method="PUT", headers=headers, body=file_body(path, sent), signed=signed), use)
    except Unreachable as error:
        what = f"the server cannot be reached ({error.args[0]}); tried {TRIES} times"
        raise WriteFailed(public(url), what, "Try again later.") from None
    except BadInput as error:  # an address that leads where none may
        raise WriteFailed(public(url), error.args[0].rstrip("."), error.args[4]) from None


def _query(address: str) -> dict[str, str]:
    return {name.lower(): value for name, value in parse_qsl(split(address).query, keep_blank_values=True)}


def _headers(query: dict[str, str], path: Path) -> dict[str, str]:
    """What may go along: older signatures (version 2) hold each of these, and would not fit any more."""
    if "x-amz-signature" not in query and "x-goog-signature" not in query and "sig" not in query:
        return {}
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
    headers = {"Content-Type": kind_of(path.name), "Content-MD5": base64.b64encode(md5).decode()}
    return headers | ({"x-ms-blob-type": "BlockBlob"} if "sig" in query else {})


def _end(query: dict[str, str]) -> datetime | None:
    """When the signature runs out; None where it does not tell."""
    with suppress(ValueError, OverflowError):
        for kind in ("amz", "goog"):
            if f"x-{kind}-date" in query and f"x-{kind}-expires" in query:
                begin = datetime.strptime(query[f"x-{kind}-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
                return begin + timedelta(seconds=int(query[f"x-{kind}-expires"]))
        if "se" in query:
            found = datetime.fromisoformat(query["se"])
            return found if found.tzinfo else found.replace(tzinfo=UTC)
        if "expires" in query:
            return datetime.fromtimestamp(int(query["expires"]), UTC)
    return None


def _refused(url: str, status: int, text: bytes) -> WriteFailed:
    """By the number, and of what the server says by its code alone."""
    if status == 412 or (status == 409 and b"AlreadyExists" in text):
        return WriteFailed(public(url), THERE, INSTEAD)
    if status in {400, 401, 403}:
        hint = "Sign it anew, for PUT and for just this name; other headers must not be part of the signature."
        return WriteFailed(public(url), f"its signature is not accepted (HTTP {status})", hint)
    if status in {404, 409}:
        return WriteFailed(public(url), f"there is no such bucket (HTTP {status})", "Is its name right?")
    return WriteFailed(public(url), f"the server refuses it (HTTP {status})")
