"""What was done, beside a static site: every file in its folder, one by one."""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gigascene.execute.memory import own_peak
from gigascene.execute.receipt import VERSION, path_for, told
from gigascene.model import wire
from gigascene.storage.local import Target, writing

LIBRARIES = ("gigascene", "numpy", "numba", "rasterio", "isal", "imagecodecs", "pyproj")
"""Those that can change a byte of a site."""

NO_FILE = "no ordinary file"
"""Instead of a checksum: of links, pipes and the like, which are not opened."""

PART = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a site is made of, and how."""

    inputs: Sequence[tuple[str, str]]
    """Href and identity of each picture, as they were before it was read."""

    options: Mapping[str, Any]
    shape: tuple[int, int]
    """Rows and columns of the first picture."""

    began: float
    """By `time.monotonic`."""


def write(folder: Path, made: Made, facts: Mapping[str, int]) -> None:
    """The receipt beside a finished site, with its number of `tiles` and its `bytes`; all its files are read again."""
    versions = {name: version(name) for name in LIBRARIES}
    recipe = {"product": "view", **made.options}
    whole = {
        "gigascene:receipt": VERSION,
        "target": str(folder),
        "path": str(path_for(folder)),
        "fingerprint": wire.digest([recipe, list(made.shape), versions]),
        **facts,
        "seconds": round(time.monotonic() - made.began, 3),
        "peak_memory": own_peak(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": {"python": platform.python_version(), "machine": platform.machine(), "system": platform.system()},
        "recipe": recipe,
        "versions": versions,
        "inputs": [
            {"picture": number, "href": href, "identity": identity}
            for number, (href, identity) in enumerate(made.inputs)
        ],
        "grid": {"shape": list(made.shape), "piece": list(made.shape)},
        "checksums": [],
        "blocks": [],
        "in_place": False,
    }
    with writing(path_for(folder)):
        Target(path_for(folder)).write_parts(told(whole, tree=files(folder)))


def files(folder: Path, below: str = "") -> Iterator[tuple[str, int, str]]:
    """Name, size and SHA-256 of every file in a folder and below, in the order of their names."""
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        name = f"{below}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from files(Path(entry.path), f"{name}/")
        elif entry.is_file(follow_symlinks=False):
            yield name, *_sum(entry.path)
        else:
            yield name, 0, NO_FILE


def _sum(path: str) -> tuple[int, str]:
    digest, size = hashlib.sha256(), 0
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (a name out of scandir, a million times)
        while part := file.read(PART):
            digest.update(part)
            size += len(part)
    return size, digest.hexdigest()
