"""Plain GeoTIFFs whose stored numbers are kept: their bands, and what says where they have data."""

from __future__ import annotations

from dataclasses import dataclass, replace

from odc.geo.geobox import GeoBox
from rasterio.enums import ColorInterp, MaskFlags

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
    alpha: str
    """Key of the band that is 0 where there is no data; empty: there is none, or one band's nodata says it."""

    @property
    def grid(self) -> GeoBox:
        """Of all its bands."""
        return self.scene.assets[self.bands[0]].geobox


def picture_of(scene: Scene) -> Picture:
    """A scene as a picture; raises `BadInput` where it is no plain raster, or its bands are not alike."""
    assets = tuple(scene.assets.values())
    href = assets[0].href
    if scene.sensor != "raster" or any(asset.href != href for asset in assets):
        raise BadInput(f"scene {scene.id!r} is no plain raster: choose a product, such as true-color.")
    with raster.opened(href, band=assets[0].key) as source:
        colors = source.colorinterp
        masked = MaskFlags.per_dataset in source.mask_flag_enums[0]
    kinds = sorted({asset.dtype for asset in assets})
    if len(kinds) > 1:
        raise BadInput(f"holds bands of {', '.join(kinds)}.", href, hint="Choose bands: rgb --bands 1,2,3.")
    if ColorInterp.palette in colors:
        hint = "Expand it first: gdal_translate -expand rgb IN OUT; or keep its numbers: gigascene mosaic numbers …"
        raise BadInput("has a colour table.", href, hint=hint)
    keys, nodata = tuple(scene.assets), assets[0].nodata
    if len(keys) > 1 and colors[-1] == ColorInterp.alpha:
        bare = {asset.key: replace(asset, nodata=None) for asset in assets}
        return Picture(scene=replace(scene, assets=bare), bands=keys[:-1], dtype=kinds[0], nodata=None, alpha=keys[-1])
    if masked or (len(keys) > 1 and nodata is not None):
        # A pixel is there where any of its bands is: GDAL's mask of the whole file says so.
        bare = {asset.key: replace(asset, nodata=None) for asset in assets}
        bare["mask"] = replace(assets[0], key="mask", name="mask", index=MASK, dtype="uint8", nodata=None)
        return Picture(scene=replace(scene, assets=bare), bands=keys, dtype=kinds[0], nodata=nodata, alpha="mask")
    return Picture(scene=scene, bands=keys, dtype=kinds[0], nodata=nodata, alpha="")
