"""Quality bands of a SAFE product: scene classification on level 2A, cloud masks as JP2 or GML on level 1C."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from gigascene.model.scene import Flag, Mask
from gigascene.sensors._sentinel2_bands import band_masks, scene_class_masks
from gigascene.sensors._sentinel2_files import Source
from gigascene.sensors._sentinel2_xml import deep, text

CLASSES = ("SCL_20m", "SCL_60m")
"""Scene classifications, the finer first."""

_LAYERS = {"cloud": 1, "cirrus": 2, "snow": 3}
"""Bands of MSK_CLASSI (Sentinel-2 Products Specification Document, issue 14.9, "classification mask"); the GML mask
before had the first two, as OPAQUE and CIRRUS."""

_GML = re.compile(r"(?:MSK_CLOUDS_B00|S2[A-D]_[A-Z]{4}_MSK_CLOUDS_.+)\.gml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One condition of a cloud mask."""

    key: str
    """Such as ``"MSK_CLASSI_CLOUD"``."""

    name: str
    """Of the mask."""

    file: str
    index: int


def cloud_layers(found: Source) -> Iterator[Layer]:
    """Conditions of level 1C's cloud mask, of whichever form the product has."""
    folder = f"{PurePosixPath(found.tile_file).parent}/QI_DATA/"
    names = {PurePosixPath(name).name: name for name in found.archive.names() if name.startswith(folder)}
    listed = [PurePosixPath(text(one)).name for one in deep(found.tile, "MASK_FILENAME")]
    raster = next((name for name in [*listed, "MSK_CLASSI_B00.jp2"] if _is_raster(name) and name in names), None)
    vector = next((name for name in names if _GML.fullmatch(name)), None)
    stem = "MSK_CLASSI" if raster else "MSK_CLOUDS"
    for name, index in _LAYERS.items() if raster or vector else ():
        if raster or index < 3:
            yield Layer(key=f"{stem}_{name.upper()}", name=name, file=names[raster or str(vector)], index=index)


def masks(layers: dict[str, str], classes: str | None) -> dict[str, Mask]:
    """Named masks.

    Parameters
    ----------
    layers : dict
        Key of the asset by name of the condition, of `cloud_layers`.
    classes : str or None
        Key of the scene classification; it goes before the cloud mask of level 1C.
    """
    if classes is not None:
        return band_masks() | scene_class_masks(classes)
    found = {name: Mask(asset=key, flags=(Flag(bit=0, width=8),)) for name, key in layers.items()}
    cloudy = [found[name] for name in ("cloud", "cirrus") if name in found]
    if cloudy:
        found["clouds"] = Mask(asset=cloudy[0].asset, flags=cloudy[0].flags, also=tuple(cloudy[1:]))
    return band_masks() | found


def _is_raster(name: str) -> bool:
    return name.startswith("MSK_CLASSI") and name.endswith(".jp2")
