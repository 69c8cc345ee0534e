"""Metadata of a Landsat Collection 2 scene (USGS LSDS-1822), and its three spellings: ODL text, XML, JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from pyproj import Transformer

from gigascene.simulate import _landsat_facts as facts
from gigascene.simulate._geotiff import Grid
from gigascene.simulate._landsat_facts import Layout

Group = dict[str, str]
"""Keys and values as ODL spells them: texts in quotes."""

_GENERATED = {"l1": "2020-09-11T07:42:10Z", "l2": "2020-09-11T09:13:37Z"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """Percent of the pixels with data that are cloudy."""

    cloud: float
    cloud_land: float
    """Of those that are not water; -1 where there are none."""


def groups(layout: Layout, weather: Weather) -> dict[str, Group]:
    """All groups in the agency's order, consistent with the images."""
    result = {
        "PRODUCT_CONTENTS": _contents(layout),
        "IMAGE_ATTRIBUTES": _attributes(weather),
        "PROJECTION_ATTRIBUTES": _projection(layout),
    }
    if layout.level == "l2":
        result["LEVEL2_PROCESSING_RECORD"] = _record(layout, "l2")
        result["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"] = _surface_reflectance()
        result["LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"] = _surface_temperature()
    result["LEVEL1_PROCESSING_RECORD"] = _record(layout, "l1")
    return result | _calibration() | {"LEVEL1_PROJECTION_PARAMETERS": _parameters()}


def odl(content: Mapping[str, Group]) -> str:
    """``_MTL.txt``."""
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for name, group in content.items():
        lines += [
            f"  GROUP = {name}",
            *(f"    {key} = {value}" for key, value in group.items()),
            f"  END_GROUP = {name}",
        ]
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END", ""])


def xml(content: Mapping[str, Group]) -> str:
    """``_MTL.xml``."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<LANDSAT_METADATA_FILE>"]
    for name, group in content.items():
        values = (f"    <{key}>{escape(_plain(value))}</{key}>" for key, value in group.items())
        lines += [f"  <{name}>", *values, f"  </{name}>"]
    return "\n".join([*lines, "</LANDSAT_METADATA_FILE>", ""])


def jsons(content: Mapping[str, Group]) -> str:
    """``_MTL.json``: all values are texts, as in the agency's own."""
    plain = {name: {key: _plain(value) for key, value in group.items()} for name, group in content.items()}
    return json.dumps({"LANDSAT_METADATA_FILE": plain})


def _plain(value: str) -> str:
    return value.strip('"')


def _text(value: str) -> str:
    return f'"{value}"'


def _each(form: str, bands: Iterable[object], value: str) -> Group:
    return {form.format(band): value for band in bands}


def _key(name: str) -> str:
    """Tail of ``FILE_NAME_…`` and ``DATA_TYPE_…`` for an image file."""
    special = {
        "QA_PIXEL": "QUALITY_L1_PIXEL",
        "QA_RADSAT": "QUALITY_L1_RADIOMETRIC_SATURATION",
        "ST_B10": "BAND_ST_B10",
    }
    return special.get(name) or f"BAND_{name.removeprefix('SR_').removeprefix('B')}"


def _files(product: str, names: Iterable[str]) -> Group:
    files = {f"FILE_NAME_{_key(name)}": _text(f"{product}_{name}.TIF") for name in names}
    files["FILE_NAME_METADATA_ODL"] = _text(f"{product}_MTL.txt")
    return files | {"FILE_NAME_METADATA_XML": _text(f"{product}_MTL.xml")}


def _contents(layout: Layout) -> Group:
    product, doi = layout.product_id, "P975CC9B" if layout.level == "l1" else "P9OGBGM6"
    head = {
        "ORIGIN": _text("Simulated by gigascene; not an observation"),
        "DIGITAL_OBJECT_IDENTIFIER": _text(f"https://doi.org/10.5066/{doi}"),
        "LANDSAT_PRODUCT_ID": _text(product),
        "PROCESSING_LEVEL": _text(product.split("_")[1]),
        "COLLECTION_NUMBER": "02",
        "COLLECTION_CATEGORY": _text("T1"),
        "OUTPUT_FORMAT": _text("GEOTIFF"),
    }
    types = {f"DATA_TYPE_{_key(name)}": _text("UINT16") for name in layout.files}
    return head | _files(product, layout.files) | types


