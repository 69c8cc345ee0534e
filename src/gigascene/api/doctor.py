"""Whether this machine is fit for the work, and what the work stands on."""

from __future__ import annotations

import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gigascene.kernels import stretch
from gigascene.plan.fingerprint import LIBRARIES
from gigascene.settings import cores

GOOD_FREE = 2 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing looked at."""

    name: str
    ok: bool
    found: str


def examine() -> list[Check]:
    """Look at everything; a check that fails says what it met."""
    checks: list[tuple[str, Callable[[], tuple[bool, str]]]] = [
        ("gigascene", lambda: (True, version("gigascene"))),
        ("python", lambda: (True, platform.python_version())),
        *[(name, lambda name=name: (True, version(name))) for name in LIBRARIES],
        ("gdal", _gdal),
        ("proj", _proj),
        ("kernels", _kernels),
        ("cores", lambda: (True, str(cores()))),
        ("memory", _memory),
        ("disk", _disk),
        ("temporary", _temporary),
    ]
    return [_checked(name, check) for name, check in checks]


def _checked(name: str, check: Callable[[], tuple[bool, str]]) -> Check:
    try:
        ok, found = check()
    except Exception as error:  # noqa: BLE001  (whatever is broken is the finding)
        return Check(name=name, ok=False, found=f"{type(error).__name__}: {error}")
    return Check(name=name, ok=ok, found=found)


def _gdal() -> tuple[bool, str]:
    import rasterio  # noqa: PLC0415
    from rasterio.drivers import raster_driver_extensions  # noqa: PLC0415

    drivers = set(raster_driver_extensions().values())
    return "GTiff" in drivers, f"{rasterio.__gdal_version__}, {len(drivers)} drivers"


def _proj() -> tuple[bool, str]:
    from pyproj import Transformer, proj_version_str  # noqa: PLC0415

    x, _ = Transformer.from_crs("EPSG:4326", "EPSG:32626", always_xy=True).transform(-27.0, 70.0)
    return abs(x - 500_000) < 1, proj_version_str


def _kernels() -> tuple[bool, str]:
    """Compiled kernels must agree with the plain ones here too."""
    values, thresholds = np.array([[0.1, np.nan, 0.9]], np.float32), np.array([0.2, 0.8], np.float32)
    out = np.empty((1, 3), np.uint8)
    stretch.levels(values, thresholds, 1, out)
    return bool((out == stretch.levels_numpy(values, thresholds, 1)).all()), "compiled and plain agree"


def _memory() -> tuple[bool, str]:
    import psutil  # noqa: PLC0415

    free = int(psutil.virtual_memory().available)
    return free > GOOD_FREE // 4, f"{free / 2**30:.1f} GiB free"


def _disk() -> tuple[bool, str]:
    free = shutil.disk_usage(Path.cwd()).free
    return free > GOOD_FREE, f"{free / 2**30:.1f} GiB free here"


def _temporary() -> tuple[bool, str]:
    with tempfile.NamedTemporaryFile():
        return True, tempfile.gettempdir()
