"""Copy of scenes only the bands that are wanted, with a catalogue that opens like the one they come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import Any

from gigascene.api._by_id import named, resolved
from gigascene.api.catalog import AT_ONCE, FetchedAssets, fetched
from gigascene.execute.catalog.access import hrefs_of
from gigascene.execute.catalog.copying import Watch
from gigascene.execute.catalog.fetch import Fetching, FetchPlan
from gigascene.execute.catalog.layout import Placed, laid_out, layout
from gigascene.execute.catalog.pick import Pick
from gigascene.model.errors import BadInput, UsageError
from gigascene.model.product import Product
from gigascene.model.scene import SENSOR, Scene
from gigascene.plan.build import read_for
from gigascene.registry import PRODUCTS
from gigascene.sensors import is_stac, scenes_of
from gigascene.sensors._stac_file import parted
from gigascene.sensors._stac_landsat import METADATA
from gigascene.storage import hrefs
from gigascene.storage.identity import path_of

Sources = str | PathLike[str] | Sequence[str | PathLike[str]]

BY_ID = "scenes"
"""Id of the catalogue of what was fetched by id; more may come to it."""


def plan_fetch_scenes(
    source: Sources,
    target: str | PathLike[str],
    *,
    product: str = "true-color",
    bands: Sequence[str] = (),
    masks: Sequence[str] = (),
    resolution: float | None = None,
    api: str | None = None,
    workers: int = AT_ONCE,
) -> FetchPlan:
    """Say what `fetch_scenes` would copy."""
    return _fetching(source, target, by_product(product, bands, masks, resolution), api).plan(workers)


def fetch_scenes(
    source: Sources,
    target: str | PathLike[str],
    *,
    product: str = "true-color",
    bands: Sequence[str] = (),
    masks: Sequence[str] = (),
    resolution: float | None = None,
    api: str | None = None,
    allow_gaps: bool = False,
    workers: int = AT_ONCE,
    watch: Watch | None = None,
) -> FetchedAssets:
    """Copy what a product needs of scenes by id, or of a search or catalogue; a catalogue comes along and opens from `target`.

    Parameters
    ----------
    source : path, address or id, or sequence of ids
        A STAC item, ItemCollection or static catalogue, with ``#ID`` behind it for one scene. Or ids of scenes of Landsat and
        Sentinel-2, which are looked for in the public archives; what is called otherwise by now is found by satellite, place and time.
    target : path
        A new folder, or one into which bands of the same were copied before; or the place of one in a bucket (``s3://BUCKET/KEY``).
    product : str
        What shall be made of them.
    bands : sequence of str
        For a product that takes any bands, those; for others, these bands and nothing else are copied, whatever the product.
    masks : sequence of str
        What will be masked, such as ``"clouds"``: the quality bands for it come too.
    resolution : float, optional
        As for `compose`.
    api : str, optional
        Where ids are looked for, instead of the public archives: a short name as for `search`, or the address of a STAC API.
    allow_gaps, workers, watch
        As for `fetch_assets`.

    Raises
    ------
    BadInput
        As `fetch_assets`; or a scene lacks a band; no archive has a scene; or its files want a login, or somebody who pays for reading them.
    """
    fetching = _fetching(source, target, by_product(product, bands, masks, resolution), api)
    return fetched(fetching, allow_gaps=allow_gaps, workers=workers, watch=watch)


def _fetching(source: Sources, target: str | PathLike[str], pick: Pick, api: str | None) -> Fetching:
    sources = [fspath(source)] if isinstance(source, str | PathLike) else [fspath(one) for one in source]
    if asked := named(sources):  # whatever lies here under that name: perhaps a copy that shall be gone on with
        found = resolved(asked, api)
        return Fetching(BY_ID, laid_out(found.found, BY_ID), pick, [], target, adds=True, notes=found.notes)
    if api is not None:
        raise UsageError("--api says where ids are looked for; a catalogue needs none")
    if len(sources) != 1:
        raise UsageError("one catalogue or search result at a time, or any number of ids")
    [one] = sources
    if is_stac(one):
        place, id = parted(one)
        return Fetching(place, layout(place), pick, [id] if id else [], target)
    if path_of(one).exists():
        hint = "Files of an archive need no fetching; of a scene elsewhere, search: gigascene search … -o scenes.json"
        raise BadInput("is no STAC item, ItemCollection or catalogue.", one, hint=hint)
    hint = "Name a search result, a catalogue, or ids of Landsat or Sentinel-2: gigascene search … -o scenes.json"
    raise BadInput("is neither a file nor the id of a scene.", one, hint=hint)


def by_product(name: str, bands: Sequence[str], masks: Sequence[str], resolution: float | None) -> Pick:
    """Of each scene the assets that a product, or some bands, and masks are read from."""
    product = PRODUCTS[name]
    if bands and product.choose != len(bands):
        product = Product(name="bands", title="Bands", choose=len(bands), channels=(), quantity="")

    def pick(chosen: Sequence[Placed]) -> Iterator[tuple[Placed, Sequence[str], BadInput | None]]:
        for placed in chosen:
            try:
                [scene] = scenes_of([placed.located])
                read = read_for(product, scene, bands, masks, resolution)
                yield placed, _keys(placed, scene, {_file(asset.href) for asset in read}), None
            except BadInput as error:
                yield placed, (), error

    return pick


def _keys(placed: Placed, scene: Scene, files: set[str]) -> list[str]:
    """Assets that are these files; and those of the metadata without which a scene does not open."""
    keys = [key for key, asset in placed.assets.items() if files & _places(asset)]
    return [*keys, *(key for key in _metadata(placed, scene) if key not in keys)]


def _metadata(placed: Placed, scene: Scene) -> list[str]:
    """Of a scene as its agency delivers it all, of Landsat's level 1 one file."""
    if SENSOR in placed.located.item.properties:
        return [key for key, asset in placed.assets.items() if asset.get("roles") == ["metadata"]]
    if scene.sensor != "landsat-c2-l1":
        return []
    return [key for key, asset in placed.assets.items() if METADATA.search(str(asset.get("href")))][:1]


def _places(asset: Mapping[str, Any]) -> set[str]:
    """Wherever an asset's file may be read."""
    return {href for href, _ in hrefs_of(asset)}


def _file(href: str) -> str:
    return href if hrefs.is_remote(href) else str(path_of(href))
