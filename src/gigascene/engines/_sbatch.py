"""Slurm's own programs, asked by argument lists: a job array under a name that nobody else has."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gigascene.engines._jobscript import BLIND
from gigascene.model.errors import UsageError, WorkersLost

ANSWER_S = 30.0
"""For one call."""

NAME = "gigascene-"
FINISHER = "gigascene-finish-"

WARNING_S = 60
"""So long before its limit a job is asked to end by itself; limits that are not much longer need no more than the jobs' own clock."""

UNLAUNCHED = re.compile(r"launch.failed", re.IGNORECASE)
"""Slurm could not start a job, and holds it: it is cancelled, and sent again."""

HELD = re.compile(
    r"held|hold|BadConstraints|NeverSatisfied|PartitionTimeLimit|PartitionNodeLimit|PerJob|PerNode"
    r"|InvalidAccount|InvalidQOS|NotAllowed",
    re.IGNORECASE,
)
"""Other reasons to wait that do not go away by waiting: somebody must do something."""

NO_ANSWER = re.compile(
    r"contact|connect|communicat|timed out|temporarily|zero bytes|standby|authenticat|credential|unexpected message"
    r"|configuration source|resolve",
    re.IGNORECASE,
)
"""Words of failures that tell nothing of what was asked."""

UNFIT = ("down", "drain", "drng", "fail", "unk", "inval")
"""States of nodes that take no job until somebody mends them; so are those that do not answer, marked with a star."""

_PLAIN = re.compile(r"[\w.,@+:-]+")
_MINUTES = re.compile(r"(?:(?P<days>\d+)-)?(?P<parts>\d+(?::\d+){0,2})")


class NoAnswer(WorkersLost):
    """Slurm could not be asked, maybe for a while only."""


class Refused(UsageError):
    """Slurm has understood, and does not want to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element of an array that waits or runs."""

    job: str
    index: int
    state: str
    reason: str
    partition: str

    @property
    def unlaunched(self) -> bool:
        """It could not be started, and is held."""
        return self.state == "PENDING" and bool(UNLAUNCHED.search(self.reason))

    @property
    def held(self) -> bool:
        """It will not run unless somebody does something."""
        return self.state == "PENDING" and not self.unlaunched and bool(HELD.search(self.reason))

    @property
    def misfit(self) -> bool:
        """No node of its partition is made as it asks, or none of those that are there now."""
        return self.state == "PENDING" and self.reason == "PartitionConfig"


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


def submit(run: str, elements: Sequence[int], script: str, asked: Mapping[str, str], *, most: int) -> str:
    """Send elements of an array, of which at most so many shall run at a time; its number."""
    array = ",".join(map(str, elements)) + (f"%{most}" if len(elements) > most else "")
    limit = seconds(asked["time"]) if "time" in asked else 0
    warning = [f"--signal=B:TERM@{WARNING_S}"] if limit >= 10 * WARNING_S else []
    return _sent(script, asked, f"--job-name={NAME}{run}", f"--array={array}", *warning)


def submit_finisher(run: str, after: str, script: str, asked: Mapping[str, str]) -> str:
    """Send a job that begins when an array has ended, however that was, or at once where there is none; its number."""
    behind = [f"--dependency=afterany:{after}"] if after else []
    return _sent(script, asked, f"--job-name={FINISHER}{run}", *behind)


def _sent(script: str, asked: Mapping[str, str], *more: str) -> str:
    words = [f"--{name}={value}" for name, value in asked.items()]
    fixed = ["--parsable", "--requeue", "--export=ALL", "--output=/dev/null", "--chdir=/", "--ntasks=1"]
    return _asked("sbatch", *fixed, *more, *words, given=script).strip().partition(";")[0]


def largest_array() -> int:
    """So many elements an array may have here."""
    with suppress(NoAnswer, Refused):
        for line in _asked("scontrol", "show", "config").splitlines():
            name, _, value = line.partition("=")
            if name.strip() == "MaxArraySize" and value.strip().isdecimal():
                return max(int(value) - 1, 1)
    return 1000


def alive(run: str) -> list[Element]:
    """The elements that wait or run now."""
    lines = _asked("squeue", "--noheader", "--array", f"--name={NAME}{run}", _mine(), "--format=%i|%K|%T|%P|%r")
    return [_element(line) for line in lines.splitlines() if line.count("|") >= 4]


def _element(line: str) -> Element:
    job, index, state, partition, reason = line.strip().split("|", 4)
    return Element(job=job, index=int(index), state=state, partition=partition, reason=reason)


def blind(job: str, element: int) -> str:
    """The node on which an element did not see the folder of results; empty if that was not so, or is forgotten."""
    try:
        said = _asked("scontrol", "--oneliner", "show", "job", f"{job}_{element}")
    except (NoAnswer, Refused):
        return ""
    told = dict(word.partition("=")[::2] for word in said.split())
    return told.get("NodeList", "") if told.get("ExitCode") == f"{BLIND}:0" else ""


def unfit(partitions: Iterable[str]) -> list[str]:
    """Each node of these partitions and what ails it; empty if any can work."""
    wanted = ",".join(sorted(set(partitions)))
    lines = _asked("sinfo", "--noheader", "--Node", f"--partition={wanted}", "--format=%N|%T|%E").splitlines()
    nodes = sorted({tuple(line.strip().split("|", 2)) for line in lines if line.count("|") >= 2})
    if any(not state.endswith("*") and not state.startswith(UNFIT) for _, state, _ in nodes):
        return []
    return [f"{name} is {state.rstrip('*')} ({why})" for name, state, why in nodes]


def cancel(runs: Iterable[str]) -> None:
    """Cancel all that was sent under these names, but not the job that this process is."""
    for run in runs:
        _asked("scancel", f"--name={NAME}{run}", _mine())
        cancel_finisher(run)


def cancel_finisher(run: str) -> None:
    """Somebody else finishes it: the one who waits for that is not needed, unless it is this process."""
    if os.environ.get("SLURM_JOB_NAME") != f"{FINISHER}{run}":
        _asked("scancel", f"--name={FINISHER}{run}", _mine())


def cancel_element(element: Element) -> None:
    """Cancel one, unless it has ended meanwhile."""
    with suppress(Refused):
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
        raise NoAnswer(f"Slurm's {words[0]} gave no answer for {ANSWER_S:.0f} s.") from None
    if done.returncode != 0:
        said = done.stderr.strip() or str(done.returncode)
        raise (NoAnswer if NO_ANSWER.search(said) else Refused)(f"Slurm's {words[0]} failed: {said}")
    return done.stdout
