"""On a real Slurm: the same bytes as on one core, whoever of ours is killed; nothing is left in the queue or on disk."""

import signal
from pathlib import Path

import pytest

import gigascene
from gigascene.engines import slurm as engine
from gigascene.model.errors import WorkersLost
from slurm.cluster import missing
from slurm.runs import DEADLINE_S, Once, at, digest, elements, hidden, queued, started, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be")]


def test_the_same_bytes(reference, tmp_path):
    plan, whole = reference
    plan = at(plan, tmp_path)
    gigascene.run(plan, where={"partition": "main", "array": "3", "time": "10"})
    assert digest(plan) == whole
    assert not hidden(plan)
    until(lambda: not queued(), "empty queue")


def test_a_killed_job_changes_no_byte(medium, tmp_path):
    plan, whole = at(medium[0], tmp_path), medium[1]
    kill = Once(lambda: elements(plan)[0].send_signal(signal.SIGKILL))
    gigascene.run(plan, where={"array": "2"}, watch=kill)
    assert kill.done
    assert digest(plan) == whole
    assert not hidden(plan)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_cancels_its_jobs_and_a_resume_goes_on(sign, code, medium, tmp_path):
    plan, whole = at(medium[0], tmp_path / "out"), medium[1]
    with started(plan, tmp_path, "--array", "2") as running:
        running.send_signal(sign)
        assert (running.wait(DEADLINE_S), running.stderr.read().count("--resume")) == (code, 1)
    until(lambda: not queued() and not elements(plan), "empty queue")
    assert gigascene.run(plan, resume=True, where={"array": "2"}).resumed > 0
    assert digest(plan) == whole
    assert not hidden(plan)


def test_after_a_killed_coordinator_a_resume_goes_on_and_no_job_is_left(medium, tmp_path):
    plan, whole = at(medium[0], tmp_path / "out"), medium[1]
    with started(plan, tmp_path, "--array", "2") as running:
        running.kill()
    left = {process.pid for process in elements(plan)}
    assert left
    assert gigascene.run(plan, resume=True, where={"array": "2"}).resumed > 0
    assert digest(plan) == whole
    assert not hidden(plan)
    until(lambda: not queued() and not left & {process.pid for process in elements(plan)}, "empty queue")


def test_jobs_that_make_nothing_are_no_wait_without_end(small, tmp_path, monkeypatch):
    plan = at(small[0], tmp_path)
    monkeypatch.setattr(engine, "DONE_BY", "gigascene.no_such_module")
    with pytest.raises(WorkersLost, match=r"(?s)Tasks 0.* missing.*no_such_module"):
        gigascene.run(plan, where={"array": "1"})
    assert not queued()


def test_hostile_names_do_nothing(reference, tmp_path):
    plan, whole = reference
    folder = tmp_path / 'a\'b "$(touch pwned)" `touch pwned`; touch pwned; {} %a %j\n#SBATCH --hold\n\\'
    plan = at(plan, folder)
    gigascene.run(plan, where={"array": "2"})
    assert digest(plan) == whole
    assert not [path for path in (Path("/pwned"), *tmp_path.rglob("pwned"), Path("pwned")) if path.exists()]
    assert list(tmp_path.iterdir()) == [folder]
