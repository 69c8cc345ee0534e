"""What an element of a job array does, without a cluster."""

import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest

import gigascene
from gigascene.engines._spool import Spool
from gigascene.execute.element import left, work
from gigascene.execute.run import Job, tasks
from gigascene.model.contracts import Failed
from gigascene.model.errors import WorkersLost
from gigascene.model.plan import Cut


@pytest.fixture
def job(small_scene, tmp_path):
    plan = gigascene.plan_compose("ndvi", small_scene, tmp_path / "a.tif", options={"tile": 64})
    return Job(replace(plan, cut=Cut(task_pieces=1, window_rows=64)))


def begun(job, tmp_path, run="one"):
    spool = Spool(tmp_path / ".a.tif.spool", run)
    spool.begin(job.written(), tasks(job.plan, job.codec))
    return spool


def missing(spool):
    spool.look()
    return [task for task in spool.tasks(0, 1) if not spool.has(task)]


def test_elements_share_the_work_and_each_result_is_that_of_the_job(job, tmp_path):
    spool = begun(job, tmp_path)
    work(Spool(spool.folder, "one"), 1, 2, 0)
    left = missing(spool)
    assert left == list(spool.tasks(0, 2))
    work(Spool(spool.folder, "one"), 0, 2, 0)
    assert missing(spool) == []
    for task in spool.tasks(0, 1):
        assert spool.result(task).pieces == job(task).pieces


def test_an_element_sent_again_does_what_is_missing_and_no_more(job, tmp_path):
    spool = begun(job, tmp_path)
    work(Spool(spool.folder, "one"), 0, 2, 0)
    sizes = {path: path.stat().st_size for path in spool.folder.glob("*.log")}
    work(Spool(spool.folder, "one"), 0, 2, 0)
    assert sum(path.stat().st_size for path in spool.folder.glob("*.log")) == sum(sizes.values())


def test_an_element_ends_before_its_time_is_over(job, tmp_path):
    """Never without having done a task: so it comes to an end, however short the time is."""
    spool = begun(job, tmp_path)
    counts = [len(missing(spool))]
    assert counts[0] > 2
    while counts[-1]:
        work(Spool(spool.folder, "one"), 0, 1, 1e-6)
        counts.append(len(missing(spool)))
    assert counts == list(range(counts[0], -1, -1))


def test_a_host_that_cannot_work_says_why(job, tmp_path):
    other = Job(replace(job.plan, versions={**job.plan.versions, "numpy": "0.9"}))
    spool = begun(other, tmp_path)
    work(Spool(spool.folder, "one"), 0, 1, 0)
    spool.look()
    found = spool.result(next(spool.tasks(0, 1)))
    assert isinstance(found, Failed)
    assert isinstance(found.error, WorkersLost)
    assert "numpy 0.9" in str(found.error)


def test_asked_to_end_it_finishes_what_it_has_in_hand(job, tmp_path):
    """SIGTERM, as Slurm sends it before the time is over or when it must make room."""
    slow = Job(replace(job.plan, cut=Cut(task_pieces=1, window_rows=1)))
    spool = begun(slow, tmp_path)
    words = [sys.executable, "-m", "gigascene.execute.element", spool.folder, "one", "1", "0", "0"]
    with subprocess.Popen(words) as element:
        while not any(log.stat().st_size for log in spool.folder.glob("*.log")):
            time.sleep(0.01)
            assert element.poll() is None
        element.send_signal(signal.SIGTERM)
        assert element.wait(60) == 0
    left = missing(spool)
    assert left
    [log] = spool.folder.glob("*.log")
    assert spool._read[log] == log.stat().st_size, "half a record"
    done = [task for task in spool.tasks(0, 1) if task not in left]
    assert all(spool.result(task).pieces == job(task).pieces for task in done)


def test_slurm_tells_when_the_time_is_over(monkeypatch):
    monkeypatch.delenv("SLURM_JOB_END_TIME", raising=False)
    assert (left(0), left(90)) == (0, 90)
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 50))
    assert 40 < left(0) <= 50
    assert 40 < left(90) <= 50
    assert left(30) == 30
