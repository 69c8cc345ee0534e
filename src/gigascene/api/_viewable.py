"""Plain pictures made fit for a viewer: a Cloud-Optimised GeoTIFF of the same pixels, kept in a cache folder."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gigascene.api.convert import plan_convert
from gigascene.api.plain import is_plain
from gigascene.execute.coordinate import Watcher, run
from gigascene.metadata.side_files import side_names
from gigascene.model.errors import BadInput, WriteFailed
from gigascene.model.plan import Plan
from gigascene.plan.space import space
from gigascene.settings import settings
from gigascene.storage.identity import identity

KEPT_S = 7 * 24 * 3600
"""How long one stays that nobody looks at."""

Notice = Callable[[str], None]


def viewable(path: Path, notice: Notice, watch: Watcher | None) -> Path:
    """The path itself, or, of a PNG, JPEG, PAM or PNM, that of a GeoTIFF with smaller levels, made now if it is not there yet.

    None of these has smaller levels, and the first look at a picture needs the smallest.
    """
    if not is_plain(path):
        return path
    folder = Path(settings().cache) / "view"
    _forget(folder)
    target = folder / _key(path) / f"{path.stem}.tif"
    if target.is_file():
        os.utime(target.parent)
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteFailed(str(target), error.strerror or str(error), "GIGASCENE_CACHE names another folder.") from error
    try:
        run(_planned(path, target, notice), watch=watch)
    finally:
        with suppress(OSError):  # of another that makes the same, perhaps; it is empty where nothing is kept
            target.parent.rmdir()
    return target


def _planned(path: Path, target: Path, notice: Notice) -> Plan:
    plan = plan_convert(path, target, options={"compress": "zstd"})
    notice(
        f"{path.name} has no smaller levels, which a viewer needs. A GeoTIFF with them is made once, about "
        f"{space(plan).file / 1e6:,.0f} MB in {target.parent}; it goes when nobody has looked at it for a week."
    )
    return plan


def _key(path: Path) -> str:
    """Of this file as it is now: a changed one is made anew. Side files say where it lies."""
    try:
        sides = [file for file in side_names(path) if file.exists()]
        seen = "\n".join(f"{file.resolve()} {identity(str(file))}" for file in (path, *sides))
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", str(path)) from error
    return hashlib.sha256(seen.encode()).hexdigest()[:16]


def _forget(folder: Path) -> None:
    """Remove what nobody has looked at for long."""
    with suppress(OSError):
        for entry in folder.iterdir():
            if entry.stat().st_mtime < time.time() - KEPT_S:
                shutil.rmtree(entry, ignore_errors=True)
