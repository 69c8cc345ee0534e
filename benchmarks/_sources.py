"""Inputs of the benchmarks, made once: `python benchmarks/_sources.py FOLDER NAME`, by the project's own Python.

landsat: the simulated full scene. sentinel2: red, green and blue as 10,980 x 10,980 COGs like those of the public
archive (deflate, predictor 2, tiles of 1024, overviews). double-…: the same with twice the sides. gigapixel: true colour as
a PPM of 52,000 x 26,000 pixels; quarter, of half its sides. Pixels come from the simulated scene's inner square,
mirrored side by side, so that they are as hard to compress as it is. region: 3 x 3 simulated Sentinel-2 tiles of 10,980 x 10,980 on four dates
(COG and STAC items), and a grid in the next UTM zone; region-half and region-small: 2 x 2 tiles of a half and of a quarter
of the side on three dates.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BANDS = {"red": 4, "green": 3, "blue": 2}
SENTINEL2 = 10_980
GIGAPIXEL = (26_000, 52_000)
PARTS = {"gigapixel": 1, "quarter": 2}
"""By how much the sides of a picture are smaller."""

REGIONS = {"region": ("3x3", 4, SENTINEL2), "region-half": ("2x2", 3, 5_490), "region-small": ("2x2", 3, 2_742)}
"""Tiles, dates, pixels of a tile's side."""

SQUARE = 3_660
"""Side of the inner square: three of it are a Sentinel-2 tile."""

STEP = 1_237
CHUNK = 1024


def scene(folder: Path) -> Path:
    """The simulated scene's folder."""
    return next(folder.glob("LC08_*"), folder / "LC08_missing")


def landsat_bands(folder: Path) -> list[Path]:
    """Red, green and blue of the scene."""
    return [next(scene(folder).glob(f"*_B{number}.TIF")) for number in BANDS.values()]


def rasters(folder: Path, name: str) -> list[Path]:
    """Red, green and blue of sources that this file makes."""
    return [folder / name / f"{band}.tif" for band in BANDS]


def picture(folder: Path, name: str) -> Path:
    """The PPM of that name."""
    return folder / f"{name}.ppm"


def by_date(folder: Path, name: str, band: str) -> list[Path]:
    """Files of one band of a region, the oldest first; of one date the last name first, as ours lie one over the other."""
    files = (folder / name).rglob(f"B{BANDS[band]:02d}.tif")
    last_first = sorted(files, key=lambda path: path.parent.name, reverse=True)
    return sorted(last_first, key=lambda path: path.parent.name.split("_")[2])


def region_grid(folder: Path, name: str) -> Path:
    """An empty file with the grid that a region is brought to; beside it the same as text."""
    return folder / f"{name}-grid.tif"


def made(folder: Path, name: str) -> bool:
    """True if a finished source is there."""
    return (folder / f"{name}.done").exists()


def seconds(folder: Path, name: str) -> float | None:
    """What a finished source took to make, by the clock; None where that was not noted."""
    noted = (folder / f"{name}.done").read_text()
    return float(noted) if noted else None


