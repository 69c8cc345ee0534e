"""Reproject, mosaic and stretch with odc-stac and Dask: `python odc_mosaic.py RULE ITEMS GRID OUT LOW HIGH`.

RULE: latest (the last date that has data lies on top) or median (of the dates). The picture is written as a COG by
odc-geo, which asks GDAL.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dask
import numpy as np
import odc.stac
import pystac
import rasterio
from odc.geo.geobox import GeoBox
from odc.geo.xr import write_cog

BANDS = ("red", "green", "blue")
CHUNK = 2048


def main(rule: str, items: str, grid: str, out: str, low: str, high: str) -> None:
    """Load lazily, combine, write."""
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
    with dask.config.set(scheduler="threads"):
        levels = combined.copy(
            data=combined.data.map_blocks(_levels, float(low), float(high), dtype=np.uint8)
        ).compute()
    write_cog(levels.odc.assign_crs(geobox.crs), out, overwrite=True, compress="deflate", nodata=0, blocksize=512)


def _levels(values: Any, low: float, high: float) -> Any:
    """1 to 255, 0 where there is no data."""
    scaled = np.rint((np.nan_to_num(values.astype(np.float32)) - low) / (high - low) * 254 + 1)
    return np.where(np.nan_to_num(values) > 0, np.clip(scaled, 1, 255), 0).astype(np.uint8)


if __name__ == "__main__":
    main(*sys.argv[1:])
