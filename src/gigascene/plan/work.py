"""The work a plan asks for."""

from __future__ import annotations

from gigascene.model.plan import AS_IT_IS, Plan
from gigascene.registry import PRODUCTS
from gigascene.works.copy import CopyBands, CopyPicture
from gigascene.works.gather import Gather

Work = Gather | CopyPicture | CopyBands


def work_of(plan: Plan) -> Work:
    """What reads and makes the windows of this plan."""
    if plan.picture is not None:
        return CopyPicture(plan.picture)
    scene, recipe = plan.scenes[0], plan.recipe
    if recipe.product == AS_IT_IS:
        return CopyBands(tuple(scene.assets[key] for key in recipe.bands))
    return Gather(scene, PRODUCTS[recipe.product], recipe, plan.format.geobox)
