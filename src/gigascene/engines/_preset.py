"""Options of a Slurm cluster from a table of a TOML file: ``cluster.toml:big``."""

from __future__ import annotations

import tomllib
from pathlib import Path

from gigascene.model.errors import UsageError

KNOWN = ("partition", "account", "time", "array", "mem", "qos", "cpus-per-task", "scratch", "container")


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
