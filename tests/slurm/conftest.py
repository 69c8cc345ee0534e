"""One Slurm for all of these tests, mended before each; none of them can take longer than its deadline."""

import faulthandler
import signal
import tempfile
from pathlib import Path

import pytest

from gigascene.engines import _array
from slurm.cluster import mended, slurm
from slurm.runs import DEADLINE_S, planned


@pytest.fixture(scope="session")
def cluster():
    """The folder of a Slurm with two nodes of one core."""
    with (
        tempfile.TemporaryDirectory(prefix="slurm-") as folder,
        slurm(Path(folder)) as conf,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("SLURM_CONF", str(conf))
        yield conf.parent


@pytest.fixture(autouse=True)
def deadline():
    """A test that takes too long fails; should it not even hear that, the process ends. Called, it begins anew."""

    def late(number, frame):
        raise TimeoutError(f"no end after {DEADLINE_S} s")

    def begun():
        signal.alarm(DEADLINE_S)
        faulthandler.dump_traceback_later(2 * DEADLINE_S, exit=True)

    before = signal.signal(signal.SIGALRM, late)
    begun()
    yield begun
    faulthandler.cancel_dump_traceback_later()
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def calm(cluster, deadline, monkeypatch):
    """Nothing is left of the test before, and nobody waits long."""
    mended(cluster)
    monkeypatch.setattr(_array, "LOOK_S", 1.0)


@pytest.fixture(scope="session", params=["png", "cog"])
def reference(request, scene, tmp_path_factory):
    """A plan of many tasks, and the SHA-256 of what it makes on one core."""
    return planned(request.param, scene, tmp_path_factory.mktemp("serial"))


@pytest.fixture(scope="session")
def small(scene, tmp_path_factory):
    """One of these, where any will do."""
    return planned("png", scene, tmp_path_factory.mktemp("serial"))


@pytest.fixture(scope="session")
def long(scene, tmp_path_factory):
    """The same, of tasks that outlast a controller's start."""
    return planned("long", scene, tmp_path_factory.mktemp("serial"))


@pytest.fixture(scope="session")
def medium(scene, tmp_path_factory):
    """The same, of tasks that go on when the first of them is placed."""
    return planned("medium", scene, tmp_path_factory.mktemp("serial"))
