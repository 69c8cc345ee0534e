"""One job from outside, whole processes: wall time, CPU time and peak memory of all it starts."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil

SAMPLE_S = 0.05
PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Commands run one after another; together they are one measurement."""

    name: str
    commands: Sequence[Sequence[str]]
    output: Path | None = None
    """The file whose size is reported."""

    environment: Mapping[str, str] = field(default_factory=dict)
    server: Sequence[str] = ()
    """A program that the commands need: started anew for each run, before time is taken. When it is ready it prints
    NAME=VALUE for their environment, and it ends with its input. What it takes while they run is theirs."""

    note: str = ""
    limit_s: float | None = None
    """A command that takes longer is stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one run took."""

    wall_s: float
    cpu_s: float
    """User and system time of all processes, including those that outlived their parent."""

    peak_bytes: int
    """One process: its peak resident memory, as the system accounts it (from about 20 MB on, which is what this
    program itself takes). Several: the highest sum of their shares that was sampled."""

    failed: str = ""
    """Why it came to no end; the numbers are those until then."""


def measured(job: Job, log: Path) -> Cost:
    """Run a job once, up to the first command that fails; what that leaves is no output."""
    costs: list[Cost] = []
    with _serving(job.server, log) as (server, said):
        environment = {**os.environ, **job.environment, **said}
        for command in job.commands:
            costs.append(_command(command, environment, log, server, job.limit_s))
            if costs[-1].failed:
                break
    if costs[-1].failed and job.output:
        job.output.unlink(missing_ok=True)
    return Cost(
        wall_s=sum(cost.wall_s for cost in costs),
        cpu_s=sum(cost.cpu_s for cost in costs),
        peak_bytes=max(cost.peak_bytes for cost in costs),
        failed=costs[-1].failed,
    )


def in_turn(jobs: Sequence[Job], runs: int, log: Path, *, warm_up: bool = True) -> Iterator[dict[str, list[Cost]]]:
    """A B C, A B C …: what is compared runs at nearly the same time. A first round that warms up does not count.

    All costs so far, after each round that counts. A job that fails is not run again; that is the last of its costs.
    """
    found: dict[str, list[Cost]] = {job.name: [] for job in jobs}
    for turn in range(0 if warm_up else 1, runs + 1):
        for job in jobs:
            if any(cost.failed for cost in found[job.name]):
                continue
            cost = measured(job, log)
            kind = f"run {turn}" if turn else "warm-up"
            words = f"{cost.wall_s:7.2f} s  {cost.cpu_s:7.2f} CPU s  {cost.peak_bytes / 1e6:6.0f} MB"
            print(f"  {kind}: {words}  {job.name}  {cost.failed}", flush=True)
            if turn or cost.failed:
                found[job.name].append(cost)
        if turn:
            yield found


def summary(costs: Sequence[Cost], first: Sequence[Cost]) -> dict[str, Any]:
    """Medians, and medians of the ratios to the run of `first` in the same round; of a job that failed, of its last run alone."""
    if costs[-1].failed:
        costs = costs[-1:]
    pairs = list(zip(costs, first, strict=False))
    names = ("wall_s", "cpu_s", "peak_bytes")
    return {
        **{name: median(getattr(cost, name) for cost in costs) for name in names},
        "times": {name: median(getattr(cost, name) / getattr(a, name) for cost, a in pairs) for name in names},
        "runs": [asdict(cost) for cost in costs],
    }


@contextmanager
def _serving(command: Sequence[str], log: Path) -> Iterator[tuple[psutil.Process | None, Mapping[str, str]]]:
    """The server, if there is one, and what it says to the environment of others."""
    if not command:
        yield None, {}
        return
    with log.open("ab") as words:
        pipe = subprocess.PIPE
        server = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=words, text=True)
    assert server.stdout is not None
    with server:  # whose end closes its input
        name, found, value = server.stdout.readline().strip().partition("=")
        if not found:
            raise subprocess.CalledProcessError(server.wait(), command)
        yield psutil.Process(server.pid), {name: value}


