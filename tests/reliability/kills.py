"""What tests of kills share: how many, and what lies in a folder after one."""

import os
import shutil
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil

KILLS = int(os.environ.get("GIGASCENE_KILLS", "6"))

HELD_S = 5


def struck(process: psutil.Process) -> bool:
    """SIGKILL for one that is alive: held first, so that it cannot have ended by itself. Whether it was."""
    with suppress(psutil.NoSuchProcess):
        process.suspend()
        end = time.monotonic() + HELD_S
        while (status := process.status()) != psutil.STATUS_STOPPED:
            if status == psutil.STATUS_ZOMBIE or time.monotonic() > end:
                return False
            time.sleep(0.001)
        process.kill()
        return True
    return False


def size_of(file: Path) -> int:
    """Bytes on the disk: a body with slots has room between its pieces that takes none."""
    with suppress(FileNotFoundError):
        return file.stat().st_blocks * 512
    return 0


def clean(target: Path) -> None:
    for path in target.parent.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != "plan.json":
            path.unlink()


def contents(target: Path) -> bytes:
    """The file; of a Deep Zoom picture its tiles too."""
    tiles = sorted(path for path in target.with_name(f"{target.stem}_files").rglob("*") if path.is_file())
    return b"".join(
        path.name.encode() + path.read_bytes() if path != target else path.read_bytes() for path in [target, *tiles]
    )


def rows(journal: Path):
    with closing(sqlite3.connect(journal)) as db:
        yield from db.execute("SELECT number FROM piece").fetchall()
