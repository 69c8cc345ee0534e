"""What Slurm does not want, or will not start: told in its own words, before anybody waits."""

import subprocess

import pytest

import gigascene
from cli.shell import started
from gigascene.engines import _array
from gigascene.model.errors import UsageError, WorkersLost, exit_code
from slurm.cluster import missing
from slurm.runs import Once, at, digest, queued, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be")]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ('partition = "nowhere"', r"(?i)invalid partition"),
        ('mem = "100T"', r"(?i)configuration is not available"),
        ('partition = "closed"', r"(?i)partition"),
    ],
)
def test_what_slurm_refuses_is_a_usage_error_in_its_words_and_leaves_nothing(table, words, small, tmp_path):
    (tmp_path / "cluster.toml").write_text(f"[a]\n{table}\n")
    plan = at(small[0], tmp_path / "out")
    with pytest.raises(UsageError, match=words):
        gigascene.run(plan, where={"preset": f"{tmp_path}/cluster.toml:a"})
    assert list((tmp_path / "out").iterdir()) == []
    assert not queued()


def test_on_the_command_line_a_refusal_is_exit_code_2(small, tmp_path):
    gigascene.save_plan(at(small[0], tmp_path / "out"), tmp_path / "plan.json")
    said = started("run", tmp_path / "plan.json", "--quiet", "--partition", "nowhere")
    assert said.code == 2
    assert "invalid partition" in said.err
    assert list((tmp_path / "out").iterdir()) == []


def first_waiting():
    """A job of an array, as Slurm names it."""
    said = asked("squeue", "-h", "-r", "--state=PENDING", "--format=%i")
    return said.split()[0]


def asked(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=30).stdout


def failed():
    """The number of a job that has failed."""
    job = asked("sbatch", "--parsable", "--output=/dev/null", "--wrap=false").strip()
    until(lambda: not queued(), "empty queue")
    return job


@pytest.mark.parametrize("how", ["hold", "uhold", "dependency"])
def test_jobs_held_for_good_are_told_when_the_others_have_done_theirs_and_a_resume_goes_on(how, medium, tmp_path):
    plan, whole = at(medium[0], tmp_path), medium[1]
    before = failed() if how == "dependency" else ""

    def act():
        job = first_waiting()
        words = ["update", f"JobId={job}", f"Dependency=afterok:{before}"] if before else [how, job]
        asked("scontrol", *words)

    reason = {"hold": "JobHeldAdmin", "uhold": "JobHeldUser", "dependency": "DependencyNeverSatisfied"}[how]
    with pytest.raises(WorkersLost, match=rf"{reason}.*Tasks \d.* are missing.*--resume") as caught:
        gigascene.run(plan, where={"array": "3"}, watch=Once(act))
    assert exit_code(caught.value) == 7
    until(lambda: not queued(), "empty queue")
    assert gigascene.run(plan, resume=True, where={"array": "2"}).resumed > 0
    assert digest(plan) == whole


def test_a_time_limit_that_a_partition_never_gives_is_told(small, tmp_path):
    with pytest.raises(WorkersLost, match="PartitionTimeLimit"):
        gigascene.run(at(small[0], tmp_path), where={"partition": "short", "time": "10", "array": "2"})


def test_more_cores_than_any_node_has_are_told(small, tmp_path, monkeypatch):
    monkeypatch.setattr(_array, "PATIENCE_S", 2.0)
    (tmp_path / "cluster.toml").write_text("[a]\ncpus-per-task = 100\n")
    with pytest.raises(WorkersLost, match=r"main has none with what is asked for"):
        gigascene.run(at(small[0], tmp_path / "out"), where={"preset": f"{tmp_path}/cluster.toml:a"})


def test_nodes_that_are_out_of_service_are_told(small, tmp_path, monkeypatch):
    monkeypatch.setattr(_array, "PATIENCE_S", 2.0)
    asked("scontrol", "update", "NodeName=n[1-2]", "State=DRAIN", "Reason=moved to Mars")
    with pytest.raises(WorkersLost, match=r"No node works: n1 is drained \(moved to Mars\), n2 is drained.*Tasks 0"):
        gigascene.run(at(small[0], tmp_path), where={"array": "2"})
    assert not queued()
