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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit, urlunsplit

from gigascene.model.errors import BadInput, Broken, GigasceneError, NoAccess, Unreached
from gigascene.storage import _logins, _signing
from gigascene.storage._hosts import checked, proxy
from gigascene.storage._tokens import bearer, is_named, whence
from gigascene.storage.hrefs import DAV, place, public, signs, split, web, whole

TRIES = 4
"""Of one request, where the server or the way to it fails for a moment."""

WAIT_S = 0.5
"""Before the second try; doubled each time."""

LONGEST_WAIT_S = 20.0
TIMEOUT_S = 60.0
REDIRECTS = 5
AGENT = "gigascene"
STEP = 1 << 20
"""Bytes of a file that are sent at once."""

PLAIN = "/?&=%:+,;@!$'()*~[]-._"
"""Characters of a path and a query that go as they are."""

T = TypeVar("T")

_LARGEST_TOKEN = 1 << 16
_READING = {"GET", "POST"}
_MOMENTARY = {408, 429, 500, 502, 503, 504}
_MOVED = {301, 302, 303, 307, 308}

_targets: dict[tuple[str, str], str] = {}
"""Where an href led to, by what it was and what it is called."""

_local = threading.local()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of a server."""

    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Callable[[], Iterable[bytes]] | None = None
    """All of it; or what gives it from the beginning, each time it must be sent."""

    signed: str = ""
    """The whole address, on a server that the user's own settings name; empty: as it is remembered, and wherever it lies."""


def file_body(path: Path, sent: Callable[[int], object]) -> Callable[[], Iterator[bytes]]:
    """A file as the body of an `Ask`: `sent` is told of bytes as they go, and of those that go once more as fewer."""
    gone = 0

    def body() -> Iterator[bytes]:
        nonlocal gone
        if gone:
            sent(-gone)
            gone = 0
        with path.open("rb") as file:
            while data := file.read(STEP):
                gone += len(data)
                sent(len(data))
                yield data

    return body


class Unreachable(Exception):
    """``Unreachable(why)``: no server answered, however often it was tried."""


def tried(href: str, headers: Mapping[str, str], body: bytes | None, use: Callable[[http.client.HTTPResponse], T]) -> T:
    """What `use` makes of the first good answer; tried again where a failure may pass."""
    said = public(href)

    def good(status: int, answer: http.client.HTTPResponse) -> T:
        if status in {200, 206}:
            return use(answer)
        raise _refused(said, status)

    ask = Ask(headers=headers)
    if body is not None:
        ask = Ask(method="POST", headers={**headers, "Content-Type": "application/json"}, body=body)
    try:
        return answered(href, ask, good)
    except Unreachable as error:
        what = f"cannot be reached ({error.args[0]}); tried {TRIES} times."
        raise Unreached(what, said, hint="Try again later.") from None


def answered(href: str, ask: Ask, use: Callable[[int, http.client.HTTPResponse], T]) -> T:
    """What `use` makes of the first answer (its status, and what follows) that is no momentary failure.

    Raises `Unreachable`, `BadInput` where an address is refused, and what `use` raises.
    """
    said, why = public(href), ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(min(WAIT_S * 2 ** (attempt - 1), LONGEST_WAIT_S))
        try:
            answer = _followed(said, ask)
            try:
                if answer.status not in _MOMENTARY:
                    return use(answer.status, answer.answer)
            finally:
                if not answer.answer.isclosed():
                    answer.drop()
            why = f"HTTP {answer.status}"
        except GigasceneError:
            raise
        except (http.client.HTTPException, OSError) as error:
            why = f"{type(error).__name__}: {_words(error)}"
    raise Unreachable(why)


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
        self.answer.close()  # to which a connection that the server ends belongs by now


def _words(error: Exception) -> str:
    """Of the system, which knows no href."""
    return getattr(error, "strerror", None) or ("the answer ended too soon" if error.args else type(error).__name__)


