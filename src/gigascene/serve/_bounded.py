"""What was used last, up to so many bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Bounded(Generic[T]):
    """A cache for several threads that forgets what was not used for the longest time.

    >>> cache = Bounded[str](10)
    >>> for name in "abc":
    ...     cache.put(name, name, size=4)
    >>> cache.get("a"), cache.get("c")
    (None, 'c')
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._have = 0
        self._values: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> T | None:
        """The value, or None."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Hashable, value: T, *, size: int) -> None:
        """Keep a value of `size` bytes."""
        with self._lock:
            self._have += size - self._values.pop(key, (None, 0))[1]
            self._values[key] = value, size
            while self._have > self._most:
                self._have -= self._values.popitem(last=False)[1][1]
