"""A real S3 server on this host: Ceph's radosgw over one store in memory, on loopback, without systemd.

Unlike doubles of S3 it refuses what S3 refuses. Needs root and Debian's `radosgw ceph-mon ceph-osd`. By hand:
``python tests/buckets/radosgw.py FOLDER`` prints the environment and stays until Ctrl-C.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
WAIT_S = 60

CONF = """
[global]
fsid = {fsid}
mon initial members = a
mon host = [v1:127.0.0.1:{monitor}]
ms bind ipv6 = false
ms bind port min = {lowest}
ms bind port max = {highest}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
auth allow insecure global id reclaim = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 2000
osd pool default pg autoscale mode = off
mon warn on pool no redundancy = false
mon data avail crit = 1
run dir = {folder}/run
log file = {folder}/log/$name.log
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
keyring = {folder}/keyring
crash dir = {folder}/log
osd objectstore = memstore
memstore device bytes = 2147483648
[mon.a]
mon data = {folder}/mon
[osd.0]
osd data = {folder}/osd0
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw dns name = localhost
"""


@dataclass(frozen=True)
class Server:
    """A radosgw, and who may ask it."""

    folder: Path
    port: int
    key: str
    secret: str

    def environment(self, port=0):
        """What a client needs, by way of another port where one is given."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
        }

    def admin(self, *arguments):
        """`radosgw-admin`: its answer."""
        command = ["radosgw-admin", "--conf", f"{self.folder}/ceph.conf", "-n", "client.rgw", *arguments]
        return _done(command, 90)

    def user(self, name):
        """Another user: key and secret."""
        key, secret = secrets.token_hex(10), secrets.token_hex(20)
        self.admin("user", "create", "--uid", name, "--display-name", name, "--access-key", key, "--secret-key", secret)
        return key, secret


def missing():
    """Why there can be none here; empty if there can."""
    gone = [name for name in PROGRAMS if not shutil.which(name)]
    if gone:
        return f"radosgw is not installed ({', '.join(gone)}): apt-get install radosgw ceph-mon ceph-osd"
    return "" if os.geteuid() == 0 else "Ceph's daemons need root here"


@contextmanager
def radosgw(folder):
    """A running server; its daemons end with the block."""
    folder = Path(folder).resolve()
    for name in ("mon", "osd0", "run", "log"):
        (folder / name).mkdir(parents=True)
    server = Server(folder, _free_port(), f"KEY{secrets.token_hex(8)}", f"PLANTED{secrets.token_hex(16)}")
    try:
        _start(server)
        yield server
    finally:
        _stop(folder)


def _start(server):
    folder, conf, lowest = server.folder, f"{server.folder}/ceph.conf", 20000 + os.getpid() % 20000
    fsid, monitor = str(uuid.uuid4()), _free_port()
    text = CONF.format(folder=folder, fsid=fsid, monitor=monitor, port=server.port, lowest=lowest, highest=lowest + 300)
    Path(conf).write_text(text)
    ring = f"{folder}/keyring"
    everything = ["--cap", "mon", "allow *", "--cap", "osd", "allow *"]
    _done(["ceph-authtool", "--create-keyring", ring, "--gen-key", "-n", "mon.", "--cap", "mon", "allow *"])
    _done(["ceph-authtool", ring, "--gen-key", "-n", "client.admin", *everything])
    at = f"[v1:127.0.0.1:{monitor}]"
    _done(["monmaptool", "--create", "--clobber", "--fsid", fsid, "--addv", "a", at, f"{folder}/monmap"])
    _done(["ceph-mon", "--conf", conf, "--mkfs", "-i", "a", "--monmap", f"{folder}/monmap", "--keyring", ring])
    _done(["ceph-mon", "--conf", conf, "-i", "a"])
    osd = str(uuid.uuid4())
    _until(lambda: _works(["ceph", "--conf", conf, "osd", "new", osd]), "the monitor takes no store")
    _done(["ceph-osd", "--conf", conf, "-i", "0", "--mkfs", "--osd-uuid", osd])
    _until(lambda: _works(["ceph-osd", "--conf", conf, "-i", "0"]), "the store does not start")
    _until(lambda: "1 up" in _said(["ceph", "--conf", conf, "osd", "stat"]), "the store is not up")
    user = ["user", "create", "--uid", "ci", "--display-name", "ci"]
    server.admin(*user, "--access-key", server.key, "--secret-key", server.secret)
    _done(["radosgw", "--conf", conf, "-n", "client.rgw"])
    _until(lambda: _answers(server.port), "radosgw does not answer")


def _done(command, seconds=WAIT_S):
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=seconds)
    assert done.returncode == 0, f"{command[0]} failed: {done.stderr[-1000:]}"
    return done.stdout


def _works(command):
    """False where the monitor, which has just been started, does not know itself yet ("wrong fsid", "EPERM")."""
    return subprocess.run(command, check=False, capture_output=True, timeout=WAIT_S).returncode == 0


def _said(command):
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=WAIT_S).stdout


def _until(true, what):
    end = time.monotonic() + WAIT_S
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.2)


def _answers(port):
    try:
        with urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return answer.status == 200
    except HTTPError:
        return True
    except OSError:
        return False


def _free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def _stop(folder):
    """End the daemons whose command line names our folder, and no other."""
    conf = f"{folder}/ceph.conf"
    ours = [one for one in psutil.process_iter(["cmdline"]) if conf in (one.info["cmdline"] or ())]
    for one in ours:
        one.kill()
    psutil.wait_procs(ours, timeout=20)


if __name__ == "__main__":
    with radosgw(sys.argv[1]) as running:
        for name, value in running.environment().items():
            print(f"export {name}={value}", flush=True)
        with suppress(KeyboardInterrupt):
            time.sleep(1e9)
