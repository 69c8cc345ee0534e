"""Files on WebDAV servers (dCache, Nextcloud, Apache …): put under a temporary name, then moved, so that each appears whole or not at all.

A folder on such a server is deleted with all that is in it, and one that is moved upon as well: so nothing is deleted
or replaced here before it is known to be a file.
"""

from __future__ import annotations

import http.client
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from gigascene.model.errors import BadInput, WriteFailed
from gigascene.storage._requests import PLAIN, STEP, TRIES, Ask, Unreachable, answered, file_body
from gigascene.storage._tokens import whence
from gigascene.storage.hrefs import place, public, split, web, whole
from gigascene.storage.kinds import Sent, kind_of
from gigascene.storage.local import INSTEAD, THERE

T = TypeVar("T")

LARGEST_LIST = 64 << 20
"""Bytes of what a server says is in a folder."""

_DONE = {200, 201, 204}
_NO_PARENT = {404, 409}
_PROPERTIES = (
    b'<?xml version="1.0"?><propfind xmlns="DAV:"><prop><resourcetype/><getcontentlength/><getetag/></prop></propfind>'
)


def check(url: str) -> None:
    """Raise `WriteFailed` if this can be no file on a server; asks none."""
    part = split(web(url))
    place(part)
    names = part.path.removeprefix("/").split("/")
    if {"", ".", ".."} & {unquote(name) for name in names} or not url.isprintable():
        raise WriteFailed(public(url), "it names no file, or has an empty part", "Write davs://HOST/FOLDER/FILE.")
    if part.query or "@" in part.netloc or whole(url) != url:
        what = "a WebDAV server takes no credentials from the address"
        raise WriteFailed(public(url), what, whence())


def probe(url: str) -> None:
    """Write and remove a small file beside it: raises `WriteFailed` where that is refused, or where a folder is in its place."""
    folder, _, name = url.rpartition("/")
    nonce = f"{folder}/.{name}.{secrets.token_hex(4)}.probe"
    with _of(url):
        _put(nonce, Ask(method="PUT", body=b""))
        _expect(nonce, Ask(method="DELETE"), _DONE)


def check_no_folder(url: str) -> None:
    """Raise `WriteFailed` where a folder lies in the place of a file."""
    if any(entry.is_folder for entry in _listed(url, "0")):
        raise WriteFailed(public(url), "it is a folder", "Name a file, or a folder with a slash at its end.")


def send(url: str, path: Path, sent: Sent, *, keep: bool = False) -> None:
    """Upload a file: there is the former one or none until all of it is there. Raises `WriteFailed`; what is there already stays if `keep`."""
    _upload(url, path.stat().st_size, file_body(path, sent), kind_of(url), keep=keep)


def exists(url: str) -> bool:
    """True where a file or a folder is. Raises `WriteFailed`."""
    return bool(_listed(url, "0"))


def put(url: str, data: bytes) -> None:
    """A small file. Raises `WriteFailed`."""
    _upload(url, len(data), lambda: [data] if data else [], kind_of(url), keep=False)


def get(url: str, most: int) -> bytes | None:
    """A small file of what is to be replaced; None where there is none or a larger one. Raises `WriteFailed`."""

    def use(status: int, answer: http.client.HTTPResponse) -> bytes | None:
        if status in _NO_PARENT:
            return None
        if status not in {200, 206}:
            raise _refused(url, status)
        body = answer.read(most + 1)
        return body if len(body) <= most else None

    return _ask(url, Ask(), use)


def delete(urls: Iterable[str]) -> None:
    """Remove files that may or may not be there. Raises `WriteFailed`, and where one is a folder."""
    for url in urls:
        entry = next(iter(_listed(url, "0")), None)
        if entry is not None and entry.is_folder:
            raise WriteFailed(public(url), "it is a folder", "Name another file.")
        if entry is not None:
            _expect(url, Ask(method="DELETE"), _DONE | {404})


def inside(url: str) -> Iterator[tuple[str, int, str]]:
    """Files in a folder and below: name in it, size, tag. Raises `WriteFailed`."""
    for entry in _listed(url, "1"):
        if entry.is_folder:
            for name, size, tag in inside(f"{url}/{quote(entry.name)}"):
                yield f"{entry.name}/{name}", size, tag
        else:
            yield entry.name, entry.size, entry.tag


def top(url: str) -> set[str]:
    """Names of what lies directly in a folder. Raises `WriteFailed`."""
    return {entry.name for entry in _listed(url, "1")}


def _upload(url: str, size: int, body: Callable[[], Iterable[bytes]], kind: str, *, keep: bool) -> None:
    folder, _, name = url.rpartition("/")
    temporary = f"{folder}/.{name}.{secrets.token_hex(8)}.part"
    headers = {"Content-Type": kind, "Content-Length": str(size)}
    with _of(url):
        try:
            _put(temporary, Ask(method="PUT", headers=headers, body=body))
            there = _size(temporary)
            if there != size:
                raise WriteFailed(public(url), f"{there:,} bytes of {size:,} are there")
            _move(temporary, url, keep=keep)
        except BaseException:
            with suppress(WriteFailed):
                _expect(temporary, Ask(method="DELETE"), _DONE | {404})
            raise


def _put(url: str, ask: Ask) -> None:
    """A file, and the folders above it where there are none."""
    if _expect(url, ask, _DONE | _NO_PARENT) in _NO_PARENT:
        _make(url.rpartition("/")[0])
        _expect(url, ask, _DONE)


