"""Copy of scenes only the bands that are wanted, with a catalogue that opens like the one they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from os import PathLike, fspath
from pathlib import Path

from gigascene.api.catalog import AT_ONCE, FetchedAssets, fetched
from gigascene.execute.catalog.copying import Watch
from gigascene.execute.catalog.fetch import Fetching, FetchPlan
from gigascene.execute.catalog.layout import Placed
from gigascene.execute.catalog.pick import Pick, source_of
from gigascene.model.errors import BadInput
from gigascene.model.product import Product
from gigascene.plan.build import read_for
from gigascene.registry import PRODUCTS
from gigascene.sensors import is_stac, scenes_of
from gigascene.sensors._stac_file import parted
from gigascene.storage import hrefs
from gigascene.storage.identity import path_of


def plan_fetch_scenes(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    product: str = "true-color",
    bands: Sequence[str] = (),
    masks: Sequence[str] = (),
    resolution: float | None = None,
    workers: int = AT_ONCE,
) -> FetchPlan:
    """Say what `fetch_scenes` would copy."""
    return _fetching(source, target, by_product(product, bands, masks, resolution)).plan(workers)


def fetch_scenes(
    source: str | PathLike[str],
    target: str | PathLike[str],
    *,
    product: str = "true-color",
    bands: Sequence[str] = (),
    masks: Sequence[str] = (),
    resolution: float | None = None,
    allow_gaps: bool = False,
    workers: int = AT_ONCE,
    watch: Watch | None = None,
) -> FetchedAssets:
    """Copy what a product needs of the scenes of a search or catalogue; the catalogue comes along and opens from `target`.

    Parameters
    ----------
    source : path or address
        A STAC item, ItemCollection or static catalogue, with ``#ID`` behind it for one scene.
    target : path
        A new folder, or one into which bands of the same were copied before.
    product : str
        What shall be made of them.
    bands : sequence of str
        For a product that takes any bands, those; for others, these bands and nothing else are copied, whatever the product.
    masks : sequence of str
        What will be masked, such as ``"clouds"``: the quality bands for it come too.
    resolution : float, optional
        As for `compose`.
    allow_gaps, workers, watch
        As for `fetch_assets`.

    Raises
    ------
    BadInput
        As `fetch_assets`; or a scene lacks a band.
    """
    fetching = _fetching(source, target, by_product(product, bands, masks, resolution))
    return fetched(fetching, allow_gaps=allow_gaps, workers=workers, watch=watch)


def _fetching(source: str | PathLike[str], target: str | PathLike[str], pick: Pick) -> Fetching:
    if not is_stac(fspath(source)):
        hint = "Files of an archive need no fetching; of a scene elsewhere, search: gigascene search … -o scenes.json"
        raise BadInput("is no STAC item, ItemCollection or catalogue.", fspath(source), hint=hint)
    place, id = parted(fspath(source))
    return Fetching(place, pick, [id] if id else [], Path(target))


def by_product(name: str, bands: Sequence[str], masks: Sequence[str], resolution: float | None) -> Pick:
    """Of each scene the assets that a product, or some bands, and masks are read from."""
    product = PRODUCTS[name]
    if bands and product.choose != len(bands):
        product = Product(name="bands", title="Bands", choose=len(bands), channels=(), quantity="")

    def pick(chosen: Sequence[Placed]) -> Iterator[tuple[Placed, Sequence[str], str]]:
        for placed in chosen:
            try:
                [scene] = scenes_of([placed.located])
                read = read_for(product, scene, bands, masks, resolution)
                yield placed, _keys(placed, {_file(asset.href) for asset in read}), ""
            except BadInput as error:
                yield placed, (), str(error)

    return pick


def _keys(placed: Placed, files: set[str]) -> list[str]:
    """Assets that are these files; of a scene as its agency delivers it the metadata too, without which it does not open."""
    keys = [key for key, asset in placed.assets.items() if source_of(asset) in files]
    metadata = [key for key, asset in placed.assets.items() if asset.get("roles") == ["metadata"]]
    return [*keys, *(metadata if "gigascene:sensor" in placed.located.item.properties else [])]


def _file(href: str) -> str:
    return href if hrefs.is_remote(href) else str(path_of(href))
