"""A product as a lazy, georeferenced xarray DataArray in physical units."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any, Literal

import dask.array
import numpy as np
import xarray
from numpy.typing import NDArray
from odc.geo.xr import xr_coords

from gigascene.api.scenes import Source, open_scene
from gigascene.model import wire
from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.model.scene import Asset
from gigascene.plan.build import Wish, gathered
from gigascene.storage import hrefs
from gigascene.storage.identity import identity
from gigascene.works.gather import Gather

CHUNK_SIDE = 2048
"""Pixels; chunks are whole native blocks of about this side: 16 MB a channel."""


def load(
    product: str,
    source: Source,
    *,
    bands: Sequence[str] = (),
    units: Literal["default", "dn", "radiance", "reflectance", "temperature"] = "default",
    mask: Sequence[str] = (),
    resolution: float | None = None,
    root: str | PathLike[str] | None = None,
    offset: str | None = None,
) -> xarray.DataArray:
    """Physical values of a product, read when they are computed.

    Parameters
    ----------
    product, source, bands, units, mask, resolution, root, offset
        As for `plan_compose`.

    Returns
    -------
    xarray.DataArray
        ``(band, y, x)`` float32, NaN where there is no data; CRS in ``spatial_ref``
        (`odc.geo`'s and rioxarray's convention), unit and scene in the attributes. A Dask collection: `persist`,
        `distributed.wait` and `dask.visualize` take it, and where there is a `distributed.Client`, its workers read.

    Raises
    ------
    BadInput, UsageError
        As `plan_compose`; when chunks are computed, `BadInput` if a file has changed or cannot be read.
    """
    scene = open_scene(source, root, offset=offset)
    wish = Wish(product=product, target="", bands=tuple(bands), units=units, masks=tuple(mask), resolution=resolution)
    gather = gathered(scene, wish)
    chosen = gather.product
    channels = chosen.channels or tuple(asset.name for asset in gather.assets)
    geobox = gather.geobox
    coords: dict[str, Any] = dict(xr_coords(geobox))
    return xarray.DataArray(
        _lazy(gather, len(channels)),
        dims=("band", *geobox.dimensions),
        coords={"band": list(channels), **coords},
        name=chosen.name.replace("-", "_"),
        attrs={
            "units": gather.unit,
            "long_name": chosen.title,
            "scene": scene.id,
            "platform": scene.platform,
            "datetime": scene.datetime,
            "grid_mapping": "spatial_ref",
        },
    )


def _lazy(gather: Gather, channels: int) -> dask.array.Array:
    block = gather.assets[0].blocks
    shape = tuple(gather.geobox.shape)
    sides = [min(max(CHUNK_SIDE // edge, 1) * edge, side) for edge, side in zip(block, shape, strict=True)]
    chunks = ((channels,), *dask.array.core.normalize_chunks(sides, shape))
    meta = np.empty((0, 0, 0), np.float32)
    return dask.array.map_blocks(_Chunk(gather), token=gather.product.name, chunks=chunks, dtype=np.float32, meta=meta)


class _Chunk:
    """Reads and makes one chunk. Goes to workers with the secrets in the hrefs that it reads, and tells of none."""

    def __init__(self, gather: Gather) -> None:
        self._gather = gather

    def __call__(self, block_info: Any = None) -> NDArray[np.float32]:
        for asset in self._gather.sources():
            _check_unchanged(asset)
        (top, bottom), (left, right) = block_info[None]["array-location"][1:]
        return self._gather.physical(Window(top=top, left=left, height=bottom - top, width=right - left)).data

    def __repr__(self) -> str:
        return f"<{self._gather.product.name} of {self._gather.scene.id}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _received, (self._gather, hrefs.secrets(asset.href for asset in self._gather.sources()))

    def __dask_tokenize__(self) -> Any:
        """The same name for the same values, in any process; of hrefs only what may be known."""
        gather = self._gather
        return [wire.to_wire(value) for value in (gather.scene, gather.recipe, gather.geobox)], gather.product


def _received(gather: Gather, secrets: dict[str, str]) -> _Chunk:
    """In a worker."""
    hrefs.learn(secrets)
    return _Chunk(gather)


def _check_unchanged(asset: Asset) -> None:
    """What is computed long after may find other pixels under the calibration of the old ones; raises `BadInput`."""
    try:
        changed = asset.identity and identity(asset.href) != asset.identity
    except OSError as error:
        raise BadInput(f"is gone ({error.strerror}).", asset.href, asset.key) from error
    if changed:
        raise BadInput("has changed since the scene was opened.", asset.href, asset.key, hint="Open it again.")
