"""What a folder elsewhere holds before it is replaced: listed a page at a time, and kept on disk, for it may be a million tiles."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from gigascene.model.errors import WriteFailed
from gigascene.storage.local import discard

PAGE = 1000
"""Names in hand at a time, as servers list them."""

CACHE_KB = 2000
"""Of SQLite, in memory."""


class Former:
    """Files of a folder: name in it, size, tag."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def tag(self, name: str, size: int) -> str | None:
        """The tag of a file of this size; None where there is none."""
        found = self._db.execute("SELECT tag FROM file WHERE name = ? AND size = ?", (name, size)).fetchone()
        return None if found is None else str(found[0])

    def __iter__(self) -> Iterator[str]:
        """All names."""
        rows = self._db.execute("SELECT name FROM file ORDER BY name")
        while page := rows.fetchmany(PAGE):
            yield from (str(name) for (name,) in page)


@contextmanager
def listed(files: Iterable[tuple[str, int, str]], notes: Path) -> Iterator[Former]:
    """The files, while they are needed; `notes` is where they are written down meanwhile. Raises `WriteFailed`, and what `files` raises."""
    discard(notes)
    try:
        with closing(sqlite3.connect(notes, isolation_level=None)) as db:
            _fill(db, files, notes)
            yield Former(db)
    finally:
        discard(notes)


def _fill(db: sqlite3.Connection, files: Iterable[tuple[str, int, str]], notes: Path) -> None:
    try:
        db.execute("PRAGMA journal_mode = OFF")  # who is killed lists anew
        db.execute("PRAGMA synchronous = OFF")
        db.execute(f"PRAGMA cache_size = -{CACHE_KB}")
        db.execute("CREATE TABLE file (name TEXT PRIMARY KEY, size INTEGER, tag TEXT) WITHOUT ROWID")
        found = iter(files)
        while page := list(islice(found, PAGE)):
            db.execute("BEGIN")
            db.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?)", page)
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise WriteFailed(str(notes), str(error), "What lies elsewhere is listed there.") from error
