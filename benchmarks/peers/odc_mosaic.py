"""Reproject, mosaic and stretch with odc-stac and Dask: `python odc_mosaic.py RULE ITEMS GRID OUT LOW HIGH [--cluster]`.

RULE: latest (the last date that has data lies on top) or median (of the dates). The picture is written as a COG by
odc-geo: threads make it as a whole and GDAL writes it; or, with `--cluster`, the workers of the cluster that
DASK_SCHEDULER_ADDRESS names make, compress and write it, tile by tile.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dask
import distributed
import numpy as np
import odc.stac
import pystac
import rasterio
from odc.geo.cog import save_cog_with_dask
from odc.geo.geobox import GeoBox
from odc.geo.xr import write_cog

BANDS = ("red", "green", "blue")
CHUNK = 2048
BLOCK = 512


def main(rule: str, items: str, grid: str, out: str, low: str, high: str, *flags: str) -> None:
    """Load lazily, combine, write."""
    if "--cluster" in flags:
        with distributed.Client() as client:
            levels = _picture(rule, items, grid, float(low), float(high)).transpose("y", "x", "band")
            whole = levels.chunk({"band": -1}).drop_vars("band").odc.assign_crs(levels.odc.crs)
            saved = save_cog_with_dask(
                whole, out, compression="deflate", level=6, predictor=2, blocksize=BLOCK, overview_resampling="average",
                stats=False,
            )  # fmt: skip
            client.compute(saved).result()
    else:
        with dask.config.set(scheduler="threads"):
            levels = _picture(rule, items, grid, float(low), float(high)).compute()
        write_cog(levels, out, overwrite=True, compress="deflate", nodata=0, blocksize=BLOCK)


def _picture(rule: str, items: str, grid: str, low: float, high: float) -> Any:
    """Levels of all bands, lazily: (band, y, x) uint8."""
    found = [pystac.Item.from_file(str(path)) for path in sorted(Path(items).glob("*/*.json"))]
    found.sort(key=lambda item: item.datetime, reverse=True)
    with rasterio.open(grid) as file:
        geobox = GeoBox(file.shape, file.transform, file.crs)
    loaded = odc.stac.load(
        found,
        bands=BANDS,
        geobox=geobox,
        chunks={"x": CHUNK, "y": CHUNK},
        resampling="nearest",
        groupby=(lambda *_: "one") if rule == "latest" else "solar_day",
        preserve_original_order=True,
        nodata=0,
    )
    bands = loaded[list(BANDS)].to_array("band").transpose("time", "band", "y", "x")
    combined = bands.isel(time=0) if rule == "latest" else bands.where(bands > 0).median("time", skipna=True)
    levels = combined.copy(data=combined.data.map_blocks(_levels, low, high, dtype=np.uint8))
    levels.attrs = {"nodata": 0}
    return levels.odc.assign_crs(geobox.crs)


def _levels(values: Any, low: float, high: float) -> Any:
    """1 to 255, 0 where there is no data."""
    scaled = np.rint((np.nan_to_num(values.astype(np.float32)) - low) / (high - low) * 254 + 1)
    return np.where(np.nan_to_num(values) > 0, np.clip(scaled, 1, 255), 0).astype(np.uint8)


if __name__ == "__main__":
    main(*sys.argv[1:])
