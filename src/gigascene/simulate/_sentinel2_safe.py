"""A Sentinel-2 product in the agency's own layout, while it is being filled."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from gigascene.simulate import _sentinel2_files as files
from gigascene.simulate import _sentinel2_manifest as manifest
from gigascene.simulate import _sentinel2_product_xml as product_xml
from gigascene.simulate import _sentinel2_tile_xml as tile_xml
from gigascene.simulate._jp2 import Jp2File
from gigascene.simulate._sentinel2_scene import Counts, Scene

_BLANK = frozenset({"none_10m", "none_20m", "none_60m"})
_PREVIEWED = "TCI_60m"


class Image(Protocol):
    """A file that is filled from the top."""

    def put(self, rows: NDArray[Any]) -> None:
        """Append rows."""

    def finish(self) -> None:
        """Write what is left, and close."""

    def close(self) -> None:
        """Close, as it is."""


class SafeProduct:
    """Its images by name, such as ``B02_10m``, and all other files at the end.

    Files that would be equal (the masks of bands of one resolution) are written once and copied.
    """

    def __init__(self, folder: Path, scene: Scene) -> None:
        self._folder, self._scene = folder, scene
        self._listed = files.images(scene)
        frame = scene.tile.frame
        for listed in self._listed:
            (folder / listed.path).parent.mkdir(parents=True, exist_ok=True)
        first = {listed.image: listed for listed in reversed(self._listed)}
        self.files: dict[str, Image] = {
            name: Jp2File(folder / listed.path, frame.geobox(listed.gsd_m), listed.bits, listed.bands)
            for name, listed in first.items()
            if name not in _BLANK
        }
        self._preview = _Previewed(self.files[_PREVIEWED])
        self.files[_PREVIEWED] = self._preview

    def finish(self, counts: Counts) -> None:
        """All that follows from what was counted."""
        scene, folder = self._scene, self._folder
        self._write_blank()
        self._copy()
        self._write_preview()
        texts = manifest.texts(scene) | {
            "MTD_MSIL2A.xml": product_xml.product(scene, counts),
            f"GRANULE/{scene.granule}/MTD_TL.xml": tile_xml.tile(scene, counts),
            f"{files.datastrip(scene)}/MTD_DS.xml": product_xml.datastrip(scene),
        }
        for path, text in texts.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")
        (folder / "manifest.safe").write_text(manifest.manifest(scene, folder), encoding="utf-8")

    def _write_blank(self) -> None:
        """The first of the masks in which nothing is set, of each resolution."""
        for listed in {listed.image: listed for listed in reversed(self._listed) if listed.image in _BLANK}.values():
            grid = self._scene.tile.frame.geobox(listed.gsd_m)
            file = Jp2File(self._folder / listed.path, grid, listed.bits, listed.bands)
            file.put_blank()
            file.finish()

    def _copy(self) -> None:
        written: dict[str, Path] = {}
        for listed in self._listed:
            path = self._folder / listed.path
            if listed.image in written:
                shutil.copyfile(written[listed.image], path)
            written.setdefault(listed.image, path)

    def _write_preview(self) -> None:
        """Every fifth pixel or so of true colour."""
        frame, step = self._scene.tile.frame, files.PREVIEW_M
        picture = self._preview.picture()
        down, across = (max(1, 10 * count // step) for count in (frame.rows, frame.columns))
        rows, columns = (
            np.minimum((np.arange(count) * step + step // 2) // 60, have - 1)
            for count, have in zip((down, across), picture.shape, strict=False)
        )
        grid = GeoBox((down, across), Affine(step, 0, frame.x, 0, -step, frame.y), f"EPSG:{frame.epsg}")
        file = Jp2File(self._folder / files.preview(self._scene), grid, 8, 3)
        file.put(np.ascontiguousarray(picture[rows][:, columns]))
        file.finish()


class _Previewed:
    """An image that is kept besides being written."""

    def __init__(self, file: Image) -> None:
        self._file = file
        self._rows: list[NDArray[Any]] = []

    def put(self, rows: NDArray[Any]) -> None:
        """Append rows."""
        self._rows.append(rows)
        self._file.put(rows)

    def finish(self) -> None:
        """Write what is left, and close."""
        self._file.finish()

    def close(self) -> None:
        """Close, as it is."""
        self._file.close()

    def picture(self) -> NDArray[Any]:
        """All of it: (y, x, 3)."""
        return np.concatenate(self._rows)
