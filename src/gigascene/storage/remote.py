"""Files behind http:// and https://: ranges of their bytes, from hosts that may be asked, with no secret in any message.

An href may carry a secret: a signature in its query, a password before its host.
`remember` keeps the whole in this process's memory and returns the href without
it, which is what scenes, plans, receipts and messages hold. Requests go to the
very addresses that were checked, so that a name cannot mean one host when it is
checked and another when it is asked.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self, TypeVar
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urljoin, urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

from gigascene.model.errors import BadInput
from gigascene.settings import settings

TRIES = 4
"""Of one request, where the server or the way to it fails for a moment."""

WAIT_S = 0.5
"""Before the second try; doubled each time."""

LONGEST_WAIT_S = 20.0
TIMEOUT_S = 60.0
REDIRECTS = 5
PAGE = 1 << 15
"""Bytes: small reads (headers) are made in whole pages, which are kept."""

PAGES = 256
AGENT = "gigascene"

T = TypeVar("T")

_SECRET = re.compile(
    r"(?i)^(x-(amz|goog|oss|cos)-.*|aws\w*|googleaccessid|key-pair-id|sig|signature|policy|expires|s[vrept]|skoid|sktid|sk[tesv]|"
    r".*(token|secret|passw|credential|auth|session|api_?key|subscription|jwt).*|key|hdn\w*)$"
)
_LONGEST_PLAIN = 64
"""Characters of a value in a query; longer ones are taken for secrets."""

_METADATA = {ipaddress.ip_address("168.63.129.16")}
"""Public by its number, but Azure's own inside Azure."""

_MOMENTARY = {408, 429, 500, 502, 503, 504}
_MOVED = {301, 302, 303, 307, 308}

_whole: dict[str, str] = {}
_targets: dict[str, str] = {}
_states: dict[str, State] = {}
_pages: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
_lock = threading.Lock()
_local = threading.local()


@dataclass(frozen=True, slots=True)
class State:
    """What a server says of a file."""

    size: int
    tag: str
    """ETag, else the time of the last change, else empty."""


def is_remote(href: str) -> bool:
    """True for http:// and https://.

    >>> is_remote("https://example.org/B04.tif"), is_remote("/data/B04.tif")
    (True, False)
    """
    return href[:8].lower().startswith(("http://", "https://"))


def public(href: str) -> str:
    """The href without user, password, fragment, and without its query where that looks like holding a secret.

    >>> public("https://me:word@example.org/B04.tif?sig=abc&se=2026")
    'https://example.org/B04.tif'
    >>> public("https://example.org/tiles?band=red")
    'https://example.org/tiles?band=red'
    """
    if not is_remote(href):
        return href
    part = _split(href)
    pairs = parse_qsl(part.query, keep_blank_values=True)
    plain = pairs and not any(_SECRET.match(name) or len(value) > _LONGEST_PLAIN for name, value in pairs)
    return urlunsplit((part.scheme, part.netloc.rpartition("@")[2], part.path, part.query if plain else "", ""))


def remember(href: str) -> str:
    """Keep the whole href in memory; returns what may be written down."""
    known = public(href)
    if known != href:
        _whole[known] = href
        _targets.pop(known, None)
    return known


def secrets() -> dict[str, str]:
    """What was remembered, to be handed to a worker process through its pipe; never to be written down."""
    return dict(_whole)


def learn(known: Mapping[str, str]) -> None:
    """In a worker: what the coordinator remembers."""
    _whole.update(known)


def state(href: str, *, fresh: bool = False) -> State:
    """Size and tag of a file; asked once in a process unless `fresh`. Raises `BadInput`."""
    if fresh or href not in _states:
        page = _request(href, 0, PAGE)
        with _lock:
            _states[href] = page.state
            _keep((href, page.state.tag, 0), page.body)
    return _states[href]


def identity(href: str, *, fresh: bool = False) -> str:
    """Changes when the content may have changed."""
    found = state(href, fresh=fresh)
    return f"{found.size}-{found.tag}"


def read(href: str, start: int, length: int) -> bytes:
    """These bytes, fewer where the file ends. Raises `BadInput` where it is gone, refused, or not what it was."""
    known = state(href)
    length = min(length, known.size - start)
    if length <= 0:
        return b""
    first, last = start // PAGE, (start + length - 1) // PAGE
    if length <= PAGE or (last == first == 0):
        body = b"".join(_page(href, known, number) for number in range(first, last + 1))
        return body[start - first * PAGE :][:length]
    found = _request(href, start, length)
    _check_same(href, known, found.state)
    return found.body


