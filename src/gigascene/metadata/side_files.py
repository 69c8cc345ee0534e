"""Where a picture lies that cannot say so itself: GDAL's .aux.xml beside it, or a world file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.types import wh_

from gigascene.metadata.safe_xml import parse
from gigascene.model.errors import BadInput

LARGEST = 1 << 20
"""Bytes of a side file; they are a few hundred."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What stands beside a picture."""

    geobox: GeoBox
    """Of its shape; without CRS, and with the identity as affine, where nobody says."""

    nodata: int | None
    """The level that means no data in every band; only 0 is known."""


def world_suffix(suffix: str) -> str:
    """ESRI's rule, first and last letter and w; but GDAL looks for .wld beside PGM, PPM and PNM.

    >>> world_suffix(".png"), world_suffix(".ppm")
    ('.pgw', '.wld')
    """
    return ".wld" if suffix in {".pgm", ".ppm", ".pnm", ""} else f".{suffix[1]}{suffix[-1]}w"


def side_names(picture: Path) -> tuple[Path, Path]:
    """GDAL's side file of a picture, which is its own, and the world file, which it may share with others of its stem."""
    world = picture.with_suffix(world_suffix(picture.suffix.lower()))
    return picture.with_name(picture.name + ".aux.xml"), world


def beside(picture: Path, shape: tuple[int, int]) -> Beside:
    """What the side files of a picture say. Raises `BadInput` naming one that is broken."""
    xml, world = side_names(picture)
    said = _aux(xml) if xml.is_file() else {}
    affine, crs, nodata = said.get("affine"), said.get("crs"), said.get("nodata")
    if affine is None:
        affine = _world(world) if world.is_file() else Affine.identity()
    try:
        return Beside(geobox=GeoBox(wh_(shape[1], shape[0]), affine, crs), nodata=nodata)
    except (ValueError, RuntimeError) as error:  # PROJ's errors are RuntimeErrors
        raise BadInput(f"names a CRS that PROJ does not know ({error}).", str(xml)) from error


def _aux(path: Path) -> dict[str, Any]:
    data = parse(_text(path).encode(), str(path)).get("PAMDataset")
    if not isinstance(data, dict):
        return {}
    srs = data.get("SRS")
    bands = data.get("PAMRasterBand", [])
    levels = {_nodata(band) for band in (bands if isinstance(bands, list) else [bands])}
    return {
        "crs": srs.get("#text") if isinstance(srs, dict) else srs,
        "affine": _affine(data["GeoTransform"], path) if "GeoTransform" in data else None,
        "nodata": 0 if levels == {0.0} else None,
    }


def _nodata(band: Any) -> float | None:
    try:
        return float(band["NoDataValue"])
    except (KeyError, TypeError, ValueError):
        return None


def _affine(text: Any, path: Path) -> Affine:
    """GDAL's order: c, a, b, f, d, e."""
    c, a, b, f, d, e = _six(str(text).split(","), path)
    return Affine(a, b, c, d, e, f)


def _world(path: Path) -> Affine:
    """ESRI's order: a, d, b, e, and the centre of the first pixel."""
    a, d, b, e, x, y = _six(_text(path).split(), path)
    return Affine(a, b, x - (a + b) / 2, d, e, y - (d + e) / 2)


def _six(words: list[str], path: Path) -> tuple[float, ...]:
    try:
        numbers = tuple(float(word) for word in words[:6])
    except ValueError:
        numbers = ()
    if len(numbers) != 6 or not all(abs(number) < float("inf") for number in numbers):
        raise BadInput("does not hold the six numbers of a geotransform.", str(path), hint="Mend it, or remove it.")
    return numbers


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"cannot be read ({error}).", str(path)) from error
