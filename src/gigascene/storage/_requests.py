"""Requests over HTTP: tried again where a failure may pass, to the very addresses that were checked.

A name cannot mean one host when it is checked and another when it is asked. No
message holds a secret: it names the href as `hrefs.public` shows it.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from gigascene.model.errors import BadInput, NoAccess
from gigascene.storage import _logins, _signing
from gigascene.storage._hosts import checked, proxy
from gigascene.storage.hrefs import is_remote, place, public, split, whole

TRIES = 4
"""Of one request, where the server or the way to it fails for a moment."""

WAIT_S = 0.5
"""Before the second try; doubled each time."""

LONGEST_WAIT_S = 20.0
TIMEOUT_S = 60.0
REDIRECTS = 5
AGENT = "gigascene"

T = TypeVar("T")

_LARGEST_TOKEN = 1 << 16
_MOMENTARY = {408, 429, 500, 502, 503, 504}
_MOVED = {301, 302, 303, 307, 308}

_targets: dict[tuple[str, str], str] = {}
"""Where an href led to, by what it was and what it is called."""

_local = threading.local()


def tried(href: str, headers: Mapping[str, str], body: bytes | None, use: Callable[[http.client.HTTPResponse], T]) -> T:
    """What `use` makes of the first good answer; tried again where a failure may pass."""
    said, why = public(href), ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(min(WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S))
        try:
            answer = _followed(said, headers, body)
            try:
                if answer.status in {200, 206}:
                    return use(answer.answer)
            finally:
                if not answer.answer.isclosed():
                    answer.drop()
            if answer.status not in _MOMENTARY:
                raise _refused(said, answer.status)
            why = f"HTTP {answer.status}"
        except BadInput:
            raise
        except (http.client.HTTPException, OSError) as error:
            why = f"{type(error).__name__}: {_words(error)}"
    raise BadInput(f"cannot be reached ({why}); tried {TRIES} times.", said, hint="Try again later.")


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer and the connection it came by, which is of use again once the answer is read to its end."""

    connection: http.client.HTTPConnection
    answer: http.client.HTTPResponse

    @property
    def status(self) -> int:
        """HTTP's number."""
        return self.answer.status

    def drop(self) -> None:
        """Without reading the rest."""
        self.connection.close()


def _words(error: Exception) -> str:
    """Of the system, which knows no href."""
    return getattr(error, "strerror", None) or ("the answer ended too soon" if error.args else type(error).__name__)


def _refused(said: str, status: int) -> BadInput:
    if status in {404, 410}:
        return BadInput(f"is gone (HTTP {status}).", said, hint="The archive has moved or removed it; search again.")
    if status in {401, 403, 409}:
        known = _logins.hint(place(split(said))[0])
        hint = known or "Its signature may have run out, or it wants credentials: search again, or sign its href anew."
        return NoAccess(f"may not be read (HTTP {status}).", said, hint=hint)
    return BadInput(f"cannot be read (HTTP {status}).", said)


def _followed(said: str, headers: Mapping[str, str], body: bytes | None) -> _Answer:
    asked = whole(said)
    known = _targets.get((asked, said))
    here = known or _signing.ready(asked)
    for _ in range(REDIRECTS + 1):
        answer = _asked(here, said, headers, body)
        if answer.status in {401, 403, 404} and here == known:  # what it led to may have run out
            answer.drop()
            _targets.pop((asked, said), None)
            here, known = asked, None
            continue
        if answer.status in _signing.CLOSED and (signed := _signing.signed(here, _token)) != here:
            answer.drop()
            here = signed
            continue
        _check_no_page(answer, said, asked, here, headers)
        if answer.status not in _MOVED:
            return answer
        to = answer.answer.headers.get("Location", "")
        answer.drop()
        here = urljoin(here, to)
        if not is_remote(here):
            raise BadInput("leads to something that is no http:// or https:// address", said)
        if body is None:
            _targets[asked, said] = here
    raise BadInput(f"leads from one address to another, more than {REDIRECTS} times", said)


def _token(href: str, headers: Mapping[str, str]) -> bytes:
    """The answer of the service that signs."""
    return tried(href, headers, None, lambda answer: answer.read(_LARGEST_TOKEN))


