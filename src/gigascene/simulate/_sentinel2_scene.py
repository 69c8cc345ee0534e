"""One tile on one date: its names, what was counted in it, where data are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import Polygon, box
from shapely.geometry.polygon import orient

from gigascene.simulate import _sentinel2_facts as facts
from gigascene.simulate._sentinel2_facts import Pass, Swath, Tile
from gigascene.simulate._sentinel2_pixels import Square
from gigascene.simulate._sun import sun_angles

_EDGE_POINTS = 8
"""Points along each side of a footprint."""


@dataclass(slots=True)
class Counts:
    """Pixels at 20 m, summed over squares."""

    classes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(facts.CLASSES), np.int64))
    land: int = 0
    cloudy_land: int = 0

    def add(self, part: Square) -> None:
        """Count one more."""
        self.classes += part.classes
        self.land += part.land
        self.cloudy_land += part.cloudy_land

    def percent(self, number: int) -> float:
        """Of a class: of all pixels for 'no data', of those with data for every other."""
        valid = int(self.classes[1:].sum())
        whole = valid + int(self.classes[0]) if number == 0 else valid
        return round(100.0 * int(self.classes[number]) / max(whole, 1), 6)

    @property
    def clouds(self) -> float:
        """Percent: medium and high probability, and cirrus."""
        return round(sum(self.percent(number) for number in (8, 9, 10)), 6)

    @property
    def clouds_over_land(self) -> float:
        """Percent."""
        return round(100.0 * self.cloudy_land / max(self.land, 1), 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Names and times follow the agency's rules (Sentinel-2 Products Specification Document, 14.9)."""

    tile: Tile
    flown: Pass
    swath: Swath

    @property
    def generated(self) -> datetime:
        """When it was processed: as if it had been."""
        return self.flown.start.replace(microsecond=0) + timedelta(hours=6, minutes=17, seconds=29)

    @property
    def start(self) -> str:
        """Of the datatake, as in names."""
        return f"{self.flown.start:%Y%m%dT%H%M%S}"

    @property
    def baseline(self) -> str:
        """As in names: ``N0509``."""
        return f"N{facts.BASELINE.replace('.', '')}"

    @property
    def product(self) -> str:
        """Name of the SAFE folder."""
        return (
            f"{self.flown.satellite}_MSIL2A_{self.start}_{self.baseline}_R{self.flown.relative_orbit:03d}"
            f"_T{self.tile.name}_{self.generated:%Y%m%dT%H%M%S}.SAFE"
        )

    @property
    def strip_time(self) -> str:
        """Start of the datastrip."""
        return f"{self.flown.start + timedelta(seconds=3):%Y%m%dT%H%M%S}"

    @property
    def granule(self) -> str:
        """Name of the granule's folder."""
        return f"L2A_T{self.tile.name}_A{self.flown.orbit:06d}_{self.strip_time}"

    @property
    def granule_id(self) -> str:
        """Full identifier of the granule."""
        return self._id("TL", f"A{self.flown.orbit:06d}_T{self.tile.name}")

    @property
    def datastrip_id(self) -> str:
        """Full identifier of the datastrip."""
        return self._id("DS", f"S{self.strip_time}")

    @property
    def datatake_id(self) -> str:
        """Identifier of the datatake."""
        return f"G{self.flown.satellite}_{self.start}_{self.flown.orbit:06d}_N{facts.BASELINE}"

    def _id(self, kind: str, what: str) -> str:
        station = {"S2A": "2APS", "S2B": "2BPS"}[self.flown.satellite]
        made = f"{self.generated:%Y%m%dT%H%M%S}"
        return f"{self.flown.satellite}_OPER_MSI_L2A_{kind}_{station}_{made}_{what}_N{facts.BASELINE}"

    @property
    def item(self) -> str:
        """Identifier in the Earth Search catalogue."""
        return f"{self.flown.satellite}_{self.tile.name.lstrip('0')}_{self.flown.start:%Y%m%d}_0_L2A"

    @property
    def sensed(self) -> datetime:
        """When the middle of the tile was seen."""
        return self.flown.sensed(self.tile.frame)

    @property
    def sun(self) -> tuple[float, float]:
        """Azimuth and elevation at the middle of the tile, degrees."""
        return sun_angles(self.sensed, *facts.degrees(self.tile.frame.zone, *self.tile.frame.center))

    def across_m(self, x: float, y: float) -> float:
        """Distance of a place of the tile's plane from the track, to its right hand, as from a swath of full size."""
        return self.swath.across_m(*facts.home(self.tile.frame.zone, x, y))

    @property
    def outline(self) -> list[tuple[float, float]]:
        """Where data are, longitude and latitude, counter-clockwise, closed; empty if the pass saw nothing of the tile."""
        frame = self.tile.frame
        whole = box(frame.x, frame.y - 10 * frame.rows, frame.x + 10 * frame.columns, frame.y)
        edge = whole.exterior.segmentize(10.0 * frame.columns / _EDGE_POINTS)
        seen = Polygon([facts.home(frame.zone, x, y) for x, y in edge.coords]).intersection(strip(self.swath))
        if seen.is_empty or seen.area == 0.0:
            return []
        ring = orient(seen).exterior.segmentize(10.0 * frame.columns / _EDGE_POINTS)
        return facts.outline_degrees(facts.ZONE, list(ring.coords))


def strip(swath: Swath) -> Polygon:
    """The swath on the plane, long enough for any region."""
    a, b = swath.right
    far, half = 3.0e6, swath.half_m
    corners = ((-half, -far), (half, -far), (half, far), (-half, far))
    return Polygon([(swath.x + a * u - b * v, swath.y + b * u + a * v) for u, v in corners])
