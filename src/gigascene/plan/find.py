"""What a product is made of, in a scene: which bands, on which grid, in which quantity, without which pixels."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from odc.geo.geobox import GeoBox

from gigascene.model.errors import BadInput, MissingBands, UnknownName, UsageError
from gigascene.model.product import Product
from gigascene.model.scene import Asset, Scene

UNITS = ("default", "dn", "radiance", "reflectance", "temperature")


def chosen(product: Product, scene: Scene, bands: Sequence[str] = ()) -> tuple[Asset, ...]:
    """The assets a product is made from, in its order; raises `MissingBands` or `UnknownName`."""
    if product.choose:
        return _named(product, scene, bands)
    if bands:
        raise UsageError(f"{product.name!r} has its own bands ({', '.join(product.needs)}); leave --bands away")
    found = {need: _first(scene, need) for need in product.needs}
    missing = tuple(need for need, asset in found.items() if asset is None)
    if missing:
        raise MissingBands(product.name, scene.id, missing, scene.names, _why(scene, missing))
    return tuple(asset for asset in found.values() if asset is not None)


def _named(product: Product, scene: Scene, bands: Sequence[str]) -> tuple[Asset, ...]:
    """The bands the user names; all of them, in order, where the scene has just as many."""
    if not bands and len(scene.assets) == product.choose:
        bands = tuple(scene.assets)
    if len(bands) != product.choose:
        raise UsageError(
            f"{product.name!r} is made of {product.choose} bands; name them: --bands {','.join(scene.names[: product.choose])}"
        )
    for name in bands:
        if bands.count(name) > 1:
            raise UsageError(f"band {name!r} is named twice")
        if name in scene.absent:
            raise MissingBands(product.name, scene.id, (name,), scene.names, _why(scene, (name,)))
        if scene.asset(name) is None:
            closest = next(iter(get_close_matches(name, scene.names)), "")
            raise UnknownName(name, "band", closest, scene.names)
    return tuple(asset for name in bands if (asset := scene.asset(name)) is not None)


def _why(scene: Scene, missing: Sequence[str]) -> tuple[str, ...]:
    """What is known of the files of missing bands; ``"lwir11|lwir"`` means either."""
    return tuple(scene.absent[name] for need in missing for name in need.split("|") if name in scene.absent)


def _first(scene: Scene, need: str) -> Asset | None:
    """``"lwir11|lwir"`` means the first of these that the scene has."""
    return next((asset for name in need.split("|") if (asset := scene.asset(name)) is not None), None)


def grid_of(product: Product, scene: Scene, assets: Sequence[Asset]) -> GeoBox:
    """The grid a product is made on: that of one band if it says so, else the finest among its bands."""
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
    return finest.geobox


def quantity_of(product: Product, scene: Scene, assets: Sequence[Asset], units: str) -> str:
    """The calibration a wish for units means; raises `UnknownName`, or `BadInput` where a band cannot give it."""
    if units not in UNITS:
        raise UnknownName(units, "unit", next(iter(get_close_matches(units, UNITS)), ""), UNITS)
    quantity = product.quantity if units == "default" else units
    for asset in assets:
        scene.calibration(asset, quantity)  # raises, with the reason, where a band cannot give it
    return quantity


def known_masks(scene: Scene, names: Sequence[str]) -> tuple[str, ...]:
    """The masks by these names; raises `BadInput` naming those that the scene carries."""
    for name in names:
        if name not in scene.masks:
            closest = next((f" Did you mean {known!r}?" for known in get_close_matches(name, scene.masks, 1)), "")
            has = ", ".join(scene.masks) or "none"
            broken = "".join(f"\n{scene.absent[key]}" for key in ("QA_PIXEL", "BQA") if key in scene.absent)
            raise BadInput(f"scene {scene.id!r} carries no mask {name!r}; it carries {has}.{closest}{broken}")
    return tuple(names)
