"""What is simulated of Sentinel-2: bands, the grid of tiles, passes with their swaths and times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from threading import get_ident
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from gigascene.model.errors import UsageError
from gigascene.simulate._sun import earth_sun_distance_au, sun_angles

SIZES = {"full": 10_980, "medium": 3_660, "small": 1_098, "tiny": 366}
"""Rows and columns of a tile at 10 m."""

FULL = SIZES["full"]
MOST = 7
"""Tiles down and across, at most: names in one zone end there."""

OFFSET, QUANTIFICATION = -1000, 10_000
"""Reflectance = (number + offset) / quantification, since baseline 04.00."""

BASELINE = "05.09"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A band of the instrument."""

    name: str
    key: str
    """Of its asset in the Earth Search catalogue."""

    common: str
    """STAC's common name."""

    title: str
    index: int
    """Number in the agency's metadata."""

    gsd_m: int
    """Of the finest image at level 2A in the catalogue."""

    range_nm: tuple[int, int]
    center_nm: float
    solar: float
    """Irradiance outside the air, W m-2 um-1."""

    gain: float
    """Physical gain."""

    @property
    def physical(self) -> str:
        """As the metadata spell it: ``B2``."""
        return f"B{self.name[1:].lstrip('0')}"


def _band(
    name: str, key: str, common: str, title: str, index: int, gsd: int, span: tuple[int, int], center: float, solar: float, gain: float
) -> Band:  # fmt: skip
    return Band(
        name=name, key=key, common=common, title=title, index=index, gsd_m=gsd, range_nm=span,
        center_nm=center, solar=solar, gain=gain,
    )  # fmt: skip


# Sentinel-2A: spectral limits and solar irradiance as the agency's own metadata state them.
BANDS = (
    _band("B01", "coastal", "coastal", "Coastal aerosol (band 1)", 0, 60, (412, 456), 442.7, 1884.69, 4.11),
    _band("B02", "blue", "blue", "Blue (band 2)", 1, 10, (456, 533), 492.7, 1959.66, 3.80),
    _band("B03", "green", "green", "Green (band 3)", 2, 10, (538, 583), 559.8, 1823.24, 4.19),
    _band("B04", "red", "red", "Red (band 4)", 3, 10, (646, 684), 664.6, 1512.06, 4.54),
    _band("B05", "rededge1", "rededge", "Red edge 1 (band 5)", 4, 20, (695, 714), 704.1, 1424.64, 5.18),
    _band("B06", "rededge2", "rededge", "Red edge 2 (band 6)", 5, 20, (731, 749), 740.5, 1287.61, 4.87),
    _band("B07", "rededge3", "rededge", "Red edge 3 (band 7)", 6, 20, (769, 797), 782.8, 1162.08, 4.52),
    _band("B08", "nir", "nir", "NIR 1 (band 8)", 7, 10, (760, 907), 832.8, 1041.63, 6.19),
    _band("B8A", "nir08", "nir08", "NIR 2 (band 8A)", 8, 20, (837, 881), 864.7, 955.32, 5.07),
    _band("B09", "nir09", "nir09", "NIR 3 (band 9)", 9, 60, (932, 958), 945.1, 812.92, 8.55),
    _band("B10", "cirrus", "cirrus", "Cirrus (band 10)", 10, 60, (1337, 1412), 1373.5, 367.15, 55.7),
    _band("B11", "swir16", "swir16", "SWIR 1 (band 11)", 11, 20, (1539, 1682), 1613.7, 245.59, 35.0),
    _band("B12", "swir22", "swir22", "SWIR 2 (band 12)", 12, 20, (2078, 2320), 2202.4, 85.25, 106.1),
)
SURFACE = tuple(band for band in BANDS if band.name != "B10")
"""Bands of level 2A: nothing of the ground is seen in the cirrus band."""

FINE = ("B02", "B03", "B04", "B08")
"""Bands at 10 m."""

CLASSES = (
    "SC_NODATA", "SC_SATURATED_DEFECTIVE", "SC_DARK_FEATURE_SHADOW", "SC_CLOUD_SHADOW", "SC_VEGETATION",
    "SC_NOT_VEGETATED", "SC_WATER", "SC_UNCLASSIFIED", "SC_CLOUD_MEDIUM_PROBA", "SC_CLOUD_HIGH_PROBA",
    "SC_THIN_CIRRUS", "SC_SNOW_ICE",
)  # fmt: skip
"""Scene classification, by number."""

