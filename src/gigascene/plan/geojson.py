"""What a GeoJSON file holds: its geometries and the CRS they are in (RFC 7946, or a ``crs`` member as before it)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from gigascene.model.errors import BadInput
from gigascene.plan.grid_names import DEGREES

T = TypeVar("T")

GROUPS = {"FeatureCollection": "features", "GeometryCollection": "geometries"}
"""What stands for many, and where they are."""

KINDS = ("Point", "LineString", "Polygon")


def read(path: str, take: Callable[[Iterator[tuple[str, Any]]], T]) -> tuple[T, str]:
    """What `take` makes of all geometries of a file, and the name of their CRS; raises `BadInput`.

    `take` gets pairs: one of `KINDS` (those of many, one by one), and its coordinates. What it cannot read is a ValueError.
    """
    try:
        whole = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot be opened: {error.strerror}", path) from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"is no GeoJSON: {error}.", path) from error
    try:
        found = take(_geometries(whole))
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, RecursionError) as error:
        raise BadInput(f"is no GeoJSON: {type(error).__name__}: {error}.", path) from error
    return found, _crs(whole, path)


def _geometries(part: Any) -> Iterator[tuple[str, Any]]:
    kind = part["type"]
    if kind in GROUPS:
        for one in part[GROUPS[kind]]:
            yield from _geometries(one)
    elif kind == "Feature":
        yield from _geometries(part["geometry"]) if part["geometry"] else ()
    elif kind in KINDS:
        yield kind, part["coordinates"]
    elif kind.removeprefix("Multi") in KINDS:
        for one in part["coordinates"]:
            yield kind.removeprefix("Multi"), one
    else:
        raise ValueError(f"{kind!r} is no kind of geometry")


def positions(said: Any, least: int, what: str) -> NDArray[np.float64]:
    """Positions (n, 2), x and y, of which there must be some; heights are left away. Raises `ValueError`."""
    found = np.array([position[:2] for position in said], np.float64)
    if found.ndim != 2 or found.shape[1] != 2 or len(found) < least or not np.isfinite(found).all():
        raise ValueError(f"{what} of two finite numbers, not {len(said)}")
    return found


def ring(corners: Any) -> NDArray[np.float64]:
    """Corners of a ring, (n, 2), the first not told again at the end."""
    found = positions(corners, 4, "a ring has at least four corners")
    return found[:-1] if (found[0] == found[-1]).all() else found


def _crs(whole: Any, path: str) -> str:
    said = whole.get("crs")
    if said is None:
        return DEGREES
    try:
        name = str(said["properties"]["name"])
        CRS(name)
    except (KeyError, TypeError, CRSError) as error:
        raise BadInput(f"names a CRS that is not known: {said!r}.", path) from error
    return name
