"""Sent and left alone: a job behind the others finishes the picture, sends again what was lost, or whoever resumes takes over."""

import json
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

import gigascene
from cli.shell import PROGRAM, spoken
from gigascene.engines import _sbatch
from gigascene.engines import slurm as engine
from slurm.cluster import missing
from slurm.runs import DEADLINE_S, Once, at, digest, elements, hidden, queued, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be")]


def detached(plan, folder, *words):
    """What `gigascene run --detach` said, when it has ended."""
    gigascene.save_plan(plan, folder / "plan.json")
    words = [PROGRAM, "run", folder / "plan.json", "--array", "2", "--detach", "--json", *words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def states(*jobs):
    """Of jobs that Slurm still knows."""
    words = ["squeue", "-h", "-r", "--states=all", f"--jobs={','.join(jobs)}", "-o", "%i %T"]
    said = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout
    return dict(line.split() for line in said.splitlines())


def finished(plan):
    return Path(f"{plan.target}.receipt.json").exists()


def test_it_is_finished_by_a_job(reference, tmp_path):
    plan, whole = at(reference[0], tmp_path / "out"), reference[1]
    sent = detached(plan, tmp_path)
    until(lambda: finished(plan) and not queued(), "finished picture and empty queue")
    assert digest(plan) == whole
    assert gigascene.verify(plan.target).state == "whole"
    assert not hidden(plan)
    found = states(sent["array"], sent["finisher"])
    assert set(found.values()) == {"COMPLETED"}
    assert len(found) == sent["elements"] + 1


def test_what_its_jobs_did_not_do_is_sent_again(medium, tmp_path):
    plan, whole = at(medium[0], tmp_path / "out"), medium[1]
    sent = detached(plan, tmp_path)
    spool = Path(plan.target).with_name(f".{Path(plan.target).name}.spool")
    until(lambda: any(log.stat().st_size for log in spool.glob("*.log")), "first result")
    for one in elements(plan):
        one.send_signal(signal.SIGKILL)
    until(lambda: finished(plan) and not queued(), "finished picture and empty queue")
    assert digest(plan) == whole
    assert not hidden(plan)
    assert "FAILED" in states(sent["array"]).values()


def test_who_resumes_takes_over_its_jobs(medium, tmp_path, capsys, monkeypatch):
    plan, whole = at(medium[0], tmp_path / "out"), medium[1]
    sent = detached(plan, tmp_path)
    until(lambda: elements(plan), "job that works")
    anew, submit = [], _sbatch.submit
    monkeypatch.setattr(_sbatch, "submit", lambda *args, **words: anew.append(args) or submit(*args, **words))
    said = spoken(capsys, monkeypatch, "run", tmp_path / "plan.json", "--array", "2", "--resume", "--quiet")
    assert (said.code, anew) == (0, []), said
    assert digest(plan) == whole
    assert not hidden(plan)
    until(lambda: not queued(), "empty queue")
    assert states(sent["finisher"]) == {sent["finisher"]: "CANCELLED"}


def test_what_no_job_can_do_ends_with_words(small, tmp_path, monkeypatch):
    """The last job finds that nothing was made, sends it again as any coordinator does, and gives up."""
    plan = at(small[0], tmp_path / "out")
    broken = replace(plan, versions={**plan.versions, "numpy": "0.9"})
    spool = Path(plan.target).with_name(f".{Path(plan.target).name}.spool")
    monkeypatch.setattr("gigascene.execute.coordinate.check_versions", lambda plan: None)
    from gigascene.execute.detach import detach

    sent = detach(broken, where={"array": "1"})
    until(lambda: states(sent.finisher).get(sent.finisher) == "FAILED", "end of the last job")
    [said] = spool.glob("*.finish.out")
    assert "numpy 0.9" in said.read_text()
    assert not queued()
    assert not Path(plan.target).exists()


def test_others_cannot_be_left_alone(small, tmp_path, capsys, monkeypatch):
    gigascene.save_plan(small[0], tmp_path / "plan.json")
    said = spoken(capsys, monkeypatch, "run", tmp_path / "plan.json", "--engine", "threads", "--detach")
    assert (said.code, "--engine slurm" in said.err) == (2, True), said


def test_a_job_that_slurm_requeues_changes_no_byte(medium, tmp_path):
    """As preemption does: SIGTERM, then SIGKILL, then from its beginning."""
    plan, whole = at(medium[0], tmp_path), medium[1]

    def requeue():
        [first, *_] = [one for one in _sbatch.alive(run_of(plan)) if one.state == "RUNNING"]
        subprocess.run(["scontrol", "requeue", first.job], check=True, timeout=30)

    again = Once(requeue)
    gigascene.run(plan, where={"array": "2"}, watch=again)
    assert again.done
    assert digest(plan) == whole
    assert not hidden(plan)


def run_of(plan):
    [tasks] = Path(plan.target).with_name(f".{Path(plan.target).name}.spool").glob("*.tasks")
    return tasks.stem


def test_shares_that_fit_the_time_and_no_more_jobs_at_once_than_asked(small, tmp_path, monkeypatch):
    plan, whole = at(small[0], tmp_path), small[1]
    most, sent, submit = [], [], _sbatch.submit
    monkeypatch.setattr(engine, "core_seconds", lambda plan: 10 * 3600.0)
    monkeypatch.setattr(
        _sbatch,
        "submit",
        lambda run, elements, *rest, **words: sent.append(len(elements)) or submit(run, elements, *rest, **words),
    )
    alive = _sbatch.alive

    def seen(run):
        found = alive(run)
        most.append(sum(one.state == "RUNNING" for one in found))
        return found

    monkeypatch.setattr(_sbatch, "alive", seen)
    gigascene.run(plan, where={"array": "1", "time": "60"})
    assert digest(plan) == whole
    assert sent[0] > 1
    assert max(most) == 1
