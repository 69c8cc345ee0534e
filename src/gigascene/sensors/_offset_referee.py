"""Is the offset of Sentinel-2's level 2A still in the stored numbers? The pixels say, for catalogues do not know.

From processing baseline 04.00 on a stored number is 10,000 times the reflectance,
plus 1,000. Archives that rewrite the bands have subtracted the 1,000 from some scenes
and not from others, and their flags are wrong both ways. So there are two
hypotheses of what a number n means: *raw*, reflectance (n - 1000) / 10000, and
*applied*, n / 10000. They differ by a reflectance of 0.1 in every band, which no single
surface can settle: a desert as stored raw is a brighter desert. What can:

*Impossible darkness.* Surface reflectance is not below zero, but for errors of the
atmospheric correction, of some 0.02 and rarely more (real scenes: 2 % of the pixels of a blue
band below 0, 0.1 % below -0.015). Numbers far below 1,000 in several bands at once
are no raw ones. This proves *applied*, over any land or sea that is dark anywhere.

*Known darkness.* The opposite needs more, for a veil of haze or cloud, sun glint,
or dark rock lift a scene by 0.1 as well. Two surfaces are known to be dark: dense
vegetation in blue and red (0.01 to 0.05), open water in the short-wave infrared (0.00 to
0.01). Where they are found, by contrasts that the offset does not hide, they
must lie just above 1,000 **and closely together**: what lifts a scene by nature is
uneven, an offset is not. That, and nothing else, proves *raw*.

Everything else is *undecided*: snow, cloud and bare desert show neither. A wrong answer
costs a reflectance of 0.1 in silence; no answer costs the user one option.
Thresholds are set by physics, and tried on simulated surfaces and on real pixels in both states (tests/sensors).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

State = Literal["applied", "raw", "undecided"]

OFFSET = 1000
SATURATED = 65535
HIDDEN = (0, 1, 8, 9, 10, 11)
"""Classes of the scene classification that show no ground, or snow: no data, saturated, clouds, cirrus, snow."""

VEGETATION, WATER = 4, 6
"""Classes that stand in where no infrared band is there."""

FEWEST = 400
"""Pixels of a surface from which anything is concluded."""

SMALLEST_SHARE = 0.003
"""Of the clear pixels."""

EDGE = 2
"""Pixels beside missing ones that are not believed."""

BANDS = ("B02", "B03", "B04", "B08", "B8A", "B11", "B12")
"""Those that are looked at, as far as they are there; at least three."""

FLOOR = 700
"""The darkest hundredth of three bands at or below: a raw reflectance of -0.03."""

LOW = 750
"""The darkest twentieth of two bands at or below, or the middle of a surface known to be dark: -0.025."""

NO_RAW = 850
"""The darkest hundredth of a band below: not raw, whatever else is seen; blue, where haze is corrected most, below 750."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the pixels say, and why, in words for people."""

    state: State
    why: str


def judged(bands: Mapping[str, NDArray[np.uint16]], classes: NDArray[Any] | None = None) -> Verdict:
    """Whether the offset has been subtracted from stored numbers.

    Parameters
    ----------
    bands : mapping of band key to (y, x) uint16
        Stored numbers of at least three of `BANDS`, all of the same decimated grid; 0 and 65535 are none.
    classes : (y, x) integers, optional
        Scene classification (SCL) on the same grid.

    Returns
    -------
    Verdict
        ``"undecided"`` where too little is seen, or what is seen disagrees.
    """
    known = {key: bands[key].astype(np.int32) for key in BANDS if key in bands}
    if len(known) < 3:
        return Verdict("undecided", f"fewer than three bands to look at ({', '.join(known) or 'none'})")
    clear = np.ones(next(iter(known.values())).shape, bool) if classes is None else ~np.isin(classes, HIDDEN)
    good = {key: clear & ~_near(dn == 0) & (dn < SATURATED) for key, dn in known.items()}
    all_good = np.logical_and.reduce(list(good.values()))
    floors = {key: np.quantile(known[key][good[key]], (0.01, 0.05)) for key in known if good[key].sum() >= FEWEST}
    if len(floors) < 3:
        return Verdict("undecided", "hardly a pixel shows the ground")
    surfaces = [
        _vegetation(known, all_good, classes),
        _water(known, all_good),
    ]
    found = [one for one in surfaces if one.state != "undecided"]
    return _weighed(_impossible(floors), found, floors)


