"""What is safely in the body file, so that killed work goes on where it stopped (SQLite, one writer)."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from gigascene.model.contracts import Placed
from gigascene.model.errors import BadInput, UsageError, WriteFailed
from gigascene.model.plan import Plan
from gigascene.plan.fingerprint import band_of, identity, sources
from gigascene.storage.local import discard

SCHEMA = """
CREATE TABLE IF NOT EXISTS plan (identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS source (href TEXT NOT NULL, band TEXT NOT NULL, identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS piece (
    number INTEGER PRIMARY KEY, start INTEGER NOT NULL, length INTEGER NOT NULL, sha256 TEXT NOT NULL, facts TEXT NOT NULL
);
"""
CHUNK = 8 << 20


class Journal:
    """Pieces of one body file of one plan, one row each; the only place where a run remembers them.

    Rows are trusted only as far as the body's bytes agree with their checksum,
    so the journal itself need not be flushed to disk at every row.
    """

    def __init__(self, path: Path, plan: Plan, *, resume: bool) -> None:
        self.path = path
        self._count = 0
        if not resume:
            self.remove()
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=OFF")
            self._db.executescript(SCHEMA)
            self._claim(plan)
        except sqlite3.DatabaseError as error:
            hint = "Run without --resume." if resume else "Is there space left?"
            raise WriteFailed(str(path), f"the journal cannot be used ({error})", hint) from error

    def _claim(self, plan: Plan) -> None:
        row = self._db.execute("SELECT identity FROM plan").fetchone()
        if row is None:
            rows = [(source.href, band_of(source), source.identity) for source in sources(plan)]
            self._db.executemany("INSERT INTO source VALUES (?, ?, ?)", rows)
            self._db.execute("INSERT INTO plan VALUES (?)", (identity(plan),))
        elif row[0] != identity(plan):
            try:
                self._check_sources(plan)
            finally:
                self._db.close()
            raise UsageError(
                "the interrupted run was another plan (inputs, recipe, format or versions differ), so it cannot be "
                "resumed. Run without --resume to start over."
            )

    def _check_sources(self, plan: Plan) -> None:
        """Raise `BadInput` where a file that the interrupted run read is no longer what it was."""
        rows = self._db.execute("SELECT href, band, identity FROM source").fetchall()
        before = {(href, band): was for href, band, was in rows}
        for source in sources(plan):
            place = source.href, band_of(source)
            if before.get(place, source.identity) != source.identity:
                hint = "Run without --resume to start over."
                raise BadInput("has changed since the run that was interrupted.", *place, hint=hint)

    def __len__(self) -> int:
        """Pieces that are known to be in the body."""
        return self._count

    def __iter__(self) -> Iterator[Placed]:
        """Pieces from the first on, read as they are asked for."""
        return self._rows(0, self._count)

    def __getitem__(self, wanted: slice) -> list[Placed]:
        """Some pieces, by their numbers."""
        start, stop, step = wanted.indices(self._count)
        return list(self._rows(start, max(stop - start, 0)))[::step]

    def append(self, placed: Placed) -> None:
        """Remember a piece."""
        row = (placed.index, placed.offset, placed.length, placed.sha256, json.dumps(dict(placed.facts)))
        self._change("INSERT INTO piece VALUES (?, ?, ?, ?, ?)", row)
        self._count += 1

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is appended meanwhile is committed at once; what was placed before an error stays."""
        self._change("BEGIN")
        try:
            yield
        finally:
            self._change("COMMIT")

    def _change(self, statement: str, row: tuple[int | str, ...] = ()) -> None:
        try:
            self._db.execute(statement, row)
        except sqlite3.OperationalError as error:
            raise WriteFailed(str(self.path), f"the journal cannot grow ({error})", "Is there space left?") from error

    def verify(self, body: BinaryIO) -> int:
        """Know pieces from the first on, without a gap, whose bytes in the body are what they were; forget the rest.

        Gives the number of good bytes.
        """
        self._count = end = 0
        try:
            for placed in self._rows(0, -1):
                if placed.index != self._count or not _agrees(body, placed):
                    break
                self._count, end = self._count + 1, placed.offset + placed.length
            self._db.execute("DELETE FROM piece WHERE number >= ?", (self._count,))
        except (sqlite3.DatabaseError, ValueError) as error:
            raise WriteFailed(str(self.path), f"the journal is broken ({error})", "Run without --resume.") from error
        return end

    def close(self) -> None:
        """Keep it for a resume."""
        self._db.close()

    def remove(self) -> None:
        """It is not needed any more."""
        if hasattr(self, "_db"):
            self._db.close()
        discard(*journal_files(self.path))

    def _rows(self, start: int, count: int) -> Iterator[Placed]:
        """So many rows from a number on; -1: all."""
        wanted = "SELECT * FROM piece WHERE number >= ? ORDER BY number LIMIT ?"
        with closing(self._db.execute(wanted, (start, count))) as rows:
            for number, offset, length, sha256, facts in rows:
                yield Placed(index=number, offset=offset, length=length, sha256=sha256, facts=json.loads(facts))


def journal_files(path: Path) -> list[Path]:
    """The database and what SQLite keeps beside it."""
    return [path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm")]


def _agrees(body: BinaryIO, placed: Placed) -> bool:
    body.seek(placed.offset)
    found, left = hashlib.sha256(), placed.length
    while left and (data := body.read(min(CHUNK, left))):
        found.update(data)
        left -= len(data)
    return not left and found.hexdigest() == placed.sha256
