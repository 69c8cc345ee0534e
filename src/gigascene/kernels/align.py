"""Bringing a band onto another grid of the same CRS: other pixel size, other origin, no rotation.

All positions are those of pixel centres, so bands that share centres but not
corners (Landsat's 15 m and 30 m bands) meet without a shift. They are found
from absolute output pixels and kept to 2**-24 of a source pixel, whatever
window is asked for; a part made alone is therefore the same part of the whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.kernels._compiled import kernel
from gigascene.kernels._fixed import ONE, pixel_under
from gigascene.model.errors import UsageError
from gigascene.model.grid import Window

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
T = TypeVar("T", bound=np.generic)

NEAREST, BILINEAR = 0, 1
"""The `reach` of each interpolation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Where output pixel centres lie on the source, along one axis: ``offset + scale * index``.

    >>> Axis(offset=-0.25, scale=0.5).positions(2, 3).tolist()
    [0.75, 1.25, 1.75]
    """

    offset: float
    """Position of output pixel 0, in source pixels; 0 is the centre of the first."""

    scale: float
    """Source pixels to one output pixel."""

    def positions(self, first: int, count: int) -> NDArray[np.float64]:
        """Source positions of `count` output pixels from `first` on."""
        return self.offset + self.scale * np.arange(first, first + count, dtype=np.float64)

    def fixed(self, first: int, count: int) -> I64:
        """The same in units of 1 / `ONE`, so that noise in the last bits of an affine cannot decide a tie."""
        return np.rint(self.positions(first, count) * ONE).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axes:
    """Both axes of the way from an output grid to a source grid."""

    y: Axis
    x: Axis


def axes(source: GeoBox, output: GeoBox) -> Axes:
    """The way from the pixels of `output` to those of `source`, rounded once from exact arithmetic.

    Raises `UsageError` if the grids differ in CRS or either is rotated: that is
    a warp, and this is not.

    Examples
    --------
    >>> from affine import Affine
    >>> red = GeoBox((7731, 7591), Affine(30, 0, 471585, 0, -30, 8014815), "EPSG:32622")
    >>> pan = GeoBox((15461, 15181), Affine(15, 0, 471592.5, 0, -15, 8014807.5), "EPSG:32622")
    >>> axes(red, pan)
    Axes(y=Axis(offset=0.0, scale=0.5), x=Axis(offset=0.0, scale=0.5))
    """
    if source.crs != output.crs:
        raise UsageError(f"cannot align {source.crs} to {output.crs}: the bands must share one CRS")
    if not (source.axis_aligned and output.axis_aligned):
        raise UsageError("cannot align a rotated grid")
    a, b = source.transform, output.transform
    return Axes(y=_axis((a.f, a.e), (b.f, b.e)), x=_axis((a.c, a.a), (b.c, b.a)))


def _axis(source: tuple[float, float], output: tuple[float, float]) -> Axis:
    """One axis from the (outer edge, pixel size) of each grid."""
    edge, size = map(Fraction, source)
    output_edge, output_size = map(Fraction, output)
    scale = output_size / size
    offset = (output_edge - edge) / size + (scale - 1) / 2
    return Axis(offset=float(offset), scale=float(scale))


def source_window(axes: Axes, window: Window, shape: tuple[int, int], reach: int = BILINEAR) -> Window:
    """The source pixels that an interpolation of an output window touches.

    Parameters
    ----------
    axes : Axes
        From the output to the source.
    window : Window
        Of the output.
    shape : (rows, columns)
        Of the whole source.
    reach : int
        `NEAREST` (0) or `BILINEAR` (1).

    Returns
    -------
    Window
        Clipped to the source; where nothing of it is touched, the nearest edge pixel.

    Examples
    --------
    >>> half = Axis(offset=0.0, scale=0.5)
    >>> str(source_window(Axes(y=half, x=half), Window(top=2, left=3, height=3, width=1), (9, 9)))
    'rows 1-2, columns 1-2'
    """
    top, bottom = _span(axes.y, window.top, window.height, shape[0], reach)
    left, right = _span(axes.x, window.left, window.width, shape[1], reach)
    return Window(top=top, left=left, height=bottom - top + 1, width=right - left + 1)


def _span(axis: Axis, first: int, count: int, size: int, reach: int) -> tuple[int, int]:
    """First and last source pixel touched, inside 0 to size - 1."""
    ends = np.sort(axis.fixed(first, count)[[0, -1]])
    low, high = pixel_under(ends) if reach == NEAREST else (ends[0] // ONE, -(-ends[1] // ONE))
    return min(max(int(low), 0), size - 1), min(max(int(high), 0), size - 1)


def nearest(values: NDArray[T], source: Window, axes: Axes, window: Window, fill: Any = 0) -> NDArray[T]:
    """The source pixel under the centre of each output pixel: for flags and masks.

    Parameters
    ----------
    values : (y, x), any dtype
        The pixels of `source`.
    source : Window
        What `source_window` gave, or larger (but inside the source).
    axes : Axes
        From the output to the source.
    window : Window
        Of the output.
    fill : scalar
        For output pixels whose centre lies outside the source.

    Returns
    -------
    (y, x), dtype of `values`

    Examples
    --------
    >>> third = Axis(offset=-1 / 3, scale=1 / 3)
    >>> whole = Window(top=0, left=0, height=1, width=2)
    >>> flat = Axes(y=Axis(offset=0.0, scale=1.0), x=third)
    >>> nearest(np.uint8([[7, 9]]), whole, flat, Window(top=0, left=0, height=1, width=7), fill=255).tolist()
    [[7, 7, 7, 9, 9, 9, 255]]
    """
    _check(values, source)
    y = pixel_under(axes.y.fixed(window.top, window.height)) - source.top
    x = pixel_under(axes.x.fixed(window.left, window.width)) - source.left
    out = values[y.clip(0, source.height - 1)[:, None], x.clip(0, source.width - 1)]
    out[_outside(y, source.height)] = fill
    out[:, _outside(x, source.width)] = fill
    return out


def _check(values: NDArray[Any], source: Window) -> None:
    # Compiled code does not look where it reads.
    if values.shape != (source.height, source.width):
        raise ValueError(f"{source} is {source.height} x {source.width} pixels, but the array is {values.shape}")


def _outside(index: I64, size: int) -> NDArray[np.bool_]:
    return (index < 0) | (index >= size)


def coarser(axes: Axes) -> bool:
    """True if an output pixel is larger than a source pixel: a mean is due, not an interpolation."""
    return max(axes.y.scale, axes.x.scale) > 1


def covered_window(axes: Axes, window: Window, shape: tuple[int, int]) -> Window:
    """The source pixels of which `averaged` takes the mean for a window: as `source_window`."""
    y, x = _covered(axes.y, window.top, window.height), _covered(axes.x, window.left, window.width)
    top, left = (min(max(int(first[0]), 0), size - 1) for (first, _), size in zip((y, x), shape, strict=True))
    bottom, right = (min(max(int(last[-1]), 1), size) for (_, last), size in zip((y, x), shape, strict=True))
    return Window(top=top, left=left, height=max(bottom - top, 1), width=max(right - left, 1))


def _covered(axis: Axis, first: int, count: int) -> tuple[I64, I64]:
    """For each output pixel along one axis: first source pixel whose centre lies in it, and the first behind."""
    edges = np.rint((axis.offset + axis.scale * (np.arange(first, first + count + 1) - 0.5)) * ONE).astype(np.int64)
    ceiled = -(-edges // ONE)
    return ceiled[:-1], ceiled[1:]


def _ranges(source: Window, axes: Axes, window: Window) -> tuple[I64, I64, I64, I64]:
    """Rows and columns of a source window that belong to each output row and column."""
    y0, y1 = (part - source.top for part in _covered(axes.y, window.top, window.height))
    x0, x1 = (part - source.left for part in _covered(axes.x, window.left, window.width))
    return y0.clip(0, None), y1.clip(None, source.height), x0.clip(0, None), x1.clip(None, source.width)


def averaged_numpy(values: F32, source: Window, axes: Axes, window: Window) -> F32:
    """Mean of the source pixels in each output pixel. The specification of `averaged`, with the same arguments.

    Summed in float64, row by row from the upper left, divided, and rounded to float32 once.
    """
    _check(values, source)
    y0, y1, x0, x1 = _ranges(source, axes, window)
    total = np.zeros((window.height, window.width))
    count = np.zeros((window.height, window.width), np.int64)
    for dy in range(int((y1 - y0).max(initial=0))):
        for dx in range(int((x1 - x0).max(initial=0))):
            y, x = (y0 + dy).clip(0, source.height - 1), (x0 + dx).clip(0, source.width - 1)
            part = values[y[:, None], x]
            good = ~np.isnan(part) & (y0 + dy < y1)[:, None] & (x0 + dx < x1)
            total += np.where(good, part, 0)
            count += good
    with np.errstate(invalid="ignore"):
        return (total / count).astype(np.float32)


def averaged(values: F32, source: Window, axes: Axes, window: Window) -> F32:
    """Mean of the source pixels whose centres lie in each output pixel; compiled twin of `averaged_numpy`.

    Parameters
    ----------
    values : (y, x) float32
        The pixels of `source`, any unit, finite. NaN marks missing pixels.
    source : Window
        What `covered_window` gave, or larger (but inside the source).
    axes : Axes
        From the output to the source; a scale above 1.
    window : Window
        Of the output.

    Returns
    -------
    (y, x) float32
        Missing pixels are left out; NaN where all are missing or outside.

    Examples
    --------
    >>> twice = Axis(offset=0.5, scale=2.0)
    >>> whole = Window(top=0, left=0, height=2, width=4)
    >>> output = Window(top=0, left=0, height=1, width=2)
    >>> averaged(np.float32([[1, 2, 5, np.nan], [3, 4, 6, 7]]), whole, Axes(y=twice, x=twice), output).tolist()
    [[2.5, 6.0]]
    """
    _check(values, source)
    out = np.empty((window.height, window.width), np.float32)
    _averaged(values, *_ranges(source, axes, window), out)
    return out


@kernel
def _averaged(values, y0, y1, x0, x1, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            total, count = 0.0, 0
            for y in range(y0[row], y1[row]):
                for x in range(x0[column], x1[column]):
                    value = values[y, x]
                    if not np.isnan(value):
                        total += np.float64(value)
                        count += 1
            out[row, column] = np.float32(total / count) if count else np.float32(np.nan)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """For each output pixel along one axis: its two neighbours and the weight of each."""

    before: I64
    after: I64
    near: I64
    """The closer of the two, or -1 outside the source."""

    weight_before: F32
    weight_after: F32
    """The two add up to exactly 1."""


def _pairs(axis: Axis, first: int, count: int, start: int, size: int) -> _Pairs:
    """Neighbours by their place in a window of `size` source pixels from `start`."""
    fixed = axis.fixed(first, count)
    whole, part = np.divmod(fixed, ONE)
    near = pixel_under(fixed) - start
    return _Pairs(
        before=(whole - start).clip(0, size - 1),
        # A position on a centre has one neighbour, not a second of weight 0 that need not have been read.
        after=(whole + (part > 0) - start).clip(0, size - 1),
        near=np.where(_outside(near, size), -1, near),
        weight_before=((ONE - part) / ONE).astype(np.float32),
        weight_after=(part / ONE).astype(np.float32),
    )


def _both(values: F32, source: Window, axes: Axes, window: Window) -> tuple[_Pairs, _Pairs]:
    _check(values, source)
    return (
        _pairs(axes.y, window.top, window.height, source.top, source.height),
        _pairs(axes.x, window.left, window.width, source.left, source.width),
    )


def bilinear_numpy(values: F32, source: Window, axes: Axes, window: Window) -> F32:
    """Bilinear interpolation. The specification of `bilinear`, with the same arguments.

    First along x, rounded to float32, then along y. Every product is of two
    float32 numbers and taken in float64, where it is exact: whether the machine
    fuses it with the addition that follows cannot be seen.
    """
    y, x = _both(values, source, axes, window)
    valid = ~np.isnan(values)
    weighted = _blend_numpy(np.where(valid, values, np.float32(0)), y, x)
    weight = _blend_numpy(valid.astype(np.float32), y, x)
    missing = ~valid[y.near[:, None], x.near] | (y.near < 0)[:, None] | (x.near < 0)
    with np.errstate(invalid="ignore"):
        out = (weighted / weight).astype(np.float32)
    out[missing] = np.nan
    return out


def _blend_numpy(values: F32, y: _Pairs, x: _Pairs) -> NDArray[np.float64]:
    """Weighted sum of the four neighbours."""
    double = np.float64
    along_x = values[:, x.before] * x.weight_before.astype(double) + values[:, x.after] * x.weight_after.astype(double)
    rounded = along_x.astype(np.float32)
    before, after = y.weight_before.astype(double)[:, None], y.weight_after.astype(double)[:, None]
    return rounded[y.before] * before + rounded[y.after] * after


def bilinear(values: F32, source: Window, axes: Axes, window: Window) -> F32:
    """Bilinear interpolation of a window of an output grid; compiled twin of `bilinear_numpy`, equal to the last bit.

    Parameters
    ----------
    values : (y, x) float32
        The pixels of `source`, any unit, finite. NaN marks missing pixels.
    source : Window
        What `source_window` gave, or larger (but inside the source).
    axes : Axes
        From the output to the source. A scale above 1 skips pixels: it samples, it does not average.
    window : Window
        Of the output.

    Returns
    -------
    (y, x) float32
        Missing neighbours are left out and the weights of the others made to add
        up to 1. NaN where the nearest source pixel is missing or outside, so the
        outline of the valid area is that of `nearest`. In the outer half of an
        edge pixel, the edge pixel's value.

    Examples
    --------
    >>> half = Axis(offset=0.0, scale=0.5)
    >>> whole = Window(top=0, left=0, height=2, width=2)
    >>> output = Window(top=0, left=0, height=3, width=3)
    >>> bilinear(np.float32([[0, 1], [2, 3]]), whole, Axes(y=half, x=half), output).tolist()
    [[0.0, 0.5, 1.0], [1.0, 1.5, 2.0], [2.0, 2.5, 3.0]]
    """
    y, x = _both(values, source, axes, window)
    out = np.empty((window.height, window.width), np.float32)
    _bilinear(
        values,
        (y.before, y.after, y.near, y.weight_before, y.weight_after),
        (x.before, x.after, x.near, x.weight_before, x.weight_after),
        out,
    )
    return out


@kernel
def _pair(a, b, weight_a, weight_b):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    return np.float64(a) * np.float64(weight_a) + np.float64(b) * np.float64(weight_b)


@kernel
def _present(v):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    return np.float32(0.0 if np.isnan(v) else 1.0)


@kernel
def _or_zero(v):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    return np.float32(0.0 if np.isnan(v) else v)


@kernel
def _partial(corners, wx0, wx1, wy0, wy1):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    """Weighted mean of the corners that are there."""
    v00, v01, v10, v11 = corners
    top = np.float32(_pair(_or_zero(v00), _or_zero(v01), wx0, wx1))
    bottom = np.float32(_pair(_or_zero(v10), _or_zero(v11), wx0, wx1))
    weight_top = np.float32(_pair(_present(v00), _present(v01), wx0, wx1))
    weight_bottom = np.float32(_pair(_present(v10), _present(v11), wx0, wx1))
    return _pair(top, bottom, wy0, wy1) / _pair(weight_top, weight_bottom, wy0, wy1)


@kernel
def _bilinear(values, y, x, out):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
    y_before, y_after, y_near, wy0s, wy1s = y
    x_before, x_after, x_near, wx0s, wx1s = x
    for row in range(out.shape[0]):
        above, below = values[y_before[row]], values[y_after[row]]
        wy0, wy1 = wy0s[row], wy1s[row]
        closest = values[max(y_near[row], 0)]
        for column in range(out.shape[1]):
            left, right = x_before[column], x_after[column]
            wx0, wx1 = wx0s[column], wx1s[column]
            top = np.float32(_pair(above[left], above[right], wx0, wx1))
            bottom = np.float32(_pair(below[left], below[right], wx0, wx1))
            value = _pair(top, bottom, wy0, wy1)
            if y_near[row] < 0 or x_near[column] < 0 or np.isnan(closest[x_near[column]]):
                value = np.nan
            elif np.isnan(value):
                corners = (above[left], above[right], below[left], below[right])
                value = _partial(corners, wx0, wx1, wy0, wy1)
            out[row, column] = np.float32(value)
