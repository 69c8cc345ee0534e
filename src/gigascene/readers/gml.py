"""Vector masks in GML, as Sentinel-2 carried them before processing baseline 04.00, as pixels."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize

from gigascene.model.errors import Broken
from gigascene.model.grid import Window
from gigascene.model.scene import Asset
from gigascene.storage.contents import whole
from gigascene.storage.identity import identity

LARGEST = 64 << 20
"""Bytes of one file."""

KINDS = ("OPAQUE", "CIRRUS")
"""``maskType`` of the cloud mask's features, by `Asset.index` from 1 on, as the bands of the raster masks that followed."""

Polygon = list[list[tuple[float, float]]]
"""Outer ring, then holes, in the file's CRS."""


def read(asset: Asset, window: Window, out: NDArray[Any]) -> NDArray[Any]:
    """1 inside the polygons of one kind, else 0: a window of the asset's grid into `out` (y, x).

    A pixel is inside if its centre is. The whole mask is drawn once for each process, so that
    no window can differ from the same part of the whole. Raises `BadInput` naming the file.
    """
    drawn = _drawn(asset.href, identity(asset.href), KINDS[asset.index - 1], asset.geobox)
    out[:] = drawn[window.top : window.bottom, window.left : window.right]
    return out


@lru_cache(maxsize=4)  # a grid of 60 m has 3 MB
def _drawn(href: str, _identity: str, kind: str, geobox: GeoBox) -> NDArray[np.uint8]:
    found = polygons(whole(href, LARGEST), href).get(kind, [])
    if not found:
        return np.zeros(tuple(geobox.shape), np.uint8)
    shapes = [({"type": "Polygon", "coordinates": rings}, 1) for rings in found]
    drawn: NDArray[np.uint8] = rasterize(shapes, tuple(geobox.shape), transform=geobox.affine, dtype="uint8")
    return drawn


def polygons(data: bytes, file: str) -> dict[str, list[Polygon]]:
    """Polygons of a Sentinel-2 mask by the kind of what they outline, such as ``"OPAQUE"``.

    Parameters
    ----------
    data : bytes
        The whole file.
    file : str
        Its name, for messages.

    Raises
    ------
    BadInput
        No XML, document types or entities in it, or coordinates that are none.

    Examples
    --------
    >>> ring = "<LinearRing><posList>0 0 0 60 60 60 0 0</posList></LinearRing>"
    >>> shape = f"<extentOf><Polygon><exterior>{ring}</exterior></Polygon></extentOf>"
    >>> text = f"<Mask><maskMembers><MaskFeature><maskType>CIRRUS</maskType>{shape}</MaskFeature></maskMembers></Mask>"
    >>> polygons(text.encode(), "example")
    {'CIRRUS': [[[(0.0, 0.0), (0.0, 60.0), (60.0, 60.0), (0.0, 0.0)]]]}
    """
    root = _root(data, file)
    found: dict[str, list[Polygon]] = {}
    for feature in root.iterfind(".//{*}MaskFeature"):
        kind = (feature.findtext("{*}maskType") or "").strip()
        found.setdefault(kind, []).extend(_polygon(one, file) for one in feature.iterfind(".//{*}Polygon"))
    return found


def _root(data: bytes, file: str) -> Element:
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise Broken(f"is no XML that can be trusted: {error}", file) from error
    if root.tag.rpartition("}")[2] != "Mask":
        raise Broken("is no GML mask of Sentinel-2", file)
    return root


def _polygon(polygon: Element, file: str) -> Polygon:
    rings = [*polygon.iterfind("{*}exterior//{*}posList"), *polygon.iterfind("{*}interior//{*}posList")]
    if not rings:
        raise Broken("has a polygon without a ring", file)
    return [_ring(ring, file) for ring in rings]


def _ring(places: Element, file: str) -> list[tuple[float, float]]:
    step = 3 if places.get("srsDimension") == "3" else 2
    try:
        numbers = [float(number) for number in (places.text or "").split()]
    except ValueError as error:
        raise Broken(f"has a ring that is none: {error}", file) from error
    if len(numbers) < 4 * step or len(numbers) % step or not np.isfinite(numbers).all():
        raise Broken(f"has a ring of {len(numbers)} numbers, which is none", file)
    return list(zip(numbers[::step], numbers[1::step], strict=True))
