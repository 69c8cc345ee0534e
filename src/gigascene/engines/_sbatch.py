"""Slurm's own programs, asked by argument lists: a job array under a name that nobody else has."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gigascene.model.errors import UsageError, WorkersLost

ANSWER_S = 30.0
"""For one call."""

NAME = "gigascene-"

STUCK = re.compile(r"held|hold|BadConstraints|NeverSatisfied", re.IGNORECASE)
"""Reasons to wait that do not go away by waiting."""

_PLAIN = re.compile(r"[\w.,@+:-]+")
_MINUTES = re.compile(r"(?:(?P<days>\d+)-)?(?P<parts>\d+(?::\d+){0,2})")


@dataclass(frozen=True, slots=True)
class Element:
    """An element of an array that waits or runs."""

    job: str
    index: int
    stuck: str
    """Why it will never run; empty if it may."""


def checked(asked: Mapping[str, str]) -> dict[str, str]:
    """Options of sbatch; raises `UsageError` where a value is none."""
    for name, value in asked.items():
        if not _PLAIN.fullmatch(value):
            raise UsageError(f"--{name} {value!r} is nothing that Slurm could mean")
    return dict(asked)


def seconds(limit: str) -> int:
    """Of a limit as Slurm writes it: minutes, minutes:seconds, hours:minutes:seconds, days-hours and so on.

    >>> seconds("90"), seconds("1:30"), seconds("1:00:00"), seconds("1-12")
    (5400, 90, 3600, 129600)
    """
    found = _MINUTES.fullmatch(limit)
    if found is None:
        raise UsageError(f"--time {limit!r} is no time limit; write minutes, or hours:minutes:seconds")
    parts = [int(part) for part in found["parts"].split(":")]
    if found["days"] is not None:
        hours, minutes, rest = (*parts, 0, 0)[:3]
        return int(found["days"]) * 86400 + hours * 3600 + minutes * 60 + rest
    if len(parts) == 3:
        return parts[0] * 3600 + parts[1] * 60 + parts[2]
    return parts[0] * 60 + (parts[1] if len(parts) == 2 else 0)


def submit(run: str, elements: Sequence[int], script: str, asked: Mapping[str, str]) -> None:
    """Send elements of an array."""
    words = [f"--{name}={value}" for name, value in asked.items()]
    fixed = ["--parsable", "--requeue", "--export=ALL", "--output=/dev/null", "--chdir=/", "--ntasks=1"]
    array = ",".join(map(str, elements))
    _asked("sbatch", *fixed, f"--job-name={NAME}{run}", f"--array={array}", *words, given=script)


def script(command: Sequence[str], words: str) -> str:
    """What an element does: one command, its output in a file; ``{}`` in `words` is the element's number.

    >>> print(script(["python", "it's"], "/tmp/a b.{}.out").splitlines()[-1])
    exec python 'it'"'"'s' "$SLURM_ARRAY_TASK_ID" > '/tmp/a b.'"$SLURM_ARRAY_TASK_ID".out 2>&1
    """
    element = '"$SLURM_ARRAY_TASK_ID"'
    before, _, after = words.rpartition("{}")
    out = f"{shlex.quote(before)}{element}{shlex.quote(after)}"
    return f"#!/bin/sh\nexec {shlex.join(command)} {element} > {out} 2>&1\n"


def alive(run: str) -> list[Element]:
    """The elements that wait or run now."""
    lines = _asked("squeue", "--noheader", "--array", f"--name={NAME}{run}", _mine(), "--format=%i|%K|%T|%r")
    return [_element(line) for line in lines.splitlines() if line.count("|") == 3]


def _element(line: str) -> Element:
    job, index, state, reason = line.strip().split("|")
    return Element(job, int(index), reason if state == "PENDING" and STUCK.search(reason) else "")


def cancel(runs: Iterable[str]) -> None:
    """Cancel all that was sent under these names."""
    for run in runs:
        _asked("scancel", f"--name={NAME}{run}", _mine())


def cancel_element(element: Element) -> None:
    """Cancel one."""
    _asked("scancel", element.job)


def _mine() -> str:
    return f"--user={os.getuid()}"


def _asked(*words: str, given: str = "") -> str:
    try:
        done = subprocess.run(  # noqa: S603  (a list, no shell)
            list(words), input=given, capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
    except FileNotFoundError:
        raise UsageError(f"the engine slurm needs Slurm's programs, and {words[0]} is not here") from None
    except subprocess.TimeoutExpired:
        raise WorkersLost(f"Slurm's {words[0]} gave no answer for {ANSWER_S:.0f} s.") from None
    if done.returncode != 0:
        raise WorkersLost(f"Slurm's {words[0]} failed: {done.stderr.strip() or done.returncode}")
    return done.stdout