def document(href: str, most: int, *, body: Mapping[str, Any] | None = None) -> Any:
    """A JSON document of at most `most` bytes, by GET, or by POST of `body`. Raises `BadInput`."""
    sent = None if body is None else json.dumps(body).encode()
    wanted = {"Accept": "application/geo+json, application/json"}
    text = _tried(href, wanted, sent, lambda answer: answer.read(most + 1))
    if len(text) > most:
        raise BadInput(f"is more than {most / 1e6:.0f} MB of JSON", public(href))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is no JSON ({error})", public(href)) from error


def failure() -> BadInput | None:
    """What went wrong in this thread inside a `RangeFile` that was asked to be quiet, since the last question."""
    found: BadInput | None = _local.__dict__.pop("failed", None)
    return found


class RangeFile:
    """A file object for libraries that want one: reads pages of a remote file.

    A `quiet` one is for libraries that cannot hand an exception on: its file ends early instead, and `failure` tells why.
    """

    def __init__(self, href: str, *, quiet: bool = False) -> None:
        self.name = ""
        self.mode = "rb"
        self.closed = False
        self._quiet = quiet
        self._href, self._at = href, 0
        self._size = state(href).size

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        try:
            body = read(self._href, self._at, self._size - self._at if size is None or size < 0 else size)
        except BadInput as error:
            if not self._quiet:
                raise
            _local.failed = error
            return b""
        self._at += len(body)
        return body

    def readinto(self, buffer: Any) -> int:
        """The next bytes into a buffer; how many."""
        view = memoryview(buffer).cast("B")
        body = self.read(len(view))
        view[: len(body)] = body
        return len(body)

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place; from the beginning, from here or from the end."""
        self._at = max(offset + (0, self._at, self._size)[whence], 0)
        return self._at

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seekable(self) -> bool:
        """Always."""
        return True

    def readable(self) -> bool:
        """Always."""
        return True

    def writable(self) -> bool:
        """Never."""
        return False

    def flush(self) -> None:
        """Nothing is written."""

    def close(self) -> None:
        """Connections belong to the thread and stay."""
        self.closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class _Part:
    body: bytes
    state: State


def _page(href: str, known: State, number: int) -> bytes:
    key = (href, known.tag, number)
    with _lock:
        if key in _pages:
            _pages.move_to_end(key)
            return _pages[key]
    found = _request(href, number * PAGE, min(PAGE, known.size - number * PAGE))
    _check_same(href, known, found.state)
    with _lock:
        _keep(key, found.body)
    return found.body


def _keep(key: tuple[str, str, int], body: bytes) -> None:
    _pages[key] = body
    while len(_pages) > PAGES:
        _pages.popitem(last=False)


def _check_same(href: str, known: State, found: State) -> None:
    if found != known:
        raise BadInput("has changed while it was read", public(href), hint="Begin again.")


def _request(href: str, start: int, length: int) -> _Part:
    span = {"Range": f"bytes={start}-{start + length - 1}"}
    return _tried(href, span, None, lambda answer: _part(href, answer, start, length))


def _part(href: str, answer: http.client.HTTPResponse, start: int, length: int) -> _Part:
    tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified") or ""
    if answer.status == 206:
        span = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("Content-Range", "").strip())
        if not span or int(span[1]) != start or int(span[2]) - start >= length:
            raise BadInput("was asked for a range, and its server sent another", public(href))
        body = answer.read(length + 1)
        if len(body) != int(span[2]) - start + 1:
            raise http.client.IncompleteRead(body)
        return _Part(body, State(int(span[3]), tag))
    size = int(answer.headers.get("Content-Length") or -1)
    if start == 0 and 0 <= size <= length:
        return _Part(answer.read(length), State(size, tag))
    raise BadInput("cannot be read in parts: its server sends no ranges.", public(href), hint="Fetch it first.")


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


def _tried(
    href: str, headers: Mapping[str, str], body: bytes | None, use: Callable[[http.client.HTTPResponse], T]
) -> T:
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


def _words(error: Exception) -> str:
    """Of the system, which knows no href."""
    return getattr(error, "strerror", None) or ("the answer ended too soon" if error.args else type(error).__name__)


def _refused(said: str, status: int) -> BadInput:
    if status in {404, 410}:
        return BadInput(f"is gone (HTTP {status}).", said, hint="The archive has moved or removed it; search again.")
    if status in {401, 403}:
        hint = "Its signature may have run out, or it wants credentials: search again, or sign its href anew."
        return BadInput(f"may not be read (HTTP {status}).", said, hint=hint)
    return BadInput(f"cannot be read (HTTP {status}).", said)


def _followed(said: str, headers: Mapping[str, str], body: bytes | None) -> _Answer:
    here = _targets.get(said) or _whole.get(said, said)
    for _ in range(REDIRECTS + 1):
        answer = _asked(here, said, headers, body)
        if answer.status in {401, 403, 404} and said in _targets:  # what it led to may have run out
            answer.drop()
            _targets.pop(said, None)
            here = _whole.get(said, said)
            continue
        if answer.status not in _MOVED:
            return answer
        to = answer.answer.headers.get("Location", "")
        answer.drop()
        here = urljoin(here, to)
        if not is_remote(here):
            raise BadInput("leads to something that is no http:// or https:// address", said)
        if body is None:
            _targets[said] = here
    raise BadInput(f"leads from one address to another, more than {REDIRECTS} times", said)


def _asked(href: str, said: str, headers: Mapping[str, str], body: bytes | None) -> _Answer:
    """One request on a connection that this thread keeps."""
    part = _split(href)
    connection, absolute = _connection(part, said)
    path = quote(urlunsplit(("", "", part.path or "/", part.query, "")), safe="/?&=%:+,;@!$'()*~[]-._")
    target = f"{part.scheme}://{part.netloc.rpartition('@')[2]}{path}" if absolute else path
    sent = {"User-Agent": AGENT, "Accept-Encoding": "identity", **headers, **_credentials(part)}
    if body is not None:
        sent["Content-Type"] = "application/json"
    try:
        connection.request("GET" if body is None else "POST", target, body, sent)
        return _Answer(connection, connection.getresponse())
    except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
        connection.close()  # one that was kept may be stale: once more, on a new one
        connection.request("GET" if body is None else "POST", target, body, sent)
        return _Answer(connection, connection.getresponse())
    except BaseException:
        connection.close()
        raise


def _split(href: str) -> SplitResult:
    try:
        return urlsplit(href)
    except ValueError as error:
        raise BadInput(f"an href is no address ({error})") from error


def _credentials(part: SplitResult) -> dict[str, str]:
    if part.username is None:
        return {}
    pair = f"{unquote(part.username)}:{unquote(part.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def _connection(part: SplitResult, said: str) -> tuple[http.client.HTTPConnection, bool]:
    """The thread's own connection to a host, and whether requests on it name the whole address (through a proxy)."""
    kept: dict[tuple[str, str, int], http.client.HTTPConnection] = _local.__dict__.setdefault("connections", {})
    host, port = _place(part)
    addresses = tuple(_checked(host, port, said))
    proxy = _proxy(part.scheme, host)
    key = (part.scheme, host, port)
    if key not in kept:
        kept[key] = _new(part.scheme, host, port, addresses, proxy)
    return kept[key], bool(proxy) and part.scheme == "http"


