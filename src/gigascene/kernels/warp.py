"""Source pixels at given positions: the nearest, or interpolated between those around.

Positions are in fixed point (`gigascene.kernels._fixed`). All weights are multiples of 2**-24 that add up to exactly 1, and
every product is of two numbers that float32 can hold, taken in float64, where it is exact. Rows are summed first and
rounded to float32, then the column of rows: whether the machine fuses a product with the addition that follows cannot be
seen, and a level field stays level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.kernels._fixed import I64, ONE, Positions, pixel_under
from gigascene.kernels._part import Mask, Part, column_numpy, column_of, there_numpy, under, under_numpy

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

ENOUGH = 0.5
"""Weight below which a stretched cubic filter, which is negative in places, gives way to the triangle."""

TRIANGLE, CUBIC = 1, 2
"""Filters, named by their radius in pixels: bilinear, and Keys' cubic with a = -1/2 (IEEE ASSP-29, 1981, eq. 15)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """How source pixels are weighed by their distance."""

    kind: int
    """`TRIANGLE` or `CUBIC`."""

    y: int = ONE
    """By how much the filter is stretched along source rows' direction, in units of 1 / `ONE`; at least `ONE`."""

    x: int = ONE

    @property
    def reach(self) -> tuple[int, int]:
        """Distance in y and x, in units of 1 / `ONE`, from which on nothing has a weight."""
        return self.kind * self.y, self.kind * self.x


def first_tap(position: Any, reach: int) -> Any:
    """First pixel that is closer than `reach` to a position, or to each of an array."""
    return (position - reach) // ONE + 1


