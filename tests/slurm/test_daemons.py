"""Slurm's own daemons are killed during a run: the same bytes once they are back, or exit code 7 that names what is missing."""

import threading

import pytest

import gigascene
from gigascene.engines import _array, _sbatch
from gigascene.model.errors import WorkersLost, exit_code
from slurm.cluster import WAIT_S, kill, missing, start
from slurm.runs import Once, at, digest, elements

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be")]
AWAY_S = 3.0
NODES = ("slurmd.n1", "slurmd.n2")


@pytest.fixture
def later(cluster):
    """Starts daemons in a while; the test ends when they are there."""
    timers = []

    def begun(*daemons):
        for daemon in daemons:
            timers.append(threading.Timer(AWAY_S, start, (cluster, daemon)))
            timers[-1].start()

    yield begun
    for timer in timers:
        timer.join(WAIT_S)


def test_a_controller_that_is_started_anew_changes_no_byte(long, cluster, later, tmp_path):
    plan, whole = at(long[0], tmp_path), long[1]

    def act():
        kill(cluster, "slurmctld")
        later("slurmctld")

    gigascene.run(plan, where={"array": "2"}, watch=Once(act))
    assert digest(plan) == whole


def test_a_controller_that_is_gone_is_asked_now_and_then_and_not_for_ever(long, cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(_array, "PATIENCE_S", 3.0)
    asked, alive = [], _sbatch.alive
    monkeypatch.setattr(_sbatch, "alive", lambda run: asked.append(run) or alive(run))
    plan = at(long[0], tmp_path)

    def act():
        for one in elements(plan):
            one.kill()
        kill(cluster, "slurmctld")

    with pytest.raises(WorkersLost, match=r"(?s)squeue.*Tasks .* are missing"):
        gigascene.run(plan, where={"array": "2"}, watch=Once(act))
    assert len(asked) < 20


def test_a_controller_that_was_never_there_is_told_at_once(small, cluster, tmp_path):
    kill(cluster, "slurmctld")
    plan = at(small[0], tmp_path)
    with pytest.raises(WorkersLost, match="sbatch"):
        gigascene.run(plan, where={"array": "2"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("jobs", ["live", "die"])
def test_nodes_that_are_started_anew_change_no_byte(jobs, long, cluster, later, tmp_path):
    plan, whole = at(long[0], tmp_path), long[1]

    def act():
        for node in NODES:
            kill(cluster, node)
        for one in elements(plan) if jobs == "die" else ():
            one.kill()
        later(*NODES)

    gigascene.run(plan, where={"array": "2"}, watch=Once(act))
    assert digest(plan) == whole


def test_nodes_that_are_gone_are_named_with_what_is_missing_and_a_resume_goes_on(long, cluster, tmp_path, monkeypatch):
    plan, whole = at(long[0], tmp_path), long[1]

    def act():
        left = elements(plan)
        for one in left:
            one.suspend()  # or they would be done before both nodes are gone
        for node in NODES:
            kill(cluster, node)
        for one in left:
            one.kill()

    with monkeypatch.context() as patch:
        patch.setattr(_array, "PATIENCE_S", 3.0)
        with pytest.raises(WorkersLost, match=r"No node works: n1 is .*n2 is .*Tasks \d.* are missing") as caught:
            gigascene.run(plan, where={"array": "2"}, watch=Once(act))
    assert exit_code(caught.value) == 7
    for node in NODES:
        start(cluster, node)
    assert gigascene.run(plan, resume=True, where={"array": "2"}).resumed > 0
    assert digest(plan) == whole
