"""Progress with the time that is left, on stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

QUIET_S = 2.0
"""A job shorter than this says nothing where nobody watches."""

EVERY_S = 10.0
"""Lines in a log file."""

Watch = Callable[..., None]
"""Told (done, of, already there before); in `sending`, where all is made, what is sent now, in MB; and in `page`, once, where more is to be seen."""

SENDING = "sending"
PAGE = "the cluster's own page: {}"


@contextmanager
def progress(what: str, *, quiet: bool, unit: str = "pieces") -> Iterator[Watch]:
    """A bar on a terminal, a line now and then in a log."""
    if quiet or sys.stderr is None:  # closed, as some services start their programs
        yield _nothing
    elif sys.stderr.isatty():
        with _bar(what) as watch:
            yield watch
    else:
        yield _lines(what, unit)


@contextmanager
def _bar(what: str) -> Iterator[Watch]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:3.0f} %")]
    columns += [TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn()]
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        row = bar.add_task(what, total=None)

        def watch(done: int, of: int, before: int, *, sending: bool = False, page: str = "") -> None:
            if page:
                bar.console.print(PAGE.format(page), highlight=False, markup=False)
            bar.update(row, completed=done, total=of, description=SENDING if sending else what)

        yield watch


def _lines(what: str, unit: str) -> Watch:
    began = time.monotonic()
    last = began - EVERY_S + QUIET_S

    def watch(done: int, of: int, before: int, *, sending: bool = False, page: str = "") -> None:
        nonlocal last, began, what, unit
        now = time.monotonic()
        if page:
            sys.stderr.write(PAGE.format(page) + "\n")
        if sending and what != SENDING:
            began, what, unit = now, SENDING, "MB"
        if now - last < EVERY_S or done >= of:
            return
        last = now
        left = (now - began) * (of - done) / max(done - before, 1)
        sys.stderr.write(f"{what}: {done}/{of} {unit}, {100 * done // of} %, about {left:.0f} s left\n")

    return watch


def _nothing(done: int, of: int, before: int, *, sending: bool = False, page: str = "") -> None:
    """Say nothing."""


def run_watcher(watch: Watch) -> Callable[[Any], None]:
    """A watcher of `gigascene.run` that feeds a progress display."""
    shown = ""

    def told(state: Any) -> None:
        nonlocal shown
        if state.to_send:
            watch(state.sent // 1_000_000, max(state.to_send // 1_000_000, 1), 0, sending=True)
        elif state.page != shown:
            shown = state.page
            watch(state.pieces, state.of, state.resumed, page=shown)
        else:
            watch(state.pieces, state.of, state.resumed)

    return told
