"""The environment, read once. Options on the command line go before these."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What `GIGASCENE_…` variables say; None where they say nothing."""

    scenes: str | None
    """`GIGASCENE_SCENES`: folder where scenes are looked up by id."""

    memory: str | None
    """`GIGASCENE_MEMORY`: as ``--memory``."""

    workers: str | None
    """`GIGASCENE_WORKERS`: as ``--workers``."""

    allow_private_hrefs: bool
    """`GIGASCENE_ALLOW_PRIVATE_HREFS`: as ``--allow-private``."""

    cache: str
    """`GIGASCENE_CACHE`: folder for what can be made again; left out, ``gigascene`` in the user's cache folder."""

    scratch: str
    """`GIGASCENE_SCRATCH`: folder where what goes into a bucket is made; left out, ``outputs`` in that cache."""

    token_hosts: str | None
    """`GIGASCENE_TOKEN_HOSTS`: ``host:port,…``, servers that get the bearer token; without a port, that of https."""


def cores() -> int:
    """Processor cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@cache
def settings() -> Settings:
    """The environment's settings."""
    kept = os.environ.get("GIGASCENE_CACHE") or _cache()
    return Settings(
        scenes=os.environ.get("GIGASCENE_SCENES") or None,
        memory=os.environ.get("GIGASCENE_MEMORY") or None,
        workers=os.environ.get("GIGASCENE_WORKERS") or None,
        allow_private_hrefs=os.environ.get("GIGASCENE_ALLOW_PRIVATE_HREFS", "0").lower()
        not in {"", "0", "no", "false"},
        cache=kept,
        token_hosts=os.environ.get("GIGASCENE_TOKEN_HOSTS") or None,
        scratch=os.environ.get("GIGASCENE_SCRATCH") or os.path.join(kept, "outputs"),  # noqa: PTH118
    )


def _cache() -> str:
    """As the XDG Base Directory Specification has it."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118
    return os.path.join(home, "gigascene")  # noqa: PTH118
