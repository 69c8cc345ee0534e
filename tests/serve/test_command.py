"""`gigascene view` as a process: says where, serves, stops at Ctrl-C; exports; says what is wrong."""

import http.client
import json
import os
import signal
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from serve.pictures import cog, needs_openseadragon

pytestmark = needs_openseadragon
VIEW = (
    "import signal, sys, typer; from gigascene.cli import _told, view; from gigascene.cli._options import app_options\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored where the tests run in the background
    "root = typer.Typer(**app_options()); root.callback()(lambda: None); view.add_to(root)\n"
    "try: sys.exit(root(standalone_mode=False))\n"
    "except Exception as error: sys.exit(_told(error))\n"
)


@pytest.fixture
def start(tmp_path):
    """`gigascene view WORDS` in a folder with two pictures; killed at the end."""
    for name in ("a", "b"):
        cog(tmp_path / f"{name}.tif", (30, 20))
    started = []

    def run(*words):
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", VIEW, "view", *words],
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env={key: value for key, value in os.environ.items() if "DISPLAY" not in key},
            )
        )
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def test_served_until_stopped(start):
    process = start("a.tif", "b.tif", "--json")
    text = ""
    while not text.endswith("}\n"):
        text += process.stdout.readline()
    url = urlsplit(json.loads(text)["url"])
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    connection.request("GET", f"{url.path}view.json")
    assert [one["name"] for one in json.load(connection.getresponse())["pictures"]] == ["a", "b"]
    connection.close()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=10) == 0
    assert process.stderr.read().strip() == ""


def test_words(start):
    process = start("a.tif", "--no-open")
    assert process.stdout.readline().startswith("http://127.0.0.1:")
    assert "Ctrl-C" in process.stdout.readline()


def test_export(start, tmp_path):
    process = start("a.tif", "--export", "site", "--format", "webp", "--json", "--quiet")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    facts = json.loads(out)
    assert facts["folder"] == "site"
    assert facts["tiles"] == 6
    files = [path for path in (tmp_path / "site").rglob("*") if path.is_file()]
    assert facts["bytes"] == sum(path.stat().st_size for path in files if path.name != ".gigascene.json")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("none.tif",), 4, "none.tif: cannot be opened"),
        (("a.tif", "--export", "site", "--format", "gif"), 2, "png, jpg or webp"),
        (("a.tif", "--export", "site", "--quality", "80"), 2, "png is exact"),
        (("a.tif", "--format", "webp"), 2, "--export DIR"),
        (("a.tif", "--export", "a.tif"), 5, "a file"),
        (("a.tif", "--port", "99999"), 2, "port 99999"),
    ],
)
def test_said(start, words, code, said):
    process = start(*words)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert said in err
    assert "Traceback" not in err