def _attributes(weather: Weather) -> Group:
    head = {
        "SPACECRAFT_ID": _text("LANDSAT_8"),
        "SENSOR_ID": _text("OLI_TIRS"),
        "WRS_TYPE": "2",
        "WRS_PATH": "226",
        "WRS_ROW": "10",
        "NADIR_OFFNADIR": _text("NADIR"),
        "TARGET_WRS_PATH": "226",
        "TARGET_WRS_ROW": "10",
        "DATE_ACQUIRED": facts.ACQUIRED.isoformat(),
        "SCENE_CENTER_TIME": _text(facts.CENTER_TIME),
        "STATION_ID": _text("LGN"),
        "CLOUD_COVER": f"{weather.cloud:.2f}",
        "CLOUD_COVER_LAND": f"{weather.cloud_land:.2f}",
        "IMAGE_QUALITY_OLI": "9",
        "IMAGE_QUALITY_TIRS": "9",
    }
    return (
        head
        | _each("SATURATION_BAND_{}", range(1, 10), _text("N"))
        | {
            "ROLL_ANGLE": "-0.001",
            "SUN_AZIMUTH": f"{facts.SUN_AZIMUTH_DEG:.8f}",
            "SUN_ELEVATION": f"{facts.SUN_ELEVATION_DEG:.8f}",
            "EARTH_SUN_DISTANCE": f"{facts.EARTH_SUN_DISTANCE_AU:.7f}",
            "TRUNCATION_OLI": _text("UPPER"),
            "TIRS_SSM_MODEL": _text("FINAL"),
            "TIRS_SSM_POSITION_STATUS": _text("ESTIMATED"),
        }
    )


def _utm() -> Group:
    return {
        "MAP_PROJECTION": _text("UTM"),
        "DATUM": _text("WGS84"),
        "ELLIPSOID": _text("WGS84"),
        "UTM_ZONE": str(facts.UTM_ZONE),
    }


def _projection(layout: Layout) -> Group:
    group = _utm()
    if layout.level == "l1":
        group["GRID_CELL_SIZE_PANCHROMATIC"] = "15.00"
    group |= {"GRID_CELL_SIZE_REFLECTIVE": "30.00", "GRID_CELL_SIZE_THERMAL": "30.00"}
    if layout.level == "l1":
        group |= _shape("PANCHROMATIC", layout.pan)
    group |= _shape("REFLECTIVE", layout.grid) | _shape("THERMAL", layout.grid)
    return group | {"ORIENTATION": _text("NORTH_UP")} | _corners(layout.grid)


def _shape(name: str, grid: Grid) -> Group:
    return {f"{name}_LINES": str(grid.rows), f"{name}_SAMPLES": str(grid.columns)}


def _corners(grid: Grid) -> Group:
    """Centres of the corner pixels."""
    right, bottom = grid.x + grid.step * (grid.columns - 1), grid.y - grid.step * (grid.rows - 1)
    corners = {"UL": (grid.x, grid.y), "UR": (right, grid.y), "LL": (grid.x, bottom), "LR": (right, bottom)}
    geographic, projected = {}, {}
    to_degrees = Transformer.from_crs(grid.epsg, 4326, always_xy=True)
    for name, (x, y) in corners.items():
        longitude, latitude = to_degrees.transform(x, y)
        geographic[f"CORNER_{name}_LAT_PRODUCT"] = f"{latitude:.5f}"
        geographic[f"CORNER_{name}_LON_PRODUCT"] = f"{longitude:.5f}"
        projected[f"CORNER_{name}_PROJECTION_X_PRODUCT"] = f"{x:.3f}"
        projected[f"CORNER_{name}_PROJECTION_Y_PRODUCT"] = f"{y:.3f}"
    return geographic | projected


def _record(layout: Layout, level: str) -> Group:
    same = facts.Layout(rows=layout.rows, columns=layout.columns, level="l1" if level == "l1" else "l2")
    product = same.product_id
    group = {
        "ORIGIN": _text("Simulated by gigascene; not an observation"),
        "DIGITAL_OBJECT_IDENTIFIER": _text(f"https://doi.org/10.5066/{'P975CC9B' if level == 'l1' else 'P9OGBGM6'}"),
        "REQUEST_ID": _text("L1" if level == "l1" else "L2"),
        "LANDSAT_PRODUCT_ID": _text(product),
        "PROCESSING_LEVEL": _text(product.split("_")[1]),
        "OUTPUT_FORMAT": _text("GEOTIFF"),
        "DATE_PRODUCT_GENERATED": _GENERATED[level],
        "PROCESSING_SOFTWARE_VERSION": _text("gigascene simulate"),
    }
    if level == "l2":
        return group
    scene = f"LC8226010{facts.ACQUIRED:%Y%j}LGN01"
    return (
        {"LANDSAT_SCENE_ID": _text(scene)} | group | {"COLLECTION_CATEGORY": _text("T1")} | _files(product, same.files)
    )