def _place(part: SplitResult) -> tuple[str, int]:
    try:
        host, port = part.hostname, part.port
    except ValueError as error:
        raise BadInput(f"is no address ({error})", public(part.geturl())) from error
    if not host:
        raise BadInput("names no host", public(part.geturl()))
    return host, port or (443 if part.scheme.lower() == "https" else 80)


def _proxy(scheme: str, host: str) -> str:
    return "" if proxy_bypass(host) else getproxies().get(scheme, "")


def _new(scheme: str, host: str, port: int, addresses: tuple[str, ...], proxy: str) -> http.client.HTTPConnection:
    kind = _Secure if scheme.lower() == "https" else _Plain
    if proxy:
        through = urlsplit(proxy if "//" in proxy else f"http://{proxy}")
        connection = kind(through.hostname or "", through.port or 80, timeout=TIMEOUT_S)
        if scheme.lower() == "https":
            connection.set_tunnel(host, port, _tunnel(through))
        return connection
    connection = kind(host, port, timeout=TIMEOUT_S)
    vars(connection)["_create_connection"] = _pinned(addresses)  # http.client's own seam
    return connection


def _tunnel(through: SplitResult) -> dict[str, str]:
    found = _credentials(through)
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
        failed: OSError = OSError("no address")
        for address in addresses:
            try:
                return socket.create_connection((address, to[1]), timeout, source)
            except OSError as error:
                failed = error
        raise failed

    return connect


def _checked(host: str, port: int, said: str) -> Iterator[str]:
    """Addresses of a host; raises `BadInput` if one of them is not public, unless that was allowed."""
    allowed = settings().allow_private_hrefs
    for text in _resolved(host, port, through_proxy=bool(_proxy("https", host) or _proxy("http", host))):
        if not allowed and not _is_public(text):
            raise BadInput(
                f"{host} is an address inside this machine or its network ({text}); hrefs must not lead there.",
                said,
                hint="If you trust the catalogue: --allow-private or GIGASCENE_ALLOW_PRIVATE_HREFS=1.",
            )
        yield text


def _resolved(host: str, port: int, *, through_proxy: bool) -> tuple[str, ...]:
    try:
        return _addresses(host, port)
    except (OSError, UnicodeError) as error:
        if through_proxy:  # only the proxy can know
            return ()
        raise OSError(0, f"the host {host} is not known") from error


@cache
def _addresses(host: str, port: int) -> tuple[str, ...]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def _is_public(text: str) -> bool:
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inner is None and address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        address = inner or address
    return address.is_global and not address.is_multicast and address not in _METADATA
