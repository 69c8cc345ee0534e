"""STAC items in a GeoParquet file (stac-geoparquet): one row an item, its properties as columns, missing ones null.

Read a few rows at a time; groups of rows whose statistics say that nothing in them is wanted are left out. The layout:
https://github.com/stac-utils/stac-geoparquet, version 1.0 of its specification and what was written before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import shapely

from gigascene.model.errors import BadInput
from gigascene.storage import hrefs, remote

SUFFIXES = (".parquet", ".geoparquet")
ROWS = 256
"""Items in hand at once."""

LARGEST_GROUP = 2 << 30
"""Bytes of a group of rows, unpacked."""

BUFFER = 1 << 20
_TOP = {"type", "stac_version", "stac_extensions", "id", "collection", "links", "assets", "geometry", "bbox"}
_SIDES = ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax")

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is wanted of a file. Items that do not meet it may come all the same."""

    first: datetime | None = None
    last: datetime | None = None
    boxes: tuple[Box, ...] = ()
    """West, south, east, north; none for everywhere."""


def is_parquet(place: str) -> bool:
    """True for the name of such a file, wherever it lies."""
    path = hrefs.split(place).path if hrefs.is_remote(place) else place
    return path.lower().endswith(SUFFIXES)


def items(place: str, bounds: Bounds | None = None) -> Iterator[dict[str, Any]]:
    """Items as JSON has them, in the order of the file.

    Raises `BadInput` where it is gone, is no such file, or holds no STAC items.
    """
    with _opened(place) as file:
        if not {"id", "assets", "geometry"} <= set(file.schema_arrow.names):
            raise BadInput("holds no STAC items: it has no columns id, assets and geometry.", hrefs.public(place))
        groups = [number for number in range(file.num_row_groups) if _wanted(file, number, bounds or Bounds(), place)]
        for batch in file.iter_batches(batch_size=ROWS, row_groups=groups) if groups else ():
            yield from map(_item, batch.to_pylist())


@contextmanager
def _opened(place: str) -> Iterator[Any]:
    try:
        import pyarrow as pa  # noqa: PLC0415  (an extra)
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        hint = "pip install 'gigascene[parquet]'"
        raise BadInput("is GeoParquet, which needs pyarrow.", hrefs.public(place), hint=hint) from None
    try:
        with _file(place) as source, parquet.ParquetFile(source, buffer_size=BUFFER, pre_buffer=False) as file:
            yield file
    except BadInput:
        raise
    except (pa.ArrowException, shapely.errors.ShapelyError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.strerror:  # the system's; pyarrow's own have none
            raise BadInput(f"cannot be read: {error.strerror}", hrefs.public(place)) from error
        told = str(error).partition("\n")[0]
        raise BadInput(
            f"is no GeoParquet that can be read ({told})", hrefs.public(place), hint="Is it whole?"
        ) from error


def _file(place: str) -> Any:
    return remote.RangeFile(hrefs.remember(place)) if hrefs.is_remote(place) else Path(place).open("rb")


def _wanted(file: Any, number: int, bounds: Bounds, place: str) -> bool:
    """False for rows of which the file itself says that none can be wanted."""
    group = file.metadata.row_group(number)
    if group.total_byte_size > LARGEST_GROUP:
        raise BadInput(f"has a group of rows of {group.total_byte_size:,} bytes", hrefs.public(place))
    spans = {}
    for column in (group.column(index) for index in range(group.num_columns)):
        if column.path_in_schema in {"datetime", *(f"bbox.{side}" for side in _SIDES)}:
            told = column.statistics
            if told is not None and told.has_min_max and not (column.path_in_schema == "datetime" and told.null_count):
                spans[column.path_in_schema] = (told.min, told.max)
    return _in_time(spans.get("datetime"), bounds) and (
        not bounds.boxes or any(_in_box(spans, box) for box in bounds.boxes)
    )


def _in_time(span: tuple[Any, Any] | None, bounds: Bounds) -> bool:
    if span is None or not all(isinstance(one, datetime) for one in span):
        return True
    first, last = (one if one.tzinfo else one.replace(tzinfo=UTC) for one in span)
    return (bounds.first is None or last >= bounds.first) and (bounds.last is None or first <= bounds.last)


def _in_box(spans: Mapping[str, tuple[float, float]], box: Box) -> bool:
    """Boxes across the date line have their western side above the eastern one; such a group is read."""
    try:
        (west, _), (_, east) = spans["bbox.xmin"], spans["bbox.xmax"]
        (south, _), (_, north) = spans["bbox.ymin"], spans["bbox.ymax"]
    except KeyError:
        return True
    across = spans["bbox.xmin"][1] > spans["bbox.xmax"][0]
    return south <= box[3] and north >= box[1] and (across or (west <= box[2] and east >= box[0]))


def _item(row: Mapping[str, Any]) -> dict[str, Any]:
    """The GeoJSON Feature of a row."""
    top = {name: _plain(row[name]) for name in _TOP - {"geometry", "bbox"} if row.get(name) is not None}
    properties = {name: _plain(value) for name, value in row.items() if name not in _TOP and value is not None}
    told = properties.pop("properties", None)  # as files have it that others than the library wrote
    properties |= told if isinstance(told, Mapping) else {}
    properties.setdefault("datetime", None)
    box = _box(row.get("bbox"))
    found = {"geometry": _geometry(row.get("geometry")), **({"bbox": box} if box else {}), "properties": properties}
    return {"type": "Feature", "links": [], **top, **found}


def _geometry(value: Any) -> Any:
    """GeoJSON of well-known binary."""
    if not isinstance(value, bytes):
        return value
    shape = shapely.from_wkb(value)
    return None if shape is None else _plain(shape.__geo_interface__)


def _box(value: Any) -> list[float] | None:
    if isinstance(value, Mapping):
        sides = [value.get(side) for side in _SIDES if value.get(side) is not None]
        return cast("list[float]", sides)
    return list(value) if isinstance(value, Sequence) else None


def _plain(value: Any) -> Any:
    """As JSON has it: what is null in a structure is not there at all."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items() if one is not None}
    if isinstance(value, list | tuple):
        return _mapped(value) if _is_map(value) else [_plain(one) for one in value]
    if isinstance(value, date):
        return _moment(value)
    if isinstance(value, bytes):
        return _geometry(value)
    return "nan" if isinstance(value, float) and math.isnan(value) else value


def _is_map(value: Sequence[Any]) -> bool:
    """True for what a column of maps holds: pairs of a name and a value."""
    pairs = (isinstance(one, tuple) and len(one) == 2 and isinstance(one[0], str) for one in value)
    return bool(value) and all(pairs)


def _mapped(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    return {name: _plain(one) for name, one in pairs if one is not None}


def _moment(value: date) -> str:
    """RFC 3339; a day where it is no more."""
    if not isinstance(value, datetime):
        return value.isoformat()
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat().replace("+00:00", "Z")
