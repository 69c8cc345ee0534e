"""What must be the same on every CPU, as digests: run here, and in children with other instruction sets."""

import hashlib

import numpy as np
import rasterio

import gigascene
from gigascene.kernels import align, huffman, overview, png_filter, stretch
from gigascene.model.grid import Window

PRODUCTS = {
    "table": ("true-color", {}),
    "table-16": ("swir2nirg", {"depth": 16, "gamma": 1.7}),
    "ndvi": ("ndvi", {}),
    "pan-sharpened": ("pan-sharpened", {}),
    "temperature": ("temperature", {}),
    "sigmoid": ("true-color", {"curve": "sigmoid", "gamma": 1.3}),
    "equalized": ("true-color", {"curve": "equalize"}),
}


def digest(array) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def pictures(scene, folder) -> dict[str, str]:
    """Decoded pixels of pictures, one for each kind of path through the kernels."""
    folder.mkdir(parents=True)
    found = {}
    for name, (product, wishes) in PRODUCTS.items():
        target = folder / f"{name}.png"
        gigascene.compose(product, scene, target, survey="exact", workers=1, **wishes)
        with rasterio.open(target) as picture:
            found[name] = digest(picture.read())
    return found


def digests() -> dict[str, str]:
    """Every compiled kernel on the same random numbers."""
    rng = np.random.default_rng(11)
    values = rng.normal(0.2, 0.3, (23, 31)).astype(np.float32)
    values[rng.random(values.shape) < 0.1] = np.nan
    thresholds = stretch.linear(254, 0.0, 0.5, 1.8)
    levels = np.zeros((23, 31), np.uint8)
    stretch.levels(values, thresholds, 1, levels)
    stored = rng.integers(0, 5, (3, 23, 31)).astype(np.uint16)
    valid = stretch.all_present(stored, np.int64([0, 1, -(1 << 40)]))
    tables = rng.integers(0, 256, (3, 65_536)).astype(np.uint8)
    looked_up = np.zeros((23, 31, 3), np.uint8)
    stretch.look_up(stored, valid, tables, looked_up)
    axes = align.Axes(y=align.Axis(offset=-0.25, scale=0.5), x=align.Axis(offset=0.1, scale=0.37))
    window = Window(top=3, left=2, height=30, width=40)
    source = align.source_window(axes, window, values.shape)
    part = values[source.top : source.bottom, source.left : source.right]
    coarse = align.Axes(y=align.Axis(offset=0.9, scale=2.5), x=align.Axis(offset=1.0, scale=3.0))
    inside = Window(top=0, left=0, height=9, width=10)
    under = align.covered_window(coarse, inside, values.shape)
    covered = values[under.top : under.bottom, under.left : under.right]
    picture = rng.integers(0, 256, (24, 30, 3)).astype(np.uint8)
    skewed = np.minimum(rng.geometric(0.2, 9000), 255).astype(np.uint8)
    skewed[3000:5000] = 7
    found = {
        "deflated": huffman.deflated(skewed, final=True),
        "levels": levels,
        "all_present": valid,
        "look_up": looked_up,
        "bilinear": align.bilinear(part, source, axes, window),
        "averaged": align.averaged(covered, under, coarse, inside),
        "average": np.asarray(png_filter.average(png_filter.big_endian(picture), 3)),
        "average-16": np.asarray(png_filter.average(png_filter.big_endian(picture.astype(np.uint16) * 257), 6)),
        "halve": overview.halve(picture, nodata=0),
        "halve-alpha": overview.halve(np.ascontiguousarray(picture[..., :2]), alpha=True),
    }
    return {name: digest(array) for name, array in found.items()}
