"""A tiled GeoTIFF as a Cloud-Optimised one, as GDAL makes it: `python to_cog.py IN OUT`."""

from __future__ import annotations

import sys

from rasterio.shutil import copy

OPTIONS = {"compress": "DEFLATE", "level": 6, "predictor": "YES", "blocksize": 512, "overview_resampling": "AVERAGE"}

if __name__ == "__main__":
    copy(sys.argv[1], sys.argv[2], driver="COG", num_threads="ALL_CPUS", **OPTIONS)
