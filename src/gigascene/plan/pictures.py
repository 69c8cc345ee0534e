"""Plain GeoTIFFs whose stored numbers are kept: their bands, and what says where they have data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp

from gigascene.model.errors import BadInput
from gigascene.model.scene import Scene
from gigascene.readers import raster
from gigascene.readers.window import MASK


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A raster as it is."""

    scene: Scene
    bands: tuple[str, ...]
    """Keys of its bands, without alpha."""

    dtype: str
    nodata: float | None

    @property
    def grid(self) -> GeoBox:
        """Of all its bands."""
        return self.scene.assets[self.bands[0]].geobox


def picture_of(scene: Scene) -> Picture:
    """A scene as a picture; raises `BadInput` where it is no plain raster, or its bands are not alike."""
    assets = tuple(asset for key, asset in scene.assets.items() if key not in scene.alpha)
    href = next(iter(scene.assets.values())).href
    if scene.sensor != "raster" or not assets or any(asset.href != href for asset in assets):
        raise BadInput(f"scene {scene.id!r} is no plain raster: choose a product, such as true-color.")
    with raster.opened(href, band=assets[0].key) as source:
        colors = source.colorinterp
    kinds = sorted({asset.dtype for asset in assets})
    if len(kinds) > 1:
        raise BadInput(f"holds bands of {', '.join(kinds)}.", href, hint="Choose bands: rgb --bands 1,2,3.")
    if ColorInterp.palette in colors:
        hint = "Expand it first: gdal_translate -expand rgb IN OUT; or keep its numbers: gigascene mosaic numbers …"
        raise BadInput("has a colour table.", href, hint=hint)
    keys, nodata = tuple(asset.key for asset in assets), assets[0].nodata
    if not scene.alpha and len(keys) > 1 and nodata is not None:
        # A pixel is there where any of its bands is: GDAL's mask of the whole file says so.
        bare = {asset.key: replace(asset, nodata=None) for asset in assets}
        bare["mask"] = replace(assets[0], key="mask", name="mask", index=MASK, dtype="uint8", nodata=None)
        scene = replace(scene, assets=bare, alpha=("mask",))
    return Picture(scene=scene, bands=keys, dtype=kinds[0], nodata=nodata)
