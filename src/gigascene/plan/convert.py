"""From a finished picture to a plan that writes it in another format, pixel for pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp, MaskFlags

from gigascene.codecs.tile_grid import GRIDS
from gigascene.metadata.deep_zoom import parse_descriptor
from gigascene.metadata.map_tiles import RESOURCE, TILEJSON, MapTiles, of_resource, of_tilejson
from gigascene.metadata.side_files import beside
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.grid import Window
from gigascene.model.look import Look
from gigascene.model.plain_picture import PlainPicture, Tiling
from gigascene.model.plan import AS_IT_IS, Cut, Execution, Format, Plan, Recipe
from gigascene.model.scene import Asset, Scene
from gigascene.plan import fingerprint
from gigascene.plan.build import NO_TONE, completed, writer_of
from gigascene.readers import geotiff, jpeg, png, pnm, tiles
from gigascene.readers.window import MASK
from gigascene.storage import hrefs
from gigascene.storage.contents import start, whole
from gigascene.storage.identity import identity
from gigascene.storage.scratch import absolute
from gigascene.storage.signatures import LONGEST, Kind, kind_of

DESCRIBED: Mapping[Kind | None, Callable[[Path], PlainPicture]] = {"png": png.describe, "jpeg": jpeg.describe}
"""Kinds of files that hold one plain picture, and what reads their headers."""

DEEP_ZOOM = ".dzi"
LARGEST_DESCRIPTOR = 1 << 20
"""Bytes; it is XML, which begins in many ways, so that its name decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A picture to be converted."""

    title: str
    geobox: GeoBox
    bands: int
    dtype: str
    alpha: bool
    nodata: int | None
    picture: PlainPicture | None = None
    scene: Scene | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a user asks for."""

    target: str
    writer: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    execution: Execution = field(default_factory=Execution)
    when: str = ""
    """When it was taken; or begin and end with a slash between."""


def build(found: Found, wish: Conversion) -> Plan:
    """The plan of a conversion. Nothing but headers has been read."""
    writer = writer_of(wish.target, wish.writer, wish.options)
    format = writer.format(
        Format(
            writer=writer.name,
            suffix=Path(wish.target).suffix.lower(),
            shape=(found.geobox.shape[0], found.geobox.shape[1]),
            bands=found.bands,
            dtype=found.dtype,
            alpha=found.alpha,
            nodata=found.nodata,
            geobox=found.geobox,
            options=dict(wish.options),
        )
    )
    plan = Plan(
        target=absolute(wish.target),
        recipe=Recipe(
            product=AS_IT_IS,
            bands=() if found.scene is None else tuple(found.scene.assets),
            quantity="dn",
            look=Look(),
            tone=NO_TONE,
        ),
        format=format,
        scenes=() if found.scene is None else (found.scene,),
        picture=found.picture,
        times=times(wish.when),
        cut=Cut(task_pieces=1, window_rows=1),
        execution=wish.execution,
        versions=fingerprint.versions(writer.name),
        notes=_notes(found.picture),
    )
    return completed(plan, found.title)


def _notes(picture: PlainPicture | None) -> tuple[str, ...]:
    """What a viewer will show otherwise, and what is not there."""
    if picture is None:
        return ()
    colors = f"{picture.href} says {picture.colors}; its numbers are kept, and what shows them takes them for sRGB"
    gaps = tiles.missing(picture) if picture.tiling else 0
    missing = f"{gaps:,} tiles of {picture.href} are not there, and are no data"
    return (*([colors] if picture.colors else []), *([missing] if gaps else []))


def times(said: str) -> tuple[str, ...]:
    """One time, or begin and end, as RFC 3339 in UTC; raises `UsageError`.

    >>> times("2020-07-01T12:00+02:00"), times("2020-07-01T00:00Z/2020-07-31T00:00Z")
    (('2020-07-01T10:00:00Z',), ('2020-07-01T00:00:00Z', '2020-07-31T00:00:00Z'))
    """
    found = tuple(_utc(part) for part in said.split("/")) if said else ()
    if len(found) > 2 or list(found) != sorted(found):
        raise UsageError(f"--datetime is one time, or begin and end with a slash between, not {said!r}")
    return found


def _utc(text: str) -> str:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = None
    if when is None or when.tzinfo is None:
        raise UsageError(f"cannot read the time {text!r}; write it with its zone, such as 2020-07-01T10:00:00Z")
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def found(source: str, index: int = 0) -> Found:
    """The picture of a file, by what it begins with; raises `BadInput` where it is none."""
    if hrefs.is_remote(source):
        return _remote(hrefs.remember(source), index)
    path = Path(source)
    if path.is_dir():
        _only_one(path, index)
        return _of_map(path)
    if path.suffix.lower() == DEEP_ZOOM:
        _only_one(path, index)
        return of_picture(_of_tiles(path))
    kind = kind_of(begin := _start(path))
    if kind == "pnm":
        return of_picture(pnm.describe(path, index))
    if kind == "tiff" or kind in DESCRIBED:
        _only_one(path, index)
        return _of_tiff(str(path.resolve()), path.stem) if kind == "tiff" else of_picture(DESCRIBED[kind](path))
    raise BadInput(
        f"is no PNG, PAM, PNM, JPEG, TIFF, .dzi or folder of map tiles: it begins with {begin[:8]!r}.",
        str(path),
        hint="Samples without a header need --raw COLUMNSxROWSxBANDS.",
    )


