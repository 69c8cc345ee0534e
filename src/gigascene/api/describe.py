"""What a scene is and has, as JSON values."""

from __future__ import annotations

from os import PathLike
from typing import Any

from gigascene.api.scenes import Source, open_scene
from gigascene.model.errors import GigasceneError
from gigascene.model.scene import Asset, Scene
from gigascene.plan.build import Wish, gathered
from gigascene.plan.explain import crs_name
from gigascene.plan.find import chosen
from gigascene.plan.survey import survey
from gigascene.registry import PRODUCTS
from gigascene.settings import cores

CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


def describe(source: Source, root: str | PathLike[str] | None = None) -> dict[str, Any]:
    """Identity, bands, grid, footprint, masks, products that can be made, and a stretch that suits true colour."""
    scene = open_scene(source, root)
    grid = max(scene.assets.values(), key=lambda asset: asset.gsd_m or 0).geobox
    box = grid.boundingbox
    return {
        "id": scene.id,
        "sensor": scene.sensor,
        "platform": scene.platform,
        "datetime": scene.datetime,
        "properties": dict(scene.properties),
        "crs": crs_name(grid),
        "bounds": [box.left, box.bottom, box.right, box.top],
        "footprint": footprint(grid),
        "bands": [_band(asset) for asset in scene.assets.values()],
        "absent": dict(scene.absent),
        "masks": list(scene.masks),
        "products": [name for name in PRODUCTS.names() if _can(scene, name)],
        "stretch": suggested(scene),
    }


def footprint(grid: Any) -> list[list[float]]:
    """Longitude and latitude of the grid's corners, from the upper left clockwise; empty without a CRS."""
    if grid.crs is None:
        return []
    from pyproj import Transformer  # noqa: PLC0415  (only wanted where there is a CRS)

    to_degrees = Transformer.from_crs(grid.crs.to_wkt(), "EPSG:4326", always_xy=True)
    rows, columns = grid.shape
    a, b, c, d, e, f = list(grid.affine)[:6]
    corners = [(a * x * columns + b * y * rows + c, d * x * columns + e * y * rows + f) for x, y in CORNERS]
    return [[round(degree, 5) for degree in to_degrees.transform(*corner)] for corner in corners]


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
        return PRODUCTS[product].choose > 0
    return True


def _band(asset: Asset) -> dict[str, Any]:
    return {
        "key": asset.key,
        "name": asset.name,
        "href": asset.href,
        "shape": list(asset.geobox.shape),
        "resolution": abs(asset.geobox.affine.a),
        "dtype": asset.dtype,
        "nodata": asset.nodata,
        "units": list(asset.calibrations),
        "wavelength_um": asset.wavelength_um,
        "blocks": list(asset.blocks),
    }
