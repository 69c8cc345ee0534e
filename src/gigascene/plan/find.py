"""What a product is made of, in a scene: which bands, on which grid, in which quantity, without which pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches

from odc.geo.geobox import GeoBox

from gigascene.model.errors import BadInput, MissingBands, UnknownName, UsageError
from gigascene.model.product import Product
from gigascene.model.scene import Asset, Mask, Scene
from gigascene.plan.resolution import grid_at, missing_at, picked

QUALITY = ("QA_PIXEL", "BQA", "scl", "MSK_CLASSI_CLOUD", "MSK_CLOUDS_CLOUD")
"""Bands that masks are read from, as `Scene.absent` may name them."""

UNITS = ("default", "dn", "radiance", "reflectance", "temperature")


def chosen(
    product: Product, scene: Scene, bands: Sequence[str] = (), resolution: float | None = None
) -> tuple[Asset, ...]:
    """The assets a product is made from, in its order; raises `MissingBands` or `UnknownName`.

    Of bands that the archive has at several resolutions, those of `plan.resolution.picked`.
    """
    needs = needs_of(product, scene, bands)
    assets = picked(scene, needs, resolution)
    missing = tuple(need for need, asset in zip(needs, assets, strict=True) if asset is None)
    if missing:
        there = scene.names if resolution is None else [n for n in scene.names if picked(scene, (n,), resolution)[0]]
        raise MissingBands(product.name, scene.id, missing, tuple(there), _why(scene, missing, resolution))
    return tuple(asset for asset in assets if asset is not None)


def needs_of(product: Product, scene: Scene, bands: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the bands a product is made from: its own, or those that the user gives."""
    if product.choose:
        return _named(product, scene, bands)
    if bands:
        raise UsageError(f"{product.name!r} has its own bands ({', '.join(product.needs)}); leave --bands away")
    return product.needs


def _named(product: Product, scene: Scene, bands: Sequence[str]) -> tuple[str, ...]:
    """The bands the user names; all of them, in order, where the scene has just as many."""
    shown = tuple(key for key in scene.assets if key not in scene.alpha)
    if not bands and len(shown) == product.choose:
        bands = shown
    if len(bands) != product.choose:
        raise UsageError(
            f"{product.name!r} is made of {product.choose} bands; name them: --bands {','.join(scene.names[: product.choose])}"
        )
    for name in bands:
        if bands.count(name) > 1:
            raise UsageError(f"band {name!r} is named twice")
        if not scene.assets_of(name) and not _why(scene, (name,)):
            closest = next(iter(get_close_matches(name, scene.names)), "")
            raise UnknownName(name, "band", closest, scene.names)
    return tuple(bands)


def _why(scene: Scene, missing: Sequence[str], resolution: float | None = None) -> tuple[str, ...]:
    """What is known of the files of missing bands; ``"lwir11|lwir"`` means either."""
    names = [name for need in missing for name in need.split("|")]
    at = [key for name in names for key in missing_at(scene, scene.assets_of(name), resolution or 0)]
    words = [scene.absent[name] for name in (*names, *at) if name in scene.absent]
    # A name of the archive, where what is absent goes by the common one.
    named = [why for name in names for why in scene.absent.values() if f"band {name}:" in why or f"band {name}_" in why]
    return tuple(dict.fromkeys([*words, *named]))


def grid_of(product: Product, scene: Scene, assets: Sequence[Asset], resolution: float | None = None) -> GeoBox:
    """The grid a product is made on: of the size asked for, of one band if the product says so, else of its finest."""
    if product.grid is not None:
        asset = scene.asset(product.grid)
        assert asset is not None
        return asset.geobox
    finest = min(assets, key=lambda asset: abs(asset.geobox.affine.determinant))
    for asset in assets:
        if asset.geobox.crs != finest.geobox.crs:
            raise BadInput(
                f"its CRS is {asset.geobox.crs}, that of {finest.key} is {finest.geobox.crs}.",
                asset.href, asset.key, hint="Bring the bands to one CRS first.",
            )  # fmt: skip
    return finest.geobox if resolution is None else grid_at(scene, assets, resolution)


def quantity_of(product: Product, scene: Scene, assets: Sequence[Asset], units: str) -> str:
    """The calibration a wish for units means; raises `UnknownName`, or `BadInput` where a band cannot give it."""
    if units not in UNITS:
        raise UnknownName(units, "unit", next(iter(get_close_matches(units, UNITS)), ""), UNITS)
    quantity = product.quantity if units == "default" else units
    for asset in assets:
        scene.calibration(asset, quantity)  # raises, with the reason, where a band cannot give it
    return quantity


def known_masks(scene: Scene, names: Sequence[str]) -> tuple[str, ...]:
    """The masks by these names, ``cloud_shadow`` or ``cloud-shadow``; raises `BadInput` naming those there are."""
    names = tuple(dict.fromkeys(name.replace("_", "-") for name in names))
    for name in names:
        if name not in scene.masks:
            closest = next((f" Did you mean {known!r}?" for known in get_close_matches(name, scene.masks, 1)), "")
            has = ", ".join(scene.masks) or "none"
            broken = "".join(f"\n{scene.absent[key]}" for key in QUALITY if key in scene.absent)
            raise BadInput(f"scene {scene.id!r} carries no mask {name!r}; it carries {has}.{closest}{broken}")
    return tuple(names)


def on_grid(scene: Scene, grid: GeoBox) -> Scene:
    """The same scene with masks from those quality bands that lie on this grid, where there is such a one.

    A scene classification at 20 and 60 m is one band at two resolutions: on a grid of 60 m, that of 60 m is exact.
    """
    return replace(scene, masks={name: _mask_on(scene, mask, grid) for name, mask in scene.masks.items()})


def _mask_on(scene: Scene, mask: Mask, grid: GeoBox) -> Mask:
    asset = scene.assets.get(mask.asset)
    same = [] if asset is None or asset.index != 1 else scene.assets_of(asset.name)
    on = next((other.key for other in same if other.geobox == grid), mask.asset)
    return replace(mask, asset=on, also=tuple(_mask_on(scene, further, grid) for further in mask.also))
