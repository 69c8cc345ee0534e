"""A real STAC API server, rustac, as a process of its own on loopback."""

import json
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
RUSTAC = next(
    (str(path) for path in (HERE / "build" / "stac-server" / "bin" / "rustac",) if path.is_file()),
    shutil.which("rustac"),
)
WHY = "no rustac: .ci/run installs it into build/stac-server"
needs_server = pytest.mark.skipif(RUSTAC is None, reason=WHY)


@contextmanager
def stac_server(folder, items):
    """Yields its address."""
    (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("wb") as log:
        words = [RUSTAC, "serve", "--create-collections", "-a", place, str(folder / "items.json")]
        server = subprocess.Popen(words, stdout=log, stderr=log)
    try:
        for _ in range(600):
            with socket.socket() as door:
                if door.connect_ex(("127.0.0.1", int(place.rpartition(":")[2]))) == 0:
                    break
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.05)
        yield f"http://{place}"
    finally:
        server.terminate()
        server.wait(10)
