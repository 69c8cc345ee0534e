"""What an element of a job array does, without a cluster."""

from dataclasses import replace

import pytest

import gigascene
from gigascene.engines._spool import Spool
from gigascene.execute.element import work
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
