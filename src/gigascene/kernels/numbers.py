"""Stored numbers that are kept for computing: which of them are data, what computed values become, and half-size arrays of them.

A number says by its own value that it is no data; of floats, those that are not finite always do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel

Mask = NDArray[np.bool_]


def present(numbers: NDArray[Any], nodata: float | None) -> Mask:
    """Where there is data, of the shape of `numbers`.

    Parameters
    ----------
    numbers : (...), any real type
    nodata : float or None
        What means no data; what the type cannot hold means nothing.

    Examples
    --------
    >>> present(np.float32([1, -9999, np.nan]), -9999.0).tolist()
    [True, False, False]
    >>> present(np.uint8([1, 0]), -9999.0).tolist()
    [True, True]
    """
    valid = np.isfinite(numbers) if numbers.dtype.kind == "f" else np.ones(numbers.shape, np.bool_)
    number = None if nodata is None else number_of(nodata, numbers.dtype)
    if number is not None and np.isfinite(number):
        valid &= numbers != number
    return valid


def number_of(value: float, dtype: Any) -> Any:
    """A value as a number of a type; None where the type cannot hold it.

    >>> number_of(-9999.0, np.dtype("int16")), number_of(-1.0, np.dtype("uint8")), number_of(0.5, np.dtype("uint8"))
    (np.int16(-9999), None, None)
    """
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return kind.type(value) if not np.isfinite(value) or abs(value) <= float(np.finfo(kind).max) else None
    span = np.iinfo(kind)
    whole = np.isfinite(value) and float(value).is_integer() and span.min <= int(value) <= span.max
    return kind.type(int(value)) if whole else None


def beside(nodata: Any) -> Any:
    """The number next to the one that means no data: what a computed value becomes that would be just that one.

    >>> beside(np.uint8(0)), beside(np.uint8(255)), beside(np.float32(-9999))
    (np.uint8(1), np.uint8(254), np.float32(-9998.999))
    """
    kind = nodata.dtype
    if kind.kind == "f":
        return np.nextafter(nodata, kind.type(0)) if nodata else np.nextafter(nodata, kind.type(1))
    return kind.type(int(nodata) + (1 if int(nodata) < np.iinfo(kind).max else -1))


def rounded(values: NDArray[Any], valid: Mask, nodata: Any) -> NDArray[Any]:
    """Computed values as stored numbers.

    Parameters
    ----------
    values : (...) float32 or float64
    valid : (...) bool
    nodata : NumPy scalar
        Of the type that is stored.

    Returns
    -------
    (...), type of `nodata`
        Whole numbers are rounded half to even and held in their type; a valid one is never `nodata`, others always are.

    Examples
    --------
    >>> rounded(np.float32([0.2, 7.5, 300, 1]), np.array([True, True, True, False]), np.uint8(0)).tolist()
    [1, 8, 255, 0]
    """
    kind = nodata.dtype
    held = np.where(valid, values, 0)
    if kind.kind != "f":
        span = np.iinfo(kind)
        held = np.rint(held).clip(span.min, span.max)
    found: NDArray[Any] = held.astype(kind)
    found[valid & (found == nodata)] = beside(nodata)
    found[~valid] = nodata
    return found


def halve_numpy(numbers: NDArray[Any], nodata: Any, *, mixed: bool) -> NDArray[Any]:
    """Halve an array of numbers; the specification of `halve`.

    Parameters
    ----------
    numbers : (y, x)
        Its first row and column must lie at even positions of the whole array.
    nodata : NumPy scalar of the same type
    mixed : bool
        True: the mean of the valid ones among the four below. False: the first of them, row by row, so that classes
        stay classes.

    Returns
    -------
    ((y + 1) // 2, (x + 1) // 2), of the same type
        `nodata` where none is valid.

    Examples
    --------
    >>> numbers = np.int16([[-1, 4, 9], [8, 6, -1]])
    >>> halve_numpy(numbers, np.int16(-1), mixed=False).tolist()
    [[4, 9]]
    >>> halve_numpy(numbers, np.int16(-1), mixed=True).tolist()
    [[6, 9]]
    """
    height, width = numbers.shape
    even = np.pad(numbers, ((0, height % 2), (0, width % 2)), constant_values=nodata)
    four = [even[y::2, x::2] for y in (0, 1) for x in (0, 1)]
    valid = [present(part, nodata) for part in four]
    if mixed:
        total = np.zeros(four[0].shape)
        for part, good in zip(four, valid, strict=True):
            total += np.where(good, part, 0)
        count = np.sum(valid, axis=0)
        return rounded(total / np.maximum(count, 1), count > 0, nodata)
    found = np.full(four[0].shape, nodata)
    for part, good in zip(reversed(four), reversed(valid), strict=True):
        found = np.where(good, part, found)
    return found


@kernel
def _first(numbers, nodata, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    height, width = numbers.shape
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            out[y, x] = nodata
            for row in range(min(2 * y + 1, height - 1), 2 * y - 1, -1):
                for column in range(min(2 * x + 1, width - 1), 2 * x - 1, -1):
                    number = numbers[row, column]
                    if number != nodata and np.isfinite(number):
                        out[y, x] = number


@kernel
def _mean(numbers, nodata, near, low, high, whole, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    height, width = numbers.shape
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total, count = 0.0, 0
            for row in range(2 * y, min(2 * y + 2, height)):
                for column in range(2 * x, min(2 * x + 2, width)):
                    number = numbers[row, column]
                    if number != nodata and np.isfinite(number):
                        total += np.float64(number)
                        count += 1
            if count == 0:
                out[y, x] = nodata
                continue
            mean = total / count
            if whole:
                mean = min(max(np.rint(mean), low), high)
            out[y, x] = mean
            if out[y, x] == nodata:
                out[y, x] = near


def halve(numbers: NDArray[Any], nodata: Any, out: NDArray[Any], *, mixed: bool) -> None:
    """Compiled twin of `halve_numpy`, into `out`."""
    if not mixed:
        _first(numbers, nodata, out)
        return
    whole = numbers.dtype.kind != "f"
    span = np.iinfo(numbers.dtype) if whole else np.finfo(numbers.dtype)
    _mean(numbers, nodata, beside(nodata), float(span.min), float(span.max), whole, out)
