"""From a STAC item to a `Scene`: what all instruments share. No file is opened where the item tells its grid.

An asset that has only been told of has no `identity` yet; `settled` looks at the file itself before a
pixel of it is read, and holds it to what the item said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from odc.geo.geobox import GeoBox

from gigascene.metadata.stac_items import ItemAsset, ItemBand
from gigascene.model.errors import BadInput, Broken, NoAccess
from gigascene.model.scene import Asset, Calibration, Mask, Scene
from gigascene.model.sensor import Band
from gigascene.readers.raster import describe
from gigascene.sensors._stac_file import Located, Unreadable
from gigascene.storage import paid
from gigascene.storage.hrefs import is_bucket, is_remote
from gigascene.storage.identity import identity

USUAL_BLOCKS = (512, 512)
"""Of Cloud-Optimised GeoTIFFs, and about those of JPEG 2000, until the file has been looked at."""

AT_ONCE = 8
"""Files that are looked at side by side: each is a question to a server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What becomes of an asset."""

    key: str
    """In the scene."""

    asset: ItemAsset
    dtype: str
    """Where the item does not say."""

    nodata: float | None
    calibrations: Mapping[str, Calibration] = field(default_factory=dict)
    band: Band | None = None
    """Of the instrument, for spectral bands."""

    @property
    def told(self) -> ItemBand:
        """What the item says of its one band."""
        return self.asset.bands[0]


def is_raster(asset: ItemAsset) -> bool:
    """A band by itself: no picture of several, no metadata, no JPEG."""
    kind, name = asset.media_type.lower(), asset.href.partition("?")[0].lower()
    tiff = "tiff" in kind or name.endswith((".tif", ".tiff"))
    return (
        len(asset.bands) == 1
        and (tiff or is_jpeg2000(asset))
        and not {"overview", "thumbnail", "visual"} & set(asset.roles)
    )


def is_jpeg2000(asset: ItemAsset) -> bool:
    """JPEG 2000, as the agency packs it."""
    return "jp2" in asset.media_type.lower() or asset.href.partition("?")[0].lower().endswith(".jp2")


def best(assets: Iterable[ItemAsset], key_of: Callable[[ItemAsset], str | None]) -> dict[str, ItemAsset]:
    """For each band its finest asset; of equal ones GeoTIFF before JPEG 2000, and the one with the shortest name."""
    found: dict[str, list[ItemAsset]] = {}
    for asset in assets:
        key = key_of(asset) if is_raster(asset) else None
        if key:
            found.setdefault(key, []).append(asset)
    return {key: min(these, key=_rank) for key, these in found.items()}


def _rank(asset: ItemAsset) -> tuple[bool, float, int, str]:
    size = abs(asset.geobox.affine.a) if asset.geobox else asset.gsd_m or asset.bands[0].gsd_m or 0.0
    return is_jpeg2000(asset), size, len(asset.key), asset.key


def scene(
    located: Located,
    wanted: Sequence[Wanted],
    *,
    sensor: str,
    platform: str,
    bands: Iterable[Band],
    masks: Mapping[str, Mask],
    properties: Mapping[str, Any],
) -> Scene:
    """The scene with an asset for each that is wanted and can be read, and what is known of the others."""
    assets, absent = _assets(located, wanted)
    missing = {
        band.name: f"{located.named}: has no asset of band {band.key} ({band.name})."
        for band in bands
        if band.key not in {one.key for one in wanted}
    }
    if not assets:
        why = "\n".join(list(absent.values())[:3])
        raise BadInput("has no band that can be read.", located.named, hint=why)
    return Scene(
        id=located.item.id,
        sensor=sensor,
        platform=platform,
        datetime=located.item.datetime,
        assets=assets,
        absent=missing | absent,
        masks={name: mask for name, mask in masks.items() if mask.asset in {"", *assets}},
        properties={**plain(located.item.properties), **properties},
    )


def _assets(located: Located, wanted: Sequence[Wanted]) -> tuple[dict[str, Asset], dict[str, str]]:
    assets, absent = {}, {}
    for one in wanted:
        try:
            assets[one.key] = _asset(located, one)
        except Unreadable as error:
            absent[one.band.name if one.band else one.key] = f"{error} (asset {one.asset.key})"
    return assets, absent


def _asset(located: Located, wanted: Wanted) -> Asset:
    told, href = wanted.told, _readable(located, wanted.asset)
    return Asset(
        key=wanted.key,
        name=wanted.band.name if wanted.band else wanted.key,
        href=href,
        geobox=wanted.asset.geobox or _own_grid(located, href, wanted.key),
        dtype=told.dtype or wanted.dtype,
        nodata=wanted.nodata if told.nodata is None else told.nodata,
        blocks=USUAL_BLOCKS,
        calibrations=wanted.calibrations,
        wavelength_um=told.wavelength_um or (wanted.band.wavelength_um if wanted.band else None),
        gsd_m=wanted.band.gsd_m if wanted.band else told.gsd_m or wanted.asset.gsd_m,
    )


def _own_grid(located: Located, href: str, key: str) -> GeoBox:
    """Of the file itself, where the item does not tell it."""
    with named(located.item.id, href, key):
        return describe(href, band=key).geobox


def _readable(located: Located, asset: ItemAsset) -> str:
    """Where it is read: in a bucket that the user pays for, where they have agreed to; else where no account is wanted, if such an href is told."""
    known = (asset.href, *asset.alternates)
    if paid.agreed() and (mine := next((href for href in known if paid.is_paid(href)), "")):
        return located.resolved(mine)
    web = next((href for href in asset.alternates if href.startswith(("http://", "https://"))), None)
    try:
        return located.resolved(web if web and is_bucket(asset.href) else asset.href)
    except Unreadable:
        if web:
            return located.resolved(web)
        raise


def files(located: Located) -> Iterator[tuple[str, str]]:
    """Of each asset that can be read its file's name, and where it is read."""
    for asset in located.item.assets:
        with suppress(Unreadable):
            href = _readable(located, asset)
            yield PurePosixPath(unquote(urlsplit(asset.href).path) if is_remote(href) else href).name, href


