"""From physical values to display levels, through sorted thresholds.

Gamma, sigmoid and equalisation rise with the value, so a look is fully told by
the values at which the level steps up. They are found once, in float64, and
travel in the plan; no power or logarithm is taken per pixel (those differ
between CPUs and libraries). Level of v = base + count(thresholds <= v).

The printed formulas are the reference: float64 arithmetic on the exact value of
the float32 v, one operation after the other as they stand there. A threshold is
the smallest float32 at which its formula reaches the step, found by bisection
and not by an inverse, so that the level is the formula's for every float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def stepped(share: F64, steps: int, gamma: float = 1.0, packing: str = "nodata") -> F64:
    """How many steps up from the darkest level a display value is shown.

    Parameters
    ----------
    share : float64
        In [0, 1], before gamma.
    steps : int
        From the darkest valid level to the brightest.
    gamma : float
        Above 1 brightens the middle: ``s = share ** (1 / gamma)``.
    packing : str
        ``"nodata"``: ``rint(steps * s)``, to even at ties. ``"document"``, the arithmetic printed in tutorials:
        ``trunc(s * steps)``; with more than 255 steps the share is cut to a step first, and gamma taken of that
        (as scikit-image's ``rescale_intensity`` and ``adjust_gamma`` in turn do).

    Examples
    --------
    >>> stepped(np.float64([0.0, 0.25, 0.75, 1.0]), 2).tolist()  # 0.5 and 1.5 are ties
    [0.0, 0.0, 2.0, 2.0]
    >>> stepped(np.float64([0.25, 0.75]), 2, packing="document").tolist()
    [0.0, 1.0]
    """
    if packing == "document" and steps > 255 and gamma != 1:
        share = np.trunc(share * steps) / steps
    s = share if gamma == 1 else share ** (1 / gamma)
    return np.trunc(s * steps) if packing == "document" else np.rint(steps * s)


def linear(steps: int, low: float, high: float, gamma: float = 1.0, packing: str = "nodata") -> F32:
    """Thresholds of ``stepped(clip((v - low) / (high - low), 0, 1))``.

    Parameters
    ----------
    steps, gamma, packing
        As for `stepped`.
    low, high : float
        Values shown darkest and brightest, in the product's unit; ``low < high``.

    Returns
    -------
    (steps,) float32, ascending

    Examples
    --------
    >>> linear(2, 0.0, 2.0, packing="document").tolist()
    [1.0, 2.0]
    >>> linear(4, 0.0, 8.0).tolist()  # 1 and 5 are ties that go down to even
    [1.0000001192092896, 3.0, 5.000000476837158, 7.0]
    """
    return _thresholds(lambda share: stepped(share, steps, gamma, packing), steps, low, high)


def sigmoid(steps: int, low: float, high: float, contrast: float, gamma: float = 1.0, packing: str = "nodata") -> F32:
    """Thresholds of a logistic curve between `low` and `high`, scaled to reach 0 and 1 there.

    ``share = (S(c (x - 1/2)) - S(-c/2)) / (S(c/2) - S(-c/2))`` with ``S(z) = 1 / (1 + exp(-z))``
    and x the linear share of v; then as `linear`.

    >>> [round(step, 3) for step in sigmoid(4, 0.0, 1.0, 10.0).tolist()]
    [0.31, 0.45, 0.55, 0.69]
    """
    dark, bright = _logistic(np.array([-contrast / 2, contrast / 2]))

    def curve(share: F64) -> F64:
        bent = (_logistic(contrast * (share - 0.5)) - dark) / (bright - dark)
        return stepped(bent.clip(0, 1), steps, gamma, packing)

    return _thresholds(curve, steps, low, high)


def _logistic(z: F64) -> F64:
    return np.asarray(1.0 / (1.0 + np.exp(-z)))


def equalized(steps: int, counts: NDArray[np.int64], starts: F64, gamma: float = 1.0, packing: str = "nodata") -> F32:
    """Thresholds that give every level as many pixels, from a histogram: a bin's share is its mid-rank.

    Parameters
    ----------
    steps, gamma, packing
        As for `stepped`.
    counts : (bins,) int64
        Pixels in each bin.
    starts : (bins,) float64
        Smallest value of each bin, ascending.

    Returns
    -------
    (steps,) float32, ascending
        The start of the first bin that reaches the step.
    """
    total = max(int(counts.sum()), 1)
    reached = stepped((np.cumsum(counts) - counts / 2) / total, steps, gamma, packing)
    first = np.searchsorted(reached, np.arange(1, steps + 1), side="left").clip(0, len(starts) - 1)
    return starts[first].astype(np.float32)


def _thresholds(curve: Callable[[F64], F64], steps: int, low: float, high: float) -> F32:
    """The smallest float32 numbers at which `curve`, which rises with the linear share, reaches 1, 2 … `steps`."""
    step = np.arange(1, steps + 1)
    with np.errstate(over="ignore"):  # limits beyond float32 are infinite there, which is right
        darkest, brightest = np.nextafter(np.array([low, high], np.float32), np.array([-np.inf, np.inf], np.float32))
    below, reached = np.full(steps, _order(darkest)), np.full(steps, _order(brightest))
    while (reached - below > 1).any():
        middle = (below + reached) // 2
        share = ((_number(middle).astype(np.float64) - low) / (high - low)).clip(0, 1)
        up = curve(share) >= step
        below, reached = np.where(up, below, middle), np.where(up, middle, reached)
    return np.maximum.accumulate(_number(reached))  # where float64 itself wavers, in its last bit


def _order(number: np.float32) -> int:
    """The place of a float32 among all of them, counted from 0: neighbours differ by 1."""
    bits = int(number.view(np.int32))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFF)


def _number(order: I64) -> F32:
    """The float32 at such a place."""
    bits = np.abs(order).astype(np.int32).view(np.float32)
    return np.where(order < 0, -bits, bits)


def levels_numpy(values: F32, thresholds: F32, base: int, dtype: str = "uint8") -> NDArray[Any]:
    """Level of every value; NaN becomes 0. The specification of `levels`.

    Parameters
    ----------
    values : (...) float32
        Physical values; NaN marks missing pixels.
    thresholds : (n,) float32
        Ascending.
    base : int
        Level of values below the first threshold.
    dtype : str
        ``"uint8"`` or ``"uint16"``.

    Examples
    --------
    >>> levels_numpy(np.float32([-1, 0.5, 9, np.nan]), np.float32([0.5, 1.0]), 1).tolist()
    [1, 2, 3, 0]
    """
    found = base + np.searchsorted(thresholds, values, side="right")
    return np.where(np.isnan(values), 0, found).astype(dtype)


@kernel
def _levels(values, thresholds, guesses, base, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    rows, columns = values.shape
    n, buckets = thresholds.size, guesses.size
    first, last = np.float64(thresholds[0]), np.float64(thresholds[n - 1])
    scale = buckets / (last - first) if last > first else 0.0
    for y in range(rows):
        for x in range(columns):
            v = values[y, x]
            if np.isnan(v):
                out[y, x] = 0
            elif v < first:
                out[y, x] = base
            elif v >= last:
                out[y, x] = base + n
            else:
                k = min(guesses[min(max(int((v - first) * scale), 0), buckets - 1)], n - 1)
                while k > 0 and thresholds[k - 1] > v:
                    k -= 1
                while thresholds[k] <= v:
                    k += 1
                out[y, x] = base + k


def levels(values: F32, thresholds: F32, base: int, out: NDArray[Any]) -> None:
    """Write the level of every value into `out`; compiled twin of `levels_numpy`.

    `values` and `out` are (y, x); `out` may be a strided view of an interleaved picture.
    A coarse table guesses where to look; the thresholds themselves decide.
    """
    first, last = float(thresholds[0]), float(thresholds[-1])
    edges = np.linspace(first, last, max(4096, thresholds.size), endpoint=False)
    _levels(values, thresholds, np.searchsorted(thresholds, edges, side="right"), base, out)


def fraction(values: NDArray[Any], thresholds: F32, base: int) -> F64:
    """Levels with their fractions, linear between thresholds: for measuring, not for showing.

    >>> fraction(np.float64([-1, 0.5, 0.75, 9]), np.float32([0.5, 1.0]), 1).tolist()
    [1.5, 1.5, 2.0, 2.5]
    """
    return base + 0.5 + np.interp(values, thresholds, np.arange(thresholds.size))


def kept(values: F32, out: NDArray[Any]) -> None:
    """Stored numbers as they are, whole again after resampling: rounded half to even, held in the type; NaN becomes 0.

    `values` and `out` are (y, x); `out` is uint8 or uint16, and may be a strided view of an interleaved picture.

    >>> out = np.empty((1, 3), np.uint8)
    >>> kept(np.float32([[7.2, 300.0, np.nan]]), out)
    >>> out.tolist()
    [[7, 255, 0]]
    """
    out[...] = np.rint(np.nan_to_num(values)).clip(0, np.iinfo(out.dtype).max)


def table(physical: F32, thresholds: F32, base: int, dtype: str) -> NDArray[Any]:
    """Level of every stored number, given the physical value of each: the same thresholds, looked up once.

    `physical` is (2**bits,) float32; so is the result, as `dtype`.
    """
    return levels_numpy(physical, thresholds, base, dtype)


def look_up_numpy(stored: NDArray[Any], valid: NDArray[np.bool_], tables: NDArray[Any], out: NDArray[Any]) -> None:
    """Levels of stored numbers, one table a channel; the specification of `look_up`.

    Parameters
    ----------
    stored : (band, y, x) uint8 or uint16
    valid : (y, x) bool
    tables : (band, 2**bits) uint8 or uint16
    out : (y, x, >= band)
        Receives the levels; 0 in every channel where not valid. Further bands are left alone.
    """
    for band in range(stored.shape[0]):
        out[..., band] = np.where(valid, tables[band][stored[band]], 0)


@kernel
def _look_up(stored, valid, tables, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    bands, rows, columns = stored.shape
    for y in range(rows):
        for x in range(columns):
            good = valid[y, x]
            for band in range(bands):
                out[y, x, band] = tables[band, stored[band, y, x]] if good else 0


@kernel
def _look_up_rgb(stored, valid, tables, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """As `_look_up` for three bands into pixels of three, without a branch or an inner loop: three times as fast."""
    none = out.dtype.type(0)
    for y in range(stored.shape[1]):
        red, green, blue, good, row = stored[0, y], stored[1, y], stored[2, y], valid[y], out[y]
        for x in range(good.shape[0]):
            keep = none - out.dtype.type(good[x])  # all bits set, or none
            row[x, 0] = tables[0, red[x]] & keep
            row[x, 1] = tables[1, green[x]] & keep
            row[x, 2] = tables[2, blue[x]] & keep


def look_up(stored: NDArray[Any], valid: NDArray[np.bool_], tables: NDArray[Any], out: NDArray[Any]) -> None:
    """Compiled twin of `look_up_numpy`; raises ValueError where `out` cannot hold every channel."""
    if out.shape[-1] < len(stored) or len(tables) < len(stored):
        raise ValueError(f"{len(stored)} bands need as many tables and channels, not {len(tables)} and {out.shape[-1]}")
    (_look_up_rgb if len(stored) == 3 else _look_up)(stored, valid, tables, out)


@kernel
def _absent(stored, nodata, valid):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(stored.shape[0]):
        for x in range(stored.shape[1]):
            valid[y, x] &= stored[y, x] != nodata


def all_present(stored: NDArray[Any], nodata: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where every band holds data: (y, x) bool.

    `stored` is (band, y, x) integers; `nodata` one number a band, outside the type's range where there is none.

    >>> all_present(np.uint16([[[0, 5]], [[3, 3]]]), np.int64([0, 0])).tolist()
    [[False, True]]
    """
    valid = np.ones(stored.shape[1:], np.bool_)
    span = np.iinfo(stored.dtype)
    for band, number in zip(stored, nodata.tolist(), strict=True):
        if span.min <= number <= span.max:
            _absent(band, stored.dtype.type(number), valid)  # of the stored type, so that it runs many at a time
    return valid
