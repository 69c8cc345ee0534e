"""Ctrl-C and SIGTERM: finish the piece in hand, keep what is done, say how to go on."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from gigascene.model.errors import Stopped


class Stop:
    """Whether somebody asked to stop; `hint` says how to go on, where that is not ``--resume``."""

    def __init__(self, hint: str = "") -> None:
        self.signal = 0
        self._hint = (hint,) if hint else ()

    def check(self) -> None:
        """Raise `Stopped` if so."""
        if self.signal:
            raise Stopped(self.signal, f"Stopped by {signal.Signals(self.signal).name}.", *self._hint)

    def heard(self, number: int, frame: FrameType | None) -> None:
        """First time: take note. Second time: stop at once."""
        again, self.signal = bool(self.signal), number
        if again:
            self.check()


@contextmanager
def stopping(hint: str = "") -> Iterator[Stop]:
    """Listen for the two signals while work runs. Only the main thread can; elsewhere nothing is changed."""
    stop = Stop(hint)
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.signal(number, stop.heard) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