def _near(empty: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """No data and what lies within `EDGE` pixels of it: reduced pictures mix the two there, and JPEG 2000 rings."""
    for axis in (0, 1):
        wide = empty.copy()
        for step in range(1, EDGE + 1):
            wide |= np.roll(_walled(empty, axis, step), step, axis) | np.roll(_walled(empty, axis, -step), -step, axis)
        empty = wide
    return empty


def _walled(mask: NDArray[np.bool_], axis: int, step: int) -> NDArray[np.bool_]:
    """The mask without the rows or columns that a roll would bring in on the other side."""
    cut = mask.copy()
    cut[(slice(None),) * axis + (slice(-step, None) if step > 0 else slice(None, -step),)] = False
    return cut


def _weighed(dark: Verdict, found: list[Verdict], floors: Mapping[str, Any]) -> Verdict:
    said = {one.state for one in (dark, *found)} - {"undecided"}
    if len(said) > 1:
        return Verdict("undecided", "; but ".join(one.why for one in (dark, *found) if one.state != "undecided"))
    if said == {"applied"}:
        return dark if dark.state == "applied" else found[0]
    if said == {"raw"}:
        low = [key for key, (floor, _) in floors.items() if floor < NO_RAW - (100 if key == "B02" else 0)]
        if low:
            return Verdict(
                "undecided", f"{found[0].why}; but {', '.join(low)} has darker pixels than raw numbers allow"
            )
        return found[0]
    least = ", ".join(f"{key} {floor:.0f}" for key, (floor, _) in floors.items())
    return Verdict("undecided", f"nothing of a known darkness is in sight (darkest hundredth: {least})")


def _impossible(floors: Mapping[str, Any]) -> Verdict:
    """Numbers that would be reflectances well below zero."""
    floor = [key for key, (one, _) in floors.items() if one <= FLOOR]
    low = [key for key, (_, five) in floors.items() if five <= LOW]
    if len(floor) >= 3:
        return Verdict("applied", f"a hundredth of the pixels lies at or below {FLOOR} in {', '.join(floor)}")
    if len(low) >= 2:
        return Verdict("applied", f"a twentieth of the pixels lies at or below {LOW} in {', '.join(low)}")
    return Verdict("undecided", "")


def _vegetation(known: Mapping[str, NDArray[np.int32]], good: NDArray[np.bool_], classes: Any) -> Verdict:
    """Blue and red of the densest vegetation: 0.01 to 0.05."""
    nir = known.get("B08", known.get("B8A"))
    blue, red = known.get("B02"), known.get("B04")
    if blue is None or red is None:
        return Verdict("undecided", "")
    if nir is not None:
        index = np.where(good & (nir >= 2500), (nir - red) / np.maximum(nir + red, 1), -1.0)
        green = index >= 0.45
        dense = green & (index >= np.quantile(index[green], 0.7)) if green.any() else green
    elif classes is not None:
        dense = good & (classes == VEGETATION)
    else:
        return Verdict("undecided", "")
    if not _enough(dense, good):
        return Verdict("undecided", "")
    five_blue, middle_blue = np.quantile(blue[dense], (0.05, 0.5))
    five_red, middle_red = np.quantile(red[dense], (0.05, 0.5))
    seen = f"dense vegetation has blue {middle_blue:.0f} and red {middle_red:.0f} in its middle"
    if max(middle_blue, middle_red) <= LOW:
        return Verdict("applied", seen)
    above = five_blue >= 980 and five_red >= 1020 and max(middle_blue, middle_red) <= 1500
    close = middle_blue - five_blue <= 180 and middle_red - five_red <= 180
    return Verdict("raw", f"{seen}, closely together") if above and close else Verdict("undecided", "")


def _water(known: Mapping[str, NDArray[np.int32]], good: NDArray[np.bool_]) -> Verdict:
    """Short-wave infrared of open water (or of deep shade): 0.00 to 0.01."""
    nir = known.get("B08", known.get("B8A"))
    swir = known.get("B12", known.get("B11"))
    green, blue = known.get("B03"), known.get("B02")
    if nir is None or swir is None or green is None or blue is None:
        return Verdict("undecided", "")
    dark = good & (nir <= 1700) & (green >= nir - 50) & (swir <= nir + 60)
    if not _enough(dark, good):
        return Verdict("undecided", "")
    five, quarter, middle, three = np.quantile(swir[dark], (0.05, 0.25, 0.5, 0.75))
    middle_nir, five_blue = np.quantile(nir[dark], 0.5), np.quantile(blue[dark], 0.05)
    seen = f"open water has short-wave infrared {middle:.0f} and near infrared {middle_nir:.0f} in its middle"
    if middle <= 500 and middle_nir <= LOW:
        return Verdict("applied", seen)
    above = five >= 930 and 960 <= middle <= 1120 and 960 <= middle_nir <= 1300 and five_blue >= 950
    return Verdict("raw", f"{seen}, closely together") if above and three - quarter <= 60 else Verdict("undecided", "")


def _enough(surface: NDArray[np.bool_], good: NDArray[np.bool_]) -> bool:
    return int(surface.sum()) >= max(FEWEST, SMALLEST_SHARE * int(good.sum()))
