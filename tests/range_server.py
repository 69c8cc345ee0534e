"""A real HTTP server on loopback: ranges, redirects, passing failures; it counts what it sends."""

import re
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from gigascene.settings import settings
from gigascene.storage import _requests, _signing, remote


def forget():
    """What this process knows of servers and settings, from tests before."""
    settings.cache_clear()
    _requests._tls.cache_clear()
    _requests._local.__dict__.clear()
    for known in (remote._states, remote._pages, _requests._targets, _signing._tokens):
        known.clear()


class Files:
    """What is served, by path, and what was asked and sent."""

    def __init__(self):
        self.files, self.moved, self.failing, self.ranges, self.tags = {}, {}, {}, True, {}
        self.locked = {}  # by the beginning of a path: the status for who does not bring these words, in address or headers
        self.asked, self.sent, self.wait_s = [], 0, 0.0
        self.lock = threading.Lock()

    def status(self, whole, path, headers):
        """What is answered instead of the file: a failure that was asked for, or the refusal of what a path wants."""
        with self.lock:
            self.asked.append((whole, dict(headers)))
            failing = self.failing.get(path, [])
            status = failing.pop(0) if failing else 0
        said = f"{whole} {headers}"
        shut = (code for at, (code, key) in self.locked.items() if path.startswith(at) and key not in said)
        return next(shut, status)

    def sent_of(self, path, body, wanted):
        """Status, bytes and headers: a range where one is wanted, pages for people whole."""
        if path.endswith(".html"):
            return 200, body, {"Content-Type": "text/html; charset=utf-8"}
        head = {"ETag": self.tags.get(path, f'"{len(body)}"')}
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)
        if not found or not self.ranges:
            return 200, body, head
        start, end = int(found[1]), min(int(found[2]), len(body) - 1)
        return 206, body[start : end + 1], {**head, "Content-Range": f"bytes {start}-{end}/{len(body)}"}

    def reset(self):
        self.asked, self.sent = [], 0


class Tunnel(BaseHTTPRequestHandler):
    """A proxy for https:// that answers itself, for every name in its certificate."""

    context = None

    def do_CONNECT(self):
        self.send_response(200)
        self.end_headers()
        outside = self.rfile, self.wfile
        with suppress(OSError), self.context.wrap_socket(self.connection, server_side=True) as inside:
            self.connection = inside
            with inside.makefile("rb") as self.rfile, inside.makefile("wb", 0) as self.wfile:
                self.close_connection = False
                while not self.close_connection:
                    self.handle_one_request()
        self.rfile, self.wfile = outside
        self.close_connection = True


@contextmanager
def serving(host="127.0.0.1", tls=None):
    """Yields the address and the files. With the SSL context `tls` it answers as a proxy for https:// too, for the names of its certificate."""
    files = Files()

    class Handler(Tunnel):
        context = tls
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = (
            True  # head and body are two writes, and the second would wait for an answer to the first
        )

        def do_GET(self):
            path = urlsplit(self.path).path  # of a whole address too: it serves as a proxy for any http:// host
            time.sleep(files.wait_s)
            status = files.status(self.path, path, self.headers)
            if status == "cut":
                self.close_connection = True
                return None
            if path in files.moved:
                return self.answer(302, b"", {"Location": files.moved[path]})
            if (status and status != "half") or path not in files.files:
                return self.answer(status or 404, b"")
            body = files.files[path]
            if status == "half":
                return self.half(body)
            return self.answer(*files.sent_of(path, body, self.headers.get("Range", "")))

        def half(self, body):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True

        def answer(self, status, body, headers=None):
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            with files.lock:
                files.sent += len(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{server.server_port}", files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
