"""Overlapping scenes cut out of one: other ids, days, clouds and calibrations, and what they are cut from as the truth."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window

BANDS = ("B2", "B3", "B4", "B5", "QA_PIXEL")


@dataclass(frozen=True)
class Cut:
    """Rows and columns of the whole, and what the cut's own instrument and air do to its stored numbers."""

    top: int
    left: int
    height: int
    width: int
    day: str = "20140820"
    cloud: float = 10.0
    gain: tuple = (1.0, 1.0, 1.0, 1.0)
    haze: tuple = (0, 0, 0, 0)
    """Added to stored numbers, blue, green, red, near infrared."""

    row: int = 10
    mult: float = 1.0
    """What a stored number is worth, against those it was cut from."""


def cut(scene, folder, part) -> Path:
    """A scene's folder with a part of every band."""
    first, *rest = scene.name.split("_")
    sensor, _, _, *tail = rest
    name = "_".join((first, sensor, f"226{part.row:03}", part.day, *tail))
    target = folder / name
    target.mkdir(parents=True)
    for key in BANDS:
        _band(scene / f"{scene.name}_{key}.TIF", target / f"{name}_{key}.TIF", part, key)
    _metadata(scene, target, part)
    return target


def _band(source, target, part, key):
    window = Window(part.left, part.top, part.width, part.height)
    with rasterio.open(source) as file:
        dn, profile = file.read(1, window=window), file.profile
        a = file.transform
        moved = Affine(a.a, 0, a.c + part.left * a.a, 0, a.e, a.f + part.top * a.e)
        profile |= {"width": part.width, "height": part.height, "transform": moved}
    if key != "QA_PIXEL":
        at = BANDS.index(key)
        changed = np.rint(dn * part.gain[at] + part.haze[at]).clip(1, 65535)
        dn = np.where(dn == 0, 0, changed).astype(np.uint16)
    with rasterio.open(target, "w", **profile) as file:
        file.write(dn, 1)
        file.update_tags(AREA_OR_POINT="Point")


def _metadata(scene, target, part):
    text = (scene / f"{scene.name}_MTL.json").read_text().replace(scene.name, target.name)
    facts = json.loads(text)
    [root] = facts.values()
    day = f"{part.day[:4]}-{part.day[4:6]}-{part.day[6:]}"
    root["IMAGE_ATTRIBUTES"] |= {"DATE_ACQUIRED": day, "CLOUD_COVER": str(part.cloud)}
    scaling = root["LEVEL1_RADIOMETRIC_RESCALING"]
    for key in scaling:
        if "_MULT_" in key:
            scaling[key] = str(float(scaling[key]) * part.mult)
    (target / f"{target.name}_MTL.json").write_text(json.dumps(facts))


def band_of(folder, key):
    """Stored numbers of one band, and where its first pixel lies."""
    with rasterio.open(next(Path(folder).glob(f"*_{key}.TIF"))) as file:
        return file.read(1), file.transform
