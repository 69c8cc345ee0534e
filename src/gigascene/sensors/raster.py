"""Plain GeoTIFF and JPEG 2000 files: every band of a file is a band, named after it. Never guessed, only asked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gigascene.archives import identity
from gigascene.model.errors import BadInput
from gigascene.model.scene import Asset, Calibration, Scene
from gigascene.model.sensor import Archive, Sensor
from gigascene.readers.raster import Header, describe
from gigascene.readers.window import MASK
from gigascene.sensors._stac_file import RASTERS
from gigascene.storage.hrefs import is_remote, remember, split

_NAME = "raster"

BESIDE, MASKED = ".msk", "mask"
"""What GDAL adds to the name of a file for that of its mask; what that is called in messages."""


def is_raster(source: str | os.PathLike[str]) -> bool:
    """True for a file, or an address, with the suffix of a plain raster."""
    text = os.fspath(source)
    if is_remote(text):
        return split(text).path.lower().endswith(RASTERS)
    return text.lower().endswith(RASTERS) and Path(text).is_file()


def scene_of_rasters(paths: Sequence[str | os.PathLike[str]]) -> Scene:
    """A scene whose bands are the bands of these files, in this order.

    Parameters
    ----------
    paths : paths or addresses of GeoTIFF or JPEG 2000 files
        A file of one band gives a band with the name of the file without suffix; one of several
        gives ``name_1``, ``name_2`` … Names that stand already get ``-2``, ``-3`` … Those of one file alone may also be
        called by their numbers.

    Returns
    -------
    Scene
        Its one quantity is ``"value"``: scale, offset and unit as the file declares them. Time and
        platform are empty: a plain file does not say.

    Raises
    ------
    BadInput
        Naming the file: not there, neither format, or no file given.
    """
    if not paths:
        raise BadInput("there is no file to make a scene of")
    hrefs = [_href(path) for path in paths]
    return _scene(hrefs, [Path(href).stem for href in hrefs])


def scene_of_raster(path: str | os.PathLike[str]) -> Scene:
    """A scene of one file, its bands named by their numbers: ``"1"``, ``"2"`` …; so files side by side share their names.

    They may also be called as `scene_of_rasters` names them.

    Raises `BadInput` as `scene_of_rasters` does.
    """
    href = _href(path)
    stem = Path(href).stem
    assets: dict[str, Asset] = {}
    alpha = _add(href, assets, lambda index, count: (str(index), (_name(stem, index, count),)), "mask")
    return Scene(id=stem, sensor=_NAME, platform="", datetime="", assets=assets, alpha=alpha)


def _href(path: str | os.PathLike[str]) -> str:
    """An absolute path, or an address without its secret."""
    text = os.fspath(path)
    return remember(text) if is_remote(text) else str(Path(text).resolve())


def _scene(hrefs: Sequence[str], stems: Sequence[str]) -> Scene:
    assets: dict[str, Asset] = {}
    alpha: list[str] = []
    for href, stem in zip(hrefs, stems, strict=True):

        def named(index: int, count: int, stem: str = stem) -> tuple[str, tuple[str, ...]]:
            return _name(stem, index, count), (str(index),) if len(hrefs) == 1 else ()

        alpha += _add(href, assets, named, f"{stem}_mask")
    name = "+".join(dict.fromkeys(stems))
    return Scene(id=name, sensor=_NAME, platform="", datetime="", assets=assets, alpha=tuple(alpha))


def _name(stem: str, index: int, count: int) -> str:
    return f"{stem}_{index}" if count > 1 else stem


def _add(
    href: str, assets: dict[str, Asset], named: Callable[[int, int], tuple[str, tuple[str, ...]]], mask: str
) -> tuple[str, ...]:
    """Every band of a file, by what `named` makes of its number and their count; gives keys of what tells where there is data."""
    first = describe(href, band=Path(href).stem)
    bands: list[Asset] = []
    alpha: list[Asset] = []
    for index in range(1, first.count + 1):
        name, aliases = named(index, first.count)
        header = describe(href, band=name, index=index)
        key = _unused(name, assets)
        assets[key] = _asset(key, href, index, header, aliases)
        (alpha if header.alpha else bands).append(assets[key])
    if not alpha:
        alpha = [replace(one, key=f"{mask}{one.key}", name=f"{mask}{one.key}") for one in _masks(href, bands[0], first)]
        assets |= {one.key: one for one in alpha}
    if alpha:  # a pixel that they show is there, whatever its number
        assets |= {one.key: replace(one, nodata=None) for one in (*bands, *alpha)}
    return tuple(one.key for one in alpha)


def _masks(href: str, band: Asset, header: Header) -> Iterator[Asset]:
    """The mask of a file: inside, or in GDAL's file beside it; there may be one for each band. Their keys tell them apart."""
    if header.masked:
        yield replace(band, key="", index=MASK, dtype="uint8", calibrations={}, aliases=())
        return
    beside = f"{href}{BESIDE}"
    if is_remote(href) or not Path(beside).is_file():
        return
    count = describe(beside, band=MASKED).count
    for index in range(1, count + 1):
        found = describe(beside, band=MASKED, index=index)
        if found.geobox.shape != band.geobox.shape:
            raise BadInput(f"has not as many pixels as {Path(href).name}, whose mask it is.", beside, MASKED)
        yield Asset(
            key=str(index) if count > 1 else "",
            name="",
            href=beside,
            geobox=band.geobox,
            dtype=found.dtype,
            nodata=None,
            blocks=found.blocks,
            index=index,
            identity=identity(beside),
        )


def _unused(name: str, taken: dict[str, Asset]) -> str:
    number, key = 1, name
    while key in taken:
        number += 1
        key = f"{name}-{number}"
    return key


def _asset(key: str, href: str, index: int, header: Header, aliases: tuple[str, ...] = ()) -> Asset:
    return Asset(
        key=key,
        name=key,
        href=href,
        geobox=header.geobox,
        dtype=header.dtype,
        nodata=header.nodata,
        blocks=header.blocks,
        calibrations={"value": Calibration(scale=header.scale, offset=header.offset, unit=header.unit)},
        index=index,
        aliases=aliases,
        identity=identity(href),
    )


def _knows(archive: Archive) -> bool:
    return False


def _open(archive: Archive) -> Scene:
    names = sorted(name for name in archive.names() if name.lower().endswith(RASTERS))
    if not names:
        raise BadInput("holds no .tif or .jp2 file", archive.name)
    return _scene([archive.href(name) for name in names], [Path(name).stem for name in names])


SENSOR = Sensor(
    name=_NAME, title="plain GeoTIFF or JPEG 2000 files, named one by one", bands=(), knows=_knows, open=_open
)
