"""Sentinel-2 level 1C as SAFE product: reflectance at the top of the atmosphere, each band at its own resolution."""

from __future__ import annotations

from gigascene.model.scene import Scene
from gigascene.model.sensor import Archive, Sensor
from gigascene.sensors._sentinel2 import plain_scene, scene
from gigascene.sensors._sentinel2_bands import LEVEL1C
from gigascene.sensors._sentinel2_files import knows, plain_bands, source

_NAME = "sentinel2-l1c"
_LEVEL = "1C"


def _knows(archive: Archive) -> bool:
    return knows(archive, _LEVEL) or _plain(archive)


def _open(archive: Archive) -> Scene:
    if _plain(archive):
        return plain_scene(archive, _LEVEL)
    return scene(source(archive, _LEVEL), sensor=_NAME, bands=LEVEL1C)


def _plain(archive: Archive) -> bool:
    """Bands without metadata; level 1C has each once, without a resolution in its name."""
    return any("_" not in band for band in plain_bands(archive))


SENSOR = Sensor(
    name=_NAME,
    title="Sentinel-2 level 1C (top of atmosphere), SAFE folder or zip file",
    bands=LEVEL1C,
    knows=_knows,
    open=_open,
)
