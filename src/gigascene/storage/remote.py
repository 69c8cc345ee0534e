"""Files behind http:// and https:// and in buckets: ranges of their bytes, the same file from the first to the last."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from gigascene.model.errors import BadInput, GigasceneError
from gigascene.storage import bucket
from gigascene.storage._requests import tried
from gigascene.storage.hrefs import is_bucket, public

PAGE = 1 << 15
"""Bytes: small reads (headers) are made in whole pages, which are kept."""

PAGES = 256
_states: dict[str, State] = {}
_pages: OrderedDict[tuple[str, str, int], bytes] = OrderedDict()
_lock = threading.Lock()
_local = threading.local()


class NoRanges(BadInput):
    """A server that sends a file only whole."""


@dataclass(frozen=True, slots=True)
class State:
    """What a server says of a file."""

    size: int
    tag: str
    """ETag, else the time of the last change, else empty."""


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
    text = _text(href, most + 1, body)
    if len(text) > most:
        raise BadInput(f"is more than {most / 1e6:.0f} MB of JSON", public(href))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is no JSON ({error})", public(href)) from error


def _text(href: str, most: int, body: Mapping[str, Any] | None) -> bytes:
    if is_bucket(href):
        return bucket.part(href, 0, most)[0]
    sent = None if body is None else json.dumps(body).encode()
    wanted = {"Accept": "application/geo+json, application/json"}
    return tried(href, wanted, sent, lambda answer: answer.read(most))


def length(href: str) -> int:
    """Bytes of a file, of a server that sends no ranges; -1 where it does not tell. Raises `BadInput`."""
    return tried(href, {}, None, lambda answer: int(answer.headers.get("Content-Length") or -1))


def stream(href: str, begin: Callable[[], Callable[[bytes], None]]) -> None:
    """All bytes by one request; each try begins anew, with what `begin` returns. Raises `BadInput`, and what that raises."""

    def use(answer: http.client.HTTPResponse) -> Exception | None:
        left = int(answer.headers.get("Content-Length") or -1)
        try:
            put = begin()
            while body := answer.read(1 << 20):
                put(body)
                left -= len(body)
        except GigasceneError as error:  # no space is no reason to ask again
            return error
        if left > 0:
            raise http.client.IncompleteRead(b"", left)
        return None

    failed = tried(href, {}, None, use)
    if failed is not None:
        raise failed


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
    if is_bucket(href):
        body, size, tag = bucket.part(href, start, length)
        return _Part(body, State(size, tag))
    span = {"Range": f"bytes={start}-{start + length - 1}"}
    return tried(href, span, None, lambda answer: _part(href, answer, start, length))


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
    raise NoRanges("cannot be read in parts: its server sends no ranges.", public(href), hint="Fetch it first.")