def settled(scene: Scene, keys: Iterable[str]) -> Scene:
    """The scene with these assets looked at: their own blocks, type and identity.

    Raises
    ------
    BadInput
        A file is gone, cannot be read, or is not what the item says; names scene, band and href.
    """
    new = [key for key in dict.fromkeys(keys) if not scene.assets[key].identity and scene.sensor in LAZY]
    if not new:
        return scene
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda key: looked_at(scene.id, scene.assets[key]), new)
        return replace(scene, assets={**scene.assets, **dict(zip(new, found, strict=True))})


def looked_at(scene: str, asset: Asset) -> Asset:
    """The asset as the file itself says, held to the grid that the item tells."""
    with named(scene, asset.href, asset.key):
        header, state = describe(asset.href, band=asset.key), identity(asset.href)
    said = f"scene {scene}: {asset.href}"
    if header.geobox.crs is None:
        raise BadInput("has no coordinate system.", said, asset.key)
    if not _same(asset, header.geobox):
        raise BadInput(
            f"is {_grid(header.geobox)}; its STAC item says {_grid(asset.geobox)}.",
            said,
            asset.key,
            hint="The item is wrong, or the file has been replaced.",
        )
    return replace(
        asset,
        geobox=header.geobox,
        dtype=header.dtype,
        nodata=asset.nodata if header.nodata is None else header.nodata,
        blocks=header.blocks,
        identity=state,
    )


@contextmanager
def named(scene: str, href: str, band: str) -> Iterator[None]:
    """Errors of a file, naming the scene too."""
    try:
        yield
    except BadInput as error:
        kind = type(error) if isinstance(error, NoAccess | Broken) else BadInput
        raise kind(error.args[0], f"scene {scene}: {href}", band, hint=error.args[4]) from error
    except OSError as error:
        raise Broken(f"is gone ({error.strerror}).", f"scene {scene}: {href}", band) from error


def _same(asset: Asset, found: Any) -> bool:
    """Equal shape and CRS, and corners within a hundredth of a pixel: items tell decimal fractions."""
    near = all(
        abs(one - other) <= 0.01 * abs(found.affine.a)
        for corner in ((0, 0), found.shape[::-1])
        for one, other in zip(asset.geobox.affine @ corner, found.affine @ corner, strict=True)
    )
    return near and tuple(asset.geobox.shape) == tuple(found.shape) and bool(asset.geobox.crs == found.crs)


def _grid(geobox: Any) -> str:
    rows, columns = geobox.shape
    a = geobox.affine
    crs = f"EPSG:{geobox.crs.epsg}" if geobox.crs is not None and geobox.crs.epsg else geobox.crs
    return f"{columns} x {rows} pixels of {a.a:g} at {a.c:.10g}, {a.f:.10g} in {crs}"


def plain(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Short values: what a scene keeps of an item's properties."""
    return {
        key: value
        for key, value in properties.items()
        if (isinstance(value, str | int | float) and len(str(value)) <= 300) and key not in {"datetime", "platform"}
    }


LAZY = frozenset({"sentinel2-l2a", "sentinel2-l1c", "landsat-c2-l2", "landsat-c2-l1"})
"""Sensors whose scenes may come from items."""
