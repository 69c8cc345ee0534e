"""Sentinel-2 level 2A as SAFE product: reflectance of the surface, bands at 10, 20 and 60 m side by side."""

from __future__ import annotations

from gigascene.model.scene import Scene
from gigascene.model.sensor import Archive, Sensor
from gigascene.sensors._sentinel2 import plain_scene, scene
from gigascene.sensors._sentinel2_bands import LEVEL2A
from gigascene.sensors._sentinel2_files import knows, plain_bands, source

_NAME = "sentinel2-l2a"
_LEVEL = "2A"


def _knows(archive: Archive) -> bool:
    return knows(archive, _LEVEL) or _plain(archive)


def _open(archive: Archive) -> Scene:
    if _plain(archive):
        return plain_scene(archive, _LEVEL)
    return scene(source(archive, _LEVEL), sensor=_NAME, bands=LEVEL2A)


def _plain(archive: Archive) -> bool:
    """Bands without metadata; those of level 2A name their resolution."""
    return any("_" in band for band in plain_bands(archive))


SENSOR = Sensor(
    name=_NAME,
    title="Sentinel-2 level 2A (surface), SAFE folder or zip file",
    bands=LEVEL2A,
    knows=_knows,
    open=_open,
)
