"""The mean of the source under each output pixel, by area.

The footprint of an output pixel is the quadrilateral between the source positions of its four corners. The share of each
source pixel that it covers is computed as that of a clipped polygon (as in anti-aliased drawing) and rounded to a whole
number of 2**-22, so that sums over integer bands are exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel
from gigascene.kernels._fixed import I64, NOWHERE, ONE, Positions, pixel_under
from gigascene.kernels._part import Mask, Part, column_numpy, column_of, there_numpy, under, under_numpy

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

FULL = 1 << 22
"""Weight of a source pixel that is covered wholly, or at least of the whole footprint where that is smaller."""

AROUND = ((0, 0), (0, 1), (1, 1), (1, 0))
"""The corners of a pixel, in order."""

STEEP = 1e-6
"""An edge that runs less across, in pixels, is taken as upright."""


def average_numpy(part: Part, at: Positions, corners: Positions, period: int = 0) -> tuple[F32, Mask]:
    """The specification of `average`, with the same arguments."""
    place, valid = under_numpy(part, at)
    out = np.where(valid, part.stored[:, *place].astype(np.float32), np.float32(np.nan))
    y, x, good = _corners_numpy(at, corners, period)
    y, x = np.where(good, y, 0), np.where(good, x, 0)
    unit = _unit_numpy(y, x)
    total, weight = np.zeros(out.shape), np.zeros(good.shape)
    top, left = np.floor(y.min(axis=0)).astype(np.int64), np.floor(x.min(axis=0)).astype(np.int64)
    for down in range(int((np.ceil(y.max(axis=0)) - top).max(initial=0))):
        edges = [_edge_numpy(y, x, edge, top + down) for edge in range(4)]
        for across in range(int((np.ceil(x.max(axis=0)) - left).max(initial=0))):
            share = np.zeros(good.shape)
            for height, start, end in edges:
                share += height * _beside_numpy(start - (left + across), end - (left + across))
            place, there = there_numpy(part, top + down - part.at.top, column_numpy(part, left + across))
            one = np.where(there & good, np.rint(np.abs(share) * unit), 0)
            total += np.where(one > 0, part.stored[:, *place].astype(np.float32).astype(np.float64) * one, 0)
            weight += one
    with np.errstate(invalid="ignore", divide="ignore"):
        means = (total / weight).astype(np.float32)
    return np.where(good, means, out), np.where(good, weight > 0, valid)


def _corners_numpy(at: Positions, corners: Positions, period: int) -> tuple[F64, F64, Mask]:
    """Of each footprint the corners (4, y, x) in pixels from the source's own corner, and whether it is one piece."""
    height, width = at.y.shape
    fixed_y, fixed_x = (
        np.stack([of[i : height + i, j : width + j] for i, j in AROUND]) for of in (corners.y, corners.x)
    )
    good = (at.y != NOWHERE) & (fixed_y != NOWHERE).all(axis=0)
    fixed_y, fixed_x = np.where(good, fixed_y, 0), np.where(good, fixed_x, 0)
    middle_y, middle_x = np.where(good, at.y, 0), np.where(good, at.x, 0)
    if period:
        away, half = fixed_x - middle_x, period // 2
        fixed_x = np.where(away > half, fixed_x - period, np.where(away < -half, fixed_x + period, fixed_x))
        good &= (np.abs(fixed_x - np.roll(fixed_x, -1, axis=0)) <= half).all(axis=0)
    for of, middle in ((fixed_y, middle_y), (fixed_x, middle_x)):
        good &= np.abs(of.sum(axis=0) - 4 * middle) <= (of.max(axis=0) - of.min(axis=0)) // 2 + ONE // 2
    y, x = fixed_y / ONE + 0.5, fixed_x / ONE + 0.5
    return y, x, good & (_area_numpy(y, x) > 0)


def _area_numpy(y: F64, x: F64) -> F64:
    return np.abs((x[2] - x[0]) * (y[3] - y[1]) - (x[3] - x[1]) * (y[2] - y[0])) / 2


