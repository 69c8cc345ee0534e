"""The few lines of shell that Slurm starts on a node; every name in them is quoted here and nowhere else."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gigascene.model.errors import UsageError

BLIND = 73
"""Exit code of a job that does not see the folder of results (EX_CANTCREAT of sysexits.h)."""

ELEMENT = '"$SLURM_ARRAY_TASK_ID"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where on a node an element works."""

    scratch: str | None = None
    """Folder for temporary files; None: as the node has it."""
    container: str | None = None
    """Image of Apptainer or Singularity; None: the node itself."""
    folders: tuple[str, ...] = ()
    """What the container must see."""


def script(command: Sequence[str], *, nonce: str, words: str, place: Place) -> str:
    """What an element does: one command, its output in a file; ``{}`` in `words` is the element's number.

    `nonce` is a file that has just been made: a node that does not have it looks at another
    storage under the same name. It is given some seconds, for storage that tells late.

    >>> print(script(["python", "it's"], nonce="/tmp/a b.1", words="/tmp/a b.{}.out", place=Place()).splitlines()[-1])
    exec python 'it'"'"'s' "$SLURM_ARRAY_TASK_ID"
    """
    before, _, after = words.rpartition("{}")
    out = f"{shlex.quote(before)}{ELEMENT}{shlex.quote(after)}"
    return _lines(
        _waiting(nonce), f"{_seen(nonce)} && true > {out} || exit {BLIND}", out, command, place, f" {ELEMENT}"
    )


def finisher(command: Sequence[str], *, nonce: str, words: str, place: Place) -> str:
    """What comes behind an array: one command; nothing where the run is over, and its folder gone."""
    return _lines(_waiting(nonce), f"{_seen(nonce)} || exit 0", shlex.quote(words), command, place, "")


def _lines(waiting: str, seen: str, out: str, command: Sequence[str], place: Place, last: str) -> str:
    lines = ["#!/bin/sh", waiting, seen, f"exec > {out} 2>&1", *_scratch(place.scratch), *_begun(command, place, last)]
    return "\n".join(lines) + "\n"


def _seen(nonce: str) -> str:
    return f"[ -r {shlex.quote(nonce)} ]"


def _waiting(nonce: str) -> str:
    return f'for pause in 1 2 4; do {_seen(nonce)} || sleep "$pause"; done'


def _scratch(folder: str | None) -> Iterable[str]:
    """Python would take another folder in silence where this one cannot be used."""
    if folder is not None:
        quoted = shlex.quote(folder)
        yield f"[ -d {quoted} ] && [ -w {quoted} ] || {_end(f'the scratch folder {folder} is not there, or not ours')}"
        yield f"export TMPDIR={quoted}"


def _begun(command: Sequence[str], place: Place, last: str) -> Iterable[str]:
    if place.container is None:
        yield f"exec {shlex.join(command)}{last}"
        return
    yield f"program=$(command -v apptainer || command -v singularity) || {_end('it has no apptainer and no singularity')}"
    binds = [word for folder in _bound(place) for word in ("--bind", folder)]
    yield f'exec "$program" exec {shlex.join([*binds, place.container, *command])}{last}'


def _bound(place: Place) -> list[str]:
    """Apptainer has no way to quote the two signs that part its lists."""
    wanted = [*place.folders, *([place.scratch] if place.scratch else [])]
    for folder in wanted:
        if {",", ":"} & set(folder):
            raise UsageError(f"a container cannot be shown the folder {folder!r}: its name has a comma or a colon")
    return sorted(set(wanted))


def _end(why: str) -> str:
    """Say why, and where, and fail."""
    return f'{{ echo "$(uname -n):" {shlex.quote(why)}; exit 1; }}'
