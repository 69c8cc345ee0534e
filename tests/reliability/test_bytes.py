"""What travels between workers and writer is encoded pieces and next to nothing else, counted at the workers' sockets."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

import gigascene
from reliability.test_dask import Cluster

COUNTING = """
from pathlib import Path
from tornado.iostream import IOStream


def dask_setup(worker):
    write, total = IOStream.write_to_fd, [0]

    def counted(self, data):
        sent = write(self, data)
        total[0] += sent or 0
        Path({path!r}).write_text(str(total[0]))
        return sent

    IOStream.write_to_fd = counted
"""
"""Called once in the worker: bytes through its sockets are added up in a file."""

OUTPUTS = {
    "png": (".png", "return", 0.5, 1.05),
    "pam": (".pam", "return", 0.5, 1.05),
    "cog": (".tif", "return", 0.5, 1.4),
    "jpeg": (".jpg", "return", 0.5, 1.05),
    "pam in place": (".pam", "target", 0, 0.05),
    "png by files": (".png", "spool", 0, 0.05),
}
"""Suffix, how pieces come home, and how many bytes are sent for each byte of the output: at least, and at most (with overviews, or without)."""


@pytest.fixture(scope="module")
def broad(tmp_path_factory):
    """A scene whose pictures outweigh what a cluster says to itself."""
    from gigascene.simulate.landsat import simulate

    return simulate(tmp_path_factory.mktemp("scenes"), size=(2600, 2200), seed=3)


@pytest.fixture
def worker(tmp_path_factory):
    """The address of a scheduler with one worker, and the file in which it counts what it sends."""
    folder = tmp_path_factory.mktemp("counted")
    cluster = Cluster(folder)
    (folder / "counting.py").write_text(COUNTING.format(path=str(folder / "sent")))
    cluster.worker("--preload", folder / "counting.py")
    yield cluster.address, folder / "sent"
    cluster.stop()


@pytest.mark.slow
@pytest.mark.parametrize("kind", OUTPUTS)
def test_workers_send_pieces_and_no_pixels(kind, broad, worker, tmp_path):
    suffix, way, least, most = OUTPUTS[kind]
    plan = gigascene.plan_compose("pan-sharpened", broad, tmp_path / f"a{suffix}", memory="2G")
    plan = replace(plan, execution=replace(plan.execution, engine="dask", workers=2))
    address, sent = worker
    before = int(sent.read_text()) if sent.exists() else 0
    receipt = gigascene.run(plan, where={"scheduler": address, "delivery": way})
    ratio = (int(sent.read_text()) - before) / receipt.bytes
    size = Path(plan.target).stat().st_size
    print(f"{kind}: {ratio:.5f} bytes sent for each of {size:,}", file=sys.stderr)
    assert least < ratio <= most
