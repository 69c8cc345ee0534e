"""Satellite archives to finished pictures: streaming, on every core, in the memory you allow.

>>> import gigascene
>>> "true-color" in gigascene.product_names()
True

The names below are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gigascene.api.catalog import (
        BuiltCatalog,
        FetchedAssets,
        build_catalog,
        describe_catalog,
        fetch_assets,
        plan_fetch_assets,
    )
    from gigascene.api.compare import compare, plan_compare
    from gigascene.api.compose import compose, plan_compose
    from gigascene.api.convert import convert, plan_convert
    from gigascene.api.fetch import fetch_scenes, plan_fetch_scenes
    from gigascene.api.histogram import Histogram, histogram
    from gigascene.api.load import load
    from gigascene.api.looks import save_look
    from gigascene.api.mosaic import mosaic, plan_mosaic
    from gigascene.api.names import look_names, palette_names, product_names, sensor_names
    from gigascene.api.picture import Picture, picture
    from gigascene.api.plans import load_plan, run, save_plan
    from gigascene.api.scenes import open_scene, open_scenes
    from gigascene.api.search import Found, search
    from gigascene.api.verify import verify
    from gigascene.api.view import export_view, view
    from gigascene.execute.capsule import replay
    from gigascene.execute.catalog.describe import CatalogPart
    from gigascene.execute.catalog.fetch import FetchPlan
    from gigascene.execute.receipt import Receipt
    from gigascene.model.errors import BadInput, GigasceneError
    from gigascene.model.look import Limits, Look
    from gigascene.model.plan import Plan
    from gigascene.model.scene import Asset, Scene

__version__ = version("gigascene")

_HOMES = {
    "Asset": "model.scene",
    "BadInput": "model.errors",
    "BuiltCatalog": "api.catalog",
    "CatalogPart": "execute.catalog.describe",
    "FetchPlan": "execute.catalog.fetch",
    "FetchedAssets": "api.catalog",
    "Found": "api.search",
    "GigasceneError": "model.errors",
    "Histogram": "api.histogram",
    "Limits": "model.look",
    "Look": "model.look",
    "Picture": "api.picture",
    "Plan": "model.plan",
    "Receipt": "execute.receipt",
    "Scene": "model.scene",
    "build_catalog": "api.catalog",
    "compare": "api.compare",
    "compose": "api.compose",
    "convert": "api.convert",
    "describe_catalog": "api.catalog",
    "export_view": "api.view",
    "fetch_assets": "api.catalog",
    "fetch_scenes": "api.fetch",
    "histogram": "api.histogram",
    "load": "api.load",
    "load_plan": "api.plans",
    "mosaic": "api.mosaic",
    "open_scene": "api.scenes",
    "open_scenes": "api.scenes",
    "look_names": "api.names",
    "palette_names": "api.names",
    "picture": "api.picture",
    "plan_compare": "api.compare",
    "plan_compose": "api.compose",
    "plan_convert": "api.convert",
    "plan_fetch_assets": "api.catalog",
    "plan_fetch_scenes": "api.fetch",
    "plan_mosaic": "api.mosaic",
    "product_names": "api.names",
    "replay": "execute.capsule",
    "run": "api.plans",
    "save_look": "api.looks",
    "save_plan": "api.plans",
    "search": "api.search",
    "verify": "api.verify",
    "view": "api.view",
    "sensor_names": "api.names",
}

__all__ = [
    "Asset",
    "BadInput",
    "BuiltCatalog",
    "CatalogPart",
    "FetchPlan",
    "FetchedAssets",
    "Found",
    "GigasceneError",
    "Histogram",
    "Limits",
    "Look",
    "Picture",
    "Plan",
    "Receipt",
    "Scene",
    "__version__",
    "build_catalog",
    "compare",
    "compose",
    "convert",
    "describe_catalog",
    "export_view",
    "fetch_assets",
    "fetch_scenes",
    "histogram",
    "load",
    "load_plan",
    "look_names",
    "mosaic",
    "open_scene",
    "open_scenes",
    "palette_names",
    "picture",
    "plan_compare",
    "plan_compose",
    "plan_convert",
    "plan_fetch_assets",
    "plan_fetch_scenes",
    "plan_mosaic",
    "product_names",
    "replay",
    "run",
    "save_look",
    "save_plan",
    "search",
    "sensor_names",
    "verify",
    "view",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gigascene' has no attribute {name!r}")
    return getattr(import_module(f"gigascene.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
