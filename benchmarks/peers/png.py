"""A PPM as a PNG, by one of the usual libraries: `python png.py pillow|opencv|vips|vips-6 IN OUT`."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def pillow(source: str, target: str) -> None:
    """Level 6, its default; the whole picture in memory."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    Image.open(source).save(target, compress_level=6)


def opencv(source: str, target: str) -> None:
    """Its default level; the whole picture in memory."""
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(1 << 40)
    import cv2

    cv2.imwrite(target, cv2.imread(source, cv2.IMREAD_UNCHANGED))


def vips(source: str, target: str) -> None:
    """Level 1: the fastest; streams."""
    _vips(source, target, 1)


def vips_6(source: str, target: str) -> None:
    """Level 6, its default; streams."""
    _vips(source, target, 6)


def _vips(source: str, target: str, level: int) -> None:
    import pyvips

    with Path(source).open("rb") as file:  # the wheel reads no PPM
        _, (width, height), _ = file.readline(), map(int, file.readline().split()), file.readline()
        start = file.tell()
    picture = pyvips.Image.rawload(source, width, height, 3, offset=start, access="sequential")
    picture.copy(interpretation="srgb").pngsave(target, compression=level)


if __name__ == "__main__":
    {"pillow": pillow, "opencv": opencv, "vips": vips, "vips-6": vips_6}[sys.argv[1]](*sys.argv[2:4])
