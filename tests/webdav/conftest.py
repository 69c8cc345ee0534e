"""A WebDAV server for each run of the tests, a folder on it for each test, tokens that it takes, and nobody's cache."""

import datetime as dt
import ipaddress
import json
import secrets
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gigascene.storage import _requests
from range_server import forget

collect_ignore = ["server.py"]  # of another Python
HERE = Path(__file__).parents[2]
PYTHON = HERE / "build" / "webdav-server" / "bin" / "python"
WAIT_S = 60


@dataclass
class Server:
    """It, and what it serves."""

    folder: Path
    door: int
    pool: int
    token: str
    reader: str

    @property
    def files(self):
        return self.folder / "files"

    @property
    def host(self):
        return f"127.0.0.1:{self.door}"

    def url(self, name, scheme="davs"):
        return f"{scheme}://{self.host}/{name}"

    def names(self, below=""):
        """Everything that is a file, hidden ones too."""
        root = self.files / below
        return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}

    def log(self):
        file = self.folder / "log"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def forget(self):
        (self.folder / "log").unlink(missing_ok=True)

    def environment(self):
        return {
            "SSL_CERT_FILE": str(self.folder / "cert.pem"),
            "GIGASCENE_TOKEN_HOSTS": self.host,
            "BEARER_TOKEN": self.token,
        }


@pytest.fixture(scope="session")
def running(tmp_path_factory):
    if not PYTHON.is_file():
        pytest.skip("no WsgiDAV: .ci/run installs it into build/webdav-server")
    folder = tmp_path_factory.mktemp("webdav")
    (folder / "files").mkdir()
    certify(folder)
    token, reader = (f"PLANTED{secrets.token_hex(16)}" for _ in range(2))
    (folder / "tokens.json").write_text(json.dumps({token: "write", reader: "read"}))
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen([PYTHON, Path(__file__).with_name("server.py"), folder], stdout=out, stderr=out)
    try:
        end = time.monotonic() + WAIT_S
        while not (folder / "ports.json").exists():
            assert process.poll() is None, (folder / "out").read_text()
            assert time.monotonic() < end, "WsgiDAV does not start"
            time.sleep(0.1)
        door, pool = json.loads((folder / "ports.json").read_text())
        yield Server(folder, door, pool, token, reader)
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def at(monkeypatch, tmp_path):
    """Let this process, and those it starts, ask a server as somebody."""

    def set_up(environment):
        for name in ("BEARER_TOKEN", "BEARER_TOKEN_FILE", "GIGASCENE_TOKEN_HOSTS", "GIGASCENE_ALLOW_PRIVATE_HREFS"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        forget()

    monkeypatch.setenv("GIGASCENE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(_requests, "WAIT_S", 0.05)
    yield set_up
    forget()


@pytest.fixture
def server(running, at):
    """Empty, and this process may write to it."""
    for name in ("elsewhere", "fail.json"):
        (running.folder / name).unlink(missing_ok=True)
    for path in sorted(running.files.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    running.forget()
    at(running.environment())
    return running


@pytest.fixture
def scratch(tmp_path):
    return tmp_path / "cache" / "outputs"


def certify(folder):
    """A key, and a certificate that it has signed itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gigascene's tests")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    text = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(text)
