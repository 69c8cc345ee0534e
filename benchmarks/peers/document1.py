"""Document 1's way: whole bands in memory, stacked, stretched channel by channel, both pictures in one session.

    python document1.py SCENE-FOLDER OUT-FOLDER [--frugal]

As in the tutorial's notebook, every picture keeps its name to the end. `--frugal` is not the tutorial: it forgets each
picture as soon as the next step has been made, to see how far the same arithmetic can be brought down. Nothing is
drawn with matplotlib: the tutorial's figures show fewer pixels than the scene has.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import rasterio
from skimage import exposure, io

TRUE_COLOR = {4: (5900, 11000), 3: (6200, 11000), 2: (7600, 11000)}
FALSE_COLOR = {7: (5000, 14000), 5: (5200, 14000), 1: (8000, 14000)}


def read_band(folder: Path, number: int) -> np.ndarray:
    """One band, whole."""
    with rasterio.open(next(folder.glob(f"*_B{number}.TIF"))) as file:
        return file.read(1)


def extract(folder: Path, numbers: dict[int, tuple[int, int]]) -> np.ndarray:
    """Three bands as one picture (y, x, 3) of uint16."""
    return np.dstack([read_band(folder, number) for number in numbers])


def update_image(image: np.ndarray, limits: dict[int, tuple[int, int]]) -> np.ndarray:
    """Every channel stretched over all of uint16."""
    channels = [exposure.rescale_intensity(image[..., at], in_range=pair) for at, pair in enumerate(limits.values())]
    return np.dstack(channels)


def save(image: np.ndarray, path: Path) -> None:
    """As PNG of 8 bits."""
    io.imsave(path, (image >> 8).astype(np.uint8), check_contrast=False)


def notebook(folder: Path, out: Path) -> None:
    """The tutorial's cells, one after another."""
    rgb_image = extract(folder, TRUE_COLOR)
    rgb_image_he = update_image(rgb_image, TRUE_COLOR)
    save(rgb_image_he, out / "document1-true-color.png")
    swir2nirg_image = extract(folder, FALSE_COLOR)
    swir2nirg_image_he = update_image(swir2nirg_image, FALSE_COLOR)
    save(swir2nirg_image_he, out / "document1-swir2nirg.png")


def frugal(folder: Path, out: Path) -> None:
    """The same pictures; nothing is kept."""
    save(update_image(extract(folder, TRUE_COLOR), TRUE_COLOR), out / "document1-true-color.png")
    save(update_image(extract(folder, FALSE_COLOR), FALSE_COLOR), out / "document1-swir2nirg.png")


if __name__ == "__main__":
    way = frugal if "--frugal" in sys.argv else notebook
    way(Path(sys.argv[1]), Path(sys.argv[2]))
