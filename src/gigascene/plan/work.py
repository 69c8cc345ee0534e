"""The work a plan asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gigascene.model.mosaic import Layer, Mosaicking
from gigascene.model.plan import AS_IT_IS, Plan, Recipe
from gigascene.model.product import Product
from gigascene.model.scene import Scene
from gigascene.registry import PRODUCTS
from gigascene.works._placed import Placed
from gigascene.works.copy import CopyBands, CopyPicture
from gigascene.works.gather import Gather
from gigascene.works.mosaic import Mosaic

Work = Gather | Mosaic | CopyPicture | CopyBands

JUDGE = "ndvi"
"""The product that pixels are judged by, where the greenest is the best."""


def work_of(plan: Plan) -> Work:
    """What reads and makes the windows of this plan."""
    if plan.picture is not None:
        return CopyPicture(plan.picture)
    if plan.mosaic is not None:
        pairs = zip(plan.scenes, plan.mosaic.layers, strict=True)
        placed = [layered(scene, layer, plan.recipe, plan.mosaic, plan.format.geobox) for scene, layer in pairs]
        return Mosaic(placed, plan.mosaic, plan.format.geobox)
    scene, recipe = plan.scenes[0], plan.recipe
    if recipe.product == AS_IT_IS:
        return CopyBands(tuple(scene.assets[key] for key in recipe.bands))
    return Gather(scene, PRODUCTS[recipe.product], recipe, plan.format.geobox)


def layered(scene: Scene, layer: Layer, recipe: Recipe, mosaic: Mosaicking, output: Any) -> Placed:
    """One scene of a mosaic on its grid."""
    own = replace(recipe, bands=layer.bands, maxima=layer.maxima)
    gather = Gather(scene, product_of(recipe, len(layer.bands)), own, layer.grid)
    judge = None
    if layer.judged:
        judge = Gather(scene, PRODUCTS[JUDGE], replace(own, bands=layer.judged, quantity="reflectance"), layer.grid)
    return Placed(gather, layer, output, mosaic.resampling, judge)


def product_of(recipe: Recipe, bands: int) -> Product:
    """The product of a recipe; of stored numbers as they are, that of any bands."""
    if recipe.product == AS_IT_IS:
        return as_it_is(bands)
    product: Product = PRODUCTS[recipe.product]
    return product


def as_it_is(bands: int) -> Product:
    """So many bands, as they are stored."""
    return Product(name=AS_IT_IS, title="Mosaic", choose=bands, channels=(), quantity="dn")
