"""Microsoft's own emulator of Azure Blob Storage, Azurite, on loopback: it checks signatures, and loses everything when it ends.

Needs Node.js and `build/azurite`, which .ci/run makes.
"""

import base64
import hashlib
import hmac
import os
import secrets
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

MAIN = (
    Path(__file__).parents[2] / "build" / "azurite" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
)
ACCOUNT = "gigascenetests"
VERSION = "2023-11-03"
WAIT_S = 60


@dataclass(frozen=True)
class Server:
    """It, and the key to its one account."""

    port: int
    key: str

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}"

    def environment(self, port=0):
        """What a client needs, by way of another port where one is given."""
        return {
            "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port or self.port}/{ACCOUNT}",
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": self.key,
        }

    def make(self, container):
        """A container: signed here, for obstore makes none."""
        date = formatdate(usegmt=True)
        text = f"PUT{12 * chr(10)}x-ms-date:{date}\nx-ms-version:{VERSION}\n/{ACCOUNT}/{ACCOUNT}/{container}\nrestype:container"
        signed = hmac.new(base64.b64decode(self.key), text.encode(), hashlib.sha256).digest()
        headers = {
            "x-ms-date": date,
            "x-ms-version": VERSION,
            "Authorization": f"SharedKey {ACCOUNT}:{base64.b64encode(signed).decode()}",
            "Content-Type": "",
        }
        asked = Request(f"{self.endpoint}/{container}?restype=container", b"", headers, method="PUT")
        with urlopen(asked, timeout=30) as made:
            assert made.status == 201


def missing():
    """Why there can be none here; empty if there can."""
    if not shutil.which("node"):
        return "Node.js is not installed: apt-get install nodejs npm"
    return "" if MAIN.is_file() else "no Azurite: .ci/run installs it into build/azurite"


@contextmanager
def azurite(log):
    """A running server; it ends with the block."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    server = Server(port, base64.b64encode(f"PLANTED{secrets.token_hex(24)}".encode()).decode())
    words = ["node", MAIN, "--blobHost", "127.0.0.1", "--blobPort", port, "--silent", "--inMemoryPersistence"]
    said = os.environ | {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{server.key}"}
    with log.open("wb") as out:
        process = subprocess.Popen([*map(str, words)], env=said, stdout=out, stderr=out, cwd=log.parent)
    try:
        end = time.monotonic() + WAIT_S
        while not answers(server):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, "Azurite does not answer"
            time.sleep(0.2)
        yield server
    finally:
        process.kill()
        process.wait()


def answers(server):
    try:
        with urlopen(server.endpoint, timeout=5):
            return True
    except HTTPError:
        return True
    except OSError:
        return False