def last_tap(position: Any, reach: int) -> Any:
    """Last pixel that is closer than `reach`."""
    return -((-position - reach) // ONE) - 1


def extent_numpy(at: Positions, shape: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """The specification of `extent`, with the same arguments."""
    row, column = pixel_under(at.y), pixel_under(at.x)
    inside = (row >= 0) & (row < shape[0]) & (column >= 0) & (column < shape[1])
    if not inside.any():
        return None
    y, x = at.y[inside], at.x[inside]
    return (int(y.min()), int(y.max())), (int(x.min()), int(x.max()))


def extent(at: Positions, shape: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Smallest and largest rows and columns among positions inside a source, or None; compiled twin of `extent_numpy`.

    >>> at = Positions(y=np.int64([[0, 1]]) * ONE, x=np.int64([[2, 9]]) * ONE)
    >>> extent(at, (5, 5)) == ((0, 0), (2 * ONE, 2 * ONE))
    True
    """
    low_y, high_y, low_x, high_x = _extent(at.y, at.x, shape[0], shape[1])
    return None if low_y > high_y else ((low_y, high_y), (low_x, high_x))


@kernel
def _extent(ys, xs, height, width):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    half = ONE // 2
    low_y = low_x = np.int64(1) << 62
    high_y = high_x = -low_y
    for i in range(ys.shape[0]):
        for j in range(ys.shape[1]):
            y, x = ys[i, j], xs[i, j]
            if -half <= y < height * ONE - half and -half <= x < width * ONE - half:
                low_y, high_y = min(low_y, y), max(high_y, y)
                low_x, high_x = min(low_x, x), max(high_x, x)
    return low_y, high_y, low_x, high_x


def nearest_numpy(part: Part, at: Positions) -> tuple[NDArray[Any], Mask]:
    """The specification of `nearest`, with the same arguments."""
    place, valid = under_numpy(part, at)
    return np.where(valid, part.stored[:, *place], 0), valid


def nearest(part: Part, at: Positions) -> tuple[NDArray[Any], Mask]:
    """The stored numbers of the source pixels that hold the positions; compiled twin of `nearest_numpy`.

    Returns
    -------
    (band, y, x) of the source's type
        0 where not valid.
    (y, x) bool
        True where there is a position, in a valid pixel of the source. On a border between pixels, the later one's.

    Examples
    --------
    >>> from gigascene.model.grid import Window
    >>> window = Window(top=0, left=0, height=1, width=2)
    >>> part = Part(stored=np.uint8([[[7, 9]]]), valid=np.array([[True, True]]), at=window, columns=2)
    >>> at = Positions(y=np.zeros((1, 4), np.int64), x=np.int64([[-1, 0, 1, 3]]) * ONE // 2)
    >>> [array.tolist() for array in nearest(part, at)]
    [[[[7, 7, 9, 0]]], [[True, True, True, False]]]
    """
    out = np.empty((part.stored.shape[0], *at.y.shape), part.stored.dtype)
    valid = np.empty(at.y.shape, np.bool_)
    _nearest(part.stored, part.valid, part.place, at.y, at.x, out, valid)
    return out, valid


@kernel
def _nearest(stored, good, place, ys, xs, out, valid):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    zero = out.dtype.type(0)
    for i in range(ys.shape[0]):
        for j in range(ys.shape[1]):
            row, column, there = under(ys[i, j], xs[i, j], good, place)
            valid[i, j] = there
            if there:
                for band in range(out.shape[0]):
                    out[band, i, j] = stored[band, row, column]
            else:
                for band in range(out.shape[0]):
                    out[band, i, j] = zero


def interpolate_numpy(part: Part, at: Positions, by: Filter) -> tuple[F32, Mask]:
    """The specification of `interpolate`, with the same arguments."""
    _, valid = under_numpy(part, at)
    y, x = np.where(valid, at.y, 0), np.where(valid, at.x, 0)
    out, enough = _sums_numpy(part, y, x, by)
    if by.kind == CUBIC:
        out = np.where(enough, out, _sums_numpy(part, y, x, Filter(kind=TRIANGLE, y=by.y, x=by.x))[0])
    return np.where(valid, out, np.float32(np.nan)), valid


def _sums_numpy(part: Part, y: I64, x: I64, by: Filter) -> tuple[F32, Mask]:
    """Weighted means of what is valid, and where that is enough for a cubic filter."""
    rows, weights_y = _taps_numpy(y, by.kind, by.y)
    columns, weights_x = _taps_numpy(x, by.kind, by.x)
    rows, columns = rows - part.at.top, column_numpy(part, columns)
    total = np.zeros((part.stored.shape[0], *y.shape))
    weight, whole = np.zeros(y.shape), np.ones(y.shape, bool)
    for row, weight_y in zip(rows, weights_y, strict=True):
        along, weight_along = np.zeros(total.shape), np.zeros(y.shape)
        for column, weight_x in zip(columns, weights_x, strict=True):
            place, there = there_numpy(part, row, column)
            whole &= there | (weight_y == 0) | (weight_x == 0)
            values = part.stored[:, *place].astype(np.float32).astype(np.float64)
            along += np.where(there & (weight_x != 0), values * weight_x, 0)
            weight_along += np.where(there, weight_x, 0)
        total += np.where(weight_y != 0, along.astype(np.float32) * weight_y, 0)
        weight += weight_along.astype(np.float32) * weight_y
    with np.errstate(invalid="ignore", divide="ignore"):
        return (total / weight).astype(np.float32), whole if by.y == by.x == ONE else weight >= ENOUGH


def _taps_numpy(position: I64, kind: int, stretch: int) -> tuple[I64, F64]:
    """Neighbours along one axis and their weights, (tap, y, x); behind the last neighbour, weights of 0."""
    count = 2 * -(-kind * stretch // ONE)
    taps = first_tap(position, kind * stretch) + np.arange(count)[:, None, None]
    raw = _shape_numpy(np.abs(taps * ONE - position) / stretch, kind)
    total = np.zeros(position.shape)
    for one in raw:
        total += one
    weights = np.rint(raw / total * ONE)
    middle = pixel_under(position)[None] == taps
    weights += np.where(middle, ONE - weights.sum(axis=0), 0)
    return taps, weights / ONE


def _shape_numpy(t: F64, kind: int) -> F64:
    if kind == TRIANGLE:
        return np.where(t < 1, 1 - t, 0)
    inner, outer = (1.5 * t - 2.5) * t * t + 1, ((-0.5 * t + 2.5) * t - 4) * t + 2
    return np.where(t < 1, inner, np.where(t < 2, outer, 0))


def interpolate(part: Part, at: Positions, by: Filter) -> tuple[F32, Mask]:
    """Means of the source pixels around each position, weighed by a filter; compiled twin of `interpolate_numpy`.

    Parameters
    ----------
    part : Part
        With all pixels inside the source that are closer than ``by.reach`` to a position.
    at : Positions
        Of a window of an output.
    by : Filter
        Stretched, it averages where an output pixel is larger than a source pixel; the weights then add up to 1, too.

    Returns
    -------
    (band, y, x) float32
        NaN where not valid. Pixels that are not valid, or beyond the source, have no weight, and the weights of the others
        are made to add up to 1. A cubic filter would overshoot: it gives way to the triangle where it meets any such
        pixel, or, stretched, where less than half of its weight is left. So does GDAL, the latter aside.
    (y, x) bool
        True where the nearest source pixel is valid: the outline is that of `nearest`.

    Examples
    --------
    >>> from gigascene.model.grid import Window
    >>> window = Window(top=0, left=0, height=1, width=2)
    >>> part = Part(stored=np.uint8([[[10, 20]]]), valid=np.array([[True, True]]), at=window, columns=2)
    >>> at = Positions(y=np.zeros((1, 4), np.int64), x=np.int64([[-1, 0, 1, 3]]) * ONE // 2)
    >>> interpolate(part, at, Filter(kind=TRIANGLE))[0].tolist()
    [[[10.0, 10.0, 15.0, nan]]]
    """
    out = np.empty((part.stored.shape[0], *at.y.shape), np.float32)
    valid = np.empty(at.y.shape, np.bool_)
    _interpolate(part.stored, part.valid, part.place, at.y, at.x, (by.kind, by.y, by.x), out, valid)
    return out, valid


@kernel
def _taps(position, kind, stretch, weights):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """First neighbour along one axis, and how many; their weights into `weights`."""
    reach = kind * stretch
    first, last = ((position - reach) >> 24) + 1, -((-position - reach) >> 24) - 1
    count, total = last - first + 1, 0.0
    for tap in range(count):
        t = np.abs((first + tap) * ONE - position) / stretch
        if kind == TRIANGLE:
            weights[tap] = 1 - t
        elif t < 1:
            weights[tap] = (1.5 * t - 2.5) * t * t + 1
        else:
            weights[tap] = ((-0.5 * t + 2.5) * t - 4) * t + 2
        total += weights[tap]
    rest = float(ONE)
    for tap in range(count):
        weights[tap] = np.rint(weights[tap] / total * ONE)
        rest -= weights[tap]
    weights[((position + ONE // 2) >> 24) - first] += rest
    for tap in range(count):
        weights[tap] /= ONE
    return first, count


@kernel
def _whole(good, place, rows, columns, weights_y, weights_x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """True if all neighbours that have a weight are valid."""
    for y in range(rows[1]):
        row = rows[0] + y - place[0]
        for x in range(columns[1]):
            if weights_y[y] != 0 and weights_x[x] != 0:
                column = column_of(columns[0] + x, place)
                inside = 0 <= row < good.shape[0] and 0 <= column < good.shape[1]
                if not inside or not good[row, column]:
                    return False
    return True


@kernel
def _mean(values, good, place, rows, columns, weights_y, weights_x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Weighted mean of the valid neighbours in one band, and their weight."""
    total, weight = 0.0, 0.0
    for y in range(rows[1]):
        row = rows[0] + y - place[0]
        if weights_y[y] == 0 or not 0 <= row < good.shape[0]:
            continue
        along, weight_along = 0.0, 0.0
        for x in range(columns[1]):
            column = column_of(columns[0] + x, place)
            if weights_x[x] != 0 and 0 <= column < good.shape[1] and good[row, column]:
                along += np.float64(np.float32(values[row, column])) * weights_x[x]
                weight_along += weights_x[x]
        total += np.float64(np.float32(along)) * weights_y[y]
        weight += np.float64(np.float32(weight_along)) * weights_y[y]
    return np.float32(total / weight), weight


@kernel
def _four(upper, lower, part_y, part_x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """What `_mean` gives for the triangle as it is, where all four neighbours are valid."""
    u, v = part_x / ONE, part_y / ONE
    above = np.float64(np.float32(upper[0])) * (1 - u) + np.float64(np.float32(upper[1])) * u
    below = np.float64(np.float32(lower[0])) * (1 - u) + np.float64(np.float32(lower[1])) * u
    return np.float32(np.float64(np.float32(above)) * (1 - v) + np.float64(np.float32(below)) * v)


@kernel
def _four_weights(position):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """What `_taps` gives for the cubic as it is between two pixels: the weights of the four around."""
    part = (position & (ONE - 1)) / ONE
    t = part + 1
    a = ((-0.5 * t + 2.5) * t - 4) * t + 2
    b = (1.5 * part - 2.5) * part * part + 1
    t = 1 - part
    c = (1.5 * t - 2.5) * t * t + 1
    t = 2 - part
    d = ((-0.5 * t + 2.5) * t - 4) * t + 2
    total = a + b + c + d
    a, b = np.rint(a / total * ONE), np.rint(b / total * ONE)
    c, d = np.rint(c / total * ONE), np.rint(d / total * ONE)
    rest = ONE - a - b - c - d
    if part < 0.5:
        b += rest
    else:
        c += rest
    return a / ONE, b / ONE, c / ONE, d / ONE


@kernel
def _along(values, row, column, weights):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Weighted mean of four neighbours in a row, as `_mean` rounds it."""
    a = np.float64(np.float32(values[row, column])) * weights[0]
    b = np.float64(np.float32(values[row, column + 1])) * weights[1]
    c = np.float64(np.float32(values[row, column + 2])) * weights[2]
    d = np.float64(np.float32(values[row, column + 3])) * weights[3]
    return np.float64(np.float32(a + b + c + d))


@kernel
def _sixteen(values, row, column, weights_y, weights_x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """What `_mean` gives where all sixteen neighbours are valid: their weights add up to just 1."""
    a = _along(values, row, column, weights_x) * weights_y[0]
    b = _along(values, row + 1, column, weights_x) * weights_y[1]
    c = _along(values, row + 2, column, weights_x) * weights_y[2]
    d = _along(values, row + 3, column, weights_x) * weights_y[3]
    return np.float32(a + b + c + d)


@kernel
def _all_sixteen(good, row, column):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """True if four by four pixels are in hand, and valid."""
    if row < 0 or column < 0 or row + 4 > good.shape[0] or column + 4 > good.shape[1]:
        return False
    for y in range(row, row + 4):
        if not (good[y, column] and good[y, column + 1] and good[y, column + 2] and good[y, column + 3]):
            return False
    return True


@kernel
def _weigh(weights):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """True if all four count: a neighbour without weight is not looked at, whatever it holds."""
    return weights[0] != 0 and weights[1] != 0 and weights[2] != 0 and weights[3] != 0


@kernel
def _smoothed(stored, good, first, at, out, place):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """The cubic as it is, into one place of `out`, where all sixteen neighbours are valid and count; False where not."""
    (row, column), (i, j) = first, place
    if not _all_sixteen(good, row, column):
        return False
    four_y, four_x = _four_weights(at[0]), _four_weights(at[1])
    if not (_weigh(four_y) and _weigh(four_x)):
        return False
    for band in range(out.shape[0]):
        out[band, i, j] = _sixteen(stored[band], row, column, four_y, four_x)
    return True


@kernel
def _interpolate(stored, good, place, ys, xs, by, out, valid):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    top, left, _, _ = place
    kind, stretch_y, stretch_x = by
    stretched = stretch_y != ONE or stretch_x != ONE
    plain, smooth = kind == TRIANGLE and not stretched, kind == CUBIC and not stretched
    weights_y = np.empty(2 * -(-CUBIC * stretch_y // ONE) + 1)
    weights_x = np.empty(2 * -(-CUBIC * stretch_x // ONE) + 1)
    for i in range(ys.shape[0]):
        for j in range(ys.shape[1]):
            y, x = ys[i, j], xs[i, j]
            row, column, there = under(y, x, good, place)
            valid[i, j] = there
            if not there:
                out[:, i, j] = np.nan
                continue
            row, column = (y >> 24) - top, (x >> 24) - left
            if plain and 0 <= row < good.shape[0] - 1 and 0 <= column < good.shape[1] - 1:
                pair = good[row, column : column + 2], good[row + 1, column : column + 2]
                if pair[0][0] and pair[0][1] and pair[1][0] and pair[1][1]:
                    for band in range(out.shape[0]):
                        upper, lower = (
                            stored[band, row, column : column + 2],
                            stored[band, row + 1, column : column + 2],
                        )
                        out[band, i, j] = _four(upper, lower, y & (ONE - 1), x & (ONE - 1))
                    continue
            if smooth and _smoothed(stored, good, (row - 1, column - 1), (y, x), out, (i, j)):
                continue
            rows, columns = _taps(y, kind, stretch_y, weights_y), _taps(x, kind, stretch_x, weights_x)
            value, weight = _mean(stored[0], good, place, rows, columns, weights_y, weights_x)
            if kind == CUBIC and (
                weight < ENOUGH if stretched else not _whole(good, place, rows, columns, weights_y, weights_x)
            ):
                rows, columns = _taps(y, TRIANGLE, stretch_y, weights_y), _taps(x, TRIANGLE, stretch_x, weights_x)
                value, _ = _mean(stored[0], good, place, rows, columns, weights_y, weights_x)
            out[0, i, j] = value
            for band in range(1, out.shape[0]):
                out[band, i, j] = _mean(stored[band], good, place, rows, columns, weights_y, weights_x)[0]
