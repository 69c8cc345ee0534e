"""Killed at random: a worker, the coordinator, or both. Always the same bytes after resume, nobody left, never a wait without end.

`GIGASCENE_KILLS` sets how many runs of each engine are killed, a third of it: 6 by default, 75 (50 in all) before a release.
"""

import hashlib
import random
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import replace

import psutil
import pytest

import gigascene
from cli.shell import PROGRAM
from gigascene.model.plan import Cut
from reliability.kills import KILLS, clean

ENGINES = ["processes", "dask"]
DEADLINE_S = 900
GONE_S = 120
"""Workers may outlive a killed coordinator for so long."""


@pytest.fixture(scope="module")
def job(scene, tmp_path_factory):
    """A saved plan of many tasks, its target, and what it makes on one core."""
    folder = tmp_path_factory.mktemp("kills")
    target = folder / "out" / "picture.tif"
    target.parent.mkdir()
    plan = gigascene.plan_compose("ndvi", scene, target, options={"tile": 64}, engine="serial", memory="8G")
    plan = replace(plan, cut=Cut(task_pieces=1, window_rows=64))
    gigascene.save_plan(plan, folder / "plan.json")
    gigascene.run(plan)
    whole = hashlib.sha256(target.read_bytes()).hexdigest()
    clean(target)
    return plan, target, whole


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_whoever_is_killed_changes_no_byte(engine, job, tmp_path):
    plan, target, whole = job
    plan = replace(plan, execution=replace(plan.execution, engine=engine, workers=2))
    gigascene.save_plan(plan, tmp_path / "plan.json")
    took = -time.monotonic()
    assert ended(started(tmp_path / "plan.json")) == 0
    took += time.monotonic()
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    for kill in range(KILLS // 3 + 1):  # each takes seconds
        clean(target)
        told = brought_to_an_end(tmp_path / "plan.json", target, took, chance)
        print(f"{engine}, seed {seed}, kill {kill}: {told}", flush=True)
        assert hashlib.sha256(target.read_bytes()).hexdigest() == whole, told
        assert not [path for path in target.parent.iterdir() if path.name.startswith(".")], told
        assert gigascene.verify(target).state == "whole", told


def brought_to_an_end(plan, target, took, chance):
    """Killed, gone on with, and now and then killed again; what happened."""
    told, words = [], []
    for round in range(4):
        running = started(plan, *words)
        kills = round == 0 or (round < 3 and chance.random() < 0.3)
        if kills:
            told.append(killed(running, took, chance))
        status = ended(running)
        told.append(status)
        if status == 0:
            return told
        said = f"{told}: {plan.with_suffix('.err').read_text()}"
        assert kills, said
        assert status in {-signal.SIGKILL, 7}, said
        words = ["--resume"]
    raise AssertionError(f"it never came to an end: {told}")


def started(plan, *words):
    with plan.with_suffix(".err").open("w") as said:
        return subprocess.Popen([PROGRAM, "run", plan, "--quiet", *words], stdout=subprocess.DEVNULL, stderr=said)


def killed(running, took, chance):
    """SIGKILL for any process below the coordinator, for itself, or for both at once."""
    who, after_s = chance.choice(["worker", "coordinator", "both"]), chance.random() * took
    with suppress(subprocess.TimeoutExpired):
        running.wait(after_s)
        return f"was done before {after_s:.1f} s"
    with suppress(psutil.Error):
        family = psutil.Process(running.pid).children(recursive=True)
        victims = chance.sample(family, min(len(family), 1)) if who != "coordinator" else []
        for process in [*victims, *([psutil.Process(running.pid)] if who != "worker" else [])]:
            with suppress(psutil.Error):
                process.kill()
        if who != "worker":
            assert not psutil.wait_procs(family, timeout=GONE_S)[1], (
                f"{who} killed after {after_s:.1f} s: some are left"
            )
    return f"{who} after {after_s:.1f} s"


def ended(running):
    """Its exit code, in time."""
    try:
        return running.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        running.kill()
        raise AssertionError(f"no end after {DEADLINE_S} s") from None
