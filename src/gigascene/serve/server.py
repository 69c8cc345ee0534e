"""Pictures for the browsers of this machine: read-only, on loopback, at an address that only its user is told."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from threading import Thread
from typing import Any

from gigascene.model.closes import Closes
from gigascene.model.errors import BadInput, UsageError
from gigascene.serve.encode import FORMATS
from gigascene.serve.picture import Picture
from gigascene.serve.site import page_files, view_files

LOOPBACK = "127.0.0.1"
HOSTS = re.compile(r"(127\.0\.0\.1|localhost)(:[0-9]{1,5})?")
"""What a browser may call us. Any other name was made to point here by somebody else (DNS rebinding). Any port:
it may have been forwarded."""

ADDRESS = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)_(?P<kind>files/[0-9]{1,2}|values)/(?P<x>[0-9]{1,9})_(?P<y>[0-9]{1,9})\.(?P<suffix>[a-z]+)"
)
"""Of tiles and values. Only numbers become part of a path."""

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
}
EMPTY = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"
"""The one inline style that `page/index.html` has, which has nothing in it."""

POLICY = (
    f"default-src 'none'; script-src 'self'; style-src 'self' {EMPTY}; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
IDLE_S = 60
"""After so long without a request a connection is closed."""

CLOSED_S = 0.1
"""How often the server looks whether it was closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back."""

    status: HTTPStatus = HTTPStatus.OK
    content: bytes
    media: str = TYPES["txt"]
    lasting: bool = False
    """It need not be asked for again: the same address never gives anything else."""


class Answers:
    """Addresses of a page and its pictures, and what lies there; the only things that can be asked for."""

    def __init__(self, pictures: Sequence[Picture]) -> None:
        files = {**page_files(), **view_files([picture.facts for picture in pictures])}
        self._files = {"": files["index.html"], **files}
        self._pictures = {picture.facts.name: picture for picture in pictures}

    def __call__(self, address: str) -> Answer:
        """The answer to an address below the secret folder."""
        if address in self._files:
            return Answer(content=self._files[address], media=TYPES[address.rpartition(".")[2] or "html"])
        found = ADDRESS.fullmatch(address)
        try:
            return self._piece(found) if found else _nothing()
        except KeyError:
            return _nothing()
        except BadInput as error:
            sys.stderr.write(f"gigascene: {error}\n")
            return Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR, content=str(error).encode())

    def _piece(self, found: re.Match[str]) -> Answer:
        """A tile or a value; KeyError where there is none."""
        picture = self._pictures[found["name"]]
        row, column = int(found["y"]), int(found["x"])
        if found["suffix"] != ("json" if found["kind"] == "values" else picture.facts.format):
            raise KeyError(found["suffix"])
        if found["kind"] == "values":
            return Answer(content=json.dumps(picture.values(row, column)).encode(), media=TYPES["json"], lasting=True)
        level = int(found["kind"].partition("/")[2])
        media = FORMATS[picture.facts.format]
        return Answer(content=picture.tile(level, row, column), media=media, lasting=True)


def _nothing() -> Answer:
    return Answer(status=HTTPStatus.NOT_FOUND, content=b"There is nothing here.\n")


class Handler(BaseHTTPRequestHandler):
    """HTTP around `Answers`."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "gigascene", ""
    timeout = IDLE_S

    def do_GET(self) -> None:
        """An answer with its content."""
        self._reply(self._answer())

    def do_HEAD(self) -> None:
        """An answer without."""
        self._reply(self._answer())

    def do_POST(self) -> None:
        """Nothing here can be changed."""
        self.close_connection = True  # whatever body follows is not read
        self._reply(Answer(status=HTTPStatus.METHOD_NOT_ALLOWED, content=b"This server is read-only.\n"))

    do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_POST  # noqa: N815  (names by which they are looked up)

    def _answer(self) -> Answer:
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or not HOSTS.fullmatch(hosts[0]):
            return Answer(status=HTTPStatus.FORBIDDEN, content=b"This server answers to localhost only.\n")
        path = self.path.partition("?")[0]
        if not secrets.compare_digest(path[: len(self.server.folder)].encode(), self.server.folder.encode()):
            return _nothing()
        return self.server.answers(path[len(self.server.folder) :])

    def _reply(self, answer: Answer) -> None:
        good = answer.status == HTTPStatus.OK
        headers = {**HEADERS, "Cache-Control": "private, max-age=86400" if good and answer.lasting else "no-cache"}
        if good:
            headers["ETag"] = f'"{hashlib.sha256(answer.content).hexdigest()[:32]}"'
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET, HEAD"
        if self.close_connection:
            headers["Connection"] = "close"
        known = good and headers["ETag"] in self.headers.get("If-None-Match", "")
        if not known:
            headers |= {"Content-Type": answer.media, "Content-Length": str(len(answer.content))}
        self.send_response(HTTPStatus.NOT_MODIFIED if known else answer.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if not known and self.command != "HEAD":
            self.wfile.write(answer.content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a look at a picture is a hundred requests."""


class Server(ThreadingMixIn, TCPServer):
    """Not `http.server.HTTPServer`, which looks up the name of the machine."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, answers: Answers, port: int) -> None:
        self.answers = answers
        self.folder = f"/{secrets.token_urlsafe(12)}/"
        super().__init__((LOOPBACK, port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that no longer wants a tile hangs up; that is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class Viewer(Closes):
    """Pictures that are served until it is closed.

    Parameters
    ----------
    pictures : sequence of Picture
        One, or two to compare; closed with it.
    port : int
        0 for any that is free.

    Raises
    ------
    UsageError
        The port is taken, or two pictures cannot be compared.
    BadInput
        A picture can only be exported.
    """

    def __init__(self, pictures: Sequence[Picture], port: int = 0) -> None:
        for picture in pictures:
            picture.check()
        self._pictures = pictures
        answers = Answers(pictures)
        try:
            self._server = Server(answers, port)
        except (OSError, OverflowError) as error:
            raise UsageError(f"port {port} cannot be used ({error}); choose another, or none") from error
        self._thread = Thread(target=self._server.serve_forever, args=(CLOSED_S,), name="gigascene view", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Address of the page. Part of it is a secret, because other users of this machine can reach loopback too."""
        return f"http://{LOOPBACK}:{self._server.server_address[1]}{self._server.folder}"

    def wait(self) -> None:
        """Until somebody closes it, or a signal comes."""
        self._thread.join()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        for picture in self._pictures:
            picture.close()
