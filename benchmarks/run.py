"""Measure gigascene beside its peers: `python benchmarks/run.py [NAME ...] [--runs N]`, or `make bench`.

Peers are installed into benchmarks/.venv and nowhere else, from requirements/bench.txt; gigascene, as users have it,
into build/bench/ours. Sources are made once, in build/bench (about 5 GB). Each benchmark leaves its numbers there as
JSON, and RESULTS.md has its part of them, which also says how long it took; other parts stay as they are. Those with `-large`, `mosaic` and
`mosaic-median` run only by their names. The sources of these two are 48 times the pixels of those of `mosaic-small`, which are 0.36 GB and
take a minute of CPU time: 17 GB, and most of an hour.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import _report
from _cases import CASES, Case, Target
from _jobs import Tools
from _machine import machine
from _measure import Cost, Job, in_turn, summary
from _sources import made, seconds

HERE = Path(__file__).parent
ROOT = HERE.parent
PEERS = ROOT / "requirements" / "bench.txt"
CORE = ROOT / "requirements" / "core.txt"
CLUSTER = ROOT / "requirements" / "cluster.txt"
PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def main() -> None:
    """Prepare, measure what is asked for, report."""
    asked = _arguments()
    work = asked.work.absolute()
    for folder in ("out", "results"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    names = asked.names or [name for name, case in CASES.items() if not case.long]
    if asked.report:
        _report_on(work, names)
        return
    with _alone(work):
        tools = _tools(work, cluster=any(CASES[name].cluster for name in names))
        for name in names:
            _benchmark(name, CASES[name], tools, asked.runs)
            _report_on(work, [name])


def _report_on(work: Path, names: Sequence[str]) -> None:
    """Put the numbers that are there into RESULTS.md."""
    found = {name: json.loads(path.read_text()) for name in names if (path := _result(work, name)).exists()}
    page = HERE / "RESULTS.md"
    page.write_text(_report.page(found, page.read_text(encoding="utf-8")), encoding="utf-8")


@contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Two runs at once would measure each other."""
    with (work / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("another benchmark runs in this folder; wait for it") from None
        yield


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*CASES, []], metavar="NAME", help=f"of {', '.join(CASES)}; all")
    parser.add_argument("--runs", type=int, help="counted runs of each job")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench", help="for sources and outputs")
    parser.add_argument("--report", action="store_true", help="only put numbers that are there into RESULTS.md")
    return parser.parse_args()


def _tools(work: Path, *, cluster: bool) -> Tools:
    gdal = all(shutil.which(program) for program in ("gdalbuildvrt", "gdalwarp", "gdal_translate", "gdaladdo"))
    if not gdal:
        print("GDAL's programs are not installed (Debian: gdal-bin): their rows are left out.", file=sys.stderr)
    ours, peers = _with_us(work / "ours", CORE), _environment(HERE / ".venv", PEERS)
    both = _with_us(work / "cluster", CLUSTER) if cluster else work / "cluster" / "bin"
    return Tools(work=work, ours=ours, peers=peers / "python", cluster=both, gdal=gdal)


def _with_us(folder: Path, pins: Path) -> Path:
    """Programs of an environment in which this package is, too."""
    programs = _environment(folder, pins)
    editable = ["--no-deps", "--no-build-isolation", "--editable", ROOT]
    subprocess.run([programs / "python", *PIP, *editable], check=True)
    return programs


def _environment(folder: Path, pins: Path) -> Path:
    """Programs of an environment with exactly these packages; made anew when the pins have changed.

    Ours is not the one for development: numba imports SciPy and coverage where it finds them, and users have neither.
    """
    stamp, programs = folder / "pinned.sha256", folder / "bin"
    pinned = hashlib.sha256(pins.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != pinned:
        print(f"installing {pins.name} into {folder.name}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([programs / "python", *PIP, "--require-hashes", "-r", pins], check=True)
        stamp.write_text(pinned)
    return programs


def _benchmark(name: str, case: Case, tools: Tools, runs: int | None) -> None:
    """Make the sources, run the jobs in turn, keep the numbers."""
    for source in case.sources:
        if not made(tools.work, source):
            print(f"making the source {source}")
            subprocess.run([sys.executable, HERE / "_sources.py", tools.work, source], check=True)
    print(f"{name}: {case.title}")
    jobs, began = case.jobs(tools), time.monotonic()
    for costs in in_turn(jobs, runs or case.runs, tools.work / f"{name}.log", warm_up=case.warm_up):
        found = {**_found(case, jobs, costs, tools), "rounds_s": time.monotonic() - began}
        _keep(tools.work, name, found)  # after every round: an interrupted benchmark has results, too
    pairs = [_compared(tools, *pair) for pair in case.compared if _both(tools, pair)]
    _keep(tools.work, name, {**found, "compared": pairs})


def _found(case: Case, jobs: Sequence[Job], costs: dict[str, list[Cost]], tools: Tools) -> dict[str, Any]:
    """The numbers of one benchmark so far."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(tools, cluster=case.cluster),
        "rows": [_row(job, costs[job.name], costs[jobs[0].name]) for job in jobs],
        "targets": _targets(case, costs, jobs),
        "compared": [],
        "sources_s": [took for source in case.sources if (took := seconds(tools.work, source)) is not None],
        "gdal": tools.gdal,
    }


def _keep(work: Path, name: str, found: dict[str, Any]) -> None:
    _result(work, name).write_text(json.dumps(found, indent=1) + "\n")


def _row(job: Job, costs: Sequence[Cost], first: Sequence[Cost]) -> dict[str, Any]:
    size = job.output.stat().st_size if job.output and job.output.exists() else None
    return {"name": job.name, "note": job.note, "failed": costs[-1].failed, "file_bytes": size, **summary(costs, first)}


def _targets(case: Case, costs: dict[str, list[Cost]], jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """What was promised, beside what was measured; none where one of the two is missing, or came to no end."""
    known = {job.name: job for job in jobs if not costs[job.name][-1].failed}
    return [
        {**asdict(target), "value": _value(target, costs, known)}
        for target in case.targets
        if target.job in known and (target.against is None or target.against in known)
    ]


def _value(target: Target, costs: dict[str, list[Cost]], known: dict[str, Job]) -> float:
    """A median, or the median of the ratios inside each round."""
    if target.of == "file_bytes":
        return _size(known[target.job]) / (_size(known[target.against]) if target.against else 1)
    found = summary(costs[target.job], costs[target.against or target.job])
    return float(found["times"][target.of] if target.against else found[target.of])


def _size(job: Job) -> int:
    assert job.output is not None
    return job.output.stat().st_size


def _both(tools: Tools, pair: tuple[str, str]) -> bool:
    return all(tools.out(name).exists() for name in pair)


def _compared(tools: Tools, one: str, other: str) -> dict[str, Any]:
    paths = (tools.out(one), tools.out(other))
    run = subprocess.run(tools.peer("compare", *paths), check=True, capture_output=True, text=True)
    return {"one": one, "other": other, "same_bytes": _same(*paths), **json.loads(run.stdout)}


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    sums = []
    for path in (one, other):
        with path.open("rb") as file:
            sums.append(hashlib.file_digest(file, "sha256").digest())
    return sums[0] == sums[1]


def _result(work: Path, name: str) -> Path:
    return work / "results" / f"{name}.json"


if __name__ == "__main__":
    main()
