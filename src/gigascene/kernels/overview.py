"""Half-size pictures for overviews: integer means of 2 x 2 pixels, over those that are valid."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.kernels._compiled import kernel

PLAIN, NODATA, ALPHA = 0, 1, 2
CHUNK = 128
"""Output pixels tested at once for having no invalid one among their sources."""


def halve(
    levels: NDArray[Any], *, nodata: int | None = None, alpha: bool = False, out: NDArray[Any] | None = None
) -> NDArray[Any]:
    """Halve a picture; each pixel is ``(sum + n // 2) // n`` of the n valid ones among the four below it.

    Parameters
    ----------
    levels : (y, x, band) uint8 or uint16, C-contiguous
        Display levels. Its first row and column must lie at even positions of the whole picture.
    nodata : int or None
        A pixel is invalid where all its bands have this level, which must be 0
        (a mean of levels of at least 1 is never 0).
    alpha : bool
        The last band is a mask (0 or full) and tells which pixels are valid.
    out : ((y + 1) // 2, (x + 1) // 2, band), C-contiguous, optional
        Where to put the result.

    Returns
    -------
    ((y + 1) // 2, (x + 1) // 2, band), of the same type
        At odd edges only the pixels that exist count. 0 in all bands where none is valid.

    Examples
    --------
    >>> halve(np.uint8([[[10], [20], [7]], [[31], [0], [0]]]), nodata=0)[..., 0].tolist()
    [[20, 7]]
    """
    mode = _mode(nodata, alpha=alpha)
    height, width, bands = levels.shape
    if out is None:
        out = np.empty((-(-height // 2), -(-width // 2), bands), levels.dtype)
    rows = np.ascontiguousarray(levels).reshape(height, width * bands)
    _halve(rows, bands, mode, out.reshape(out.shape[0], -1))
    return out


def halve_numpy(levels: NDArray[Any], *, nodata: int | None = None, alpha: bool = False) -> NDArray[Any]:
    """The same, in plain NumPy: the specification `halve` is tested against."""
    mode = _mode(nodata, alpha=alpha)
    valid = np.ones(levels.shape[:2], bool)
    if mode == NODATA:
        valid = (levels != 0).any(axis=-1)
    elif mode == ALPHA:
        valid = levels[..., -1] > 0
    total = _summed(np.where(valid[..., None], levels, 0).astype(np.uint32))
    count = _summed(valid[..., None].astype(np.uint32))
    means = (total + count // 2) // np.maximum(count, 1)
    return means.astype(levels.dtype)


def _mode(nodata: int | None, *, alpha: bool) -> int:
    if nodata is not None and (alpha or nodata != 0):
        raise ValueError(f"overviews know nodata 0 or an alpha band, not nodata {nodata} with alpha {alpha}")
    return ALPHA if alpha else PLAIN if nodata is None else NODATA


def _summed(values: NDArray[Any]) -> NDArray[Any]:
    """Sums of 2 x 2; beyond an odd edge there are zeros."""
    height, width, bands = values.shape
    even = np.pad(values, ((0, height % 2), (0, width % 2), (0, 0)))
    return even.reshape(-(-height // 2), 2, -(-width // 2), 2, bands).sum(axis=(1, 3))


@kernel
def _halve(rows: NDArray[Any], bands: int, mode: int, out: NDArray[Any]) -> None:
    """Fast where all four pixels exist and are valid, a chunk at a time; pixel by pixel elsewhere."""
    columns = out.shape[1] // bands
    pairs = rows.shape[1] // bands // 2
    for y in range(out.shape[0]):
        # Rows first, then parts of rows: only so the compiler knows that samples lie side by side, which is five times as fast.
        upper, target = rows[2 * y], out[y]
        lower = rows[2 * y + 1] if 2 * y + 1 < rows.shape[0] else upper[:0]
        for left in range(0, columns, CHUNK):
            right = min(left + CHUNK, columns)
            above, below = upper[2 * left * bands : 2 * right * bands], lower[2 * left * bands : 2 * right * bands]
            whole = below.shape[0] > 0 and right <= pairs
            if whole and (mode == PLAIN or not _has_zero(above, below)):
                _mean(above, below, bands, target[left * bands : right * bands])
            else:
                _mixed(above, below, bands, mode, target[left * bands : right * bands])


@kernel
def _has_zero(upper: NDArray[Any], lower: NDArray[Any]) -> bool:
    """Any 0 at all: invalid pixels have one, valid ones none (alpha full, levels from 1), or little is lost."""
    zeros = 0
    for i in range(upper.shape[0]):
        zeros |= (upper[i] == 0) | (lower[i] == 0)
    return zeros != 0


@kernel
def _mean(upper: NDArray[Any], lower: NDArray[Any], bands: int, out: NDArray[Any]) -> None:
    """Four pixels each, all valid. A literal number of bands is compiled by itself, and then to vectors."""
    if bands == 1:
        _quads(upper, lower, 1, out)
    elif bands == 2:
        _quads(upper, lower, 2, out)
    elif bands == 3:
        _quads(upper, lower, 3, out)
    elif bands == 4:
        _quads(upper, lower, 4, out)
    else:
        _quads(upper, lower, bands, out)


@kernel
def _quads(upper: NDArray[Any], lower: NDArray[Any], bands: int, out: NDArray[Any]) -> None:
    for x in range(out.shape[0] // bands):
        left = 2 * x * bands
        right = left + bands
        for band in range(bands):
            above = np.uint32(upper[left + band]) + np.uint32(upper[right + band])
            below = np.uint32(lower[left + band]) + np.uint32(lower[right + band])
            out[x * bands + band] = (above + below + np.uint32(2)) >> np.uint32(2)


@kernel
def _valid(row: NDArray[Any], at: int, bands: int, mode: int) -> bool:
    if mode == PLAIN:
        return True
    if mode == ALPHA:
        return row[at + bands - 1] != 0
    for band in range(bands):  # noqa: SIM110  (numba compiles no generator expressions)
        if row[at + band] != 0:
            return True
    return False


@kernel
def _mixed(upper: NDArray[Any], lower: NDArray[Any], bands: int, mode: int, out: NDArray[Any]) -> None:
    """Pixels that may be invalid or beyond the edge, from one or two rows."""
    total = np.empty(bands, np.uint32)
    for x in range(out.shape[0] // bands):
        total[:] = 0
        count = 0
        for row in (upper, lower):
            for at in range(2 * x * bands, min((2 * x + 2) * bands, row.shape[0]), bands):
                if _valid(row, at, bands, mode):
                    count += 1
                    for band in range(bands):
                        total[band] += row[at + band]
        for band in range(bands):
            out[x * bands + band] = (total[band] + count // 2) // max(count, 1)
