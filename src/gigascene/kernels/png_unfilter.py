"""PNG's row filters undone and small samples unpacked (PNG 3rd edition, sections 7.2 and 9), on bytes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel

NONE, SUB, UP, AVERAGE, PAETH = range(5)


def unfilter_numpy(rows: NDArray[np.uint8], step: int) -> int:
    """Replace filtered bytes by raw ones, in place. The specification of `unfilter`.

    Parameters
    ----------
    rows : (1 + y, 1 + bytes of a row) uint8
        Each row led by its filter type. The first is the raw row above the others (zeros at the top of a picture);
        its type is not looked at.
    step : int
        Bytes of one pixel, at least 1.

    Returns
    -------
    int
        Rows undone, the first not counted: y, or fewer where the next one's filter type is none of PNG's.
    """
    for y in range(1, len(rows)):
        kind, row, above = rows[y, 0], rows[y, 1:], rows[y - 1, 1:]
        if kind > PAETH:
            return y - 1
        if kind == UP:
            row += above
        elif kind != NONE:
            _undo_numpy(int(kind), row, above, step)
    return len(rows) - 1


def _undo_numpy(kind: int, row: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> None:
    """Filters that look to the left, a byte at a time."""
    for x in range(len(row)):
        left, corner = (int(row[x - step]), int(above[x - step])) if x >= step else (0, 0)
        guess = {SUB: left, AVERAGE: (left + int(above[x])) // 2, PAETH: _nearest(left, int(above[x]), corner)}[kind]
        row[x] = (int(row[x]) + guess) % 256


def _nearest(left: int, above: int, corner: int) -> int:
    """Of the three neighbours the one nearest to left + above - corner; at a tie the one named first (section 9.4)."""
    guess = left + above - corner
    return min((left, above, corner), key=lambda near: abs(guess - near))


@kernel
def _up(row, above):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for x in range(row.size):
        row[x] += above[x]


@kernel
def _average(row, above, step):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for x in range(min(step, row.size)):
        row[x] = np.uint8(row[x] + (above[x] >> 1))
    if step > 1:
        for x in range(step, row.size):
            row[x] = np.uint8(row[x] + ((np.uint32(row[x - step]) + np.uint32(above[x])) >> 1))
    else:
        left = np.uint32(row[0])  # in a register: memory would be waited for at each pixel
        for x in range(1, row.size):
            left = (row[x] + ((left + np.uint32(above[x])) >> np.uint32(1))) & np.uint32(255)
            row[x] = left


@kernel
def _nearest_of(left, above, corner):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """`_nearest` by comparison with the smaller and larger neighbour (F. Giesen, in stb_image): twice as fast."""
    threshold = corner * 3 - (left + above)
    low, high = min(left, above), max(left, above)
    near = low if high <= threshold else corner
    return high if threshold <= low else near


@kernel
def _paeth(row, above, step):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for x in range(min(step, row.size)):
        row[x] += above[x]
    if step > 1:
        for x in range(step, row.size):
            left, up, corner = np.int32(row[x - step]), np.int32(above[x]), np.int32(above[x - step])
            row[x] = np.uint8(row[x] + _nearest_of(left, up, corner))
    else:
        left, corner = np.int32(row[0]), np.int32(above[0])
        for x in range(1, row.size):
            up = np.int32(above[x])
            left, corner = np.int32((row[x] + _nearest_of(left, up, corner)) & 255), up
            row[x] = left


@kernel
def _unfilter(rows, step):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for y in range(1, len(rows)):
        kind, row, above = rows[y, 0], rows[y, 1:], rows[y - 1, 1:]
        if kind > PAETH:
            return y - 1
        if kind == SUB and step > 1:
            for x in range(step, row.size):
                row[x] += row[x - step]
        elif kind == SUB:
            left = np.uint8(0)  # LLVM makes the loop ten times as slow in a function of its own
            for x in range(row.size):
                left = np.uint8(left + row[x])
                row[x] = left
        elif kind == UP:
            _up(row, above)
        elif kind == AVERAGE:
            _average(row, above, step)
        elif kind == PAETH:
            _paeth(row, above, step)
    return len(rows) - 1


def unfilter(rows: NDArray[np.uint8], step: int) -> int:
    """Compiled twin of `unfilter_numpy`; `rows` must be C-contiguous.

    >>> rows = np.uint8([[0, 10, 20], [UP, 1, 1], [SUB, 7, 250]])
    >>> unfilter(rows, 1), rows[:, 1:].tolist()
    (2, [[10, 20], [11, 21], [7, 1]])
    """
    return int(_unfilter(rows, step))


def unpacked(rows: NDArray[np.uint8], depth: int, columns: int) -> NDArray[np.uint8]:
    """Samples of 1, 2 or 4 bits, the leftmost in the highest bits: (y, bytes of a row) to (y, columns) uint8.

    >>> unpacked(np.uint8([[0b11_00_01_10]]), 2, 3).tolist()
    [[3, 0, 1]]
    """
    if depth == 1:
        return np.unpackbits(rows, axis=1, count=columns)
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    samples = (rows[..., np.newaxis] >> shifts) & np.uint8((1 << depth) - 1)
    return samples.reshape(len(rows), -1)[:, :columns]
