"""Runs of plans on Slurm, and what they leave."""

import hashlib
import subprocess
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

import gigascene
from cli.shell import PROGRAM
from gigascene.engines import slurm as engine
from gigascene.model.plan import Cut
from reliability.kills import size_of

DEADLINE_S = 120
"""For anything at all."""


def planned(kind, scene, folder):
    product, suffix, options, rows = {
        "png": ("true-color", ".png", {}, 300),
        "cog": ("ndvi", ".tif", {"tile": 64}, 64),
        "medium": ("pan-sharpened", ".tif", {"tile": 64}, 8),
        "long": ("pan-sharpened", ".tif", {"tile": 64}, 2),
    }[kind]
    plan = gigascene.plan_compose(product, scene, folder / f"a{suffix}", options=options, engine="serial", memory="8G")
    plan = replace(plan, cut=Cut(task_pieces=1, window_rows=rows))
    gigascene.run(plan)
    return plan, digest(plan)


def digest(plan):
    return hashlib.sha256(Path(plan.target).read_bytes()).hexdigest()


def at(plan, folder):
    folder.mkdir(parents=True, exist_ok=True)
    execution = replace(plan.execution, engine="slurm", workers=2)
    return replace(plan, target=str(folder / Path(plan.target).name), execution=execution)


def elements(plan):
    """Processes of the jobs of a plan."""
    spool = str(Path(plan.target).with_name(f".{Path(plan.target).name}.spool"))
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if engine.DONE_BY in words and spool in words:
            found.append(process)
    return found


def queued():
    return subprocess.run(["squeue", "-h", "-r"], capture_output=True, text=True, timeout=30, check=True).stdout.strip()


def until(told, what):
    end = time.monotonic() + DEADLINE_S
    while not told():
        assert time.monotonic() < end, f"no {what}"
        time.sleep(0.1)


def part_of(plan):
    return Path(plan.target).with_name(f".{Path(plan.target).name}.part")


def hidden(plan):
    return [path.name for path in Path(plan.target).parent.iterdir() if path.name.startswith(".")]


@contextmanager
def started(plan, tmp_path, *words):
    """`gigascene run` as a process of its own, once it has placed something and goes on."""
    gigascene.save_plan(plan, tmp_path / "plan.json")
    with subprocess.Popen(
        [PROGRAM, "run", tmp_path / "plan.json", "--quiet", *words], stderr=subprocess.PIPE, text=True
    ) as running:
        try:
            until(lambda: size_of(part_of(plan)) > 0 and elements(plan), "first piece")
            assert running.poll() is None
            yield running
        finally:
            running.kill()


class Once:
    """Does something when the first piece is placed, and keeps what comes of it."""

    def __init__(self, act):
        self._act, self.done = act, False

    def __call__(self, progress):
        if not self.done:
            self.done = True
            self._act()
