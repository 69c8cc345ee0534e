"""Landsat scene and product identifiers, of every generation."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from gigascene.model.errors import BadInput

_COLLECTION = (
    r"L(?P<sensor>[CEMOT])0(?P<satellite>\d)_(?P<level>L[12][A-Z]{2})_(?P<path>\d{3})(?P<row>\d{3})"
    r"_(?P<date>\d{8})_(?P<processed>\d{8})_(?P<collection>\d{2})_(?P<tier>RT|T1|T2)"
)
"""Such as LC08_L1TP_016037_20170813_20170814_01_RT."""

_SCENE = (
    r"L(?P<sensor>[CEMOT])(?P<satellite>\d)(?P<path>\d{3})(?P<row>\d{3})(?P<day>\d{7})"
    r"(?P<station>[A-Z0-9]{3})(?P<version>\d{2})"
)
"""Before collections, such as LC82260102014232LGN00."""

_FILES = r"L(?P<satellite>4|5|7[12])(?P<path>\d{3})(?P<row>\d{3})_\d{3}(?P<date>\d{8})"
"""Before August 2012, such as L5035032_03220080922 and L71092085_08520100315."""

_PATTERNS = tuple(re.compile(rf"(?<![A-Za-z0-9]){form}(?![A-Za-z0-9])") for form in (_COLLECTION, _SCENE, _FILES))


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneId:
    """What an identifier says. Parts that its generation does not have are None or empty."""

    text: str
    sensor: str
    """``"C"`` OLI and TIRS, ``"O"`` OLI, ``"E"`` ETM+, ``"M"`` MSS, ``"T"`` TM (Landsat 4, 5) or TIRS (8, 9)."""

    satellite: int
    level: str
    """``"L1TP"``, ``"L1GT"``, ``"L1GS"``, ``"L2SP"``, ``"L2SR"``, or empty."""

    path: int
    row: int
    date: dt.date
    """Day of acquisition, UTC."""

    processed: dt.date | None
    collection: int | None
    tier: str
    """``"T1"``, ``"T2"``, ``"RT"``, or empty."""

    station: str
    """Receiving station, such as ``"LGN"``, or empty."""

    version: str
    """Of the archive, such as ``"00"``, or empty."""

    @property
    def family(self) -> str:
        """Name of the sensor file that reads it, or empty (MSS)."""
        if self.sensor == "M" or self.satellite < 4:
            return ""
        if self.collection != 2:
            return "landsat-legacy"
        return "landsat-c2-l2" if self.level.startswith("L2") else "landsat-c2-l1"


def parse_id(text: str) -> SceneId:
    """The identifier in a file or folder name.

    Parameters
    ----------
    text : str
        An identifier, or a name that holds one: ``LC08_…_T1_B4.TIF``, ``tiny_LC8…LGN00_MTL.json``.

    Raises
    ------
    BadInput
        There is none, or its date is none.

    Examples
    --------
    >>> found = parse_id("LC82260102014232LGN00")
    >>> found.satellite, found.path, found.row, str(found.date), found.station
    (8, 226, 10, '2014-08-20', 'LGN')
    >>> parse_id("LC09_L2SP_010065_20220129_20220131_02_T1_MTL.txt").family
    'landsat-c2-l2'
    """
    match = next(filter(None, (pattern.search(text) for pattern in _PATTERNS)), None)
    if match is None:
        raise BadInput("is no Landsat scene id", text, hint="One looks like LC08_L1TP_016037_20170813_20170814_01_RT.")
    part = match.groupdict()
    satellite = int(part["satellite"][0])
    try:
        return SceneId(
            text=match[0],
            sensor=part.get("sensor") or ("E" if satellite == 7 else "T"),
            satellite=satellite,
            level=part.get("level", ""),
            path=int(part["path"]),
            row=int(part["row"]),
            date=_day(part.get("date") or part["day"]),
            processed=_day(part["processed"]) if "processed" in part else None,
            collection=int(part["collection"]) if "collection" in part else None,
            tier=part.get("tier", ""),
            station=part.get("station", ""),
            version=part.get("version", ""),
        )
    except ValueError as error:
        raise BadInput(f"holds an impossible date: {error}", text) from error


def _day(digits: str) -> dt.date:
    """A day as year, month, day or as year and day of the year."""
    form = "%Y%m%d" if len(digits) == 8 else "%Y%j"
    return dt.datetime.strptime(digits, form).replace(tzinfo=dt.UTC).date()
