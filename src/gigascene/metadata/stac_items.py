"""STAC items as they are found: versions 0.8 to 1.1, whichever way bands and grids are told, as one kind of value.

What differs between versions: bands of an asset are objects (``eo:bands``), whole
numbers that point into the item's own ``eo:bands`` (0.8, 0.9), or common ``bands``
(1.1); scale, offset and nodata stand in ``raster:bands`` or in the band itself;
the CRS is ``proj:epsg``, ``proj:code``, ``proj:wkt2`` or ``proj:projjson``, of the
asset or of the item. A collection's ``item_assets`` says what all its items share.
Nothing is opened here, and no href is followed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.types import wh_

from gigascene.model.errors import BadInput

LONGEST_ID = 512
MOST_ASSETS = 1_000
LARGEST_SIDE = 1 << 24
"""Pixels of one side of a grid; larger ones are no image."""

_VERSION = re.compile(r"0\.[89]\.|1\.[01]\.")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemBand:
    """One band of an asset; None where the item does not say."""

    name: str = ""
    common_name: str = ""
    wavelength_um: float | None = None
    dtype: str | None = None
    nodata: float | None = None
    scale: float | None = None
    offset: float | None = None
    gsd_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAsset:
    """One file of an item."""

    key: str
    href: str
    """As written; may be relative."""

    media_type: str
    roles: tuple[str, ...]
    bands: tuple[ItemBand, ...]
    geobox: GeoBox | None
    """None where shape, transform or CRS are not told."""

    gsd_m: float | None
    alternates: tuple[str, ...] = ()
    """Other hrefs of the same file (extension alternate-assets)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One scene as a catalogue tells it."""

    id: str
    collection: str
    datetime: str
    """UTC, RFC 3339, with ``Z``; the beginning, where the item has only a span."""

    properties: Mapping[str, Any]
    assets: tuple[ItemAsset, ...]
    bbox: tuple[float, float, float, float] | None
    """West, south, east, north, degrees; west is the greater where it crosses the date line."""

    self_href: str = ""
    """Where the item says that it lies, or empty."""

    collection_href: str = ""
    """Where it says that its collection lies, as written, or empty."""

    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


def kind_of(document: Any) -> str:
    """``"item"``, ``"items"``, ``"catalog"`` (a collection too), or empty for what is no STAC."""
    if not isinstance(document, Mapping):
        return ""
    kind = document.get("type")
    if kind == "FeatureCollection":
        return "items" if isinstance(document.get("features"), list) else ""
    if kind == "Feature":
        return "item" if "stac_version" in document or isinstance(document.get("assets"), Mapping) else ""
    if "stac_version" in document and isinstance(document.get("links"), list):
        return "catalog"
    return ""


def link(document: Mapping[str, Any], relation: str) -> str:
    """Href of the first link of a relation, or empty."""
    return next(links(document, relation), "")


def links(document: Mapping[str, Any], *relations: str) -> Iterator[str]:
    """Hrefs of all links of these relations, in order."""
    found = document.get("links")
    for one in found if isinstance(found, list) else []:
        if isinstance(one, Mapping) and one.get("rel") in relations and isinstance(one.get("href"), str):
            yield one["href"]


def read_item(document: Any, where: str, shared: Mapping[str, Any] | None = None) -> Item:
    """The item of a JSON document.

    Parameters
    ----------
    document : JSON value
        A GeoJSON Feature.
    where : str
        File or address, for messages.
    shared : mapping, optional
        ``item_assets`` of its collection.

    Returns
    -------
    Item
        Assets without an href are left out.

    Raises
    ------
    BadInput
        It is no item of STAC 0.8 to 1.1, lacks what makes a scene (id, time, footprint, assets), or holds values of
        a wrong kind; names the member.
    """
    told = _Told(document, where)
    name = told.text(document, "id", "an id")
    told.check(len(name) <= LONGEST_ID and not _CONTROL.search(name), f"its id is {name[:80]!r}")
    told = _Told(document, f"{where}: {name}")
    version = document.get("stac_version")
    told.check(
        isinstance(version, str) and bool(_VERSION.match(version)),
        f"its stac_version is {version!r}; 0.8 to 1.1 are read",
    )
    properties = told.mapping(document, "properties")
    told.check(document.get("geometry") is not None, "has no footprint (geometry)")
    told.check(isinstance(document["geometry"], Mapping), "its geometry is no object")
    assets = told.mapping(document, "assets")
    told.check(bool(assets), "has no assets")
    told.check(len(assets) <= MOST_ASSETS, f"has {len(assets)} assets")
    read = _assets(told, properties, {str(key): asset for key, asset in assets.items()}, shared or {})
    return Item(
        id=name,
        collection=str(document.get("collection") or properties.get("collection") or ""),
        datetime=_moment(told, properties),
        properties=properties,
        assets=tuple(read),
        bbox=_bbox(told, document),
        self_href=link(document, "self"),
        collection_href=link(document, "collection"),
        document=document,
    )


def item_assets(collection: Any) -> Mapping[str, Any]:
    """What a collection says of all its items' assets; empty where it says nothing."""
    found = collection.get("item_assets") if isinstance(collection, Mapping) else None
    return found if isinstance(found, Mapping) else {}


