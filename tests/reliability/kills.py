"""What tests of kills share: how many, and what lies in a folder after one."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

KILLS = int(os.environ.get("GIGASCENE_KILLS", "6"))


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
