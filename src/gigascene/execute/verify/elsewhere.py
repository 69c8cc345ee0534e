"""An output that lies in a bucket or on a server, brought here with all that belongs to it: several passes read every byte."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from gigascene.execute.verify.proof import read_proof
from gigascene.model.errors import BadInput, WriteFailed
from gigascene.settings import settings
from gigascene.storage.fetched import Copy, fetch
from gigascene.storage.hrefs import public
from gigascene.storage.local import RECEIPT, writing
from gigascene.storage.ways import way_to

THREADS = 8
BATCH = 256

Watch = Callable[[int, int], None]
"""Told (done, of) in megabytes."""


@contextmanager
def brought(url: str, watch: Watch, *, proven: bool) -> Iterator[Path]:
    """The path of a copy, in a folder of its own that is removed afterwards; with receipt, side files and tiles if it is to be `proven`.

    What is said of the copy is said of its address. Raises `BadInput`, and `WriteFailed` where it does not fit.
    """
    scratch = Path(settings().scratch)
    with writing(scratch):
        scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="verify-", dir=scratch) as folder:
        path = Path(folder) / url.rpartition("/")[2]
        try:
            _bring(url, path, watch, proven=proven)
            yield path
        except BadInput as error:
            what, file, *rest = error.args
            base = url.rpartition("/")[0]
            raise BadInput(what, str(file).replace(folder, public(base), 1), *rest) from None


def _bring(url: str, path: Path, watch: Watch, *, proven: bool) -> None:
    if not proven:
        _copy(url, path, watch)
        return
    receipt = path.with_name(path.name + RECEIPT)
    _if_there(f"{url}{RECEIPT}", receipt)
    proof = read_proof(path)  # or says that there is none, and what to do
    told = receipt.read_bytes()
    base = url.rpartition("/")[0]
    if not proof.alone:
        _copy(url, path, watch)
    for name in proof.files:
        _if_there(f"{base}/{name}", path.with_name(name))
    if proof.tree:
        _folder(url, path)
    elif proof.pyramid is not None:
        _folder(f"{base}/{proof.pyramid.folder}", path.with_name(proof.pyramid.folder))
    receipt.write_bytes(told)  # what told of a file goes when another takes its place


def _copy(url: str, path: Path, watch: Watch) -> None:
    done = 0

    def told(count: int) -> None:
        nonlocal done
        done += count
        watch(0, max(1, done // 1_000_000))

    fetch(Copy(href=url, path=path), told)


def _if_there(url: str, path: Path) -> bool:
    """False where it is gone: the receipt will tell who misses it."""
    try:
        found = way_to(url).exists(url) if not url.startswith("http") else True
        if found:
            fetch(Copy(href=url, path=path), lambda _: None)
    except BadInput as error:
        if "gone" not in str(error.args[0]):
            raise
        return False
    except WriteFailed as error:
        raise BadInput(f"cannot be read: {error.args[1]}.", public(url), hint=error.args[2]) from None
    return found


def _folder(url: str, place: Path) -> None:
    """All files of a folder and below, by names that lead nowhere else."""

    def bring(name: str) -> None:
        file = place / name
        if {"", ".", ".."} & set(name.split("/")) or "\0" in name:
            raise BadInput("holds a name that leads elsewhere.", public(url))
        with writing(file):
            file.parent.mkdir(parents=True, exist_ok=True)
        fetch(Copy(href=f"{url}/{name}", path=file), lambda _: None)

    with writing(place):
        place.mkdir()
    try:
        names = (name for name, _, _ in way_to(url).inside(url))
        with ThreadPoolExecutor(THREADS) as pool:
            while some := list(islice(names, BATCH)):
                list(pool.map(bring, some))
    except WriteFailed as error:
        if str(error.args[0]).startswith(str(place)):
            raise
        raise BadInput(f"cannot be listed: {error.args[1]}.", public(url), hint=error.args[2]) from None
