"""Plain GeoTIFF and JPEG 2000 files: every band of a file is a band, named after it. Never guessed, only asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gigascene.archives import identity
from gigascene.model.errors import BadInput
from gigascene.model.scene import Asset, Calibration, Scene
from gigascene.model.sensor import Archive, Sensor
from gigascene.readers.raster import Header, describe
from gigascene.sensors._stac_file import RASTERS
from gigascene.storage.hrefs import is_remote, remember, split

_NAME = "raster"


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
        gives ``name_1``, ``name_2`` … Names that stand already get ``-2``, ``-3`` …

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

    Raises `BadInput` as `scene_of_rasters` does.
    """
    href = _href(path)
    file = Path(href)
    count = describe(href, band=file.stem).count
    names = [str(index) for index in range(1, count + 1)]
    headers = [describe(href, band=name, index=index) for index, name in enumerate(names, 1)]
    assets = {
        name: _asset(name, href, index, header)
        for index, (name, header) in enumerate(zip(names, headers, strict=True), 1)
    }
    return Scene(id=file.stem, sensor=_NAME, platform="", datetime="", assets=assets)


def _href(path: str | os.PathLike[str]) -> str:
    """An absolute path, or an address without its secret."""
    text = os.fspath(path)
    return remember(text) if is_remote(text) else str(Path(text).resolve())


def _scene(hrefs: Sequence[str], stems: Sequence[str]) -> Scene:
    assets: dict[str, Asset] = {}
    for href, stem in zip(hrefs, stems, strict=True):
        for name, index, header in _bands(href, stem):
            key = _unused(name, assets)
            assets[key] = _asset(key, href, index, header)
    return Scene(id="+".join(dict.fromkeys(stems)), sensor=_NAME, platform="", datetime="", assets=assets)


def _bands(href: str, stem: str) -> Iterator[tuple[str, int, Header]]:
    first = describe(href, band=stem)
    for index in range(1, first.count + 1):
        name = f"{stem}_{index}" if first.count > 1 else stem
        yield name, index, describe(href, band=name, index=index)


def _unused(name: str, taken: dict[str, Asset]) -> str:
    number, key = 1, name
    while key in taken:
        number += 1
        key = f"{name}-{number}"
    return key


def _asset(key: str, href: str, index: int, header: Header) -> Asset:
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
