"""How arrays of jobs are sent and called back, held against programs that only write down what they are asked."""

import os
import stat
from dataclasses import replace

import pytest

import gigascene
from gigascene.engines import _array, _sbatch
from gigascene.engines._array import Array
from gigascene.engines._sbatch import Element, Refused
from gigascene.engines._spool import Spool, append
from gigascene.execute.detach import detach
from gigascene.execute.run import Job, tasks
from gigascene.model.plan import Cut, Task
from gigascene.storage.folder import target_of

SAYS = """#!/bin/sh
echo "$(basename "$0") $*" >> "$ASKED"
case "$*" in *{refused}*) echo "sbatch: error: no" >&2; exit 1;; esac
echo 17
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Programs that accept all but what holds a word; and what they were asked."""
    folder, asked = tmp_path / "bin", tmp_path / "asked"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("ASKED", str(asked))

    def set_up(refused):
        for name in ("sbatch", "scancel", "squeue", "scontrol"):
            (folder / name).write_text(SAYS.format(refused=refused))
            (folder / name).chmod(stat.S_IRWXU)
        return lambda: asked.read_text().splitlines()

    return set_up


@pytest.fixture
def plan(small_scene, tmp_path):
    (tmp_path / "out").mkdir()
    found = gigascene.plan_compose(
        "ndvi", small_scene, tmp_path / "out" / "a.tif", options={"tile": 64}, engine="slurm"
    )
    return replace(found, cut=Cut(task_pieces=1, window_rows=64))


def test_who_is_refused_a_finisher_leaves_no_jobs_and_no_files(slurm, plan, tmp_path):
    asked = slurm(_sbatch.FINISHER)
    with pytest.raises(Refused):
        detach(plan)
    sent = next(line for line in asked() if line.startswith("sbatch"))
    name = next(word for word in sent.split() if word.startswith("--job-name="))
    assert any(line.startswith(f"scancel --name={name.removeprefix('--job-name=')}") for line in asked())
    assert not list((tmp_path / "out").iterdir())


def test_a_finisher_of_what_is_all_there_waits_for_nobody(slurm, plan):
    asked = slurm("nothing-holds-this")
    job = Job(plan)
    spool = Spool(target_of(plan.target, ".tif").sibling("spool"), "before")
    spool.begin(job.written(), tasks(plan, job.codec))
    with spool.log(0) as log:
        for task in spool.tasks(0, 1):
            append(log, job(task))
    detach(plan, resume=True)
    [sent] = [line for line in asked() if line.startswith("sbatch")]
    assert _sbatch.FINISHER in sent
    assert "--dependency" not in sent


def test_another_engine_calls_back_jobs_that_were_left_alone(slurm, plan):
    asked = slurm("nothing-holds-this")
    detach(plan)
    threads = replace(plan, execution=replace(plan.execution, engine="threads"))
    gigascene.run(threads)
    named = {word.removeprefix("--job-name=") for line in asked() for word in line.split() if "--job-name" in word}
    called_back = {line.split("--name=")[1].split()[0] for line in asked() if line.startswith("scancel")}
    assert len(named) == 2
    assert named <= called_back
    assert not target_of(plan.target, ".tif").sibling("spool").exists()


@pytest.mark.parametrize(("alive", "most"), [(2, None), (3, None), (1, 1), (0, 2)])
def test_what_is_sent_again_keeps_to_the_most_at_a_time(tmp_path, monkeypatch, alive, most):
    spool = Spool(tmp_path / ".a.png.spool", "first")
    spool.begin("{}", (Task(index=i, start=i, stop=i + 1) for i in range(8)))
    running = [Element(job="1", index=i, state="RUNNING", reason="None", partition="p") for i in range(alive)]
    monkeypatch.setattr(_sbatch, "alive", lambda run: running)
    monkeypatch.setattr(_sbatch, "unfit", lambda partitions: [])
    sent = []
    monkeypatch.setattr(_array._sbatch, "submit", lambda *_, most: sent.append(most) or "2")
    Array(spool, 8, "", {}, most=2, begun=True)._look()
    assert sent == ([] if most is None else [most])
