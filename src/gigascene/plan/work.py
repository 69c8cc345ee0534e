"""The work a plan asks for."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from gigascene.model.mosaic import Layer, Resampling
from gigascene.model.plan import AS_IT_IS, KEPT, Plan, Recipe
from gigascene.model.product import Product
from gigascene.model.scene import Scene
from gigascene.registry import PRODUCTS
from gigascene.works._placed import Placed
from gigascene.works.compare import Comparison
from gigascene.works.copy import CopyBands, CopyPicture
from gigascene.works.gather import Gather
from gigascene.works.merge import Merge
from gigascene.works.mosaic import Mosaic

Makes = Gather | Mosaic | Comparison | Merge
"""What makes a product, or numbers."""

Work = Makes | CopyPicture | CopyBands

JUDGE = "ndvi"
"""The product that pixels are judged by, where the greenest is the best."""


def work_of(plan: Plan) -> Work:
    """What reads and makes the windows of this plan."""
    if plan.picture is not None:
        return CopyPicture(plan.picture)
    if plan.mosaic is not None and (said := plan.format.numbers) is not None:
        nodata = math.nan if said.nodata is None else said.nodata
        return Merge(_placed(plan, plan.mosaic.resampling), plan.mosaic, plan.format.geobox, nodata)
    if plan.mosaic is not None:
        return Mosaic(_placed(plan, plan.mosaic.resampling), plan.mosaic, plan.format.geobox)
    if plan.comparison is not None:
        return Comparison(_placed(plan, plan.comparison.resampling), plan.comparison, plan.format.geobox)
    scene, recipe = plan.scenes[0], plan.recipe
    if recipe.product == AS_IT_IS:
        return CopyBands(tuple(scene.assets[key] for key in recipe.bands))
    return Gather(scene, PRODUCTS[recipe.product], recipe, plan.format.geobox)


def _placed(plan: Plan, resampling: Resampling) -> list[Placed]:
    """All scenes of a plan on its grid."""
    pairs = zip(plan.scenes, plan.layers or (), strict=True)
    return [layered(scene, layer, plan.recipe, resampling, plan.format.geobox) for scene, layer in pairs]


def layered(scene: Scene, layer: Layer, recipe: Recipe, resampling: Resampling, output: Any) -> Placed:
    """One scene of many on their grid."""
    own = replace(recipe, bands=layer.bands, maxima=layer.maxima)
    gather = Gather(scene, product_of(recipe, len(layer.bands)), own, layer.grid)
    judge = None
    if layer.judged:
        judge = Gather(scene, PRODUCTS[JUDGE], replace(own, bands=layer.judged, quantity="reflectance"), layer.grid)
    return Placed(gather, layer, output, resampling, judge)


def product_of(recipe: Recipe, bands: int) -> Product:
    """The product of a recipe; of stored numbers as they are, that of any bands."""
    if recipe.product in KEPT:
        return as_it_is(bands)
    product: Product = PRODUCTS[recipe.product]
    return product


def as_it_is(bands: int) -> Product:
    """So many bands, as they are stored."""
    return Product(name=AS_IT_IS, title="Mosaic", choose=bands, channels=(), quantity="dn")
