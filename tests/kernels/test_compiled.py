"""Kernels' machine code on disk: processes that compile at once never get each other's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gigascene.kernels import _compiled
from gigascene.kernels._compiled import Kept, kernel


def kept(folder):
    return Kept(str(folder), "kernel", Path(__file__))


def test_code_for_other_types_is_no_ones_to_lose(tmp_path):
    one, other = kept(tmp_path), kept(tmp_path)
    assert one.load("floats") is None
    one.save("floats", "code for floats")
    other.save("bytes", "code for bytes")
    for file in (one, other, kept(tmp_path)):
        assert file.load("floats") == "code for floats"
        assert file.load("bytes") == "code for bytes"
        assert file.load("words") is None


PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from pairs import double
print(double.double(4.0))
"""
OUTER = """
from gigascene.kernels._compiled import kernel
from pairs.{inner} import times

@kernel
def double(value):
    return times(value, 1) + times(value, 3)
"""
INNER = """
from gigascene.kernels._compiled import kernel

@kernel
def times(value, more):
    return {factor} * value * more
"""


def test_code_of_an_older_callee_is_not_taken(tmp_path):
    """numba alone would print the same twice: the caller's own file did not change.

    And it would compile the callee for each literal that it is called with: time and memory for nothing.
    """
    folder = tmp_path / "pairs"
    folder.mkdir()
    (folder / "double.py").write_text(OUTER.format(inner="inner"))
    for factor in (2, 3):
        (folder / "inner.py").write_text(INNER.format(factor=factor))
        words = [sys.executable, "-B", "-c", PROGRAM.format(folder=str(tmp_path))]
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120)
        assert done.stdout == f"{16.0 * factor}\n", done.stderr
        assert len(list(folder.rglob("*.nbc"))) == 2 * (factor - 1)


LOADED = """
import sys
import numpy as np
sys.path.insert(0, {folder!r})
from gigascene.kernels._compiled import Kernel
from roots import roots, powers
values = np.linspace(0.0, 9.0, 4)
print(roots(values).tolist(), "numba.np.linalg" in sys.modules)
if {more}:
    print(powers(values, 1.5).tolist())
print([kernel.stats.cache_misses.total() for kernel in Kernel.made])
"""
ROOTS = """
import math
import numpy as np
from gigascene.kernels._compiled import kernel

@kernel
def roots(values):
    out = np.empty_like(values)
    for at in range(values.size):
        out[at] = math.sqrt(values[at]) + math.exp(-np.hypot(values[at], values[at]) * 0.0)
    return out

@kernel
def powers(values, by):
    return np.array([value ** by for value in values])
"""


def test_what_is_on_disk_needs_no_compiler_and_what_is_not_still_finds_it(tmp_path):
    """Arrays made in kernels, the C library's functions, and a kernel that is compiled after another was loaded."""
    (tmp_path / "roots.py").write_text(ROOTS)

    def run(more):
        words = [sys.executable, "-B", "-c", LOADED.format(folder=str(tmp_path), more=more)]
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    values = np.linspace(0.0, 9.0, 4)
    root, power = (np.sqrt(values) + 1).tolist(), (values**1.5).tolist()
    assert run(False) == [f"{root} True", "[1, 0]"]
    assert run(False) == [f"{root} False", "[0, 0]"]  # loaded: nothing was told to the compiler
    loaded, compiled, misses = run(True)
    assert (loaded, misses) == (f"{root} False", "[0, 1]")
    assert json.loads(compiled) == pytest.approx(power)
    assert run(True)[-1] == "[0, 0]"


def test_a_first_run_is_known(tmp_path):
    """The first process has to compile and says so, before and after; the next loads, and has no need of the compiler."""
    program = """
import numpy as np
from gigascene.kernels import _compiled, predictor
told = [_compiled.compiling()]
predictor.summed(np.ones((2, 3), np.uint8))
print(told + [_compiled.compiling()])
"""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    for told in ("[True, True]", "[False, False]"):
        words = [sys.executable, "-c", program]
        done = subprocess.run(words, check=False, env=environment, capture_output=True, text=True, timeout=120)
        assert done.stdout.strip() == told, done.stderr


@kernel
def doubled(values):
    return values * 2


def test_kernels_work_after_the_compiler_was_dropped():
    for dtype in (np.uint8, np.float32, np.int64):
        assert doubled(np.ones(3, dtype)).tolist() == [2, 2, 2]
        _compiled.drop_compiler()


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells where the compiler is")
def test_the_compiler_is_found():
    doubled(np.ones(3, np.float64))
    if os.environ.get("NUMBA_DISABLE_JIT") != "1":
        assert _compiled._compiler()
