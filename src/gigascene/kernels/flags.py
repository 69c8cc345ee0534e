"""Bit fields of quality bands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.model.scene import Flag


def masked(qa: NDArray[Any], flags: Iterable[Flag]) -> NDArray[np.bool_]:
    """Where any of the flags holds.

    Parameters
    ----------
    qa : integer array of any shape
        Stored numbers of a quality band. Signed types are read as their bits.
    flags : Flag
        Each is true where ``at_least <= (qa >> bit) & (2**width - 1) <= at_most``. Bits the type does not have are 0.

    Returns
    -------
    bool array of the same shape

    Examples
    --------
    >>> masked(np.uint16([0b01000, 0b10000, 0b1000000]), [Flag(bit=3), Flag(bit=5, width=2, at_least=2)]).tolist()
    [True, False, True]
    >>> masked(np.uint8([2, 3, 4]), [Flag(bit=0, width=8, at_least=3, at_most=3)]).tolist()
    [False, True, False]
    """
    if qa.dtype.kind not in "ui":
        raise TypeError(f"a quality band holds integers, not {qa.dtype}")
    bits = qa.astype(f"uint{8 * qa.dtype.itemsize}", copy=False)
    every = int(np.iinfo(bits.dtype).max)
    flags = tuple(flags)
    any_bit = 0
    for flag in flags:
        any_bit |= _field(flag) if _plain(flag) else 0
    result: NDArray[np.bool_] = (bits & bits.dtype.type(any_bit & every)) != 0
    for flag in flags:
        if not _plain(flag):
            field = bits & bits.dtype.type(_field(flag) & every)
            held = field >= flag.at_least << flag.bit
            result |= held if flag.at_most is None else held & (field <= flag.at_most << flag.bit)
    return result


def _plain(flag: Flag) -> bool:
    """True where any bit of the field will do: many such flags are one test."""
    return flag.at_least == 1 and flag.at_most is None


def _field(flag: Flag) -> int:
    return ((1 << flag.width) - 1) << flag.bit