def _check_no_page(answer: _Answer, said: str, asked: str, here: str, headers: Mapping[str, str]) -> None:
    """Archives that want a login lead to a page for people, which is a good answer to everybody but us."""
    kind = answer.answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if (
        answer.status == 200
        and kind == "text/html"
        and "Range" in headers
        and place(split(asked)) != place(split(here))
    ):
        answer.drop()
        hint = _logins.hint(place(split(asked))[0])
        raise NoAccess(f"wants a login: it leads to a page of {place(split(here))[0]}.", said, hint=hint)


def _asked(href: str, said: str, headers: Mapping[str, str], body: bytes | None) -> _Answer:
    """One request on a connection that this thread keeps."""
    part = split(href)
    connection, absolute = _connection(part, said)
    path = quote(urlunsplit(("", "", part.path or "/", part.query, "")), safe="/?&=%:+,;@!$'()*~[]-._")
    target = f"{part.scheme}://{part.netloc.rpartition('@')[2]}{path}" if absolute else path
    sent = {"User-Agent": AGENT, "Accept-Encoding": "identity", **headers, **_credentials(part)}
    if body is not None:
        sent["Content-Type"] = "application/json"
    method = "GET" if body is None else "POST"
    try:
        return _answered(connection, method, target, body, sent)
    except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
        return _answered(
            connection, method, target, body, sent
        )  # one that was kept may be stale: once more, on a new one


def _answered(
    connection: http.client.HTTPConnection, method: str, target: str, body: bytes | None, sent: Mapping[str, str]
) -> _Answer:
    """Ask once; a connection on which that fails is closed, and opened anew by whoever asks next."""
    try:
        connection.request(method, target, body, dict(sent))
        return _Answer(connection, connection.getresponse())
    except BaseException:
        connection.close()
        raise


def _credentials(part: SplitResult) -> dict[str, str]:
    if part.username is None:
        return _logins.header(part.scheme, part.hostname or "")
    return {"Authorization": _logins.basic(unquote(part.username), unquote(part.password or ""))}


def _connection(part: SplitResult, said: str) -> tuple[http.client.HTTPConnection, bool]:
    """The thread's own connection to a host, and whether requests on it name the whole address (through a proxy)."""
    kept: dict[tuple[str, str, int], http.client.HTTPConnection] = _local.__dict__.setdefault("connections", {})
    host, port = place(part)
    addresses = tuple(checked(host, port, said))
    through = proxy(part.scheme, host)
    key = (part.scheme, host, port)
    if key not in kept:
        kept[key] = _new(part.scheme, host, port, addresses, through)
    return kept[key], bool(through) and part.scheme == "http"


def _new(scheme: str, host: str, port: int, addresses: tuple[str, ...], via: str) -> http.client.HTTPConnection:
    kind = _Secure if scheme.lower() == "https" else _Plain
    if via:
        through = urlsplit(via if "//" in via else f"http://{via}")
        connection = kind(through.hostname or "", through.port or 80, timeout=TIMEOUT_S)
        if scheme.lower() == "https":
            connection.set_tunnel(host, port, _tunnel(through))
        return connection
    connection = kind(host, port, timeout=TIMEOUT_S)
    vars(connection)["_create_connection"] = _pinned(addresses)  # http.client's own seam
    return connection


def _tunnel(through: SplitResult) -> dict[str, str]:
    found = _credentials(through) if through.username else {}
    return {"Proxy-Authorization": found["Authorization"]} if found else {}


class _Plain(http.client.HTTPConnection):
    """Ends with the thread that keeps it."""

    def __del__(self) -> None:
        self.close()


class _Secure(http.client.HTTPSConnection):
    """TLS with the system's certificates; ends with the thread that keeps it."""

    def __init__(self, host: str, port: int, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout, context=_tls())

    def __del__(self) -> None:
        self.close()


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _pinned(addresses: tuple[str, ...]) -> Any:
    """A connection to one of the addresses that were checked, whatever the name means by now."""

    def connect(to: tuple[str, int], timeout: float, source: Any = None) -> socket.socket:
        failed: OSError = OSError(0, "its host is not known here")
        for address in addresses:
            try:
                return socket.create_connection((address, to[1]), timeout, source)
            except OSError as error:
                failed = error
        raise failed

    return connect
