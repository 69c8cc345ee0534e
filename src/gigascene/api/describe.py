"""What a scene is and has, as JSON values."""

from __future__ import annotations

from os import PathLike
from typing import Any

from odc.geo.geobox import GeoBox

from gigascene.api.scenes import Source, open_scene
from gigascene.metadata.footprint import footprint
from gigascene.model.errors import BadInput, GigasceneError
from gigascene.model.scene import OFFSET, Asset, Scene
from gigascene.plan.build import Wish, gathered
from gigascene.plan.explain import crs_name
from gigascene.plan.find import chosen
from gigascene.plan.survey import survey
from gigascene.registry import PRODUCTS
from gigascene.sensors import settled
from gigascene.settings import cores


def describe(source: Source, root: str | PathLike[str] | None = None, *, offset: str | None = None) -> dict[str, Any]:
    """Identity, bands, grid, footprint, masks, products that can be made, and a stretch that suits true colour.

    Of Sentinel-2 from STAC also how its offset stands (`offset`), which may need a look at pixels.
    """
    scene, question = _judged(open_scene(source, root, offset=offset))
    grid = max(scene.assets.values(), key=lambda asset: asset.gsd_m or 0).geobox if scene.assets else None
    box = None if grid is None else grid.boundingbox
    return {
        "id": scene.id,
        "sensor": scene.sensor,
        "platform": scene.platform,
        "datetime": scene.datetime,
        "properties": {key: value for key, value in scene.properties.items() if key != OFFSET},
        "offset": question,
        "crs": crs_name(grid) if grid is not None else scene.properties.get("proj:code"),
        "bounds": [] if box is None else [box.left, box.bottom, box.right, box.top],
        "footprint": footprint_of(scene, grid),
        "bands": [
            _band(asset) | ({"units": ["alpha"]} if key in scene.alpha else {}) for key, asset in scene.assets.items()
        ],
        "absent": dict(scene.absent),
        "masks": list(scene.masks),
        "products": [name for name in PRODUCTS.names() if _can(scene, name)],
        "stretch": suggested(scene),
    }


def _judged(scene: Scene) -> tuple[Scene, dict[str, Any] | None]:
    """The scene and how its offset stands; what keeps it open is told, not raised: all else can still be shown."""
    try:
        scene = settled(scene, ())
    except BadInput as error:
        return scene, {**scene.properties[OFFSET], "why": str(error)}
    return scene, scene.properties.get(OFFSET)


def footprint_of(scene: Scene, grid: GeoBox | None) -> dict[str, Any] | None:
    """GeoJSON geometry: of what was measured where the metadata say so, else of the grid; None without a CRS.

    Cut at the date line, as RFC 7946 asks.
    """
    if scene.footprint is not None:
        return dict(scene.footprint)
    return None if grid is None or grid.crs is None else footprint(grid)


def suggested(scene: Scene) -> str | None:
    """Limits at 1 % and 99 % of each channel of true colour, as the command line takes them."""
    if not _can(scene, "true-color"):
        return None
    try:
        counted = survey(gathered(scene, Wish(product="true-color", target="")), "sample", cores())
        limits = [(channel.value(1), channel.value(99)) for channel in counted]
    except GigasceneError:  # a scene without a valid pixel, or with a broken band: the rest can still be told
        return None
    return ",".join(f"{low:.4f}:{high:.4f}" for low, high in limits)


def _can(scene: Scene, product: str) -> bool:
    try:
        chosen(PRODUCTS[product], scene)
    except GigasceneError:
        return 0 < PRODUCTS[product].choose <= len(scene.names)
    return True


def _unit(grid: GeoBox) -> str:
    """In which the sides of pixels are measured."""
    if grid.crs is None:
        return "pixels"
    if grid.crs.geographic:
        return "degrees"
    name = str(grid.crs.proj.axis_info[0].unit_name)
    return "m" if name == "metre" else name


def _band(asset: Asset) -> dict[str, Any]:
    return {
        "key": asset.key,
        "name": asset.name,
        "href": asset.href,
        "shape": list(asset.geobox.shape),
        "resolution": abs(asset.geobox.affine.a),
        "resolution_unit": _unit(asset.geobox),
        "dtype": asset.dtype,
        "nodata": asset.nodata,
        "units": list(asset.calibrations),
        "wavelength_um": asset.wavelength_um,
        "blocks": list(asset.blocks),
    }