def _make(url: str) -> None:
    """A folder, and those above it."""
    made = {201, 405}  # the latter: it is there
    if _expect(url, Ask(method="MKCOL"), made | _NO_PARENT) not in made:
        above = url.rpartition("/")[0]
        if not split(web(above)).netloc or split(web(url)).path.count("/") < 2:
            raise _refused(url, 409)
        _make(above)
        _expect(url, Ask(method="MKCOL"), made)


def _move(temporary: str, url: str, *, keep: bool) -> None:
    """Give a file its name. What is in its place goes, if it is a file and need not be kept."""
    status = _moved(temporary, url, replace=False)
    if status == 412:
        if keep:
            raise WriteFailed(public(url), THERE, INSTEAD)
        check_no_folder(url)
        status = _moved(temporary, url, replace=True)
    if status not in _DONE:
        raise _refused(url, status)


def _moved(temporary: str, url: str, *, replace: bool) -> int:
    headers = {"Destination": _address(url), "Overwrite": "T" if replace else "F"}
    status = _expect(temporary, Ask(method="MOVE", headers=headers), None)
    if status in {404, 412} and _size(temporary) < 0 <= _size(url):
        return 204  # the answer to an earlier try was lost on its way
    return status


def _address(url: str) -> str:
    part = split(web(url))
    return f"{part.scheme}://{part.netloc.rpartition('@')[2]}{quote(part.path, safe=PLAIN)}"


def _size(url: str) -> int:
    """Bytes of a file; -1 where there is none."""

    def use(status: int, answer: http.client.HTTPResponse) -> int:
        if status in _NO_PARENT:
            return -1
        if status not in _DONE:
            raise _refused(url, status)
        return int(answer.headers.get("Content-Length") or 0)

    return _ask(url, Ask(method="HEAD"), use)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Something in a folder."""

    name: str
    is_folder: bool
    size: int
    tag: str


def _listed(url: str, depth: str) -> list[_Entry]:
    """What a server says of a file or folder (depth 0), or of what is directly in it (1); nothing where there is none."""
    headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}

    def use(status: int, answer: http.client.HTTPResponse) -> list[_Entry]:
        if status in _NO_PARENT:
            return []
        if status != 207:
            raise _refused(url, status)
        text = answer.read(LARGEST_LIST + 1)
        if len(text) > LARGEST_LIST:
            raise WriteFailed(public(url), f"its server lists more than {LARGEST_LIST >> 20} MiB of names")
        try:
            found = fromstring(text)
        except (ParseError, DefusedXmlException, ValueError) as error:
            raise WriteFailed(public(url), f"its server lists it in no XML ({type(error).__name__})") from None
        return list(_entries(found, _path(split(web(url)).path), own=depth == "0"))

    return _ask(url, Ask(method="PROPFIND", headers=headers, body=_PROPERTIES), use)


def _entries(found: Element, base: str, *, own: bool) -> Iterator[_Entry]:
    for response in found.iter("{DAV:}response"):
        path = _path(urlsplit(response.findtext("{DAV:}href", "").strip()).path)
        name = path.rpartition("/")[2]
        if own or (path != base and name not in {"", ".", ".."}):
            size = response.findtext(".//{DAV:}getcontentlength", "").strip()
            yield _Entry(
                name=name,
                is_folder=response.find(".//{DAV:}resourcetype/{DAV:}collection") is not None,
                size=int(size) if size.isdecimal() else -1,
                tag=response.findtext(".//{DAV:}getetag", "").strip(),
            )


def _path(text: str) -> str:
    return unquote(text).rstrip("/")


def _expect(url: str, ask: Ask, good: set[int] | None) -> int:
    """The status of an answer, if it is one of these (None: any); raises `WriteFailed`."""

    def use(status: int, answer: http.client.HTTPResponse) -> int:
        if good is not None and status not in good:
            raise _refused(url, status)
        answer.read(STEP)  # a word or two, so that the connection can be used again
        return status

    return _ask(url, ask, use)


def _ask(url: str, ask: Ask, use: Callable[[int, http.client.HTTPResponse], T]) -> T:
    try:
        return answered(url, ask, use)
    except Unreachable as error:
        what = f"the server cannot be reached ({error.args[0]}); tried {TRIES} times"
        raise WriteFailed(public(url), what, "Try again later.") from None
    except BadInput as error:  # an address that leads where none may
        raise WriteFailed(public(url), error.args[0].rstrip("."), error.args[4]) from None


def _refused(url: str, status: int) -> WriteFailed:
    words = {
        401: ("the server does not accept the credentials (HTTP 401)", whence()),
        403: ("the credentials give no right to it (HTTP 403)", whence()),
        404: ("there is no such place on the server (HTTP 404)", "Is its name right?"),
        405: ("the server takes no files (HTTP 405)", "Is it a WebDAV server, and is this its address?"),
        409: ("the folder above it cannot be made (HTTP 409)", "Is its name right?"),
        413: ("it is larger than the server takes (HTTP 413)", ""),
        423: ("somebody has locked it (HTTP 423)", "Try again later."),
        501: ("the server takes no files (HTTP 501)", "Is it a WebDAV server, and is this its address?"),
        507: ("no space left on the server (HTTP 507)", "Free some, or write elsewhere."),
    }
    what, hint = words.get(status, (f"the server refuses it (HTTP {status})", ""))
    return WriteFailed(public(url), what, hint)


@contextmanager
def _of(url: str) -> Iterator[None]:
    """Refusals of temporary files are told of the file itself."""
    try:
        yield
    except WriteFailed as error:
        raise WriteFailed(public(url), *error.args[1:]) from None
