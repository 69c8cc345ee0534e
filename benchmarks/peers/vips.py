"""A PPM as a JPEG or as Deep Zoom by libvips, streaming: `python vips.py jpeg|deepzoom-jpg|deepzoom-png IN OUT`.

Quality, subsampling, size and overlap of tiles are those that gigascene takes by itself, so that both do the same work.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any


def opened(source: str) -> Any:
    """The picture, to be read once from top to bottom."""
    import pyvips

    with Path(source).open("rb") as file:  # the wheel reads no PPM
        _, (width, height), _ = file.readline(), map(int, file.readline().split()), file.readline()
        start = file.tell()
    picture = pyvips.Image.rawload(source, width, height, 3, offset=start, access="sequential")
    return picture.copy(interpretation="srgb")


def jpeg(source: str, target: str) -> None:
    """Quality 90, colours at half size, the standard's Huffman code."""
    opened(source).jpegsave(target, Q=90, subsample_mode="on", optimize_coding=False)


def deepzoom(source: str, target: str, suffix: str) -> None:
    """Tiles of 512 without overlap, down to one pixel, every level the mean of the one before."""
    path = Path(target)
    shutil.rmtree(path.with_name(f"{path.stem}_files"), ignore_errors=True)
    opened(source).dzsave(
        str(path.with_suffix("")), layout="dz", tile_size=512, overlap=0, depth="onepixel", region_shrink="mean",
        suffix=suffix,
    )  # fmt: skip


if __name__ == "__main__":
    kind, source, target = sys.argv[1:4]
    if kind == "jpeg":
        jpeg(source, target)
    else:
        deepzoom(source, target, {"deepzoom-jpg": ".jpg[Q=85,subsample_mode=on]", "deepzoom-png": ".png"}[kind])