def _unit_numpy(y: F64, x: F64) -> F64:
    area = _area_numpy(y, x)
    unit = np.full(area.shape, float(FULL))
    while (small := (area > 0) & (unit * area < FULL)).any():
        unit[small] *= 2
    return unit


def _edge_numpy(y: F64, x: F64, edge: int, row: I64) -> tuple[F64, F64, F64]:
    """Signed height of an edge in a row of source pixels, and its columns where it enters and leaves."""
    y0, y1, x0, x1 = y[edge], y[(edge + 1) % 4], x[edge], x[(edge + 1) % 4]
    start, end = np.clip(y0, row, row + 1), np.clip(y1, row, row + 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (x1 - x0) / (y1 - y0)
        return end - start, *(np.where(end == start, x0, x0 + (at - y0) * slope) for at in (start, end))


def _beside_numpy(start: F64, end: F64) -> F64:
    """Share of a pixel's row that lies before an edge, which runs from `start` to `end` (from the pixel's left side)."""
    low, high = np.minimum(start, end), np.maximum(start, end)
    with np.errstate(invalid="ignore", divide="ignore"):
        sloping = np.where(low >= 1, 1, (_before_numpy(high) - _before_numpy(low)) / (high - low))
    return np.where(high - low < STEEP, np.clip((low + high) / 2, 0, 1), sloping)


def _before_numpy(u: F64) -> F64:
    """Integral of clip(u, 0, 1)."""
    return np.where(u <= 0, 0, np.where(u < 1, u * u / 2, u - 0.5))


def average(part: Part, at: Positions, corners: Positions, period: int = 0) -> tuple[F32, Mask]:
    """The mean by area of the source pixels under each output pixel; compiled twin of `average_numpy`.

    Parameters
    ----------
    part : Part
        With all pixels inside the source that a footprint covers.
    at : Positions
        Of the centres of a window's pixels, (y, x).
    corners : Positions
        Of their corners, (y + 1, x + 1).
    period : int
        Source columns after which the world repeats itself, in units of 1 / `ONE`, or 0.

    Returns
    -------
    (band, y, x) float32
        NaN where not valid. Each valid source pixel counts by the area of it that the footprint covers, in
        whole multiples of 2**-22 (finer ones for footprints smaller than a source pixel). A footprint that a pole or a cut
        of the map tears apart is not one: there, the nearest pixel's value.
    (y, x) bool
        True where the footprint covers anything valid, however little.

    Examples
    --------
    >>> from gigascene.model.grid import Window
    >>> window = Window(top=0, left=0, height=1, width=3)
    >>> part = Part(stored=np.uint8([[[10, 20, 50]]]), valid=np.array([[True, True, False]]), at=window, columns=3)
    >>> at = Positions(y=np.int64([[0]]), x=np.int64([[ONE * 5 // 4]]))
    >>> y, x = np.int64([[-1, -1], [1, 1]]) * ONE // 2, np.int64([[1, 9], [1, 9]]) * ONE // 4
    >>> average(part, at, Positions(y=y, x=x))[0].tolist()
    [[[18.0]]]
    """
    out = np.empty((part.stored.shape[0], *at.y.shape), np.float32)
    valid = np.empty(at.y.shape, np.bool_)
    _average(part.stored, part.valid, part.place, (at.y, at.x), (corners.y, corners.x), period, out, valid)
    return out, valid


def extent_numpy(
    at: Positions, corners: Positions, shape: tuple[int, int], period: int = 0
) -> tuple[int, int, int, int] | None:
    """The specification of `extent`, with the same arguments."""
    y, x, good = _corners_numpy(at, corners, period)
    row, column = pixel_under(at.y), pixel_under(at.x)
    top, bottom = np.floor(y.min(axis=0)).astype(np.int64), np.ceil(y.max(axis=0)).astype(np.int64) - 1
    left, right = np.floor(x.min(axis=0)).astype(np.int64), np.ceil(x.max(axis=0)).astype(np.int64) - 1
    top, bottom = np.where(good, top, row), np.where(good, bottom, row)
    left, right = np.where(good, left, column), np.where(good, right, column)
    inside = (bottom >= 0) & (top < shape[0]) & (right >= 0) & (left < shape[1])
    if not inside.any():
        return None
    return int(top[inside].min()), int(bottom[inside].max()), int(left[inside].min()), int(right[inside].max())


def extent(
    at: Positions, corners: Positions, shape: tuple[int, int], period: int = 0
) -> tuple[int, int, int, int] | None:
    """First and last rows and columns of footprints that touch a source of `shape`, or None; twin of `extent_numpy`.

    They may reach beyond the source.
    """
    found = _extent((at.y, at.x), (corners.y, corners.x), shape[0], shape[1], period)
    return None if found[0] > found[1] else found


@kernel
def _least(of):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    return min(of[0], of[1], of[2], of[3])


@kernel
def _most(of):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    return max(of[0], of[1], of[2], of[3])


@kernel
def _extent(centres, corners, height, width, period):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    y, x = np.empty(4), np.empty(4)
    top = left = 1 << 62
    bottom = right = -(1 << 62)
    for i in range(centres[0].shape[0]):
        for j in range(centres[0].shape[1]):
            middle = centres[0][i, j], centres[1][i, j]
            if middle[0] == NOWHERE:
                continue
            if _corners(middle, corners[0], corners[1], i, j, period, y, x) > 0:
                low_y, high_y = int(np.floor(_least(y))), int(np.ceil(_most(y))) - 1
                low_x, high_x = int(np.floor(_least(x))), int(np.ceil(_most(x))) - 1
            else:
                low_y = high_y = (middle[0] + ONE // 2) >> 24
                low_x = high_x = (middle[1] + ONE // 2) >> 24
            if high_y >= 0 and low_y < height and high_x >= 0 and low_x < width:
                top, bottom = min(top, low_y), max(bottom, high_y)
                left, right = min(left, low_x), max(right, high_x)
    return top, bottom, left, right


@kernel
def _near(column, middle, period):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """The same column, on this side of where the world repeats itself."""
    if column - middle > period // 2:
        return column - period
    if column - middle < -(period // 2):
        return column + period
    return column


@kernel
def _torn(sum_of, middle, span):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """True if the centre does not lie between the corners."""
    return abs(sum_of - 4 * middle) > span // 2 + ONE // 2


@kernel
def _corners(middle, ys, xs, i, j, period, y, x):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """The corners of one footprint into `y` and `x`; its area, or 0 if it is torn."""
    y0, y1, y2, y3 = ys[i, j], ys[i, j + 1], ys[i + 1, j + 1], ys[i + 1, j]
    x0, x1, x2, x3 = xs[i, j], xs[i, j + 1], xs[i + 1, j + 1], xs[i + 1, j]
    if min(y0, y1, y2, y3) == NOWHERE:
        return 0.0
    if period:
        x0, x1 = _near(x0, middle[1], period), _near(x1, middle[1], period)
        x2, x3 = _near(x2, middle[1], period), _near(x3, middle[1], period)
        if max(abs(x1 - x0), abs(x2 - x1), abs(x3 - x2), abs(x0 - x3)) > period // 2:
            return 0.0
    span = max(y0, y1, y2, y3) - min(y0, y1, y2, y3)
    if _torn(y0 + y1 + y2 + y3, middle[0], span):
        return 0.0
    span = max(x0, x1, x2, x3) - min(x0, x1, x2, x3)
    if _torn(x0 + x1 + x2 + x3, middle[1], span):
        return 0.0
    y[0], y[1], y[2], y[3] = y0 / ONE + 0.5, y1 / ONE + 0.5, y2 / ONE + 0.5, y3 / ONE + 0.5
    x[0], x[1], x[2], x[3] = x0 / ONE + 0.5, x1 / ONE + 0.5, x2 / ONE + 0.5, x3 / ONE + 0.5
    return abs((x[2] - x[0]) * (y[3] - y[1]) - (x[3] - x[1]) * (y[2] - y[0])) / 2


@kernel
def _slopes(y, x, slopes):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Columns for one row along each edge; 0 for level ones, which are in no row."""
    for edge in range(4):
        after = (edge + 1) & 3
        slopes[edge] = 0.0
        if y[after] != y[edge]:
            slopes[edge] = (x[after] - x[edge]) / (y[after] - y[edge])


@kernel
def _edges(y, x, slopes, row, edges):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Of the edges in a row of source pixels, signed height, and lower and higher column there; how many there are."""
    count = 0
    for edge in range(4):
        y0, y1, x0 = y[edge], y[(edge + 1) & 3], x[edge]
        start, end = min(max(y0, row), row + 1.0), min(max(y1, row), row + 1.0)
        if end != start:
            one, other = x0 + (start - y0) * slopes[edge], x0 + (end - y0) * slopes[edge]
            edges[count, 0] = end - start
            edges[count, 1], edges[count, 2] = min(one, other), max(one, other)
            count += 1
    return count


@kernel
def _before(u):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    if u <= 0:
        return 0.0
    if u < 1:
        return u * u / 2
    return u - 0.5


@kernel
def _share(edges, count, column):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Signed area of a source pixel that lies in the footprint."""
    share = 0.0
    for edge in range(count):
        low, high = edges[edge, 1] - column, edges[edge, 2] - column
        if high <= 0:
            continue
        if low >= 1:
            share += edges[edge, 0]
        elif high - low < STEEP:
            share += edges[edge, 0] * min(max((low + high) / 2, 0.0), 1.0)
        else:
            share += edges[edge, 0] * ((_before(high) - _before(low)) / (high - low))
    return share


@kernel
def _add(stored, good, place, corners, work, total, unit):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Add up the valid source pixels of one footprint into `total`, a band each; what they weigh."""
    top, left, _, around = place
    (y, x), (edges, slopes) = corners, work
    weight = 0.0
    _slopes(y, x, slopes)
    first, last = int(np.floor(_least(x))), int(np.ceil(_most(x)))
    if not around:
        first, last = max(first, left), min(last, left + good.shape[1])
    for row in range(max(int(np.floor(_least(y))), top), min(int(np.ceil(_most(y))), top + good.shape[0])):
        count = _edges(y, x, slopes, row, edges)
        for across in range(first, last):
            column = column_of(across, place)
            if 0 <= column < good.shape[1] and good[row - top, column]:
                one = np.rint(abs(_share(edges, count, across)) * unit)
                if one > 0:
                    weight += one
                    for band in range(total.shape[0]):
                        total[band] += np.float64(np.float32(stored[band, row - top, column])) * one
    return weight


@kernel
def _unit(area):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    unit = float(FULL)
    while unit * area < FULL:
        unit *= 2
    return unit


@kernel
def _average(stored, good, place, centres, corners, period, out, valid):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    y, x, total = np.empty(4), np.empty(4), np.empty(out.shape[0])
    work = np.empty((4, 3)), np.empty(4)
    for i in range(out.shape[1]):
        for j in range(out.shape[2]):
            middle = centres[0][i, j], centres[1][i, j]
            area = 0.0
            if middle[0] != NOWHERE:
                area = _corners(middle, corners[0], corners[1], i, j, period, y, x)
            total[:], weight = 0.0, 0.0
            if area > 0:
                weight = _add(stored, good, place, (y, x), work, total, _unit(area))
            else:
                row, column, there = under(middle[0], middle[1], good, place)
                if there:
                    weight = 1.0
                    for band in range(out.shape[0]):
                        total[band] = np.float64(np.float32(stored[band, row, column]))
            valid[i, j] = weight > 0
            for band in range(out.shape[0]):
                out[band, i, j] = np.float32(total[band] / weight)
