"""A real WebDAV server (WsgiDAV) behind TLS that asks for a bearer token, and can send clients elsewhere as dCache does.

Run by a Python that has `wsgidav` and `cheroot`: ``python server.py FOLDER``. In FOLDER: `files/` is what it serves,
`cert.pem` and `key.pem` are its own, `tokens.json` tells who may do what, `fail.json` what it shall refuse. It writes
its ports to `ports.json`, and what it was asked to `log`.

The first port is the door. With a file `elsewhere` in FOLDER, it sends GET and PUT to the second, the pool, by an
address that is good for one use and needs no token; who uses it again is sent back to the door.
"""

import json
import sys
import threading
import time
import uuid
from pathlib import Path
from urllib.parse import parse_qs, quote

from cheroot.ssl.builtin import BuiltinSSLAdapter
from cheroot.wsgi import Server
from wsgidav.wsgidav_app import WsgiDAVApp

READS = {"GET", "HEAD", "PROPFIND", "OPTIONS"}
UUID = "dcache-http-uuid"


class Gate:
    """Who gets through to the files."""

    def __init__(self, folder, files, good):
        self.folder, self.files, self.good = folder, files, good
        self.is_pool, self.other, self.lock = False, 0, threading.Lock()

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.note(environ)
        if status := self.failing(method):
            return self.refused(status, environ, start_response)
        if self.is_pool:
            once = parse_qs(environ["QUERY_STRING"]).get(UUID, [""])[0]
            with self.lock:
                if once not in self.good:
                    return self.sent(path, "", environ, start_response)
                self.good.discard(once)
            return self.files(environ, start_response)
        rights = self.rights(environ.get("HTTP_AUTHORIZATION", ""))
        if rights == "":
            return self.refused("401 Unauthorized", environ, start_response)
        if rights == "read" and method not in READS:
            return self.refused("403 Forbidden", environ, start_response)
        if method in {"GET", "PUT"} and (self.folder / "elsewhere").exists():
            once = uuid.uuid4().hex
            self.good.add(once)
            return self.sent(path, f"?{UUID}={once}", environ, start_response)
        if status := self.failing(f"after {method}"):  # it is done, and nobody hears of it
            b"".join(self.files(environ, lambda *_: None))
            return self.refused(status, environ, start_response)
        return self.files(environ, start_response)

    def rights(self, said):
        scheme, _, token = said.partition(" ")
        return json.loads((self.folder / "tokens.json").read_text()).get(token, "") if scheme == "Bearer" else ""

    def sent(self, path, query, environ, start_response):
        """To the other port, without having looked at the body."""
        to = f"https://{environ['HTTP_HOST'].partition(':')[0]}:{self.other}{quote(path)}{query}"
        start_response("307 Temporary Redirect", [("Location", to), ("Content-Length", "0"), ("Connection", "close")])
        return [b""]

    def refused(self, status, environ, start_response):
        start_response(status, [("Content-Length", "0"), ("Connection", "close")])
        return [b""]

    def failing(self, method):
        """What this method shall meet now, so many times."""
        file = self.folder / "fail.json"
        with self.lock:
            told = json.loads(file.read_text()) if file.exists() else {}
            status, times = told.get(method, ("", 0))
            if not times:
                return ""
            told[method] = (status, times - 1)
            file.write_text(json.dumps(told))
        return status

    def note(self, environ):
        """Nobody's token."""
        line = {
            "method": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "pool": self.is_pool,
            "token": "HTTP_AUTHORIZATION" in environ,
            "range": environ.get("HTTP_RANGE", ""),
        }
        with self.lock, (self.folder / "log").open("a") as file:
            file.write(json.dumps(line) + "\n")


def served(folder):
    config = {
        "provider_mapping": {"/": str(folder / "files")},
        "simple_dc": {"user_mapping": {"*": True}},
        "http_authenticator": {"trusted_auth_header": None},
        "property_manager": True,
        "lock_storage": True,
        "dir_browser": {"enable": False},
        "verbose": 0,
        "logging": {"enable": False},
    }
    files, good, gates = WsgiDAVApp(config), set(), []
    for _ in range(2):
        gate = Gate(folder, files, good)
        server = Server(("127.0.0.1", 0), gate, numthreads=16)
        server.ssl_adapter = BuiltinSSLAdapter(str(folder / "cert.pem"), str(folder / "key.pem"))
        server.prepare()
        threading.Thread(target=server.serve, daemon=True).start()
        gates.append((gate, server.bind_addr[1]))
    (door, door_port), (pool, pool_port) = gates
    door.other, pool.other, pool.is_pool = pool_port, door_port, True
    return door_port, pool_port


if __name__ == "__main__":
    here = Path(sys.argv[1])
    ports = served(here)
    (here / "ports.new").write_text(json.dumps(ports))
    (here / "ports.new").rename(here / "ports.json")
    while True:
        time.sleep(3600)