def _command(
    command: Sequence[str],
    environment: Mapping[str, str],
    log: Path,
    server: psutil.Process | None,
    limit_s: float | None,
) -> Cost:
    before = _used(server)
    began = time.perf_counter()
    with log.open("ab") as words, _orphans_are_ours():
        words.write(f"\n$ {' '.join(command)}\n".encode())
        words.flush()
        process = subprocess.Popen(command, env=environment, stdout=words, stderr=words)
        with _watched(process.pid, server) as tree, _limited(process.pid, limit_s) as stopped:
            _, status, usage = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
            process.returncode = os.waitstatus_to_exitcode(status)
        cpu = usage.ru_utime + usage.ru_stime + _reaped(server) + _used(server) - before
    why = f"stopped after {limit_s:.0f} s" if stopped.is_set() else f"failed with exit code {process.returncode}"
    own = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    peak = tree.peak if tree.many else own
    return Cost(wall_s=wall, cpu_s=cpu, peak_bytes=peak, failed=why if process.returncode else "")


@contextmanager
def _limited(pid: int, limit_s: float | None) -> Iterator[threading.Event]:
    """Kill a process and all below it when its time is over; whether that was so."""
    stopped = threading.Event()

    def stop() -> None:
        stopped.set()
        with suppress(psutil.Error):
            root = psutil.Process(pid)
            for process in (*root.children(recursive=True), root):
                with suppress(psutil.Error):
                    process.kill()

    timer = threading.Timer(limit_s or 0, stop)
    if limit_s is not None:
        timer.start()
    try:
        yield stopped
    finally:
        timer.cancel()


def _used(server: psutil.Process | None) -> float:
    """CPU seconds of a server and all below it, so far."""
    processes = [] if server is None else [server, *server.children(recursive=True)]
    return sum(sum(process.cpu_times()[:4]) for process in processes)  # user, system, and both of children that ended


class _Tree:
    """Memory of a process, of its server, and of all below them."""

    def __init__(self, pid: int, server: psutil.Process | None) -> None:
        self.root = psutil.Process(pid)
        self._roots = (self.root,) if server is None else (self.root, server)
        self.peak = 0
        self.many = False

    def sample(self) -> None:
        total, count = 0, 0
        with suppress(psutil.Error):
            for root in self._roots:
                for process in (root, *root.children(recursive=True)):
                    with suppress(psutil.Error):
                        total += _share(process)
                        count += 1
        self.peak = max(self.peak, total)
        self.many |= count > 1


def _share(process: psutil.Process) -> int:
    """Resident memory, what is shared with others counted in part: a sum over a pool counts nothing twice."""
    share = getattr(process.memory_full_info(), "pss", 0)
    return int(share or process.memory_info().rss)


@contextmanager
def _watched(pid: int, server: psutil.Process | None) -> Iterator[_Tree]:
    tree, over = _Tree(pid, server), threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_S):
            if server or tree.many or tree.root.children():
                tree.sample()

    def quietly() -> None:
        with suppress(psutil.Error):
            watch()

    watcher = threading.Thread(target=quietly, daemon=True)
    watcher.start()
    try:
        yield tree
    finally:
        over.set()
        watcher.join()


@contextmanager
def _orphans_are_ours() -> Iterator[None]:
    """A fork server outlives its parent by a moment; its time belongs to the job (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield


def _reaped(server: psutil.Process | None) -> float:
    """CPU seconds of processes left over by the job, waited for until they are gone."""
    cpu = 0.0
    while left := [child for child in psutil.Process().children() if child != server]:
        with suppress(ChildProcessError):
            usage = os.wait4(left[0].pid, 0)[2]
            cpu += usage.ru_utime + usage.ru_stime
    return cpu
