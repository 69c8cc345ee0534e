"""Tiles cut from a GeoTIFF as they are asked for: its own overviews where it has them, integer means where not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath
from threading import RLock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.windows import Window as RasterioWindow

from gigascene.codecs.tile_rows import Half, pyramid
from gigascene.metadata.deep_zoom import DeepZoom
from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.readers.geotiff import opened
from gigascene.serve._bounded import Bounded
from gigascene.serve._handles import Handles
from gigascene.serve.encode import Coder, Levels, Validity, shown
from gigascene.serve.picture import Facts, Tile
from gigascene.serve.place import Place, place
from gigascene.settings import cores

CACHE = 64 << 20
"""Bytes of encoded tiles that are kept, and as many of levels the file has no overviews for."""

MOST_WITHOUT_OVERVIEWS = 250_000_000
"""Pixels that are read through for the first look at a file without overviews: some seconds."""

COLOURS = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)


class GeoTiff:
    """A picture of 8 or 16 bits, grey or RGB, with nodata, alpha, a mask, or none of them.

    Raises
    ------
    BadInput
        It cannot be opened, or is no finished picture: other types, a colour table, several bands that are no colours.
    """

    def __init__(self, path: Path | str, name: str) -> None:
        self._file = file = str(path)
        with opened(file, band="") as source:
            self._indexes, self._masked, self._nodata = _bands(source, file)
            zoom = DeepZoom(shape=source.shape)
            self.facts = Facts(
                name=name,
                title=source.tags().get("Title") or PurePosixPath(file).name,
                zoom=zoom,
                format="png",
                bands=("red", "green", "blue") if len(self._indexes) >= 3 else ("grey",),
                depth=8 * np.dtype(source.dtypes[0]).itemsize,
                place=_place(source),
                exact=True,
            )
            overviews = len(source.overviews(1))
        self._handles = Handles(file)
        self._levels = self._overviews(overviews)
        self._coder = Coder()
        self._encoded = Bounded[bytes](CACHE)
        self._made = Bounded[NDArray[Any]](CACHE)
        self._making = RLock()

    @property
    def validity(self) -> Validity:
        """How `levels` says which pixels are valid."""
        if self._masked or self._nodata:
            return Validity.ALPHA
        return Validity.ALL if self._nodata is None else Validity.NODATA

    def check(self) -> None:
        """Refuse what would take minutes for its first look."""
        zoom = self.facts.zoom
        missing = [level for level in range(zoom.top) if level not in self._levels]
        rows, columns = zoom.level_shape(max(missing, default=-1) + 1)
        if rows * columns > MOST_WITHOUT_OVERVIEWS:
            raise BadInput(
                f"has {columns:,} x {rows:,} pixels and no overview of half the size.", self._file,
                hint="Make it a Cloud-Optimised GeoTIFF (rio cogeo create), or use --export, which makes all levels once.",
            )  # fmt: skip

    def tile(self, level: int, row: int, column: int) -> bytes:
        """A PNG, so that the page can read exact values back."""
        if (level, row, column) not in self.facts.zoom:
            raise KeyError((level, row, column))
        found = self._encoded.get((level, row, column))
        if found is None:
            found = self._coder.encode(shown(self.levels(level, row, column), self.validity))
            self._encoded.put((level, row, column), found, size=len(found))
        return found

    def levels(self, level: int, row: int, column: int) -> NDArray[Any]:
        """One tile as stored, (y, x, band); with nodata other than 0, or a mask, a band of alpha behind."""
        if level in self._levels:
            tiles = self.facts.zoom.tiles(level)
            return self._read(self._levels[level], tiles[row * tiles.across + column])
        with self._making:  # one thread: the others will find what it made
            found = self._made.get((level, row, column))
            if found is None:
                found = self.validity.halved(self._above(level, row, column))
                self._made.put((level, row, column), found, size=found.nbytes)
            return found

    def values(self, row: int, column: int) -> list[int] | None:
        """Stored numbers of a pixel."""
        rows, columns = self.facts.zoom.shape
        if not (0 <= row < rows and 0 <= column < columns):
            raise KeyError((row, column))
        pixel = self._read(None, Window(top=row, left=column, height=1, width=1))
        if not self.validity.mask(pixel)[0, 0]:
            return None
        return [int(number) for number in pixel[0, 0, : len(self.facts.bands)]]

    def every_tile(self, coder: Coder) -> Iterator[Tile]:
        """All tiles, every level made from the full resolution: rows of tiles as they come, encoded on all cores."""
        zoom, side, done = self.facts.zoom, self.facts.zoom.tile, dict[int, int]()
        below = [Half(zoom.level_shape(level), side, self._pixels()) for level in reversed(range(zoom.top))]
        with ThreadPoolExecutor(cores()) as pool:
            for number, strip in pyramid(self._strips(), 0, below):
                level, row = zoom.top - number, done.get(number, 0)
                done[number] = row + 1
                parts = [strip[:, left : left + side] for left in range(0, strip.shape[1], side)]
                encoded = pool.map(lambda part: coder.encode(shown(part, self.validity)), parts)
                for column, content in enumerate(encoded):
                    yield level, row, column, content

    def close(self) -> None:
        """Close the file."""
        self._handles.close()

    def _above(self, level: int, row: int, column: int) -> NDArray[Any]:
        """The up to four tiles of the next level of which this one is made, joined."""
        zoom = self.facts.zoom
        places = [[(level + 1, 2 * row + i, 2 * column + j) for j in (0, 1)] for i in (0, 1)]
        rows = [[self.levels(*at) for at in side if at in zoom] for side in places]
        return np.concatenate([np.concatenate(tiles, axis=1) for tiles in rows if tiles])

    def _pixels(self) -> Levels:
        bands = len(self._indexes) + bool(self._masked or self._nodata)
        return Levels(bands=bands, dtype=f"uint{self.facts.depth}", validity=self.validity)

    def _strips(self) -> Iterator[NDArray[Any]]:
        """Full resolution by rows of tiles."""
        (rows, columns), side = self.facts.zoom.shape, self.facts.zoom.tile
        for top in range(0, rows, side):
            yield self._read(None, Window(top=top, left=0, height=min(side, rows - top), width=columns))

    def _read(self, overview: int | None, window: Window) -> NDArray[Any]:
        """Stored levels of a window of an overview, (y, x, band)."""
        box = RasterioWindow(window.left, window.top, window.width, window.height)
        with self._handles.lent(overview) as source:
            levels = np.moveaxis(source.read(self._indexes, window=box), 0, -1)
            if self._masked:
                alpha = source.read_masks(self._indexes[0], window=box)[..., None].astype(levels.dtype)
            elif self._nodata:
                alpha = (levels != self._nodata).any(axis=-1, keepdims=True).astype(levels.dtype)
            else:
                return np.ascontiguousarray(levels)
        full = np.iinfo(levels.dtype).max
        return np.concatenate([levels, np.where(alpha > 0, full, 0).astype(levels.dtype)], axis=-1)

    def _overviews(self, count: int) -> dict[int, int | None]:
        """Which levels of Deep Zoom the file holds: level → overview."""
        zoom = self.facts.zoom
        levels: dict[int, int | None] = {zoom.top: None}
        by_shape = {zoom.level_shape(level): level for level in range(zoom.top)}
        for overview in range(count):
            with self._handles.lent(overview) as source:
                if source.shape in by_shape:
                    levels[by_shape[source.shape]] = overview
        return levels


def _bands(source: Any, file: str) -> tuple[list[int], bool, int | None]:
    """Band numbers of grey or red, green, blue; whether GDAL must be asked for a mask; nodata."""
    dtypes, colours = set(source.dtypes), source.colorinterp
    if dtypes not in ({"uint8"}, {"uint16"}):
        raise _unfinished(file, f"holds {', '.join(sorted(dtypes))} numbers, and a picture holds 8 or 16 bits")
    if ColorInterp.palette in colours:
        raise _unfinished(file, "has a colour table", "Expand it: rio convert, or gdal_translate -expand rgb.")
    plain = [index for index in source.indexes if colours[index - 1] is not ColorInterp.alpha]
    if all(colour in colours for colour in COLOURS):
        indexes = [colours.index(colour) + 1 for colour in COLOURS]
    elif len(plain) in {1, 3}:
        indexes = plain
    else:
        raise _unfinished(file, f"has {len(plain)} bands, and a picture has grey or red, green and blue")
    flags = source.mask_flag_enums[indexes[0] - 1]
    if MaskFlags.per_dataset in flags:
        return indexes, True, None
    nodata = source.nodata if MaskFlags.nodata in flags else None
    return indexes, False, int(nodata) if nodata is not None and float(nodata).is_integer() else None


def _unfinished(file: str, what: str, hint: str = "Make a picture of it: gigascene compose.") -> BadInput:
    return BadInput(f"{what}.", file, hint=hint)


def _place(source: Any) -> Place | None:
    """PROJ of pyproj and of rasterio are two copies: what goes between them is text."""
    return place(source.transform, CRS.from_wkt(source.crs.to_wkt()), source.shape) if source.crs else None
