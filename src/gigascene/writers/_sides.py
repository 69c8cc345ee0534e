"""Georeferencing beside formats that cannot hold it: a world file, and GDAL's .aux.xml with CRS and nodata."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.sax.saxutils import escape

from gigascene.model.plan import Format
from gigascene.storage.local import Target

WORLD_SUFFIXES = {".png": ".pgw", ".jpg": ".jgw", ".jpeg": ".jgw", ".pam": ".pmw"}


def write_sides(target: Target, format: Format) -> Mapping[Path, Path]:
    """Write the side files under temporary names: temporary → final, for `Target.commit`."""
    path = target.path
    texts = {path.with_name(path.name + ".aux.xml"): aux_xml(format)}
    if format.geobox.crs is not None:
        texts[path.with_suffix(WORLD_SUFFIXES.get(path.suffix.lower(), ".wld"))] = world_file(format)
    moves = {}
    for final, text in texts.items():
        temporary = target.sibling(final.name + ".new")
        temporary.write_text(text, encoding="utf-8")
        moves[temporary] = final
    return moves


def world_file(format: Format) -> str:
    """Six lines: A, D, B, E of the affine, and the CENTRE of the upper-left pixel (ESRI world file)."""
    a, b, c, d, e, f = list(format.geobox.affine)[:6]
    centre = (c + (a + b) / 2, f + (d + e) / 2)
    return "".join(f"{number!r}\n" for number in (a, d, b, e, *centre))


def aux_xml(format: Format) -> str:
    """GDAL's Persistent Auxiliary Metadata: CRS, geotransform, nodata of every band."""
    a, b, c, d, e, f = list(format.geobox.affine)[:6]
    lines = ["<PAMDataset>"]
    if format.geobox.crs is not None:
        wkt = escape(format.geobox.crs.to_wkt())
        transform = ", ".join(repr(float(number)) for number in (c, a, b, f, d, e))
        lines += [f"  <SRS>{wkt}</SRS>", f"  <GeoTransform>{transform}</GeoTransform>"]
    if format.nodata is not None:
        for band in range(1, format.bands + 1):
            value = f"<NoDataValue>{format.nodata}</NoDataValue>"
            lines.append(f'  <PAMRasterBand band="{band}">{value}</PAMRasterBand>')
    return "\n".join([*lines, "</PAMDataset>", ""])
