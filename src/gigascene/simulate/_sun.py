"""Where the sun stands: angles for a place and a moment, good to a few hundredths of a degree."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sun_angles(when: datetime, longitude_deg: float, latitude_deg: float) -> tuple[float, float]:
    """Azimuth (clockwise from north) and elevation of the sun's centre, degrees, without refraction.

    The low-precision formulas of the Astronomical Almanac (Michalsky 1988), good to 0.01 degrees from 1950 to 2050.

    Examples
    --------
    >>> from datetime import datetime, timezone
    >>> [round(angle) for angle in sun_angles(datetime(2023, 6, 21, 12, 2, tzinfo=timezone.utc), 0.0, 51.5)]
    [180, 62]
    """
    days = (when - _J2000).total_seconds() / 86_400.0
    mean_longitude = 280.460 + 0.9856474 * days
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(mean_longitude + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2.0 * anomaly))
    tilt = math.radians(23.439 - 0.0000004 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    sidereal = 15.0 * ((6.697375 + 0.0657098242 * days + _hours(when)) % 24.0)
    hour_angle = math.radians(sidereal + longitude_deg) - ascension
    latitude = math.radians(latitude_deg)
    up = math.sin(declination) * math.sin(latitude)
    up += math.cos(declination) * math.cos(latitude) * math.cos(hour_angle)
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.sin(declination) * math.cos(latitude)
    north -= math.cos(declination) * math.sin(latitude) * math.cos(hour_angle)
    return math.degrees(math.atan2(east, north)) % 360.0, math.degrees(math.asin(up))


def earth_sun_distance_au(when: datetime) -> float:
    """Distance to the sun, astronomical units."""
    anomaly = math.radians(357.528 + 0.9856003 * (when - _J2000).total_seconds() / 86_400.0)
    return 1.00014 - 0.01671 * math.cos(anomaly) - 0.00014 * math.cos(2.0 * anomaly)


def _hours(when: datetime) -> float:
    return when.hour + when.minute / 60.0 + (when.second + when.microsecond * 1e-6) / 3600.0