def _range(form: str, bands: Iterable[object], gain: float, offset: float, digits: int) -> Group:
    """Largest and smallest value a band can hold, at stored numbers 65,535 and 1."""
    group: Group = {}
    for band in bands:
        group[form.format("MAXIMUM", band)] = f"{offset + gain * 65535:.{digits}f}"
        group[form.format("MINIMUM", band)] = f"{offset + gain:.{digits}f}"
    return group


def _quantized(bands: Iterable[object]) -> Group:
    group: Group = {}
    for band in bands:
        group |= {f"QUANTIZE_CAL_MAX_BAND_{band}": "65535", f"QUANTIZE_CAL_MIN_BAND_{band}": "1"}
    return group


def _radiance(band: int) -> tuple[float, float]:
    """Gain and offset to radiance: both rescalings share their zero, so the offset is -5000 gains."""
    if band >= 10:
        return facts.THERMAL_GAIN, facts.THERMAL_OFFSET
    gain = facts.RADIANCE_GAIN_1AU[band] / facts.EARTH_SUN_DISTANCE_AU**2
    return gain, gain * facts.REFLECTANCE_OFFSET / facts.REFLECTANCE_GAIN


def _calibration() -> dict[str, Group]:
    reflective, all_bands = range(1, 10), range(1, 12)
    limits: Group = {}
    for band in all_bands:
        limits |= _range("RADIANCE_{}_BAND_{}", [band], *_radiance(band), 5)
    rho = (facts.REFLECTANCE_GAIN, facts.REFLECTANCE_OFFSET)
    scaling = {f"RADIANCE_MULT_BAND_{band}": _exponent(_radiance(band)[0]) for band in all_bands}
    scaling |= {f"RADIANCE_ADD_BAND_{band}": f"{_radiance(band)[1]:.5f}" for band in all_bands}
    scaling |= _each("REFLECTANCE_MULT_BAND_{}", reflective, _exponent(rho[0]))
    scaling |= _each("REFLECTANCE_ADD_BAND_{}", reflective, f"{rho[1]:.6f}")
    constants: Group = {}
    for key, (k1, k2) in facts.THERMAL.items():
        constants |= {f"K1_CONSTANT_BAND_{key[1:]}": f"{k1:.4f}", f"K2_CONSTANT_BAND_{key[1:]}": f"{k2:.4f}"}
    return {
        "LEVEL1_MIN_MAX_RADIANCE": limits,
        "LEVEL1_MIN_MAX_REFLECTANCE": _range("REFLECTANCE_{}_BAND_{}", reflective, *rho, 6),
        "LEVEL1_MIN_MAX_PIXEL_VALUE": _quantized(all_bands),
        "LEVEL1_RADIOMETRIC_RESCALING": scaling,
        "LEVEL1_THERMAL_CONSTANTS": constants,
    }


def _exponent(value: float) -> str:
    return np.format_float_scientific(value, precision=4, unique=False, exp_digits=2).upper()


def _surface_reflectance() -> Group:
    bands = range(1, 8)
    group = _range("REFLECTANCE_{}_BAND_{}", bands, facts.SURFACE_GAIN, facts.SURFACE_OFFSET, 6) | _quantized(bands)
    group |= _each("REFLECTANCE_MULT_BAND_{}", bands, f"{facts.SURFACE_GAIN:.2e}")
    return group | _each("REFLECTANCE_ADD_BAND_{}", bands, f"{facts.SURFACE_OFFSET:.1f}")


def _surface_temperature() -> Group:
    gain, offset = facts.TEMPERATURE_GAIN, facts.TEMPERATURE_OFFSET
    return _range("TEMPERATURE_{}_BAND_{}", ["ST_B10"], gain, offset, 6) | {
        "QUANTIZE_CAL_MAXIMUM_BAND_ST_B10": "65535",
        "QUANTIZE_CAL_MINIMUM_BAND_ST_B10": "1",
        "TEMPERATURE_MULT_BAND_ST_B10": f"{gain:.8f}",
        "TEMPERATURE_ADD_BAND_ST_B10": f"{offset:.1f}",
    }


def _parameters() -> Group:
    return _utm() | {
        "GRID_CELL_SIZE_PANCHROMATIC": "15.00",
        "GRID_CELL_SIZE_REFLECTIVE": "30.00",
        "GRID_CELL_SIZE_THERMAL": "30.00",
        "ORIENTATION": _text("NORTH_UP"),
        "RESAMPLING_OPTION": _text("CUBIC_CONVOLUTION"),
    }
