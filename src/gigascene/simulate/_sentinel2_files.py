"""The files of a Sentinel-2 SAFE product (Products Specification Document, 14.9, sections 3 and 4)."""

from __future__ import annotations

from dataclasses import dataclass

from gigascene.simulate import _sentinel2_facts as facts
from gigascene.simulate._sentinel2_scene import Scene

RESOLUTIONS = {
    10: ("B02", "B03", "B04", "B08", "TCI", "AOT", "WVP"),
    20: ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B11", "B12", "TCI", "AOT", "WVP", "SCL"),
    60: (
        "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B8A", "B09", "B11", "B12", "TCI", "AOT", "WVP", "SCL",
    ),
}  # fmt: skip
"""Images in ``IMG_DATA``, in the order of the product's list."""

NATIVE = {band.name: 60 if band.name in {"B01", "B09", "B10"} else band.gsd_m for band in facts.BANDS}
"""Resolution of each band of the instrument, by which its masks are stored."""

PREVIEW_M = 320
"""Pixels of the preview."""

REPORTS = ("FORMAT_CORRECTNESS", "GENERAL_QUALITY", "GEOMETRIC_QUALITY", "SENSOR_QUALITY")
"""Reports of the quality control that datastrip and granule both have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """An image of the product."""

    path: str
    """Within the product."""

    image: str
    """Such as ``B02_10m``; ``none`` for a mask in which nothing is set."""

    gsd_m: int
    bands: int = 1
    bits: int = 8


def images(scene: Scene) -> list[ImageFile]:
    """All images but the preview."""
    tile, here = f"T{scene.tile.name}_{scene.start}", f"GRANULE/{scene.granule}"
    found = [
        ImageFile(
            path=f"{here}/IMG_DATA/R{gsd}m/{tile}_{name}_{gsd}m.jp2", image=f"{name}_{gsd}m", gsd_m=gsd,
            bands=3 if name == "TCI" else 1, bits=8 if name in {"TCI", "SCL"} else 15,
        )
        for gsd, names in RESOLUTIONS.items()
        for name in names
    ]  # fmt: skip
    masks = f"{here}/QI_DATA/MSK_"
    found.append(ImageFile(path=f"{masks}CLASSI_B00.jp2", image="CLASSI_60m", gsd_m=60, bands=3))
    found += [
        ImageFile(path=f"{masks}{name}_{gsd}m.jp2", image=f"{name}_{gsd}m", gsd_m=gsd)
        for name in ("CLDPRB", "SNWPRB")
        for gsd in (20, 60)
    ]
    for band, gsd in NATIVE.items():
        found.append(ImageFile(path=f"{masks}DETFOO_{band}.jp2", image=f"DETFOO_{gsd}m", gsd_m=gsd))
        found.append(ImageFile(path=f"{masks}QUALIT_{band}.jp2", image=f"none_{gsd}m", gsd_m=gsd, bands=8))
    return found


def preview(scene: Scene) -> str:
    """Path of the preview."""
    return f"GRANULE/{scene.granule}/QI_DATA/T{scene.tile.name}_{scene.start}_PVI.jp2"


def datastrip(scene: Scene) -> str:
    """Path of the datastrip's folder."""
    station = scene.datastrip_id.split("_")[5]
    return f"DATASTRIP/DS_{station}_{scene.generated:%Y%m%dT%H%M%S}_S{scene.strip_time}"