def _refused(said: str, status: int) -> BadInput:
    if status in {404, 410}:
        return Broken(f"is gone (HTTP {status}).", said, hint="The archive has moved or removed it; search again.")
    if status in {401, 403, 409}:
        part = split(web(said))
        known = _logins.hint(place(part)[0])
        if part.scheme == "https" and (is_named(*place(part)) or said.startswith(DAV)):
            known = whence()
        hint = known or "Its signature may have run out, or it wants credentials: search again, or sign its href anew."
        return NoAccess(f"may not be read (HTTP {status}).", said, hint=hint)
    return BadInput(f"cannot be read (HTTP {status}).", said)


def _followed(said: str, ask: Ask) -> _Answer:
    asked = ask.signed or web(whole(said))
    known = _targets.get((asked, said)) if ask.method == "GET" else None
    here = known or _signing.ready(asked)
    for _ in range(REDIRECTS + 1):
        answer = _asked(here, said, ask, named=bool(ask.signed) and here == asked)
        if answer.status in {401, 403, 404} and here == known:  # what it led to may have run out
            answer.drop()
            _targets.pop((asked, said), None)
            here, known = asked, None
            continue
        if ask.method in _READING and answer.status in _signing.CLOSED:
            signed = _signing.signed(here, _token)
            if signed != here:
                answer.drop()
                here = signed
                continue
        _check_no_page(answer, said, asked, here, ask.headers)
        if answer.status not in _MOVED:
            return answer
        to = answer.answer.headers.get("Location", "")
        answer.drop()
        here = web(urljoin(here, to))
        if not here.lower().startswith(("http://", "https://")):
            raise BadInput("leads to something that is no http:// or https:// address", said)
        if ask.method == "GET":
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


def _asked(href: str, said: str, ask: Ask, *, named: bool) -> _Answer:
    """One request on a connection that this thread keeps."""
    part = split(href)
    connection, absolute = _connection(part, said, named=named)
    path = quote(urlunsplit(("", "", part.path or "/", part.query, "")), safe=PLAIN)
    target = f"{part.scheme}://{part.netloc.rpartition('@')[2]}{path}" if absolute else path
    sent = {"User-Agent": AGENT, "Accept-Encoding": "identity", **ask.headers, **_credentials(part, said)}
    try:
        return _answered(connection, ask, target, sent)
    except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
        return _answered(connection, ask, target, sent)  # one that was kept may be stale: once more, on a new one


def _answered(connection: http.client.HTTPConnection, ask: Ask, target: str, sent: Mapping[str, str]) -> _Answer:
    """Ask once; a connection on which that fails is closed, and opened anew by whoever asks next."""
    body = ask.body() if callable(ask.body) else ask.body
    try:
        try:
            connection.request(ask.method, target, body, dict(sent))
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            if not callable(ask.body):
                raise  # otherwise it may have answered without wanting all of it, as one that sends elsewhere
        return _Answer(connection, connection.getresponse())
    except BaseException:
        connection.close()
        raise


def _credentials(part: SplitResult, said: str) -> dict[str, str]:
    if part.username is not None:
        return _basic(part)
    if signs(part.query):  # servers refuse what says twice who asks
        return {}
    if token := bearer(part, said):
        return {"Authorization": f"Bearer {token}"}
    return _logins.header(part.scheme, part.hostname or "")


def _basic(part: SplitResult) -> dict[str, str]:
    return {"Authorization": _logins.basic(unquote(part.username or ""), unquote(part.password or ""))}


def _connection(part: SplitResult, said: str, *, named: bool) -> tuple[http.client.HTTPConnection, bool]:
    """The thread's own connection to a host, and whether requests on it name the whole address (through a proxy)."""
    kept: dict[tuple[str, str, int], http.client.HTTPConnection] = _local.__dict__.setdefault("connections", {})
    host, port = place(part)
    addresses = tuple(checked(host, port, said, named=named or is_named(host, port)))
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
    return {"Proxy-Authorization": _basic(through)["Authorization"]} if through.username is not None else {}


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