def _of_map(folder: Path) -> Found:
    """The finest zoom of a folder of web map tiles."""
    if pictures := sorted(folder.glob(f"*{DEEP_ZOOM}")):
        raise BadInput(f"is a folder with {pictures[0].name} in it.", str(folder), hint=f"Name {pictures[0]}.")
    said = MapTiles()
    for name, reads in {TILEJSON: of_tilejson, RESOURCE: of_resource}.items():
        if (path := folder / name).is_file():
            said = reads(_text(path), str(path))
            break
    grid = GRIDS[said.epsg]
    picture = tiles.describe_map(
        folder, south=said.south, across=grid.across, zoom=said.zoom, side=said.side, kind=said.kind
    )
    tiling, (rows, columns) = picture.tiling, picture.shape
    assert tiling is not None
    assert tiling.on_map is not None
    at = Window(
        top=tiling.on_map.row, left=tiling.on_map.column, height=rows // tiling.side, width=columns // tiling.side
    )
    return replace(of_picture(picture), geobox=grid.geobox(at, tiling.level, tiling.side))


def _text(path: Path) -> bytes:
    """All of a file that describes tiles."""
    try:
        return whole(str(path), LARGEST_DESCRIPTOR)
    except BadInput:
        raise
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", str(path)) from error


def _of_tiles(path: Path) -> PlainPicture:
    """The finest level of a Deep Zoom picture."""
    zoom, kind, overlap = parse_descriptor(_text(path), str(path))
    if kind not in tiles.KINDS:
        raise BadInput(f"has tiles of the kind {kind!r}; {', '.join(tiles.KINDS)} are read.", str(path))
    return tiles.describe(path, zoom.shape, Tiling(side=zoom.tile, overlap=overlap, kind=kind, level=zoom.top))


def _remote(href: str, index: int) -> Found:
    """A GeoTIFF behind an address: only of these are parts read from there."""
    if kind_of(start(href, LONGEST)) != "tiff":
        raise BadInput("is no TIFF; other pictures are read from disk.", href, hint="Fetch it first.")
    if index:
        raise BadInput(f"holds one picture; there is no number {index}.", href)
    return _of_tiff(href, Path(href).stem)


def of_picture(picture: PlainPicture) -> Found:
    """A plain picture, with what stands beside it."""
    sides = beside(Path(picture.href), picture.shape)
    nodata = picture.nodata if picture.nodata is not None else sides.nodata
    return Found(
        title=Path(picture.href).stem,
        geobox=sides.geobox,
        bands=picture.bands,
        dtype=picture.dtype,
        alpha=picture.alpha,
        nodata=None if picture.alpha else nodata,
        picture=picture,
    )


def _of_tiff(href: str, name: str) -> Found:
    header = geotiff.describe(href, band="1")
    with geotiff.opened(href, band="1") as source:
        colors, count = source.colorinterp, source.count
        masked = MaskFlags.per_dataset in source.mask_flag_enums[0]
        other = source.nodata not in {None, 0}
        kinds = set(source.dtypes)
    if len(kinds) > 1 or header.dtype not in {"uint8", "uint16"}:
        raise BadInput(
            f"holds {', '.join(sorted(kinds))}, and pictures are uint8 or uint16.",
            href,
            hint="Make one of it: gigascene compose rgb … --stretch 2%:98%",
        )
    if ColorInterp.palette in colors:
        raise BadInput("has a colour table.", href, hint="Expand it first: gdal_translate -expand rgb IN OUT")
    alpha = count in {2, 4} and colors[-1] == ColorInterp.alpha
    beyond = not alpha and (masked or other)
    bands = count + beyond
    if bands > 4 or count > 4:
        raise BadInput(f"has {count} bands, and pictures have up to 4.", href, hint="Choose three: compose rgb")
    assets = {str(index): _asset(href, index, header) for index in range(1, count + 1)}
    if beyond:
        assets["mask"] = replace(_asset(href, MASK, header), key="mask", name="mask", dtype="uint8")
    scene = Scene(id=name, sensor="raster", platform="", datetime="", assets=assets)
    return Found(
        title=name,
        geobox=header.geobox,
        bands=bands,
        dtype=header.dtype,
        alpha=alpha or beyond,
        nodata=0 if header.nodata == 0 and not (alpha or beyond) else None,
        scene=scene,
    )


def _asset(href: str, index: int, header: geotiff.Header) -> Asset:
    return Asset(
        key=str(index),
        name=str(index),
        href=href,
        geobox=header.geobox,
        dtype=np.dtype(header.dtype).name,
        nodata=header.nodata,
        blocks=header.blocks,
        index=index,
        identity=identity(href),
    )


def _only_one(path: Path, index: int) -> None:
    if index:
        raise BadInput(f"holds one picture; there is no number {index}.", str(path))


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST)
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", str(path)) from error
