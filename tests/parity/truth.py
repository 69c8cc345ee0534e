"""A real Landsat scene by other means: rasterio for the pixels, regular expressions for the metadata, NumPy for the rest.

Nothing of gigascene is imported here, so that nothing of it can be wrong twice.
"""

import json
import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import rasterio

OLI = {"1": "coastal", "2": "blue", "3": "green", "4": "red", "5": "nir", "6": "swir16", "7": "swir22", "8": "pan"}
OLI |= {"9": "cirrus", "10": "lwir11", "11": "lwir12"}


@dataclass(frozen=True)
class Truth:
    """One scene of Landsat 8. `level` 2 has surface reflectance and temperature under other keys."""

    folder: Path
    level: int = 1
    cache: dict = field(default_factory=dict, repr=False)

    @cached_property
    def text(self):
        found = sorted(self.folder.glob("*_MTL.txt")) or sorted(self.folder.glob("*_MTL.json"))
        return found[0].read_text()

    def number(self, group, key):
        """From the group it stands in: the same key stands twice in Collection 2."""
        if self.text.lstrip().startswith("{"):
            return float(re.search(rf'"{key}"\s*:\s*"?([-+\d.eE]+)', self.text)[1])
        block = re.search(rf"GROUP = {group}\s*\n(.*?)END_GROUP = {group}\s*\n", self.text, re.DOTALL)[1]
        return float(re.search(rf"^\s*{key} = \"?([-+\d.eE]+)\"?\s*$", block, re.MULTILINE)[1])

    @cached_property
    def sine(self):
        groups = ("IMAGE_ATTRIBUTES",)
        return math.sin(math.radians(self.number(groups[0], "SUN_ELEVATION")))

    def token(self, name):
        return next(token for token, common in OLI.items() if common == name)

    def path(self, name):
        """The file of a band by its common name, or of a quality band by its own."""
        if name in OLI.values():
            token = self.token(name)
            prefix = {1: "B", 2: "ST_B" if name.startswith("lwir") else "SR_B"}[self.level]
            name = prefix + token
        return next(path for path in self.folder.glob("*.TIF") if path.stem.endswith(f"_{name}"))

    @property
    def bands(self):
        """Common names of all spectral bands whose file is there."""
        return [name for name in OLI.values() if self._has(name)]

    def _has(self, name):
        try:
            return self.path(name).exists()
        except StopIteration:
            return False

    def dn(self, name):
        if name not in self.cache:
            with rasterio.open(self.path(name)) as source:
                self.cache[name] = source.read(1), source.transform, source.crs
        return self.cache[name][0]

    def georeferencing(self, name):
        self.dn(name)
        return self.cache[name][1:]

    def physical(self, name, quantity="reflectance"):
        """Float64 throughout, rounded to float32 once; NaN where the stored number is 0."""
        dn = self.dn(name)
        values = self.calibrated(name, quantity, dn.astype(np.float64)).astype(np.float32)
        values[dn == 0] = np.nan
        return values

    def calibrated(self, name, quantity, x):
        token = self.token(name)
        if quantity == "dn":
            return x
        if self.level == 2:
            kind = quantity.upper()
            key = f"ST_B{token}" if quantity == "temperature" else token
            where = f"LEVEL2_SURFACE_{kind}_PARAMETERS"
            return self.number(where, f"{kind}_MULT_BAND_{key}") * x + self.number(where, f"{kind}_ADD_BAND_{key}")
        where = "RADIOMETRIC_RESCALING"
        if quantity == "reflectance":
            factor, term = (self.number(where, f"REFLECTANCE_{part}_BAND_{token}") for part in ("MULT", "ADD"))
            return (factor * x + term) / self.sine
        factor, term = (self.number(where, f"RADIANCE_{part}_BAND_{token}") for part in ("MULT", "ADD"))
        radiance = factor * x + term
        if quantity == "radiance":
            return radiance
        k1, k2 = (self.number("TIRS_THERMAL_CONSTANTS", f"K{n}_CONSTANT_BAND_{token}") for n in (1, 2))
        return k2 / np.log(k1 / radiance + 1)


def percentile(values, percent):
    """The smallest value at which the cumulative share reaches `percent`: NumPy's inverted CDF."""
    flat = np.sort(values, axis=None)
    need = max(math.ceil(percent / 100 * flat.size - 1e-9), 1)
    found = flat[need - 1]
    assert found == np.quantile(flat, percent / 100, method="inverted_cdf")
    return float(found)


def binned(values, percent, span, bins=65_536):
    """The start of the first of equal bins over `span` at which the cumulative share reaches `percent`."""
    low, high = span
    counts, _ = np.histogram(values.clip(low, np.nextafter(np.float32(high), np.float32(low))), bins, span)
    first = int(np.argmax(np.cumsum(counts) >= percent / 100 * values.size))
    return low + (high - low) * first / bins


def levels(values, low, high, gamma=1.0, steps=254):
    """1 + rint(steps * clip((v - low) / (high - low), 0, 1) ** (1 / gamma)) in float64; 0 where there is no value."""
    share = np.clip((values.astype(np.float64) - low) / (high - low), 0, 1)
    return np.where(np.isnan(values), 0, 1 + np.rint(steps * share ** (1 / gamma))).astype(int)


def bilinear(values, transform, output, shape):
    """Interpolated at pixel centres, one output pixel's four neighbours at a time, missing ones left out.

    NaN where the source pixel that holds the output pixel's centre is missing or there is none.
    """
    rows, columns = shape
    x = (output.c + (np.arange(columns) + 0.5) * output.a - transform.c) / transform.a - 0.5
    y = (output.f + (np.arange(rows) + 0.5) * output.e - transform.f) / transform.e - 0.5
    height, width = values.shape
    near_y, near_x = np.floor(y + 0.5).astype(int), np.floor(x + 0.5).astype(int)
    outside = ((near_y < 0) | (near_y >= height))[:, None] | ((near_x < 0) | (near_x >= width))[None, :]
    total, weight = np.zeros(shape), np.zeros(shape)
    for dy in (0, 1):
        for dx in (0, 1):
            iy, ix = np.floor(y).astype(int) + dy, np.floor(x).astype(int) + dx
            wy = 1 - abs(y - iy)
            wx = 1 - abs(x - ix)
            part = values[iy.clip(0, height - 1)[:, None], ix.clip(0, width - 1)[None, :]].astype(np.float64)
            w = wy[:, None] * wx[None, :] * ~np.isnan(part)
            total += w * np.nan_to_num(part)
            weight += w
    nearest = values[near_y.clip(0, height - 1)[:, None], near_x.clip(0, width - 1)[None, :]]
    with np.errstate(invalid="ignore", divide="ignore"):
        found = total / weight
    found[outside | np.isnan(nearest)] = np.nan
    return found.astype(np.float32)


def pixels(path):
    """All samples as (y, x, band), by GDAL."""
    with rasterio.open(path) as picture:
        return np.moveaxis(picture.read(), 0, -1)


def receipt(path):
    """The receipt beside an output."""
    return json.loads(Path(f"{path}.receipt.json").read_text())