ZONE = 26
"""UTM zone whose plane the Earth is a function of."""

_MIDDLE_E, _MIDDLE_N = 5, 78
"""Square of 100 km in the middle of the region: Scoresby Sund, East Greenland."""

_CUT_X, _CUT_Y = 560_700, 7_882_200
"""Middle of a region of cut-down tiles: where fjords meet, and ice and land are near. A multiple of 60 m."""

_FIRST = datetime(2023, 7, 26, 13, 10, 11, 24_000, tzinfo=UTC)
_ORBIT_A, _ORBIT_B = 42_263, 33_426
"""Absolute orbits of Sentinel-2A on the first day and of 2B five days later; relative orbit 81."""

_HALF_SWATH_M, _TRACK_DEG = 145_000.0, 206.6
"""Half the width of the swath, and where the descending track heads at 70.5 degrees north."""

_CLOUDINESS = (0.0, 0.22, 0.06, 0.36, -0.08, 0.14)
"""Added to the thickness of clouds, pass by pass."""

_BAND_LETTERS = "CDEFGHJKLMNPQRSTUVWX"
_COLUMN_LETTERS = ("ABCDEFGH", "JKLMNPQR", "STUVWXYZ")
_ROW_LETTERS = "ABCDEFGHJKLMNPQRSTUV"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A square or rectangle of pixels, north up, on the plane of a UTM zone."""

    x: int
    """Western edge, metres: a multiple of 60."""

    y: int
    """Northern edge."""

    rows: int
    """At 10 m, a multiple of 6."""

    columns: int
    zone: int

    @property
    def epsg(self) -> int:
        """CRS."""
        return 32_600 + self.zone

    def shape(self, gsd_m: int) -> tuple[int, int]:
        """Rows and columns at a resolution."""
        return 10 * self.rows // gsd_m, 10 * self.columns // gsd_m

    def geobox(self, gsd_m: int) -> GeoBox:
        """Pixels at a resolution."""
        return GeoBox(self.shape(gsd_m), Affine(gsd_m, 0.0, self.x, 0.0, -gsd_m, self.y), f"EPSG:{self.epsg}")

    @property
    def center(self) -> tuple[float, float]:
        """Metres east and north."""
        return self.x + 5.0 * self.columns, self.y - 5.0 * self.rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One tile of the agency's grid, or a cut-down one that stands for it."""

    name: str
    """Such as ``26WND``."""

    frame: Frame


@dataclass(frozen=True, kw_only=True)
class Pass:
    """One pass of one satellite over the region."""

    number: int
    satellite: str
    """``"S2A"`` or ``"S2B"``."""

    start: datetime
    """Of the datatake."""

    orbit: int
    """Absolute."""

    relative_orbit: int
    cloudiness: float
    track_m: float
    """Distance of the track from the middle of the region, to its right hand, for tiles of full size."""

    @cached_property
    def sun(self) -> tuple[float, float]:
        """Azimuth and elevation over the middle of the region: one light for all tiles, so that they meet."""
        return sun_angles(self.start + timedelta(seconds=120), *degrees(ZONE, *middle(FULL).center))

    @property
    def sun_factor(self) -> float:
        """Squared mean distance to the sun over its distance now."""
        return earth_sun_distance_au(self.start) ** -2

    def sensed(self, frame: Frame) -> datetime:
        """When the middle of a frame was seen."""
        seconds = 120.0 + (7_850_000.0 - frame.center[1]) / 6_700.0
        return self.start + timedelta(seconds=round(seconds, 3))


def passes(count: int) -> tuple[Pass, ...]:
    """The first passes: two of Sentinel-2A three days apart, five days later the same of Sentinel-2B, and so on."""
    if not 1 <= count <= 40:
        raise UsageError(f"there are 1 to 40 dates, not {count}")
    return tuple(_pass(number) for number in range(count))


