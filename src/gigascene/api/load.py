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
from gigascene.model.errors import BadInput
from gigascene.model.grid import Window
from gigascene.plan.build import Wish, gathered
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
        (`odc.geo`'s and rioxarray's convention), unit and scene in the attributes.
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

    def part(block_info: Any = None) -> NDArray[np.float32]:
        _check_unchanged(gather)
        (top, bottom), (left, right) = block_info[None]["array-location"][1:]
        return gather.physical(Window(top=top, left=left, height=bottom - top, width=right - left)).data

    return dask.array.map_blocks(part, chunks=chunks, dtype=np.float32, meta=np.empty((0, 0, 0), np.float32))


def _check_unchanged(gather: Gather) -> None:
    """What is computed long after may find other pixels under the calibration of the old ones; raises `BadInput`."""
    for asset in gather.assets:
        if asset.identity and identity(asset.href) != asset.identity:
            raise BadInput("has changed since the scene was opened.", asset.href, asset.key, hint="Open it again.")
