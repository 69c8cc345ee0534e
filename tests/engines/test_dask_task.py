"""What a worker of a Dask cluster does: whoever else works in the same process."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from gigascene.engines import _dask_task
from gigascene.engines._dask_task import Given, call, given
from gigascene.engines._parcel import opened
from gigascene.model.contracts import Done


def quiet(task):
    """A job."""
    return Done(task=task, pieces=(), seconds=0.0)


@pytest.fixture
def bodies(monkeypatch):
    """Two runs with other settings."""
    for name in [name for name in os.environ if name.startswith("GIGASCENE_")]:
        monkeypatch.delenv(name)
    found = []
    for name in ("GIGASCENE_TEST_ONE", "GIGASCENE_TEST_OTHER"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "1")
            found.append(Given(given(quiet)))
    yield found
    for name in _dask_task._environment():
        del os.environ[name]


def test_threads_of_one_worker_do_not_trip_over_settings(bodies):
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda number: opened(call(bodies[number % 2], number, 0, 1)), range(4000))
        assert all(isinstance(result, Done) for result in found)
