"""The pixels of one square of a tile, in every image that is wanted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gigascene.simulate import _instrument as instrument
from gigascene.simulate import _sentinel2_facts as facts
from gigascene.simulate import _sentinel2_kernels as kernels
from gigascene.simulate import _sentinel2_spectra as spectra
from gigascene.simulate import earth
from gigascene.simulate._sentinel2_facts import Frame, Pass, Swath

F32 = NDArray[np.float32]
BOOL = NDArray[np.bool_]
Images = dict[str, NDArray[Any]]

HEIGHT, WIDTH = 480, 1_920
"""Pixels of 10 m in a square, at most: multiples of 6."""

_NOISE = (8.0, 0.006)
"""Deviation without light, in stored numbers, and relative to the signal, for as much texture as real ground has."""

_ALWAYS = ("B04", "B08")
"""Bands that the classification looks at."""

_GAIN, _ZERO = float(facts.QUANTIFICATION), float(-facts.OFFSET)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One look at the Earth: which pass, of which Earth, with which images."""

    flown: Pass
    seed: int
    swath: Swath
    images: frozenset[str]
    """Such as ``B02_10m``."""

    clear: bool = False
    """True: no clouds, no shade, no edges of the swath."""

    @property
    def sky(self) -> earth.Sky:
        """Sun and clouds."""
        azimuth, elevation = self.flown.sun
        turn = facts.convergence_deg(facts.ZONE, *facts.degrees(facts.ZONE, self.swath.x, self.swath.y))
        return earth.Sky(
            sun_azimuth_deg=azimuth - turn,
            sun_elevation_deg=elevation,
            day=self.flown.start.toordinal(),
            cloudiness=self.flown.cloudiness,
        )

    @property
    def bands(self) -> tuple[str, ...]:
        """Bands to be simulated, in the instrument's order."""
        names = {name.split("_")[0] for name in self.images} | set(_ALWAYS)
        if any(name.startswith("TCI") for name in self.images):
            names |= {"B02", "B03", "B04"}
        return tuple(band.name for band in facts.SURFACE if band.name in names)

    def wants(self, name: str) -> bool:
        """True if an image is asked for."""
        return name in self.images


@dataclass(frozen=True, slots=True, kw_only=True)
class Square:
    """Part of every image, and what it counts at 20 m."""

    images: Images
    classes: NDArray[np.int64]
    """Pixels of each class of the scene classification."""

    land: int
    """Pixels with data that are not water."""

    cloudy_land: int


def square(view: View, frame: Frame) -> Square:
    """Simulate a frame, which lies on the 60 m grid."""
    seen = _Seen(view, frame)
    images = seen.bands()
    images |= seen.classes_and_masks()
    scene = seen.classes
    land = seen.good & ((seen.kind & earth.WATER) == 0)
    cloudy = (scene >= kernels.CLOUD_MEDIUM) & (scene <= kernels.CIRRUS)
    return Square(
        images={name: image for name, image in images.items() if view.wants(name)},
        classes=np.bincount(scene.ravel(), minlength=len(facts.CLASSES)),
        land=int(land.sum()),
        cloudy_land=int((land & cloudy).sum()),
    )


