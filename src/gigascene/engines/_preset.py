"""Options of a Slurm cluster from a table of a TOML file: ``cluster.toml:big``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gigascene.engines import _sbatch
from gigascene.model.errors import UsageError

KNOWN = ("partition", "account", "time", "array", "mem", "qos", "cpus-per-task", "scratch", "container")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is asked of Slurm: by options, and where these say nothing by a preset."""

    sbatch: Mapping[str, str]
    """Options of sbatch itself, checked."""

    array: str | None
    """At most so many jobs at a time."""

    scratch: str | None
    container: str | None
    """Whole paths, as the nodes have them."""


def asked(said: Mapping[str, str | None], file: str | None) -> Asked:
    """All of it, and `file` is the preset; raises `UsageError` for what Slurm could not mean."""
    found = preset(file) | {name: value for name, value in said.items() if value is not None}
    array = found.pop("array", None)
    places = {name: path(name, found.pop(name, None)) for name in ("scratch", "container")}
    return Asked(sbatch=_sbatch.checked(found), array=array, **places)


def preset(said: str | None) -> dict[str, str]:
    """What the table says; nothing where no preset is asked for."""
    if said is None:
        return {}
    file, _, table = said.rpartition(":")
    try:
        found = tomllib.loads(Path(file).read_text(encoding="utf-8"))[table]
        unknown = found.keys() - set(KNOWN)
    except (OSError, KeyError, AttributeError, ValueError) as error:
        raise UsageError(f"--preset is FILE.toml:TABLE, and {said!r} gives none ({error})") from error
    if unknown:
        raise UsageError(f"the preset {said} has unknown {', '.join(sorted(unknown))}; known: {', '.join(KNOWN)}")
    return {name: str(value) for name, value in found.items()}


def path(name: str, said: str | None) -> str | None:
    """A path as nodes have it, which this host may not: it must be whole, and nothing else is asked."""
    if said is not None and (not said.startswith("/") or "\0" in said):
        raise UsageError(f"{name} of a preset is a whole path on the nodes, beginning with /, not {said!r}")
    return said
