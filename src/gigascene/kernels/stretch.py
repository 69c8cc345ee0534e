"""From physical values to display levels, through sorted thresholds.

Gamma, sigmoid and equalisation rise with the value, so a look is fully told by
the values at which the level steps up. They are computed once, in float64, and
travel in the plan; no power or logarithm is taken per pixel (those differ
between CPUs and libraries). Level of v = base + count(thresholds <= v).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]


def positions(steps: int, packing: str = "nodata") -> F64:
    """Display values in [0, 1] at which the level steps up.

    With packing ``"nodata"``, level = 1 + rint(steps * s): the k-th step is at
    (k - 0.5) / steps. With ``"document"``, level = trunc(steps * s): at k / steps.

    >>> positions(254)[[0, -1]].round(4).tolist()
    [0.002, 0.998]
    >>> positions(255, "document")[-1].item()
    1.0
    """
    k = np.arange(1, steps + 1, dtype=np.float64)
    return k / steps if packing == "document" else (k - 0.5) / steps


def linear(at: F64, low: float, high: float, gamma: float = 1.0) -> F32:
    """Thresholds of ``s = clip((v - low) / (high - low), 0, 1) ** (1 / gamma)``.

    Parameters
    ----------
    at : (n,) float64
        From `positions`.
    low, high : float
        Values shown darkest and brightest, in the product's unit; ``low < high``.
    gamma : float
        Above 1 brightens the middle.

    Returns
    -------
    (n,) float32, ascending

    Examples
    --------
    >>> linear(np.float64([0.25, 0.5]), 0.0, 2.0, gamma=2.0).tolist()
    [0.125, 0.5]
    """
    return (low + (high - low) * at**gamma).astype(np.float32)


def document(steps: int, low: float, high: float, gamma: float = 1.0) -> F32:
    """Thresholds of the arithmetic printed in tutorials: dark is 0, fractions are cut off.

    With 255 steps ``trunc(255 * n ** (1 / gamma))`` with ``n = clip((v - low) / (high - low), 0, 1)``.
    With 65,535 the stretch is cut to 16 bit first, and gamma taken of that (as scikit-image's
    ``rescale_intensity`` and ``adjust_gamma`` in turn do). Equal to it for every float32 value.
    """
    k = np.arange(1, steps + 1, dtype=np.float64)
    if steps > 255 and gamma != 1:
        picture = np.arange(steps + 1)
        k = np.searchsorted(np.trunc((picture / steps) ** (1 / gamma) * steps), k).astype(np.float64)
        gamma = 1.0
    found = (low + (high - low) * (k / steps) ** gamma).astype(np.float32)
    for _ in range(4):  # float32 neighbours, until the printed formula itself steps up exactly here
        below = np.nextafter(found, np.float32(-np.inf))
        found = np.where(_printed(below, steps, low, high, gamma) >= k, below, found)
        found = np.where(_printed(found, steps, low, high, gamma) < k, np.nextafter(found, np.float32(np.inf)), found)
    return found


def _printed(values: F32, steps: int, low: float, high: float, gamma: float) -> F64:
    share = (values.astype(np.float64).clip(low, high) - low) / (high - low)
    return np.trunc((share if gamma == 1 else share ** (1 / gamma)) * steps)


def sigmoid(at: F64, low: float, high: float, contrast: float, gamma: float = 1.0) -> F32:
    """Thresholds of a logistic curve between `low` and `high`, scaled to reach 0 and 1 there.

    ``s = (S(c (x - 1/2)) - S(-c/2)) / (S(c/2) - S(-c/2))`` with ``S(z) = 1 / (1 + exp(-z))``
    and x the linear stretch of v.

    >>> sigmoid(np.float64([0.0, 0.5, 1.0]), 0.0, 1.0, 10.0).round(6).tolist()
    [0.0, 0.5, 1.0]
    """
    edge = 1.0 / (1.0 + np.exp(contrast / 2))
    inner = edge + (1.0 - 2.0 * edge) * at**gamma
    x = 0.5 + np.log(inner / (1.0 - inner)) / contrast
    return (low + (high - low) * x.clip(0, 1)).astype(np.float32)


def equalized(at: F64, counts: NDArray[np.int64], starts: F64, gamma: float = 1.0) -> F32:
    """Thresholds that give every level as many pixels, from a histogram.

    Parameters
    ----------
    at : (n,) float64
        From `positions`.
    counts : (bins,) int64
        Pixels in each bin.
    starts : (bins,) float64
        Smallest value of each bin, ascending.

    Returns
    -------
    (n,) float32, ascending
        The first bin's start whose cumulative share (mid-rank) reaches the position.
    """
    total = max(int(counts.sum()), 1)
    rank = (np.cumsum(counts) - counts / 2) / total
    first = np.searchsorted(rank, at**gamma, side="left").clip(0, len(starts) - 1)
    return starts[first].astype(np.float32)


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
    """Compiled twin of `look_up_numpy`."""
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
