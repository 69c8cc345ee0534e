"""What usual pictures take on the disk, by way of compression."""

from __future__ import annotations

SHARES = {"png": 0.6, "jpg": 0.1, "webp": 0.1, "deflate": 0.6, "zstd": 0.6, "lzw": 0.6, "jpeg": 0.1, "none": 1.0}
"""What a picture of the Earth keeps of its bytes: measured on the benchmarks' sources, rounded up."""

WITH_SMALLER = 4 / 3
"""A picture and all its smaller levels: 1 + 1/4 + 1/16 …"""
