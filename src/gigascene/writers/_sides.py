"""Georeferencing beside formats that cannot hold it: a world file, and GDAL's .aux.xml with CRS and nodata."""

from __future__ import annotations

from glob import escape as escape_glob
from pathlib import Path
from xml.sax.saxutils import escape

from affine import Affine

from gigascene.metadata.side_files import side_names
from gigascene.model.plan import Format
from gigascene.storage.local import Target, discard, writing


def commit_with_sides(target: Target, temporary: Path, format: Format) -> list[str]:
    """Make `temporary` the target, with its side files; returns their names. On failure no temporary one stays."""
    texts = side_files(target.path, format)
    moves = {_temporary(target, final): final for final in texts}
    try:
        with writing(target.path):
            for new, final in moves.items():
                new.write_text(texts[final], encoding="utf-8")
        target.commit(temporary, moves, _possible(target.path) - texts.keys())
    except BaseException:
        discard(*moves)
        raise
    return [final.name for final in texts]


def commit_alone(target: Target, temporary: Path) -> None:
    """Make `temporary` the target; side files of a picture that was here before must not speak for it."""
    target.commit(temporary, former=_possible(target.path))


def sweep(target: Target) -> None:
    """Remove temporary side files that a killed run left."""
    discard(*(_temporary(target, final) for final in _possible(target.path)))


def _temporary(target: Target, final: Path) -> Path:
    return target.sibling(final.name + ".new")


def _possible(path: Path) -> set[Path]:
    """Those that speak for this path and no other: a world file serves ``a.tif`` and ``a.tiff``, and is left to one that is there."""
    xml, world = side_names(path)
    return {xml} if _shared(path) else {xml, world}


def _shared(path: Path) -> bool:
    world = side_names(path)[1]
    others = (other for other in path.parent.glob(f"{escape_glob(path.stem)}.*") if other.name != path.name)
    return any(other != world and side_names(other)[1] == world for other in others)


def side_files(path: Path, format: Format) -> dict[Path, str]:
    """Text of each side file; none where there is nothing to say."""
    xml, world = side_names(path)
    texts = {xml: aux_xml(format)}
    if (format.geobox.crs is not None or format.geobox.affine != Affine.identity()) and not _shared(path):
        texts[world] = world_file(format)
    return texts


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
