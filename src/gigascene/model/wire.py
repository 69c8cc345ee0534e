"""Plans as JSON and back: our own wire format, so that no pickle is ever read from a file.

Frozen dataclasses become objects, tuples become arrays, arrays become base64
of little-endian bytes, a GeoBox its CRS, affine and shape.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import types
import typing
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from odc.geo.types import wh_

from gigascene.model.errors import BadInput

T = TypeVar("T")

_ARRAYS = {np.ndarray, typing.get_origin(NDArray[np.float32])}
"""From NumPy 2.5 on the alias is a type of its own."""


def dumps(value: Any, *, indent: int | None = None) -> str:
    """JSON text of a frozen value; mappings keep their order."""
    return json.dumps(to_wire(value), indent=indent, allow_nan=False)


def loads(kind: type[T], text: str) -> T:
    """The value of type `kind` that `dumps` wrote; raises `BadInput` on anything else."""
    try:
        return typing.cast("T", from_wire(kind, json.loads(text)))
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise BadInput(f"is no {_spoken(kind)} of gigascene: {error}.") from error


def digest(value: Any) -> str:
    """SHA-256 of the JSON text with sorted keys, hex: equal values have equal digests."""
    return hashlib.sha256(json.dumps(to_wire(value), sort_keys=True, allow_nan=False).encode()).hexdigest()


def to_wire(value: Any) -> Any:
    """JSON-ready form of `value`."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case GeoBox():
            return _from_geobox(value)
        case np.ndarray():
            return base64.b64encode(value.astype(value.dtype.newbyteorder("<")).tobytes()).decode()
        case Mapping():
            return {str(key): to_wire(item) for key, item in value.items()}
        case tuple() | list():
            return [to_wire(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            kind: Any = type(value)
            floats = _floats(kind)
            return {
                f.name: _written(getattr(value, f.name), floating=f.name in floats) for f in dataclasses.fields(value)
            }
    raise TypeError(f"cannot be written down: {type(value).__name__}")


@lru_cache(maxsize=256)
def _floats(kind: type) -> frozenset[str]:
    """Names of the fields that hold a float, or None."""
    hints = typing.get_type_hints(kind)
    return frozenset(name for name, hint in hints.items() if hint in (float, float | None))


def _written(value: Any, *, floating: bool) -> Any:
    """As it will be read again: a whole number where a float belongs is that float, or a plan read again would be another."""
    return float(value) if floating and isinstance(value, int) else to_wire(value)


def from_wire(kind: Any, data: Any) -> Any:  # noqa: PLR0911  (one return a kind)
    """Read a value of the annotated type `kind` from its JSON form."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return None if data is None else from_wire(next(a for a in args if a is not type(None)), data)
    if origin is tuple:
        inner = [args[0]] * len(data) if args[-1] is Ellipsis else args
        return tuple(from_wire(a, item) for a, item in zip(inner, data, strict=True))
    if origin in _ARRAYS:
        return np.frombuffer(base64.b64decode(data), "<f4").astype(np.float32)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: from_wire(args[1], item) for key, item in data.items()}
    if kind is GeoBox:
        return _to_geobox(data)
    if dataclasses.is_dataclass(kind):
        return _to_dataclass(typing.cast("type", kind), data)
    return _plain(kind, data)


def _plain(kind: Any, data: Any) -> Any:
    """A number, text or truth value, of the kind that is wanted; anything where anything is."""
    if kind is float and isinstance(data, int | float):
        return float(data)
    if (
        kind is not Any
        and isinstance(kind, type)
        and (not isinstance(data, kind) or (kind is int and isinstance(data, bool)))
    ):
        raise ValueError(f"{data!r} is no {kind.__name__}")
    if typing.get_origin(kind) is typing.Literal and data not in typing.get_args(kind):
        raise ValueError(f"{data!r} is none of {', '.join(map(str, typing.get_args(kind)))}")
    return data


def _spoken(kind: type) -> str:
    """Its name in words: ``PlainPicture`` is a plain picture."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).lower()


def _to_dataclass(kind: type, data: Any) -> Any:
    name = _spoken(kind)
    if not isinstance(data, Mapping):
        raise TypeError(f"the {name} is {_shape(data)}")
    hints = typing.get_type_hints(kind)
    needed = [field.name for field in dataclasses.fields(kind) if _required(field)]
    for what, found in (("has unknown", set(data) - set(hints)), ("lacks", set(needed) - set(data))):
        if found:
            raise ValueError(f"the {name} {what} {', '.join(sorted(found))}")
    return kind(**{name: from_wire(hints[name], item) for name, item in data.items()})


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _shape(data: Any) -> str:
    """What stands there instead of an object, in a word."""
    return {list: "a list", str: "a text", bool: "a truth value", type(None): "nothing"}.get(type(data), "a number")


def _from_geobox(geobox: GeoBox) -> dict[str, Any]:
    crs = geobox.crs
    # Never by its EPSG code: PROJ finds one for texts that are merely alike.
    return {
        "crs": None if crs is None else crs.to_wkt(),
        "affine": list(geobox.affine)[:6],
        "shape": list(geobox.shape),
    }


def _to_geobox(data: Mapping[str, Any]) -> GeoBox:
    from affine import Affine  # noqa: PLC0415  (odc-geo's own dependency, wanted only here)

    height, width = data["shape"]
    return GeoBox(wh_(width, height), Affine(*data["affine"]), data["crs"])