class _Told:
    """Checks of kinds, with the place for messages."""

    def __init__(self, document: Any, where: str) -> None:
        self.where = where
        self.check(isinstance(document, Mapping), "is no JSON object")

    def check(self, holds: bool, what: str) -> None:  # noqa: FBT001
        if not holds:
            raise BadInput(f"{what}.", self.where, hint="It is no STAC item that can be read.")

    def text(self, found: Mapping[str, Any], key: str, what: str) -> str:
        value = found.get(key)
        self.check(
            isinstance(value, str) and bool(value),
            f"has no {what.removeprefix('an ').removeprefix('a ')} ({key} is {_short(value)})",
        )
        return str(value)

    def mapping(self, found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = found.get(key, {})
        self.check(isinstance(value, Mapping), f"its {key} are {_short(value)}, no object")
        return value

    def number(self, found: Mapping[str, Any], key: str) -> float | None:
        value = found.get(key)
        if value is None:
            return None
        if isinstance(value, str) and value.lower() in {"nan", "inf", "-inf"}:
            return float(value)
        self.check(
            isinstance(value, int | float) and not isinstance(value, bool), f"{key} is {_short(value)}, no number"
        )
        return float(value)


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _moment(told: _Told, properties: Mapping[str, Any]) -> str:
    said = properties.get("datetime") or properties.get("start_datetime")
    told.check(isinstance(said, str), f"has no time (datetime is {_short(said)})")
    try:
        when = datetime.fromisoformat(str(said))
    except ValueError as error:
        raise BadInput(f"its datetime is {_short(said)} ({error}).", told.where) from error
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    return when.isoformat().replace("+00:00", "Z")


def _bbox(told: _Told, document: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    box = document.get("bbox")
    if box is None:
        return None
    good = isinstance(box, list) and len(box) in {4, 6} and all(_finite(side) for side in box)
    told.check(good, f"its bbox is {_short(box)}")
    half = len(box) // 2
    return float(box[0]), float(box[1]), float(box[half]), float(box[half + 1])


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _assets(
    told: _Told, properties: Mapping[str, Any], assets: Mapping[str, Any], shared: Mapping[str, Any]
) -> Iterator[ItemAsset]:
    for key, said in assets.items():
        told.check(isinstance(said, Mapping), f"its asset {key!r} is {_short(said)}, no object")
        told.check(not _CONTROL.search(key), f"an asset is called {key!r}")
        common = shared.get(key)
        asset = {**(common if isinstance(common, Mapping) else {}), **said}
        href = asset.get("href")
        if href is None:
            continue
        told.check(isinstance(href, str) and bool(href), f"the href of asset {key!r} is {_short(href)}")
        told.check(
            not _CONTROL.search(href), f"the href of asset {key!r} holds a line break or another control character"
        )
        roles = asset.get("roles")
        yield ItemAsset(
            key=key,
            href=href,
            media_type=str(asset.get("type") or ""),
            roles=tuple(str(role) for role in roles) if isinstance(roles, list) else (),
            bands=_bands(told, properties, asset),
            geobox=_geobox(told, {**_projection(properties), **_projection(asset)}, key),
            gsd_m=told.number(asset, "gsd"),
            alternates=_alternates(asset),
        )


def _alternates(asset: Mapping[str, Any]) -> tuple[str, ...]:
    found = asset.get("alternate")
    others = found.values() if isinstance(found, Mapping) else ()
    return tuple(one["href"] for one in others if isinstance(one, Mapping) and isinstance(one.get("href"), str))


def _bands(told: _Told, properties: Mapping[str, Any], asset: Mapping[str, Any]) -> tuple[ItemBand, ...]:
    """Of an asset: `bands` of 1.1 before the lists of the extensions, which run side by side."""
    common = _objects(asset.get("bands"))
    eo = _pointed(asset.get("eo:bands"), properties.get("eo:bands"))
    raster = _objects(asset.get("raster:bands"))
    count = max(len(common), len(eo), len(raster))
    told.check(count <= MOST_ASSETS, f"has {count} bands in one asset")
    return tuple(
        _band(told, [found[i] for found in (common, eo, raster) if i < len(found)], asset) for i in range(max(count, 1))
    )


def _objects(found: Any) -> list[Mapping[str, Any]]:
    return [one if isinstance(one, Mapping) else {} for one in found] if isinstance(found, list) else []


def _pointed(found: Any, table: Any) -> list[Mapping[str, Any]]:
    """Bands of ``eo:bands``: objects, or their numbers in the table of the item."""
    known = _objects(table)
    if not isinstance(found, list):
        return []
    return [
        one
        if isinstance(one, Mapping)
        else known[one]
        if isinstance(one, int) and not isinstance(one, bool) and 0 <= one < len(known)
        else {}
        for one in found
    ]


def _band(told: _Told, said: Sequence[Mapping[str, Any]], asset: Mapping[str, Any]) -> ItemBand:
    def first(read: Callable[[Mapping[str, Any], str], Any], *keys: str) -> Any:
        found = (read(one, key) for one in (*said, asset) for key in keys if one.get(key) is not None)
        return next(found, None)

    def word(found: Mapping[str, Any], key: str) -> str | None:
        return str(found[key]) if isinstance(found.get(key), str) else None

    names = (word(one, "name") for one in said)
    common = (word(one, key) for one in said for key in ("eo:common_name", "common_name"))
    return ItemBand(
        name=next(filter(None, names), ""),
        common_name=next(filter(None, common), ""),
        wavelength_um=first(told.number, "eo:center_wavelength", "center_wavelength"),
        dtype=first(word, "data_type"),
        nodata=first(told.number, "nodata"),
        scale=first(told.number, "raster:scale", "scale"),
        offset=first(told.number, "raster:offset", "offset"),
        gsd_m=first(told.number, "gsd", "raster:spatial_resolution", "spatial_resolution"),
    )


def _projection(found: Mapping[str, Any]) -> dict[str, Any]:
    """What an asset or item says of its grid; a CRS in any form replaces one in any other."""
    said = {key: found[key] for key in ("proj:shape", "proj:transform") if found.get(key) is not None}
    crs = next(
        (found[key] for key in ("proj:code", "proj:epsg", "proj:wkt2", "proj:projjson") if found.get(key) is not None),
        None,
    )
    return said if crs is None else {**said, "crs": crs}


def _geobox(told: _Told, said: Mapping[str, Any], key: str) -> GeoBox | None:
    if not {"proj:shape", "proj:transform", "crs"} <= set(said):
        return None
    shape, transform = said["proj:shape"], said["proj:transform"]
    told.check(
        isinstance(shape, list) and len(shape) == 2 and all(_side(side) for side in shape),
        f"proj:shape of asset {key!r} is {_short(shape)}",
    )
    told.check(
        isinstance(transform, list) and len(transform) in {6, 9} and all(_finite(one) for one in transform),
        f"proj:transform of asset {key!r} is {_short(transform)}",
    )
    affine = Affine(*map(float, transform[:6]))
    told.check(affine.determinant != 0, f"proj:transform of asset {key!r} has no extent")
    return GeoBox(wh_(int(shape[1]), int(shape[0])), affine, _crs(told, said["crs"], key))


def _side(value: Any) -> bool:
    return _finite(value) and value == int(value) and 0 < value <= LARGEST_SIDE


def _crs(told: _Told, said: Any, key: str) -> CRS:
    try:
        if isinstance(said, bool) or not isinstance(said, int | str | Mapping):
            raise TypeError("no code, text or object")
        return CRS(f"EPSG:{said}" if isinstance(said, int) else json.dumps(said) if isinstance(said, Mapping) else said)
    except (ValueError, TypeError, RuntimeError) as error:  # pyproj's own are RuntimeErrors
        raise BadInput(f"the CRS of asset {key!r} is {_short(said)}, which is none.", told.where) from error
