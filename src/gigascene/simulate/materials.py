"""What the Earth is made of: reflectance of each material in each band, and what the air adds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BANDS = ("coastal", "blue", "green", "red", "nir08", "swir16", "swir22", "pan", "cirrus")
"""STAC common names of the reflective bands, in the order of every table here."""

(WATER, SILT, FLOE, BRASH, SNOW, FIRN, ICE, DEBRIS, BASALT, GNEISS, TUNDRA, HEATH, GRAVEL, POND) = range(14)
"""Rows of `REFLECTANCE`."""

# Rounded after the shapes of published spectra: snow and ice Warren (1982) and Hall & Riggs (1995), rocks, plants and
# water the USGS Spectral Library (Kokaly et al. 2017). Late-summer Arctic snow is old and wet, so darker than fresh snow.
REFLECTANCE = np.array(
    [
        [0.034, 0.036, 0.018, 0.010, 0.006, 0.003, 0.002, 0.018, 0.002],  # water of a deep fjord
        [0.075, 0.095, 0.125, 0.092, 0.028, 0.004, 0.002, 0.105, 0.002],  # water with glacial flour
        [0.600, 0.620, 0.615, 0.590, 0.480, 0.070, 0.050, 0.605, 0.030],  # sea-ice floe
        [0.290, 0.310, 0.300, 0.260, 0.170, 0.020, 0.015, 0.290, 0.010],  # brash and rotten ice
        [0.820, 0.820, 0.810, 0.790, 0.690, 0.080, 0.060, 0.805, 0.040],  # snow
        [0.600, 0.610, 0.595, 0.560, 0.430, 0.045, 0.034, 0.590, 0.030],  # firn, wet snow
        [0.360, 0.380, 0.365, 0.320, 0.215, 0.022, 0.016, 0.355, 0.012],  # bare glacier ice
        [0.105, 0.115, 0.130, 0.140, 0.150, 0.150, 0.130, 0.130, 0.060],  # debris on ice
        [0.052, 0.058, 0.071, 0.086, 0.115, 0.155, 0.140, 0.072, 0.070],  # basalt
        [0.105, 0.122, 0.155, 0.185, 0.225, 0.285, 0.250, 0.158, 0.100],  # gneiss
        [0.026, 0.036, 0.066, 0.058, 0.290, 0.205, 0.105, 0.057, 0.080],  # green tundra
        [0.034, 0.042, 0.068, 0.082, 0.205, 0.235, 0.155, 0.068, 0.080],  # dry heath
        [0.120, 0.140, 0.180, 0.210, 0.260, 0.310, 0.280, 0.180, 0.110],  # gravel and sand
        [0.330, 0.360, 0.280, 0.130, 0.050, 0.006, 0.004, 0.260, 0.004],  # meltwater pond on ice
    ],
    np.float32,
)

CLOUD = np.array([0.70, 0.70, 0.69, 0.69, 0.68, 0.46, 0.34, 0.69, 0.020], np.float32)
"""Reflectance of a thick water cloud; ice clouds are brighter in the cirrus band."""

CIRRUS = np.array([0.30, 0.30, 0.30, 0.30, 0.30, 0.22, 0.18, 0.30, 0.26], np.float32)
"""Reflectance of a thick ice cloud."""

PATH = np.array([0.118, 0.093, 0.049, 0.027, 0.011, 0.003, 0.002, 0.042, 0.0010], np.float32)
"""Reflectance of the air itself: Rayleigh scattering falls with the fourth power of the wavelength, some haze is left."""

TRANSMITTANCE = np.array([0.74, 0.80, 0.86, 0.90, 0.94, 0.96, 0.97, 0.87, 0.0150], np.float32)
"""Down and up through the air; hardly anything comes back from the ground at 1.37 µm, where water vapour absorbs."""

DIFFUSE = np.array([0.34, 0.28, 0.19, 0.14, 0.09, 0.05, 0.04, 0.19, 0.05], np.float32)
"""Part of the light on level ground that comes from the sky and reaches the shade too."""


def table(rows: NDArray[np.float32], names: tuple[str, ...]) -> NDArray[np.float32]:
    """Columns of a table for the bands `names`, in that order.

    >>> table(PATH, ("red", "blue")).round(3).tolist()
    [0.027000000700354576, 0.09300000220537186]
    """
    return np.ascontiguousarray(rows[..., [BANDS.index(name) for name in names]])