def make(folder: Path, name: str) -> None:
    """Make one source; what it is made of must be there."""
    began = time.monotonic()
    if name == "landsat":
        _simulate(folder)
    elif name == "sentinel2":
        for source, target in zip(landsat_bands(folder), rasters(folder, name), strict=True):
            _cog(source, target, SENTINEL2)
    elif name == "double-sentinel2":
        for source, target in zip(landsat_bands(folder), rasters(folder, name), strict=True):
            _cog(source, target, 2 * SENTINEL2)
    elif name == "double-landsat":
        for source, target in zip(landsat_bands(folder), rasters(folder, name), strict=True):
            _doubled(source, target)
    elif name in REGIONS:
        _region(folder, name)
    elif name in PARTS:
        _ppm(folder, picture(folder, name), GIGAPIXEL[0] // PARTS[name], GIGAPIXEL[1] // PARTS[name])
    else:
        raise SystemExit(f"there is no source {name!r}")
    (folder / f"{name}.done").write_text(f"{time.monotonic() - began:.0f}")


def _simulate(folder: Path) -> None:
    program = Path(sys.executable).with_name("gigascene")
    subprocess.run([program, "simulate", "landsat", "--size", "full", "-o", folder, "-q"], check=True)


def _region(folder: Path, name: str) -> None:
    """Tiles and dates, and the grid of the next UTM zone around them."""
    tiles, dates, side = REGIONS[name]
    program = Path(sys.executable).with_name("gigascene")
    region = ["--tiles", tiles, "--dates", str(dates), "--size", str(side), "--bands", ",".join((*BANDS, "scl"))]
    subprocess.run([program, "simulate", "sentinel2", "-o", folder / name, *region, "-q"], check=True)
    _grid_around(by_date(folder, name, "red"), region_grid(folder, name))


def _grid_around(files: list[Path], target: Path) -> None:
    import rasterio
    from rasterio.transform import from_origin
    from rasterio.warp import transform_bounds

    sides = []
    for path in files:
        with rasterio.open(path) as file:
            source, pixel = file.crs, file.res[0]
            crs = rasterio.CRS.from_epsg(source.to_epsg() + 1)
            sides.append(transform_bounds(source, crs, *file.bounds))
    west, south = (min(side[at] for side in sides) // pixel * pixel for at in (0, 1))
    east, north = (-(max(side[at] for side in sides) // -pixel) * pixel for at in (2, 3))
    profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "crs": crs, "sparse_ok": True, "tiled": True}
    shape = {"width": round((east - west) / pixel), "height": round((north - south) / pixel)}
    with rasterio.open(target, "w", transform=from_origin(west, north, pixel, pixel), **profile, **shape):
        pass
    target.with_suffix(".txt").write_text(f"EPSG:{crs.to_epsg()} {west} {south} {east} {north} {pixel}")


def _cog(source: Path, target: Path, side: int) -> None:
    """The inner square side by side up to `side`, as a COG at 10 m."""
    import rasterio
    from rasterio.shutil import copy

    target.parent.mkdir(parents=True, exist_ok=True)
    plain = target.with_suffix(".plain.tif")
    with rasterio.open(source) as band:
        top, left = (band.height - SQUARE) // 2, (band.width - SQUARE) // 2
        square = band.read(1, window=((top, top + SQUARE), (left, left + SQUARE)))
        profile = {"driver": "GTiff", "count": 1, "dtype": "uint16", "crs": band.crs, "nodata": 0}
        profile |= {"transform": band.transform * band.transform.scale(1 / 3), "width": side, "height": side}
    with rasterio.open(plain, "w", tiled=True, blockxsize=CHUNK, blockysize=CHUNK, BIGTIFF="YES", **profile) as file:
        _fill(file, square)
    copy(
        plain, target, driver="COG", compress="DEFLATE", predictor="YES", blocksize=CHUNK, num_threads="ALL_CPUS",
        overview_resampling="AVERAGE",
    )  # fmt: skip
    plain.unlink()


def _doubled(source: Path, target: Path) -> None:
    """Four of a band, mirrored side by side, in the band's own layout."""
    import rasterio

    target.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(source) as band:
        pixels, profile = band.read(1), {**band.profile, "width": 2 * band.width, "height": 2 * band.height}
    with rasterio.open(target, "w", **profile) as file:
        _fill(file, pixels)


def _ppm(folder: Path, target: Path, height: int, width: int) -> None:
    """The inner square in true colour over a picture of any size, rows at a time.

    Each square begins at another row, or deflate would find its neighbour again within its 32 kB.
    """
    import numpy as np
    import rasterio

    program, shown = Path(sys.executable).with_name("gigascene"), folder / "true-color.tif"
    subprocess.run([program, "compose", "true-color", scene(folder), "-o", shown, "-q"], check=True)
    with rasterio.open(shown) as file:
        top, left = (file.height - SQUARE) // 2, (file.width - SQUARE) // 2
        square = np.moveaxis(file.read(window=((top, top + SQUARE), (left, left + SQUARE))), 0, -1)
    across = range(-(-width // SQUARE))
    with target.open("wb") as file:
        file.write(f"P6\n{width} {height}\n255\n".encode())
        for start in range(0, height, CHUNK // 8):
            rows = np.arange(start, min(start + CHUNK // 8, height))
            strip = [square[_mirrored(rows + STEP * number, SQUARE)] for number in across]
            file.write(np.concatenate(strip, axis=1)[:, :width].tobytes())


def _fill(file: Any, square: Any) -> None:
    """Mirror a picture over a file, row by row of chunks."""
    import numpy as np

    columns = _mirrored(np.arange(file.width), square.shape[1])
    for top in range(0, file.height, CHUNK):
        rows = _mirrored(np.arange(top, min(top + CHUNK, file.height)), square.shape[0])
        file.write(square[np.ix_(rows, columns)], 1, window=((top, top + len(rows)), (0, file.width)))


def _mirrored(at: Any, size: int) -> Any:
    """Index into a picture laid side by side with its mirror image."""
    import numpy as np

    inside = at % (2 * size)
    return np.where(inside < size, inside, 2 * size - 1 - inside)


def needed(names: tuple[str, ...]) -> Iterator[str]:
    """Sources with what they are made of, in order."""
    if names:
        yield "landsat"
    yield from (name for name in names if name != "landsat")


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2])
