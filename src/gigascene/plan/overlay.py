"""An overlay from a GeoJSON file: lines, outlines and points, cut into short pieces on the grid of the picture."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

from gigascene.codecs.reduced import factor
from gigascene.kernels.outline import UNIT
from gigascene.kernels.stroke import LONGEST, WIDEST
from gigascene.model.errors import BadInput, UnknownName, UsageError
from gigascene.model.overlay import Overlay
from gigascene.model.plan import KEPT, Format, Recipe
from gigascene.plan import geojson
from gigascene.works._projection import world
from gigascene.works._reach import period
from gigascene.works.overlay import packed

F64 = NDArray[np.float64]

COLORS: Mapping[str, tuple[int, int, int]] = {
    "yellow": (255, 255, 0),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "orange": (255, 165, 0),
}
"""Colours that have a name."""

COLOR, WIDTH = "yellow", 2.0
"""Where nobody says."""

MOST = 1 << 22
"""Pieces of line that are kept; more would be a picture of their own."""

FIRST_DEGREES, FIRST_UNITS = 5.0, 500_000.0
"""Edges are cut this short before anything is asked of them: so short a part of a great curve looks like none."""

HALVINGS = 24
"""What is not one short straight piece by then jumps: where a map is cut open, or ends."""

BENT = 1.0 / UNIT
"""Pixels that the middle of a piece may lie beside the straight line between its ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a user asks to be drawn."""

    path: str
    """A GeoJSON file."""

    color: tuple[int, int, int] = COLORS[COLOR]
    width: float = WIDTH
    """Pixels of the output."""


def drawn(path: str | None, color: str | None, width: float | None) -> Drawn | None:
    """The wish of three options; raises `UsageError`.

    >>> drawn("roads.geojson", "#ff8000", None).color
    (255, 128, 0)
    """
    if path is None:
        if color is not None or width is not None:
            raise UsageError("the colour and width of an overlay are said, and no overlay: add --overlay FILE")
        return None
    wide = WIDTH if width is None else float(width)
    if not 1 <= wide <= 2 * WIDEST / UNIT:
        raise UsageError(f"--overlay-width is 1 to {2 * WIDEST // UNIT} pixels, not {wide:g}")
    return Drawn(path=path, color=_color(color or COLOR), width=wide)


def _color(said: str) -> tuple[int, int, int]:
    if re.fullmatch(r"#[0-9a-fA-F]{6}", said):
        red, green, blue = bytes.fromhex(said[1:])
        return red, green, blue
    if said not in COLORS:
        raise UnknownName(said, "colour", "", (*COLORS, "#rrggbb"))
    return COLORS[said]


def overlaid(wish: Drawn | None, recipe: Recipe, format: Format) -> tuple[Overlay | None, tuple[str, ...]]:
    """The overlay of a picture, and what should be said of it; raises `BadInput` and `UsageError`."""
    if wish is None:
        return None, ()
    if recipe.product in KEPT:
        raise UsageError("stored numbers are kept as they are: choose a product, or a --stretch, to draw an overlay on")
    if (channels := format.bands - format.alpha) not in {1, 3}:
        raise UsageError(f"an overlay is drawn in grey or in colour, and this picture has {channels} channels")
    width = wish.width * (factor(format) if "width_px" in format.options else 1)  # of what is seen, where it is reduced
    reach = round(width * UNIT / 2)
    if reach > WIDEST:
        raise UsageError(f"--overlay-width {wish.width:g} is {width:g} pixels before the picture is reduced: too wide")
    found = _pieces(wish.path, format.geobox, reach)
    told = () if len(found) else (f"{wish.path}: nothing of it lies within the picture",)
    overlay = Overlay(color=wish.color, width=wish.width, reach=reach, count=len(found), pieces=packed(found))
    return overlay, told


def _pieces(path: str, grid: GeoBox, reach: int) -> NDArray[np.int64]:
    """Ends of all pieces of line that touch a grid: (n, 4) in 1 / `UNIT` of a pixel."""
    (starts, ends), name = geojson.read(path, _edges)
    if not len(starts):
        raise BadInput("holds nothing that could be drawn.", path)
    if grid.crs is None:
        raise BadInput("has a CRS, and the picture has none.", path)
    crs, wkt = CRS(name), grid.crs.to_wkt()
    if crs.is_geographic:
        _check_degrees(starts, path)
        ends = _short_way(starts, ends)
    longest = FIRST_DEGREES if crs.is_geographic else FIRST_UNITS
    if (abs(ends - starts) / longest).max(axis=1).sum() > MOST:
        raise BadInput(f"has lines that are more than {MOST:,} times {longest:,.0f} units long.", path)
    starts, ends = _cut(starts, ends, longest)
    there = None if crs == CRS(wkt) else Transformer.from_crs(name, wkt, always_xy=True)
    found = []
    around = world(grid)
    for turn in (-around, 0.0, around) if around else (0.0,):
        to_pixels = _to_pixels(there, grid, turn)
        size = grid.shape[1], grid.shape[0]
        for pieces, rest in _straight(starts, ends, to_pixels, size, reach / UNIT, period(grid)):
            found.append(pieces)
            if sum(map(len, found)) + rest > MOST:
                raise BadInput(f"has more than {MOST:,} pieces of line within the picture.", path)
    return np.unique(np.concatenate([np.zeros((0, 4), np.int64), *found]), axis=0)


def _edges(geometries: Iterator[tuple[str, Any]]) -> tuple[F64, F64]:
    """Starts and ends (n, 2) of the edges of all geometries; a point is an edge of no length."""
    starts, ends = [np.zeros((0, 2))], [np.zeros((0, 2))]
    for kind, said in geometries:
        for line in _lines(kind, said):
            starts.append(line[:-1] if len(line) > 1 else line)
            ends.append(line[1:] if len(line) > 1 else line)
    return np.concatenate(starts), np.concatenate(ends)


def _lines(kind: str, said: Any) -> Iterator[F64]:
    if kind == "Point":
        yield geojson.positions([said], 1, "a point is one position")
    elif kind == "LineString":
        yield geojson.positions(said, 2, "a line has at least two positions")
    else:
        for corners in said:
            ring = geojson.ring(corners)
            yield np.concatenate([ring, ring[:1]])


def _check_degrees(points: F64, path: str) -> None:
    """Numbers that are no degrees are those of another CRS, which the file forgets to name."""
    wrong = (abs(points[:, 0]) > 540) | (abs(points[:, 1]) > 90)
    if wrong.any():
        x, y = points[np.argmax(wrong)]
        raise BadInput(f"has a position {x:g}, {y:g}, which is no longitude and latitude.", path)


def _short_way(starts: F64, ends: F64) -> F64:
    """Ends on the side of the Earth where their starts are: an edge crosses the antimeridian rather than all the rest."""
    across = ends[:, 0] - starts[:, 0]
    far = (abs(across) > 180) & (abs(across) < 360)
    turned = ends.copy()
    turned[far, 0] -= np.sign(across[far]) * 360
    return turned


def _cut(starts: F64, ends: F64, longest: float) -> tuple[F64, F64]:
    """The same edges in parts of at most so much along either axis."""
    count = np.maximum(np.ceil(abs(ends - starts).max(axis=1) / longest), 1).astype(np.int64)
    part = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    start, end, share = np.repeat(starts, count, axis=0), np.repeat(ends, count, axis=0), 1 / np.repeat(count, count)
    from_, to = (part * share)[:, None], ((part + 1) * share)[:, None]
    return start * (1 - from_) + end * from_, start * (1 - to) + end * to


def _to_pixels(there: Transformer | None, grid: GeoBox, turn: float) -> Callable[[F64], F64]:
    """From places of the file to pixels of a grid; not finite where the grid has no such place."""
    back = ~grid.affine

    def to_pixels(places: F64) -> F64:
        x, y = places.T if there is None else there.transform(*places.T)
        x = x + turn
        return np.stack([back.a * x + back.b * y + back.c, back.d * x + back.e * y + back.f], axis=1)

    return to_pixels


def _straight(
    starts: F64, ends: F64, to_pixels: Callable[[F64], F64], size: tuple[int, int], reach: float, around: float
) -> Iterator[tuple[NDArray[np.int64], int]]:
    """Edges halved until each part is short and straight on the grid; those that cannot touch it are left out.

    After each halving: the parts that are done, and how many are not. `around`: columns after which the map repeats itself.
    """
    a = to_pixels(starts)
    b = _beside(a, to_pixels(ends), around)
    for _ in range(HALVINGS):
        if not len(starts):
            return
        middles = (starts + ends) / 2
        m = _beside(a, to_pixels(middles), around)
        three = np.stack([a, m, b])
        finite = np.isfinite(three).all(axis=2)
        whole = finite.all(axis=0)
        with np.errstate(invalid="ignore"):
            bend = abs(m - (a + b) / 2).max(axis=1)
            beyond = (4 * bend + reach)[:, None]
            away = whole & ((three.max(axis=0) + beyond < 0) | (three.min(axis=0) - beyond > size)).any(axis=1)
            short = (abs(b - a).max(axis=1) <= LONGEST / UNIT - 1) & (bend <= BENT)
        done = whole & ~away & short
        rest = finite.any(axis=0) & ~away & ~done
        yield np.rint(np.concatenate([a[done], b[done]], axis=1) * UNIT).astype(np.int64), int(rest.sum())
        starts, ends = np.concatenate([starts[rest], middles[rest]]), np.concatenate([middles[rest], ends[rest]])
        a, b = np.concatenate([a[rest], m[rest]]), np.concatenate([m[rest], b[rest]])


def _beside(points: F64, others: F64, around: float) -> F64:
    """Others in the same world as the points: an edge goes on across the edge of the map."""
    if not around:
        return others
    found = others.copy()
    with np.errstate(invalid="ignore"):
        found[:, 0] -= around * np.rint((others[:, 0] - points[:, 0]) / around)
    return found
