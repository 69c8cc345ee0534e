"""How kernels are compiled: by numba, kept on disk, safe among processes, and the compiler's memory given back.

What numba's own ``njit(nogil=True, cache=True)`` does not see to:

- It numbers the machine code of a function's types (1, 2 …) in files beside an index. Two processes that compile
  different types at once take the same number, and a third then runs the code of one type on arrays of another.
  Here a file is named after what is in it.
- LLVM stays resident, some 50 MB, though it works for a moment at each kernel's first call. Its code is dropped
  from memory after that; the system maps it again should it be needed.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core import config
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher

OPTIONS = {"nopython": True, "nogil": True, "error_model": "numpy"}
"""No fast arithmetic: the same bits as the plain function. A division by zero is not an exception, as in NumPy."""

MADV_DONTNEED = 4


class Index(IndexDataCacheFile):
    """Where the machine code of one function lies, for every combination of types and CPU.

    Two processes that save at once may lose one of the two entries (it is compiled again), never mix them up.
    """

    def save(self, key: Any, data: Any) -> None:
        """Write the code, then the entry that leads to it."""
        digest = hashlib.sha256(repr((self._source_stamp, self._version, key)).encode()).hexdigest()
        name = self._data_name_pattern.replace("{number:d}", digest[:24])
        self._save_data(name, data)
        overloads = self._load_index()
        if overloads.get(key) != name:
            self._save_index(overloads | {key: name})


class Cache(FunctionCache):
    """numba's cache with an `Index` of ours."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        self._cache_file = Index(self._cache_path, self._impl.filename_base, self._impl.locator.get_source_stamp())


class Kernel(CPUDispatcher):
    """A function with machine code for every combination of types it was called with."""

    def enable_caching(self) -> None:
        """Keep the machine code on disk."""
        self._cache = Cache(self.py_func)

    def compile(self, sig: Any) -> Any:
        """Compile, or load, the code for one combination of types."""
        try:
            return super().compile(sig)
        finally:
            if not global_compiler_lock.is_locked():  # not while a kernel that calls this one is compiled
                drop_compiler()


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function for every combination of types it is called with; it releases the interpreter's lock.

    Raises what numba raises where it cannot be compiled: nothing falls back to Python, but for
    ``NUMBA_DISABLE_JIT=1``, which leaves the plain function.
    """
    if config.DISABLE_JIT:
        return function
    compiled = Kernel(function, targetoptions=OPTIONS)
    compiled.enable_caching()
    return compiled


def drop_compiler() -> None:
    """Give LLVM's code back to the system, where it is Linux; what is needed again is read again."""
    for start, length in _compiler():
        with suppress(OSError, AttributeError):
            _libc().madvise(ctypes.c_void_p(start), ctypes.c_size_t(length), MADV_DONTNEED)


@cache
def _compiler() -> tuple[tuple[int, int], ...]:
    """Where LLVM's machine code is mapped: start and length. Nothing was ever written there, so nothing is lost."""
    with suppress(OSError):
        lines = Path("/proc/self/maps").read_text().splitlines()
        return tuple(_span(line) for line in lines if "libllvmlite" in line and " r-xp " in line)
    return ()


def _span(line: str) -> tuple[int, int]:
    start, end = (int(address, 16) for address in line.split(maxsplit=1)[0].split("-"))
    return start, end - start


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)
