"""Killed at random: a worker, the coordinator, or both. Always the same bytes after resume, nobody left, never a wait without end.

`GIGASCENE_KILLS` sets how many runs of each engine are killed, a third of it: 6 by default, 75 (50 in all) before a release. What counts
is a process that was alive; at least half of them are hit while tasks run. Runs on Slurm are killed in `tests/slurm/test_random_kills.py`.
"""

import hashlib
import random
import signal
import subprocess
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

import gigascene
from cli.shell import PROGRAM
from gigascene.model.plan import Cut
from reliability.kills import KILLS, clean, size_of, struck

ENGINES = ["processes", "dask"]
RUNS = KILLS // 3
"""That must be hit, of each engine."""

DEADLINE_S = 900
GONE_S = 120
"""Workers may outlive a killed coordinator for so long."""

EARLY = 4
"""One of so many is killed by the clock, mostly before its first task; the others when so much of the picture is there."""

HELPERS = {"resource_tracker": "resource tracker", "spawn_main": "worker", "forkserver": "worker"}


@dataclass(frozen=True)
class Job:
    """A saved plan of many tasks, and what it makes on one core."""

    plan: gigascene.Plan
    target: Path
    whole: str
    body: int
    """Bytes of its pieces."""


@pytest.fixture(scope="module")
def job(scene, tmp_path_factory):
    target = tmp_path_factory.mktemp("kills") / "out" / "picture.tif"
    target.parent.mkdir()
    plan = gigascene.plan_compose("ndvi", scene, target, options={"tile": 64}, engine="serial", memory="8G")
    plan = replace(plan, cut=Cut(task_pieces=1, window_rows=64))
    sizes = []
    gigascene.run(plan, watch=lambda _: sizes.append(size_of(part_of(target))))
    whole = hashlib.sha256(target.read_bytes()).hexdigest()
    clean(target)
    return Job(plan, target, whole, max(sizes))


@dataclass(frozen=True)
class Kill:
    """Who was hit, and whether tasks ran."""

    hit: list[str]
    working: bool
    words: str


def part_of(target):
    return target.with_name(f".{target.name}.part")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_whoever_is_killed_changes_no_byte(engine, job, tmp_path):
    plan = replace(job.plan, execution=replace(job.plan.execution, engine=engine, workers=2))
    gigascene.save_plan(plan, tmp_path / "plan.json")
    seed = random.randrange(1 << 30)
    killer = Killer(tmp_path / "plan.json", job, random.Random(seed))
    for run in range(3 * RUNS + 5):
        if killer.runs >= RUNS and 2 * killer.working >= RUNS:
            break
        clean(job.target)
        told = killer.brought_to_an_end()
        print(f"{engine}, seed {seed}, run {run}: {told}", flush=True)
        assert hashlib.sha256(job.target.read_bytes()).hexdigest() == job.whole, told
        assert not [path for path in job.target.parent.iterdir() if path.name.startswith(".")], told
        assert gigascene.verify(job.target).state == "whole", told
    print(f"{engine}: {killer.runs} runs were hit, {killer.working} while tasks ran: {dict(killer.hit)}", flush=True)
    assert killer.runs >= RUNS
    assert 2 * killer.working >= RUNS


class Killer:
    """Kills runs of one plan, and counts whom it hits."""

    def __init__(self, plan, job, chance):
        self.plan, self.job, self.chance = plan, job, chance
        self.part = part_of(job.target)
        self.hit = Counter()
        """Processes, by what they were."""
        self.runs = self.working = 0
        """Runs of which somebody was hit; those in which tasks ran then."""
        self.start_s = 5.0
        """Until a piece was there, the last time that this was waited for."""

    def brought_to_an_end(self):
        """Killed, gone on with, and now and then killed again; what happened."""
        told, words, kills = [], [], []
        for round in range(4):
            running = started(self.plan, *words)
            if struck_at := round == 0 or (round < 3 and self.chance.random() < 0.3):
                kills.append(self.killed(running))
                told.append(kills[-1].words)
            status = ended(running)
            told.append(status)
            if status == 0:
                self.count(kills)
                return told
            said = f"{told}: {self.plan.with_suffix('.err').read_text()}"
            assert struck_at, said
            assert status in {-signal.SIGKILL, 7}, said
            words = ["--resume"]
        raise AssertionError(f"it never came to an end: {told}")

    def count(self, kills):
        self.runs += any(kill.hit for kill in kills)
        self.working += any(kill.hit and kill.working for kill in kills)
        self.hit.update(role for kill in kills for role in kill.hit)

    def killed(self, running):
        """SIGKILL for a process below the coordinator, for itself, or for both at once."""
        who, before = self.chance.choice(["worker", "coordinator", "both"]), size_of(self.part)
        self.wait(running, before)
        family = below(running)
        victims = {} if who == "coordinator" else self.one_of(family)
        with suppress(psutil.NoSuchProcess):
            if who != "worker":
                victims[psutil.Process(running.pid)] = "coordinator"
        hit = [role for process, role in victims.items() if struck(process)]
        size = size_of(self.part)
        if "coordinator" in hit:
            assert running.wait(GONE_S) == -signal.SIGKILL
            assert not psutil.wait_procs(family, timeout=GONE_S)[1], f"{hit} killed at {size} bytes: some are left"
        words = f"{' and '.join(hit) or 'nobody'} at {size / self.job.body:.0%}"
        return Kill(hit, working=before < size < self.job.body, words=words)

    def one_of(self, family):
        """Mostly of those that do tasks."""
        workers = {process: role for process, role in family.items() if role == "worker"}
        some = workers if workers and self.chance.random() < 0.75 else family
        return dict(self.chance.sample(list(some.items()), min(len(some), 1)))

    def wait(self, running, before):
        """For a moment at random: so many seconds, or so many bytes more than before; or until the run has ended."""
        if self.chance.randrange(EARLY) == 0:
            with suppress(subprocess.TimeoutExpired):
                running.wait(self.chance.random() * self.start_s)
            return
        began = time.monotonic()
        self.grown(running, before)
        self.start_s = time.monotonic() - began
        self.grown(running, before + self.chance.random() * (self.job.body - before))

    def grown(self, running, size):
        """Until the body is larger."""
        began = time.monotonic()
        while running.poll() is None and size_of(self.part) <= size:
            assert time.monotonic() - began < DEADLINE_S, f"no end after {DEADLINE_S} s"
            time.sleep(0.002)


def below(running):
    """Processes below the coordinator, and what they are."""
    found = {}
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(running.pid).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                said = " ".join(process.cmdline())
                found[process] = next((role for word, role in HELPERS.items() if word in said), said)
    parents = {process.ppid() for process in found if process.is_running()}
    return {process: "fork server" if process.pid in parents else role for process, role in found.items()}


def started(plan, *words):
    with plan.with_suffix(".err").open("w") as said:
        return subprocess.Popen([PROGRAM, "run", plan, "--quiet", *words], stdout=subprocess.DEVNULL, stderr=said)


def ended(running):
    """Its exit code, in time."""
    try:
        return running.wait(DEADLINE_S)
    except subprocess.TimeoutExpired:
        running.kill()
        raise AssertionError(f"no end after {DEADLINE_S} s") from None
