"""From stored numbers to reflectance, as the product's own metadata says: quantification and offset of every band.

Never by date: reprocessed archives carry the offset on products of any year.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gigascene.model.errors import BadInput
from gigascene.model.scene import Calibration
from gigascene.model.sensor import Band
from gigascene.sensors._sentinel2_bands import BAND_IDS
from gigascene.sensors._sentinel2_files import Source
from gigascene.sensors._sentinel2_xml import deep, each, first, number, text

_QUANTIFICATION = {
    "1C": ("QUANTIFICATION_VALUE",),
    "2A": ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE"),
}
_OFFSET = {"1C": "RADIO_ADD_OFFSET", "2A": "BOA_ADD_OFFSET"}
_SINCE, _BEFORE = 4.0, 99.0
"""Processing baselines whose products always state offsets; 99.99 is what a user's own Sen2Cor writes."""

_OTHERS = {
    "AOT": ("optical-thickness", ("AOT_QUANTIFICATION_VALUE", "L2A_AOT_QUANTIFICATION_VALUE"), "1"),
    "WVP": ("water-vapour", ("WVP_QUANTIFICATION_VALUE", "L2A_WVP_QUANTIFICATION_VALUE"), "cm"),
}
"""Maps of level 2A beside the bands: quantity, element of its quantification, unit."""


def baseline(found: Source) -> str:
    """Processing baseline, such as ``"04.00"``, or empty."""
    return text(first(found.product, "PROCESSING_BASELINE"))


def band_ids(found: Source) -> dict[str, str]:
    """``band_id`` by band, as the product's own list of bands has it, else as the instrument counts."""
    listed = {
        _key(text(one.get("@physicalBand"))): text(one.get("@bandId"))
        for one in each(list(deep(found.product, "Spectral_Information")))
    }
    return BAND_IDS | {key: number for key, number in listed.items() if key and number}


def wavelengths_um(found: Source) -> dict[str, float]:
    """Centre wavelength by band, as the product states it for its own satellite; empty where it does not."""
    return {
        _key(text(one.get("@physicalBand"))): round(number(central, "CENTRAL", found.place) / 1000, 7)
        for one in each(list(deep(found.product, "Spectral_Information")))
        if (central := first(one, "CENTRAL")) is not None
    }


def reflectances(found: Source, bands: tuple[Band, ...]) -> dict[str, Calibration]:
    """By band, ``(dn + offset) / quantification``: of the top of the atmosphere (1C), of the surface (2A)."""
    said = first(found.product, *_QUANTIFICATION[found.level])
    if said is None:
        raise BadInput(f"has no {_QUANTIFICATION[found.level][0]}", found.place)
    quantification = number(said, _QUANTIFICATION[found.level][0], found.place)
    if quantification <= 0:
        raise BadInput(f"the quantification is {quantification:g}, which divides nothing", found.place)
    offsets = _offsets(found)
    ids = band_ids(found)
    calibrations = {}
    for band in bands:
        offset = 0.0
        if offsets:
            if ids[band.key] not in offsets:
                raise BadInput(f"has {_OFFSET[found.level]} for other bands, not for {band.key}", found.place, band.key)
            offset = offsets[ids[band.key]]
        calibrations[band.key] = Calibration(scale=1 / quantification, offset=offset / quantification)
    return calibrations


def other(found: Source, name: str) -> dict[str, Calibration]:
    """Of a map beside the bands, such as ``"AOT"``; empty for those that hold classes."""
    if name not in _OTHERS:
        return {}
    quantity, elements, unit = _OTHERS[name]
    said = first(found.product, *elements)
    if said is None:
        return {}
    return {quantity: Calibration(scale=1 / number(said, elements[0], found.place), unit=unit)}


def _offsets(found: Source) -> Mapping[str, float]:
    """By ``band_id``; empty where the product states none: 0, as before baseline 04.00."""
    name = _OFFSET[found.level]
    stated = {
        text(one.get("@band_id")): number(one, name, found.place) for one in each(list(deep(found.product, name)))
    }
    said = baseline(found)
    if not stated and re.fullmatch(r"\d\d\.\d\d", said) and _SINCE <= float(said) < _BEFORE:
        raise BadInput(
            f"is of processing baseline {said}, whose products state {name} for every band, and states none.",
            found.place,
            hint="Fetch the product again.",
        )
    return stated


def _key(physical: str) -> str:
    """B1 in metadata is B01 in file names.

    >>> _key("B1"), _key("B8A"), _key("B12")
    ('B01', 'B8A', 'B12')
    """
    return f"B{physical[1:].zfill(2)}" if physical else ""
