"""JSON documents of a catalogue, one after another; those behind addresses are asked for a few ahead."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from gigascene.model.errors import BadInput
from gigascene.storage import hrefs, remote

LARGEST_DOCUMENT = 256 << 20
"""Bytes of one JSON file."""

AHEAD = 8
"""Documents that are asked for before it is their turn: each is a question to a server."""


def read_on(place: str) -> Iterator[tuple[str, Any, Callable[[str], None]]]:
    """Each place with its document, the first and then those that were added, in order; and how to add one.

    Raises `BadInput` as `read`, when it is that document's turn.
    """
    waiting = deque([place])
    asked: dict[str, Future[Any]] = {}
    pool = ThreadPoolExecutor(AHEAD)
    try:
        while waiting:
            for there in islice(waiting, 1, AHEAD + 1):
                if hrefs.is_remote(there) and there not in asked:
                    asked[there] = pool.submit(read, there)
            here = waiting.popleft()
            yield here, asked.pop(here).result() if here in asked else read(here), waiting.append
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def read(place: str) -> Any:
    """The document at a path or address. Raises `BadInput` where it is gone, too large or no JSON."""
    if hrefs.is_remote(place):
        return remote.document(hrefs.remember(place), LARGEST_DOCUMENT)
    try:
        with Path(place).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST_DOCUMENT:
                raise BadInput(
                    f"is {size / 1e6:.0f} MB; JSON of at most {LARGEST_DOCUMENT / 1e6:.0f} MB is read", place
                )
            return json.loads(file.read())
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"cannot be read: {error.strerror}", place) from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is no JSON that can be read ({error})", place, hint="Is the file whole?") from error