def _pass(number: int) -> Pass:
    """Ten days are 143 orbits; the neighbouring track to the west is flown 43 orbits later."""
    fives, west = divmod(number, 2)
    orbit = (_ORBIT_B if fives % 2 else _ORBIT_A) + 143 * (fives // 2) + 43 * west
    return Pass(
        number=number,
        satellite="S2B" if fives % 2 else "S2A",
        start=_FIRST + timedelta(days=5 * fives + 3 * west, minutes=10 * west),
        orbit=orbit,
        relative_orbit=124 if west else 81,
        cloudiness=_CLOUDINESS[number % len(_CLOUDINESS)],
        track_m=53_000.0 if west else -40_000.0,
    )


def region(down: int, across: int, size: int) -> tuple[Tile, ...]:
    """Tiles around the middle one, row by row from the north-west."""
    for count in (down, across):
        if not 1 <= count <= MOST:
            raise UsageError(f"a region has 1 to {MOST} tiles down and across, not {down}x{across}")
    rows = range((down - 1) // 2, (down - 1) // 2 - down, -1)
    columns = range(-((across - 1) // 2), -((across - 1) // 2) + across)
    return tuple(_tile(column, row, size) for row in rows for column in columns)


def neighbors(tiles: Sequence[Tile]) -> tuple[Tile, ...]:
    """Tiles of the next UTM zone that overlap the region's eastern edge, from the north."""
    edge = max(tile.frame.x for tile in tiles)
    found: dict[str, Tile] = {}
    for tile in (tile for tile in tiles if tile.frame.x == edge):
        full, size = _full(tile), tile.frame.rows
        x, y = _next_zone(full.x + 10 * FULL, full.center[1])
        name = tile_name(ZONE + 1, int(x // 100_000), int(y // 100_000))
        frame = _square(ZONE + 1, int(x // 100_000), int(y // 100_000))
        if size != FULL:
            x, y = _next_zone(edge + 10 * size, tile.frame.center[1])
            west, north = 60 * round(x / 60 - size / 12), 60 * round(y / 60 + size / 12)
            frame = Frame(x=west, y=north, rows=size, columns=size, zone=ZONE + 1)
        found[name] = Tile(name=name, frame=frame)
    return tuple(found.values())


def _full(tile: Tile) -> Frame:
    """The tile of full size that a cut-down one stands for."""
    rows, columns = range(-MOST, MOST + 1), range(-4, 4)
    places = ((_MIDDLE_E + column, _MIDDLE_N + row) for row in rows for column in columns)
    return next(_square(ZONE, *place) for place in places if tile_name(ZONE, *place) == tile.name)


def _next_zone(x: float, y: float) -> tuple[float, float]:
    """A place of the home plane on that of the zone to the east."""
    there = _transformer(32_600 + ZONE, 32_601 + ZONE, get_ident()).transform(x, y)
    return float(there[0]), float(there[1])


def checked_size(size: int | str) -> int:
    """Rows and columns of a tile at 10 m; raises `UsageError`."""
    if isinstance(size, str) and size not in SIZES:
        try:
            size = int(size)
        except ValueError:
            raise UsageError(f"no size is called {size!r}; choose {', '.join(SIZES)} or a number of pixels") from None
    pixels = SIZES[size] if isinstance(size, str) else size
    if pixels % 6 or not 60 <= pixels <= FULL:
        raise UsageError(f"a tile has 60 to {FULL} pixels of 10 m along a side, a multiple of 6, not {pixels}")
    return pixels


def middle(size: int) -> Frame:
    """The tile in the middle of the region."""
    return _tile(0, 0, size).frame


def _tile(column: int, row: int, size: int) -> Tile:
    """The tile so many columns east and rows north of the middle one; small ones lie closer, but bear the same names."""
    east, north = _MIDDLE_E + column, _MIDDLE_N + row
    full = _square(ZONE, east, north)
    name = tile_name(ZONE, east, north)
    if size == FULL:
        return Tile(name=name, frame=full)
    step = 60 * round(size / 6 / 1.098)
    half = 60 * (size // 12)
    frame = Frame(x=_CUT_X - half + column * step, y=_CUT_Y + half + row * step, rows=size, columns=size, zone=ZONE)
    return Tile(name=name, frame=frame)


def _square(zone: int, east: int, north: int) -> Frame:
    """109.8 km over a square of 100 km, from the multiples of 60 m next to its north-western corner."""
    x, y = 60 * (100_000 * east // 60), 60 * -(-(100_000 * (north + 1)) // 60)
    return Frame(x=x, y=y, rows=FULL, columns=FULL, zone=zone)


def tile_name(zone: int, east: int, north: int) -> str:
    """Name of a 100 km square in the military grid (DMA TM 8358.1), north of the equator.

    >>> tile_name(29, 5, 58), tile_name(27, 5, 69), tile_name(1, 3, 73)
    ('29UNU', '27VWK', '01WCP')
    """
    _, latitude = degrees(zone, 100_000.0 * east + 50_000.0, 100_000.0 * north + 50_000.0)
    band = _BAND_LETTERS[min(int((latitude + 80.0) // 8), 19)]
    column = _COLUMN_LETTERS[(zone - 1) % 3][east - 1]
    return f"{zone:02d}{band}{column}{_ROW_LETTERS[(north + (0 if zone % 2 else 5)) % 20]}"


def degrees(zone: int, x: float, y: float) -> tuple[float, float]:
    """Longitude and latitude of a place."""
    longitude, latitude = _to_degrees(zone).transform(x, y)
    return float(longitude), float(latitude)


def outline_degrees(zone: int, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Longitude and latitude of places."""
    return [degrees(zone, x, y) for x, y in points]


def convergence_deg(zone: int, longitude: float, latitude: float) -> float:
    """How far the plane's north lies clockwise of true north."""
    return (longitude - (6.0 * zone - 183.0)) * math.sin(math.radians(latitude))


def home(zone: int, x: Any, y: Any) -> tuple[Any, Any]:
    """Places of a zone's plane, numbers or arrays, on the plane of `ZONE`, metres."""
    if zone == ZONE:
        return x, y
    found: tuple[Any, Any] = _transformer(32_600 + zone, 32_600 + ZONE, get_ident()).transform(x, y)
    return found


def _to_degrees(zone: int) -> Transformer:
    return _transformer(32_600 + zone, 4326, get_ident())


@cache
def _transformer(source: int, target: int, thread: int) -> Transformer:
    """Transformers are not shared among threads."""
    return Transformer.from_crs(source, target, always_xy=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swath:
    """What a pass sees of the plane of `ZONE`: the strip along its track."""

    x: float
    """A point of the track."""

    y: float
    right: tuple[float, float]
    """Unit vector to the right hand of the track, east and north."""

    half_m: float
    scale: float
    """Less than 1 for cut-down tiles: then so is the swath."""

    @property
    def clouds(self) -> int:
        """How many times smaller clouds are, so that a small region has as varied a sky."""
        return min(round(1.0 / self.scale), 12)

    @property
    def sides(self) -> NDArray[np.float64]:
        """Half planes (a, b, c): inside where ``a * x + b * y >= c``."""
        a, b = self.right
        along = a * self.x + b * self.y
        return np.array([[a, b, along - self.half_m], [-a, -b, -along - self.half_m]])

    def across_m(self, x: float, y: float) -> float:
        """Distance from the track to its right hand, as from a swath of full size."""
        return ((x - self.x) * self.right[0] + (y - self.y) * self.right[1]) / self.scale


def swath(flown: Pass, size: int) -> Swath:
    """The strip of a pass, for tiles of some size."""
    scale = size / FULL
    heading = math.radians(_TRACK_DEG)
    right = (math.cos(heading), -math.sin(heading))
    x, y = middle(size).center
    shift = flown.track_m * scale
    return Swath(x=x + shift * right[0], y=y + shift * right[1], right=right, half_m=_HALF_SWATH_M * scale, scale=scale)


def around(tiles: Sequence[Tile]) -> Frame:
    """The frame that holds all tiles of the home zone."""
    frames = [tile.frame for tile in tiles if tile.frame.zone == ZONE]
    west, north = min(frame.x for frame in frames), max(frame.y for frame in frames)
    east = max(frame.x + 10 * frame.columns for frame in frames)
    south = min(frame.y - 10 * frame.rows for frame in frames)
    return Frame(x=west, y=north, rows=(north - south) // 10, columns=(east - west) // 10, zone=ZONE)


def pieces(frame: Frame, height: int, width: int) -> Iterator[list[Frame]]:
    """A frame cut into rows of smaller ones, none larger than `height` and `width` pixels of 10 m."""
    for top in range(0, frame.rows, height):
        rows = min(height, frame.rows - top)
        yield [
            Frame(
                x=frame.x + 10 * left,
                y=frame.y - 10 * top,
                rows=rows,
                columns=min(width, frame.columns - left),
                zone=frame.zone,
            )
            for left in range(0, frame.columns, width)
        ]
