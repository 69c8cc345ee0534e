"""What was done, beside a static site: every file in its folder, one by one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from gigascene.execute.made import Made, receipt
from gigascene.execute.receipt import path_for, told
from gigascene.storage.local import Target, writing

NO_FILE = "no ordinary file"
"""Instead of a checksum: of links, pipes and the like, which are not opened."""

PART = 1 << 20


def write(folder: Path, made: Made, facts: Mapping[str, int]) -> None:
    """The receipt beside a finished site, with its number of `tiles` and its `bytes`; all its files are read again."""
    with writing(path_for(folder)):
        Target(path_for(folder)).write_parts(told({**receipt(folder, made), **facts}, tree=files(folder)))


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
