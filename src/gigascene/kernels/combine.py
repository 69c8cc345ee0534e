"""Many scenes over one place become one value: chunk by chunk, in the order of the scenes.

Each function takes the pixels of one more scene and changes what has been gathered so far; all arrays are
of one window, so a part made alone is the same part of the whole. Sums are taken of whole numbers, and ties
go to the scene that came first: nothing here depends on how the work is cut.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.model.mosaic import ONE

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

LIMIT = float(1 << 40)
"""Most steps a value may have on its way into a sum: 2**40 steps of weight 2**15, added 2**8 times, fit 63 bits."""


def fill_numpy(values: NDArray[Any], valid: Mask, filled: Mask, out: NDArray[Any]) -> None:
    """Put a scene where nothing is yet; the specification of `fill`.

    Parameters
    ----------
    values : (band, y, x), any dtype
    valid : (y, x) bool
        Where the scene has data.
    filled : (y, x) bool
        Where an earlier scene has; grows.
    out : (band, y, x), dtype of `values`

    Examples
    --------
    >>> out, filled = np.float32([[[5, 0]]]), np.array([[True, False]])
    >>> fill_numpy(np.float32([[[7, 8]]]), np.array([[True, True]]), filled, out)
    >>> out.tolist()
    [[[5.0, 8.0]]]
    """
    take = valid & ~filled
    out[:, take] = values[:, take]
    filled |= take


@kernel
def _fill(values, valid, filled, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            if valid[y, x] and not filled[y, x]:
                filled[y, x] = True
                for band in range(values.shape[0]):
                    out[band, y, x] = values[band, y, x]


def fill(values: NDArray[Any], valid: Mask, filled: Mask, out: NDArray[Any]) -> None:
    """Compiled twin of `fill_numpy`."""
    _fill(values, valid, filled, out)


def fill_levels_numpy(stored: NDArray[Any], valid: Mask, tables: NDArray[Any], filled: Mask, out: NDArray[Any]) -> None:
    """Put the levels of a scene's stored numbers where nothing is yet; the specification of `fill_levels`.

    Parameters
    ----------
    stored : (band, y, x) uint8 or uint16
    valid, filled : (y, x) bool
        As for `fill_numpy`.
    tables : (band, 2**bits) uint8 or uint16
        Level of every stored number of this scene.
    out : (y, x, >= band)
        Receives the levels.
    """
    take = valid & ~filled
    for band, table in enumerate(tables):
        out[take, band] = table[stored[band][take]]
    filled |= take


@kernel
def _fill_levels(stored, valid, tables, filled, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            if valid[y, x] and not filled[y, x]:
                filled[y, x] = True
                for band in range(stored.shape[0]):
                    out[y, x, band] = tables[band, stored[band, y, x]]


def fill_levels(stored: NDArray[Any], valid: Mask, tables: NDArray[Any], filled: Mask, out: NDArray[Any]) -> None:
    """Compiled twin of `fill_levels_numpy`."""
    _fill_levels(stored, valid, tables, filled, out)


ALIKE = 2.0**-20
"""Sums of bands that differ by no larger share than this are one: single precision tells no finer."""


def choose_numpy(values: F32, valid: Mask, score: F64, best: F64, out: F32, alike: float = 0.0) -> None:
    """Put a scene where its score is higher than any before; the specification of `choose`.

    Parameters
    ----------
    values : (band, y, x) float32
    valid : (y, x) bool
    score : (y, x) float64
        Higher is better; NaN never is.
    best : (y, x) float64
        Highest so far, -inf where there is nothing; grows. At a tie the earlier scene stays.
    out : (band, y, x) float32
    alike : float
        A score that is higher by no more than this share of the best is a tie, too.

    Examples
    --------
    >>> out, best = np.float32([[[5, 5]]]), np.float64([[1, 1]])
    >>> choose_numpy(np.float32([[[7, 7]]]), np.array([[True, True]]), np.float64([[1, 2]]), best, out)
    >>> out.tolist(), best.tolist()
    ([[[5.0, 7.0]]], [[1.0, 2.0]])
    """
    some = best > -np.inf
    least = np.where(some, best + alike * np.abs(np.where(some, best, 0)), best)
    take = valid & (score > least)
    out[:, take] = values[:, take]
    best[take] = score[take]


@kernel
def _choose(values, valid, score, best, out, alike):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            least = best[y, x]
            if least > -np.inf:
                least += alike * abs(least)
            if valid[y, x] and score[y, x] > least:
                best[y, x] = score[y, x]
                for band in range(values.shape[0]):
                    out[band, y, x] = values[band, y, x]


def choose(values: F32, valid: Mask, score: F64, best: F64, out: F32, alike: float = 0.0) -> None:
    """Compiled twin of `choose_numpy`."""
    _choose(values, valid, score, best, out, alike)


def darkness(values: F32) -> F64:
    """Minus the sum of all bands, (y, x) float64: highest where a scene is darkest. Added band by band.

    >>> darkness(np.float32([[[1]], [[2]]])).tolist()
    [[-3.0]]
    """
    total = np.zeros(values.shape[1:], np.float64)
    for band in values:
        total -= band
    return total


def add_numpy(values: F32, valid: Mask, weight: NDArray[np.uint16], step: float, weights: I64, sums: I64) -> None:
    """Add a scene's weighted values to the sums; the specification of `add`.

    Parameters
    ----------
    values : (band, y, x) float32
    valid : (y, x) bool
    weight : (y, x) uint16
        0 to `ONE`; a valid pixel counts at least 1.
    step : float
        A power of two: values count as whole multiples of it, rounded half up, held within 2**40 of them.
    weights : (y, x) int64
        Sum of weights; grows.
    sums : (band, y, x) int64
        Sum of weight times value in steps; grows.
    """
    share = np.where(valid, np.maximum(weight, 1), 0).astype(np.int64)
    weights += share
    sums += share * _steps(np.where(valid, values, 0), step)


def _steps(values: NDArray[Any], step: float) -> I64:
    steps: I64 = np.floor(values.astype(np.float64) / step + 0.5).clip(-LIMIT, LIMIT).astype(np.int64)
    return steps


@kernel
def _whole(value, step):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    return np.int64(min(max(np.floor(np.float64(value) / step + 0.5), -LIMIT), LIMIT))


@kernel
def _add(values, valid, weight, step, weights, sums):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            if valid[y, x]:
                share = max(np.int64(weight[y, x]), np.int64(1))
                weights[y, x] += share
                for band in range(values.shape[0]):
                    sums[band, y, x] += share * _whole(values[band, y, x], step)


def add(values: F32, valid: Mask, weight: NDArray[np.uint16], step: float, weights: I64, sums: I64) -> None:
    """Compiled twin of `add_numpy`."""
    _add(values, valid, weight, step, weights, sums)


def lay_under_numpy(values: F32, valid: Mask, weight: NDArray[np.uint16], step: float, weights: I64, sums: I64) -> None:
    """Lay a scene under those before it, where it reaches deeper inside than they do; the specification of `lay_under`.

    As `add_numpy`, but a scene counts only by how much its weight exceeds the largest before it; at least 1 where the
    pixel is valid and nothing is there yet. So a scene fades into one that goes on beyond its edge, and not into one
    that ends at the same place: other dates of one tile do not show along their common border. Where `weights`
    has reached `ONE`, nothing shows through any more.

    Examples
    --------
    >>> weights, sums = np.int64([[0, 0]]), np.int64([[[0, 0]]])
    >>> for value, weight in ((1, [ONE // 4, ONE // 4]), (3, [ONE // 4, ONE])):
    ...     lay_under_numpy(np.float32([[[value] * 2]]), np.array([[True] * 2]), np.uint16([weight]), 1.0, weights, sums)
    >>> (sums[0] / weights).tolist()
    [[1.0, 2.5]]
    """
    share = np.maximum(weight.astype(np.int64) - weights, weights == 0)
    share = np.where(valid, share, 0)
    weights += share
    sums += share * _steps(np.where(valid, values, 0), step)


@kernel
def _lay_under(values, valid, weight, step, weights, sums):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            if valid[y, x] and weights[y, x] < ONE:
                share = max(np.int64(weight[y, x]) - weights[y, x], np.int64(0))
                if weights[y, x] == 0:
                    share = max(share, np.int64(1))
                weights[y, x] += share
                for band in range(values.shape[0]):
                    sums[band, y, x] += share * _whole(values[band, y, x], step)


def lay_under(values: F32, valid: Mask, weight: NDArray[np.uint16], step: float, weights: I64, sums: I64) -> None:
    """Compiled twin of `lay_under_numpy`."""
    _lay_under(values, valid, weight, step, weights, sums)


def settled_numpy(sums: I64, weights: I64, step: float) -> F32:
    """The weighted mean: (band, y, x) float32, NaN where there was no weight. The specification of `settled`.

    >>> settled_numpy(np.int64([[[6, 0]]]), np.int64([[4, 0]]), 0.5).tolist()
    [[[0.75, nan]]]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums / weights * step).astype(np.float32)


@kernel
def _settled(sums, weights, step, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for band in range(sums.shape[0]):
        for y in range(sums.shape[1]):
            for x in range(sums.shape[2]):
                if weights[y, x] == 0:
                    out[band, y, x] = np.float32(np.nan)
                else:
                    mean = np.float64(sums[band, y, x]) / np.float64(weights[y, x])
                    out[band, y, x] = np.float32(mean * step)


def settled(sums: I64, weights: I64, step: float) -> F32:
    """Compiled twin of `settled_numpy`."""
    out = np.empty(sums.shape, np.float32)
    _settled(sums, weights, step, out)
    return out


def insert_numpy(values: NDArray[Any], valid: Mask, counts: NDArray[np.uint16], held: NDArray[Any]) -> None:
    """Put the valid values of one more scene among those held, which lie in ascending order; the specification of `insert`.

    Parameters
    ----------
    values : (band, y, x), any dtype
    valid : (y, x) bool
    counts : (y, x) uint16
        How many are held; grows.
    held : (y, x, band, most), dtype of `values`
        The first `counts` are set. Raises ValueError where more would come than there is room for.

    Examples
    --------
    >>> counts, held = np.zeros((1, 1), np.uint16), np.zeros((1, 1, 1, 4), np.uint8)
    >>> for value in (3, 9, 1, 7):
    ...     insert_numpy(np.uint8([[[value]]]), np.array([[True]]), counts, held)
    >>> held.ravel().tolist(), middle_numpy(counts, held).tolist()
    ([1, 3, 7, 9], [[[3]]])
    """
    if (counts[valid] >= held.shape[-1]).any():
        raise ValueError(f"more than {held.shape[-1]} scenes lie over one place")
    for y, x in np.argwhere(valid):
        end = int(counts[y, x]) + 1
        held[y, x, :, end - 1] = values[:, y, x]
        held[y, x, :, :end] = np.sort(held[y, x, :, :end], axis=1)
    counts += valid


@kernel
def _place(value, count, held):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """One value among `count` in ascending order: sorted as they come, for dates are few."""
    at = np.uint64(count)
    while at > 0 and held[at - np.uint64(1)] > value:
        held[at] = held[at - np.uint64(1)]
        at -= np.uint64(1)
    held[at] = value


@kernel
def _insert(values, valid, counts, held):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            if valid[y, x]:
                if counts[y, x] >= held.shape[3]:
                    return False
                for band in range(values.shape[0]):
                    _place(values[band, y, x], counts[y, x], held[y, x, band])
                counts[y, x] += 1
    return True


def insert(values: NDArray[Any], valid: Mask, counts: NDArray[np.uint16], held: NDArray[Any]) -> None:
    """Compiled twin of `insert_numpy`."""
    if not _insert(values, valid, counts, held):
        raise ValueError(f"more than {held.shape[-1]} scenes lie over one place")


def insert_levels_numpy(
    stored: NDArray[Any], valid: Mask, tables: NDArray[Any], counts: NDArray[np.uint16], held: NDArray[Any]
) -> None:
    """Put the levels of a scene's stored numbers among those held; the specification of `insert_levels`.

    Parameters as for `fill_levels_numpy` and `insert_numpy`.
    """
    levels = np.stack([table[numbers] for table, numbers in zip(tables, stored, strict=True)])
    insert_numpy(levels, valid, counts, held)


@kernel
def _insert_levels(stored, valid, tables, counts, held):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(valid.shape[0]):
        for x in range(valid.shape[1]):
            if valid[y, x]:
                if counts[y, x] >= held.shape[3]:
                    return False
                for band in range(stored.shape[0]):
                    _place(tables[band, stored[band, y, x]], counts[y, x], held[y, x, band])
                counts[y, x] += 1
    return True


def insert_levels(
    stored: NDArray[Any], valid: Mask, tables: NDArray[Any], counts: NDArray[np.uint16], held: NDArray[Any]
) -> None:
    """Compiled twin of `insert_levels_numpy`."""
    if not _insert_levels(stored, valid, tables, counts, held):
        raise ValueError(f"more than {held.shape[-1]} scenes lie over one place")


def middle_numpy(counts: NDArray[np.uint16], held: NDArray[Any]) -> NDArray[Any]:
    """The middle one of the values held for each pixel and band, the lower of the two middle ones of an even number.

    So it is always a value that was measured, and a table of levels may be asked before or after.
    The specification of `middle`; parameters as `insert` leaves them.

    Returns
    -------
    (band, y, x), dtype of `held`
        0 where nothing is held.
    """
    at = np.broadcast_to((np.maximum(counts, 1)[:, :, None, None] - 1) // 2, (*held.shape[:3], 1)).astype(np.intp)
    found = np.take_along_axis(held, at, axis=3)[..., 0].transpose(2, 0, 1)
    return np.where(counts > 0, found, held.dtype.type(0))


@kernel
def _middle(counts, held, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(out.shape[1]):
        for x in range(out.shape[2]):
            count = np.uint64(counts[y, x])
            for band in range(out.shape[0]):
                out[band, y, x] = held[y, x, band, (count - np.uint64(1)) >> np.uint64(1)] if count else 0


def middle(counts: NDArray[np.uint16], held: NDArray[Any]) -> NDArray[Any]:
    """Compiled twin of `middle_numpy`."""
    out = np.empty((held.shape[2], *counts.shape), held.dtype)
    _middle(counts, held, out)
    return out
