"""RESULTS.md, from the numbers alone; parts of what was not measured now stay as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from _cases import CASES

START = """# What was measured

Written by `make bench` (or `.venv/bin/python benchmarks/run.py NAME … --runs N`); do not edit.

Every job is a whole process seen from outside: start-up, imports and the last flush included. The jobs of a benchmark
run in turn (A B C, A B C …) after a first round that does not count, so that what is compared runs at nearly the same
time on the same machine. A number is the median over the rounds; a *ratio* is the median of the ratios inside each
round, to the first row (above 1: more than the first row). CPU is user and system time of all processes; *peak* is the
resident memory of the process, or the highest sampled sum over the process tree (shared pages counted once). The numbers of
a job that came to no end are those until then. Where a job works on a cluster, what the cluster's processes take while it runs is in both. On shared
cores wall times wander; CPU time and ratios say more. gigascene runs from an environment of its own pinned requirements
and nothing else, as users have it.
"""


def page(found: Mapping[str, Any], earlier: str) -> str:
    """The whole page: a part for each benchmark that was ever measured, those in `found` anew."""
    parts = {part.split("\n", 1)[0]: f"## {part}" for part in earlier.split("\n## ")[1:]}
    for name, result in found.items():
        parts[CASES[name].title] = "\n\n".join(_case(name, result))
    known = [case.title for case in CASES.values()]
    return "\n".join([START, *(f"{parts[title].rstrip()}\n" for title in known if title in parts)])


def _case(name: str, result: Mapping[str, Any]) -> Iterator[str]:
    case = CASES[name]
    yield f"## {case.title}"
    yield f"{case.words} Rerun: `.venv/bin/python benchmarks/run.py {name}`."
    yield "\n".join(_table(result["rows"]))
    if result["targets"]:
        yield "\n".join(_targets(result["targets"]))
    if result["compared"]:
        yield "\n".join(f"- {_pixels(pair)}" for pair in result["compared"])
    if not result["gdal"]:
        yield "GDAL's programs (Debian: gdal-bin) were not installed, so their rows are missing."
    if "rounds_s" in result:
        yield _took(result["rounds_s"], result["sources_s"], warm_up=case.warm_up)
    facts = "; ".join(result["machine"].values())
    yield f"*{result['date']}: {facts}.*"


def _took(rounds: float, sources: list[float], *, warm_up: bool) -> str:
    """What somebody who runs it again must wait for."""
    made = f" Its sources took {_minutes(sum(sources))} to make." if sources else ""
    which = "All rounds, the first too," if warm_up else "No round came before to warm up; all of it"
    return f"{which} took {_minutes(rounds)}.{made}"


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"


def _table(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "| job | runs | wall s | ratio | CPU s | ratio | peak MB | ratio | file MB | |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|"
    for row in rows:
        times = row["times"]
        size = f"{row['file_bytes'] / 1e6:,.1f}" if row["file_bytes"] else ""
        ended = sum(not run.get("failed") for run in row["runs"])
        note = "; ".join(filter(None, [row["note"], row.get("failed")]))
        yield (
            f"| {row['name']} | {ended} | {row['wall_s']:.2f} | {times['wall_s']:.2f} "
            f"| {row['cpu_s']:.2f} | {times['cpu_s']:.2f} "
            f"| {row['peak_bytes'] / 1e6:,.0f} | {times['peak_bytes']:.2f} | {size} | {note} |"
        )


def _targets(targets: list[Mapping[str, Any]]) -> Iterator[str]:
    yield "| target | measured | |"
    yield "|---|--:|---|"
    for target in targets:
        versus = f" / {target['against']}" if target["against"] else ""
        said, value = _amount(target, target["at_most"]), _amount(target, target["value"])
        verdict = "met" if target["value"] <= target["at_most"] else "**missed**"
        yield f"| {target['words']}: {target['job']}{versus} ≤ {said} | {value} | {verdict} |"


def _amount(target: Mapping[str, Any], value: float) -> str:
    if target["against"]:
        return f"{value:.3f}"
    return f"{value / 1e6:,.0f} MB" if target["of"].endswith("bytes") else f"{value:.2f} s"


def _pixels(pair: Mapping[str, Any]) -> str:
    names = f"`{pair['one']}` and `{pair['other']}`"
    if pair["same_bytes"]:
        return f"{names}: the same to the last byte."
    if pair["largest"] == 0:
        return f"{names}: every pixel the same."
    far = f"; {pair['far']:.1%} of them by more than one" if pair.get("far") else ""
    return f"{names}: pixels differ by at most {pair['largest']} levels, {pair['mean']:.1g} on average{far}."
