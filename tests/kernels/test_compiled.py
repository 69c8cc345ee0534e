"""Kernels' machine code on disk: processes that compile at once never get each other's."""

import os
from pathlib import Path

import numpy as np
import pytest
from numba.core.caching import IndexDataCacheFile

from gigascene.kernels import _compiled
from gigascene.kernels._compiled import Index, kernel


def interrupted(kind, folder, meanwhile):
    """A cache in which another process does something between this one's look at the index and its writing."""

    class Interrupted(kind):
        def _save_index(self, overloads):
            meanwhile()
            super()._save_index(overloads)

    return Interrupted(str(folder), "kernel", "stamp")


def race(kind, folder):
    """Two processes save the code of different types at once; what each type then gets."""
    other = kind(str(folder), "kernel", "stamp")
    one = interrupted(kind, folder, lambda: other.save("bytes", "code for bytes"))
    one.save("floats", "code for floats")
    reader = kind(str(folder), "kernel", "stamp")
    return {key: reader.load(key) for key in ("bytes", "floats")}


def test_a_race_costs_a_compilation_and_no_more(tmp_path):
    found = race(Index, tmp_path)
    assert set(found.items()) <= {("bytes", "code for bytes"), ("floats", "code for floats"), ("bytes", None)}
    assert found["floats"] == "code for floats"


def test_numba_alone_would_number_both_alike(tmp_path):
    files = [IndexDataCacheFile(str(tmp_path), "kernel", "stamp") for _ in range(2)]
    looked = [file._load_index() for file in files]
    assert looked == [{}, {}]  # both now take number 1: the reason for `Index`
    assert {file._data_name(1) for file in files} == {"kernel.1.nbc"}


def test_code_of_an_older_source_is_not_taken(tmp_path):
    Index(str(tmp_path), "kernel", "old").save("floats", "old code")
    new = Index(str(tmp_path), "kernel", "new")
    assert new.load("floats") is None
    new.save("floats", "new code")
    assert new.load("floats") == "new code"


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
