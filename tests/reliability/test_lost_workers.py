"""A worker that dies takes nobody with it; the task that kills twice is named."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from gigascene import registry
from gigascene.engines.dask import Dask
from gigascene.model.contracts import Done, Failed
from gigascene.model.errors import WorkersLost, exit_code
from gigascene.model.plan import Task
from reliability.mortal import Mortal, Often

ENGINES = ["processes", "dask"]


def results(engine, always, tmp_path):
    tasks = [Task(index=i, start=i, stop=i + 1) for i in range(12)]
    run = Mortal(always, str(tmp_path / "marker"))
    return list(registry.ENGINES[engine](2).map(run, tasks, ahead=4, bound=lambda task: 1))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_task_that_kills_its_worker_is_named_and_the_others_are_done(engine, tmp_path):
    found = results(engine, 5, tmp_path)
    assert [result.task.index for result in found] == list(range(12))
    assert [result.task.index for result in found if not isinstance(result, Done)] == [5]
    assert isinstance(found[5].error, WorkersLost)
    assert exit_code(found[5].error) == 7
    assert "Task 5" in str(found[5].error)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_worker_that_dies_once_costs_nothing(engine, tmp_path):
    assert all(isinstance(result, Done) for result in results(engine, -1, tmp_path))


@pytest.mark.parametrize(("allowed", "kind"), [(None, Failed), ("3", Done)])
def test_a_task_survives_as_many_deaths_as_are_allowed(allowed, kind, tmp_path):
    """Four: with one allowed, two are too many among others, and two more alone; with three, they are not."""
    tasks = [Task(index=i, start=i, stop=i + 1) for i in range(6)]
    engine = Dask(2, allowed_failures=allowed)
    found = list(engine.map(Often(4, str(tmp_path)), tasks, ahead=4, bound=lambda task: 1))
    assert [type(result) for result in found] == [kind if i == 3 else Done for i in range(6)]
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize("engine", ENGINES)
def test_workers_go_with_a_killed_coordinator(engine):
    """No worker is left in the machine by a kill that lets the coordinator say nothing."""
    code = (
        "from gigascene.registry import ENGINES\n"
        "from gigascene.model.plan import Task\n"
        "from reliability.mortal import asleep\n"
        "tasks = [Task(index=i, start=i, stop=i + 1) for i in range(9)]\n"
        f"list(ENGINES['{engine}'](2).map(asleep, tasks, ahead=9, bound=lambda task: 1))\n"
    )
    path = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])])
    child = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    family = psutil.Process(child.pid)
    workers = []
    while len(workers) < 3 and child.poll() is None:
        time.sleep(0.1)
        workers = family.children(recursive=True)
    time.sleep(6)  # until they are in a task, or wait for one
    workers = family.children(recursive=True)
    child.kill()  # and nobody takes note of its end yet, as one who reads its output to the end
    gone, alive = psutil.wait_procs(workers, timeout=15)
    child.wait()
    for process in alive:
        process.kill()
    assert not alive
    assert len(gone) >= 3
