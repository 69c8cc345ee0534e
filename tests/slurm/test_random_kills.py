"""Killed at random: a job, a node's slurmd, the submitting process, or it and a job at once. The same bytes, and nobody left.

`GIGASCENE_KILLS` sets how many runs are killed, a quarter of it: 1 by default, 18 of 75 before a release. What counts is a process
that was alive.
"""

import random
import signal
import time
from collections import Counter
from itertools import cycle

import psutil
import pytest

import gigascene
from gigascene.engines import slurm as engine
from reliability.kills import KILLS, size_of, struck
from slurm.cluster import mended, missing, start
from slurm.runs import DEADLINE_S, at, digest, elements, hidden, part_of, queued, started, until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be")]
RUNS = max(KILLS // 4, 1)
"""That must be hit."""

AWAY_S = 3.0
"""A slurmd is gone for so long."""

LOST = engine.WorkersLost.exit_code


def test_whoever_is_killed_changes_no_byte(medium, cluster, deadline, tmp_path):
    plan, whole = medium
    body = body_of(plan, tmp_path / "whole")
    seed = random.randrange(1 << 30)
    chance, hit, runs = random.Random(seed), Counter(), 0
    victims = cycle(chance.sample(["job", "slurmd", "sender", "sender and job"], 4))
    for number in range(2 * RUNS + 5):
        if runs >= RUNS:
            break
        deadline()
        mended(cluster)
        again = at(plan, tmp_path / str(number) / "out")
        told = brought_to_an_end(
            again, tmp_path / str(number), cluster, next(victims), chance.random() * body, deadline
        )
        print(f"slurm, seed {seed}, run {number}: {told}", flush=True)
        assert digest(again) == whole, told
        assert not hidden(again), told
        assert gigascene.verify(again.target).state == "whole", told
        until(lambda plan=again: not queued() and not elements(plan), "empty queue")
        hit.update(told["hit"])
        runs += bool(told["hit"])
    print(f"slurm: {runs} runs were hit: {dict(hit)}", flush=True)
    assert runs >= RUNS


def body_of(plan, folder):
    """Bytes of its pieces."""
    sizes = []
    plan = at(plan, folder)
    gigascene.run(plan, where={"array": "2"}, watch=lambda _: sizes.append(size_of(part_of(plan))))
    return max(sizes)


def brought_to_an_end(plan, folder, cluster, who, size, deadline):
    """Killed when so much of the body is there, and gone on with; what happened."""
    with started(plan, folder, "--array", "2") as running:
        until(lambda: size_of(part_of(plan)) >= size or running.poll() is not None, f"{size} bytes")
        jobs, node = elements(plan), f"slurmd.n{int(size) % 2 + 1}"
        victims = {
            "job": {"job": jobs[:1]},
            "slurmd": {node: [psutil.Process(int((cluster / f"{node}.pid").read_text()))]},
            "sender": {"sender": [psutil.Process(running.pid)]},
            "sender and job": {"sender": [psutil.Process(running.pid)], "job": jobs[-1:]},
        }[who]
        alive = running.poll() is None
        hit = [role for role, processes in victims.items() if alive and any(map(struck, processes))]
        share = size_of(part_of(plan))
        if node in hit:
            psutil.wait_procs(victims[node], timeout=DEADLINE_S)
            time.sleep(AWAY_S)
            start(cluster, node)
        status = running.wait(DEADLINE_S)
        said = running.stderr.read()
    told = {"hit": hit, "bytes": share, "status": status}
    assert status in ({-signal.SIGKILL} if "sender" in hit else {0, LOST}), (told, said)
    if status:
        deadline()
        told["resumed"] = gigascene.run(plan, resume=True, where={"array": "2"}).resumed
    return told