class _Seen:
    """The Earth and the sky of one frame at 20 m, ready to be stored image by image."""

    def __init__(self, view: View, frame: Frame) -> None:
        self.view, self.frame = view, frame
        self.y, self.x = frame.y - 10.0, frame.x + 10.0
        patch = earth.Patch(x=self.x, y=self.y, step=20.0, rows=frame.rows // 2, columns=frame.columns // 2)
        fields = (
            _fields(view, patch.padded(1))
            if frame.zone == facts.ZONE
            else _elsewhere(view, patch.padded(1), frame.zone)
        )
        self.rho: Mapping[str, F32] = dict(zip(view.bands, fields.rho, strict=True))
        inner = (slice(1, -1), slice(1, -1))
        self.good, self.kind, self.light = fields.good[inner], fields.kind[inner], fields.light[inner]
        self.low, self.high, self.shade = fields.low[inner], fields.high[inner], fields.shade[inner]
        red, nir = self.rho["B04"][inner], self.rho["B08"][inner]
        self.classes = kernels.classes(self.good, self.low, self.high, self.shade, self.kind, self.light, red, nir)

    def bands(self) -> Images:
        """Reflectance as numbers, at every resolution; true colour."""
        images: Images = {}
        fine = [name for name in facts.FINE if name in self.rho]
        stack = kernels.fine(
            np.stack([self.rho[name] for name in fine]), self.good, self.frame.y - 5.0, self.frame.x + 5.0,
            _GAIN, _ZERO, _NOISE, self._salt(0),
        )  # fmt: skip
        for name, image in zip(fine, stack, strict=True):
            images[f"{name}_10m"] = image
            images[f"{name}_20m"] = kernels.coarser(image, 2)
        for name in self.rho:
            if name not in facts.FINE:
                images[f"{name}_20m"] = self._stored(name)
            if self.view.wants(f"{name}_60m") or self.view.wants("TCI_60m"):
                images[f"{name}_60m"] = kernels.coarser(images[f"{name}_20m"], 3)
        for gsd in ("10m", "20m", "60m"):
            if self.view.wants(f"TCI_{gsd}"):
                images[f"TCI_{gsd}"] = kernels.true_color(*(images[f"{name}_{gsd}"] for name in ("B04", "B03", "B02")))
        return images

    def classes_and_masks(self) -> Images:
        """Scene classification, air, probabilities and masks."""
        air = {"AOT": (72.0, 14.0, 52_000.0), "WVP": (830.0, 260.0, 24_000.0)}
        made: Images = {"SCL": self.classes}
        made |= {
            name: kernels.air(self.good, self.y, self.x, 20.0, *numbers, self._salt(50))
            for name, numbers in air.items()
            if self._any(name)
        }
        if self._any("CLDPRB"):
            made["CLDPRB"] = kernels.percent(self.good, np.maximum(self.low, 2.0 * self.high), 1.0)
        if self._any("SNWPRB"):
            snow = ((self.kind & earth.SNOW) > 0) & (self.low < 0.2)
            made["SNWPRB"] = kernels.percent(self.good, snow.astype(np.float32), 1.0)
        if self._any("DETFOO"):
            made["DETFOO"] = self._detectors()
        return {f"{name}_{gsd}m": image for name, base in made.items() for gsd, image in self._sizes(name, base)} | (
            self._flags()
        )

    def _any(self, name: str) -> bool:
        return any(self.view.wants(f"{name}_{gsd}m") for gsd in (10, 20, 60))

    def _sizes(self, name: str, image: NDArray[Any]) -> list[tuple[int, NDArray[Any]]]:
        """A 20 m image at all resolutions wanted: each fine pixel as its parent, each coarse one as its middle."""
        sizes = [(20, image)]
        if self.view.wants(f"{name}_10m"):
            sizes.append((10, image.repeat(2, axis=0).repeat(2, axis=1)))
        if self.view.wants(f"{name}_60m"):
            sizes.append((60, image[1::3, 1::3]))
        return sizes

    def _flags(self) -> Images:
        """Opaque clouds, cirrus, snow and ice: (y, x, 3) at 60 m."""
        if not self.view.wants("CLASSI_60m"):
            return {}
        scene = self.classes[1::3, 1::3]
        opaque = (scene == kernels.CLOUD_MEDIUM) | (scene == kernels.CLOUD_HIGH)
        flags = (opaque, scene == kernels.CIRRUS, scene == kernels.SNOW)
        return {"CLASSI_60m": np.stack(flags, axis=-1).astype(np.uint8)}

    def _detectors(self) -> NDArray[np.uint8]:
        swath = self.view.swath
        (a, b, c), _ = swath.sides
        x, y = np.meshgrid(self.x + 20.0 * np.arange(self.good.shape[1]), self.y - 20.0 * np.arange(self.good.shape[0]))
        x, y = facts.home(self.frame.zone, x, y)
        width = 2.0 * swath.half_m / kernels.DETECTORS
        found: NDArray[np.uint8] = kernels.detectors(self.good, a * x + b * y - c, width)
        return found

    def _stored(self, name: str) -> NDArray[np.uint16]:
        place = -self.frame.y // 20, self.frame.x // 20
        number = [band.name for band in facts.SURFACE].index(name)
        values = np.ascontiguousarray(self.rho[name][1:-1, 1:-1])
        image: NDArray[np.uint16] = instrument.stored(
            values, self.good, _GAIN, _ZERO, _NOISE, *place, self._salt(20 + number)
        )
        return image

    def _salt(self, number: int) -> int:
        return (self.view.seed * 101 + self.view.flown.start.toordinal() * 131 + number) % 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fields:
    """What is needed of the Earth and the sky, (y, x) each."""

    rho: F32
    """(band, y, x): reflectance of the surface, with clouds over it."""

    good: BOOL
    kind: NDArray[np.uint8]
    light: F32
    low: F32
    high: F32
    shade: F32


def _fields(view: View, patch: earth.Patch) -> _Fields:
    names, sky = view.bands, view.sky
    ground = earth.ground(patch, sky, spectra.ground(names), view.seed)
    shape = (patch.rows, patch.columns)
    if view.clear:
        low = high = shade = np.zeros(shape, np.float32)
        good = np.ones(shape, np.bool_)
    else:
        above = earth.clouds(_shrunk(patch, view.swath.clouds), sky, view.seed)
        low, high, shade = above.low, above.high, above.shade
        good = instrument.inside(patch.y, patch.x, patch.step, *shape, view.swath.sides)
    rho = np.empty((len(names), *shape), np.float32)
    for band, name in enumerate(names):
        optics = (0.0, 1.0, *spectra.optics(name))
        rho[band] = instrument.top_of_air(ground.reflectance[band], ground.light, low, high, shade, optics)
    return _Fields(rho=rho, good=good, kind=ground.kind, light=ground.light, low=low, high=high, shade=shade)


def _elsewhere(view: View, patch: earth.Patch, zone: int) -> _Fields:
    """The same on the plane of another zone: linear between the pixels of the home plane, classes and edges from the nearest."""
    x, y = np.meshgrid(patch.x + 20.0 * np.arange(patch.columns), patch.y - 20.0 * np.arange(patch.rows))
    x, y = facts.home(zone, x, y)
    # Pixels are counted from the origin of the plane, so that windows agree to the last bit.
    rows, columns = -y / 20.0 - 0.5, x / 20.0 - 0.5
    top, left = math.floor(rows.min()), math.floor(columns.min())
    here = _fields(
        view,
        earth.Patch(
            x=20.0 * left + 10.0, y=-20.0 * top - 10.0, step=20.0,
            rows=math.floor(rows.max()) - top + 2, columns=math.floor(columns.max()) - left + 2,
        ),
    )  # fmt: skip

    def smooth(image: F32) -> F32:
        sampled: F32 = kernels.linear(image, rows, columns, top, left)
        return sampled

    nearest = np.floor(rows + 0.5).astype(np.int64) - top, np.floor(columns + 0.5).astype(np.int64) - left
    return _Fields(
        rho=np.stack([smooth(band) for band in here.rho]), good=here.good[nearest], kind=here.kind[nearest],
        light=smooth(here.light), low=smooth(here.low), high=smooth(here.high), shade=smooth(here.shade),
    )  # fmt: skip


def _shrunk(patch: earth.Patch, times: int) -> earth.Patch:
    """Where to look for the clouds of a patch that are to be so many times smaller (and lower)."""
    return replace(patch, x=patch.x * times, y=patch.y * times, step=patch.step * times)
