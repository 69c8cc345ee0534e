"""How kernels are compiled: by numba, kept on disk, safe among processes, and the compiler's memory given back.

What numba's own ``njit(nogil=True, cache=True)`` does not see to:

- It numbers the machine code of a function's types (1, 2 …) in files beside an index. Two processes that compile
  different types at once take the same number, and a third then runs the code of one type on arrays of another.
  And it takes code for fresh while its own file is unchanged, whatever happened to the kernels it calls.
  Here a file is named after all that its content depends on.
- LLVM stays resident, some 50 MB, though it works for a moment at each kernel's first call. Its code is dropped
  from memory after that; the system maps it again should it be needed.
"""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any, ClassVar

from numba.core import config
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import CPUDispatcher
from numba.core.runtime.nrt import rtsys
from numba.core.types.misc import unliteral

OPTIONS = {"nopython": True, "nogil": True, "error_model": "numpy"}
"""No fast arithmetic: the same bits as the plain function. A division by zero is not an exception, as in NumPy."""

MADV_DONTNEED = 4


class Kept(IndexDataCacheFile):
    """Where the machine code of one function lies: a file for every combination of types, CPU, numba and source.

    A name says all that the code depends on, so there is no index that two processes could write at once.
    """

    def __init__(self, folder: str, name: str, source: Path) -> None:
        super().__init__(folder, name, None)
        self._name, self._source = name, source

    def load(self, key: Any) -> Any:
        """The code; None where there is none, or none that can be read: then it is made anew and replaced."""
        try:
            return self._load_data(self._file(key))
        except Exception:  # noqa: BLE001  (a file cut off by a crash fails in whatever way pickle finds)
            return None

    def save(self, key: Any, data: Any) -> None:
        """Write it; the file is there whole or not at all."""
        self._save_data(self._file(key), data)

    def any(self, machine: Any) -> bool:
        """Whether there is code for this processor, of any types."""
        return any(Path(self._cache_path).glob(f"{escape(self._name)}.{self._edition(machine)}.*.nbc"))

    def _edition(self, machine: Any) -> str:
        return _digest((_sources(self._source.parent), self._version, machine))

    def _file(self, key: Any) -> str:
        return f"{self._name}.{self._edition(key[1])}.{_digest(key)}.nbc"


def _digest(what: Any) -> str:
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


@cache
def _sources(folder: Path) -> str:
    """Digest of all code that a kernel in this folder could call: its neighbours', and this folder's."""
    digest = hashlib.sha256()
    for file in sorted({*folder.glob("*.py"), *Path(__file__).parent.glob("*.py")}):
        digest.update(file.read_bytes())
    return digest.hexdigest()


class Cache(FunctionCache):
    """numba's cache that keeps its files as `Kept` says."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        source = Path(function.__code__.co_filename)
        self._cache_file = self.kept = Kept(self._cache_path, self._impl.filename_base, source)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Code from disk, as numba loads it, but with the runtime that it calls alone, and nothing that only a compiler must know."""
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)


class Kernel(CPUDispatcher):
    """A function with machine code for every combination of types it was called with."""

    made: ClassVar[list[Kernel]] = []

    def enable_caching(self) -> None:
        """Keep the machine code on disk."""
        self._cache = Cache(self.py_func)
        self.made.append(self)

    @property
    def kept(self) -> bool:
        """Whether there is code for this processor on disk."""
        return bool(self._cache.kept.any(self.targetctx.codegen().magic_tuple()))

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """The code for a call by another kernel: one for ``3`` and for any other int64, not one for every number."""
        kinds = [unliteral(kind) for kind in args], {name: unliteral(kind) for name, kind in kws.items()}
        return super().get_call_template(*kinds)

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


def compiling() -> bool:
    """Whether kernels are compiled in this process: one was, or none is on disk yet."""
    compiled = any(kernel.stats.cache_misses for kernel in Kernel.made)
    return compiled or not any(kernel.kept for kernel in Kernel.made)


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
