"""From stored numbers to physical ones: linear scaling, Planck's law, and the sun's share in reflectance."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from gigascene.model.scene import Calibration

RADIANCE_UNIT = "W m-2 sr-1 um-1"


def physical(dn: NDArray[Any], calibration: Calibration) -> NDArray[np.float32]:
    """Physical values of stored numbers.

    Parameters
    ----------
    dn : array of any shape
        Stored numbers, integer or float. No number is special here: the caller knows what no data is.
    calibration : Calibration
        ``scale * dn + offset``, then ``k2 / ln(k1 / v + 1)`` where it has `k1` and `k2`
        (brightness temperature; USGS Landsat 8 Data Users Handbook, 2019, section 5.3).

    Returns
    -------
    float32 array of the same shape
        Computed in float64 and rounded once. NaN stays NaN; a radiance of zero or less has no temperature: NaN.

    Examples
    --------
    >>> physical(np.uint16([7273, 43636]), Calibration(scale=2.75e-05, offset=-0.2)).round(4).tolist()
    [0.0, 1.0]
    """
    if dn.dtype.kind in "ui" and dn.dtype.itemsize <= 2:
        return table(calibration, dn.dtype)[_index(dn)]
    return _formula(dn.astype(np.float64), calibration).astype(np.float32)


def table(calibration: Calibration, dtype: DTypeLike) -> NDArray[np.float32]:
    """Physical value of every number an 8- or 16-bit integer can hold.

    Parameters
    ----------
    calibration : Calibration
        As for `physical`.
    dtype : uint8, int8, uint16 or int16
        Stored type.

    Returns
    -------
    float32[2**bits], read-only
        Indexed by the stored bits: a negative number -n stands at ``2**bits - n``, where NumPy's
        negative indices find it too.

    Examples
    --------
    >>> table(Calibration(scale=0.5), "int8")[[0, 127, -1]].tolist()
    [0.0, 63.5, -0.5]
    """
    kind = np.dtype(dtype)
    if kind.kind not in "ui" or kind.itemsize > 2:
        raise TypeError(f"a table serves 8- and 16-bit integers, not {kind}")
    return _table(calibration, kind.name)


@lru_cache(maxsize=64)  # 256 KiB each
def _table(calibration: Calibration, dtype: str) -> NDArray[np.float32]:
    kind = np.dtype(dtype)
    bits = np.arange(1 << 8 * kind.itemsize).astype(f"uint{8 * kind.itemsize}")
    values = _formula(bits.view(kind).astype(np.float64), calibration).astype(np.float32)
    values.setflags(write=False)
    return values


def _index(dn: NDArray[Any]) -> NDArray[Any]:
    return dn.astype(f"uint{8 * dn.dtype.itemsize}", copy=False)


def _formula(values: NDArray[np.float64], calibration: Calibration) -> NDArray[np.float64]:
    linear = calibration.scale * values + calibration.offset
    if calibration.k1 is None or calibration.k2 is None:
        return linear
    radiance = np.where(linear > 0, linear, np.nan)
    with np.errstate(over="ignore"):  # next to no radiance: 0 K is right
        return np.asarray(calibration.k2 / np.log(calibration.k1 / radiance + 1))


def earth_sun_distance(day_of_year: float) -> float:
    """Distance from Earth to Sun, astronomical units, to about 0.0003 of the ephemeris.

    ``1 - 0.01672 cos(0.9856 deg (day - 4))``; the day of the year counts from 1.

    >>> round(earth_sun_distance(4), 5), round(earth_sun_distance(186), 4)
    (0.98328, 1.0167)
    """
    return 1 - 0.01672 * math.cos(math.radians(0.9856 * (day_of_year - 4)))


def radiance_of_limits(lmin: float, lmax: float, qcalmin: float, qcalmax: float) -> Calibration:
    """Spectral radiance from the limits that older Landsat metadata give.

    ``gain = (lmax - lmin) / (qcalmax - qcalmin)``, ``bias = lmin - gain * qcalmin``
    (Chander, Markham & Helder 2009, Remote Sensing of Environment 113, eq. 1 and 2).

    >>> round(radiance_of_limits(-1.52, 193.0, 1, 255).scale, 6)
    0.765827
    """
    if not qcalmin < qcalmax:
        raise ValueError(f"QCALMIN {qcalmin:g} is not below QCALMAX {qcalmax:g}")
    span = qcalmax - qcalmin
    return Calibration(scale=(lmax - lmin) / span, offset=(qcalmax * lmin - qcalmin * lmax) / span, unit=RADIANCE_UNIT)


def reflectance_of_radiance(
    radiance: Calibration, *, esun: float, distance_au: float, sun_elevation_deg: float
) -> Calibration:
    """Top-of-atmosphere reflectance from radiance: ``pi d**2 L / (ESUN sin(elevation))``.

    Parameters
    ----------
    radiance : Calibration
        Stored numbers to radiance, W m-2 sr-1 um-1.
    esun : float
        Mean solar irradiance outside the atmosphere, W m-2 um-1.
    distance_au : float
        Earth to Sun, see `earth_sun_distance`.
    sun_elevation_deg : float
        Above 0.

    Returns
    -------
    Calibration
        Stored numbers to reflectance (Chander et al. 2009, eq. 3).
    """
    factor = math.pi * distance_au**2 / esun
    return sun_corrected(radiance.scale * factor, radiance.offset * factor, sun_elevation_deg)


def sun_corrected(scale: float, offset: float, sun_elevation_deg: float) -> Calibration:
    """Reflectance with the height of the sun taken out: both numbers divided by ``sin(elevation)``.

    USGS Landsat 8 Data Users Handbook, 2019, section 5.2. The sine is that of an angle in degrees.

    >>> round(sun_corrected(2e-05, -0.1, 30.0).offset, 12)
    -0.2
    """
    if not 0 < sun_elevation_deg <= 90:
        raise ValueError(f"there is no reflectance with the sun {sun_elevation_deg:g} degrees above the horizon")
    sine = math.sin(math.radians(sun_elevation_deg))
    return Calibration(scale=scale / sine, offset=offset / sine)
