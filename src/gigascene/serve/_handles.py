"""One GeoTIFF, opened as often as threads read it at once: GDAL's datasets may not be shared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

import rasterio
from rasterio.errors import RasterioError

from gigascene.metadata.geotiff_tags import ungeoreferenced_allowed
from gigascene.model.errors import BadInput
from gigascene.readers.geotiff import dataset
from gigascene.storage import remote
from gigascene.storage.identity import identity

GDAL: dict[str, int | str] = {
    "GDAL_CACHEMAX": 64 << 20,
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",  # side files do not change what a file says
}
MOST = 16
"""Datasets kept open for the next reader."""


class Handles:
    """Datasets of one file, each of one overview, lent to one thread at a time."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identity = identity(path)
        self._free: list[tuple[int | None, Any]] = []
        self._lock = Lock()

    @contextmanager
    def lent(self, overview: int | None) -> Iterator[Any]:
        """A dataset of an overview (0 is the first, None full resolution); what goes wrong with it as `BadInput`."""
        try:
            with rasterio.Env(**GDAL):
                source = self._taken(overview) or self._opened(overview)
                try:
                    yield source
                except BaseException:
                    source.close()
                    raise
        except (RasterioError, OSError) as error:
            if isinstance(error, BadInput):
                raise
            if failed := remote.failure():
                raise failed from None
            words = str(error.__cause__ or error)
            raise BadInput(f"cannot be read ({words}).", self._path, hint="Is the file whole?") from error
        self._returned(overview, source)

    def close(self) -> None:
        """Close those that are not lent."""
        with self._lock:
            for _, source in self._free:
                source.close()
            self._free.clear()

    def _taken(self, overview: int | None) -> Any:
        with self._lock, suppress(StopIteration):
            at = next(at for at, (which, _) in enumerate(self._free) if which == overview)
            return self._free.pop(at)[1]
        return None

    def _opened(self, overview: int | None) -> Any:
        """Another dataset, of the same file still."""
        if identity(self._path) != self._identity:  # a remote file is held to it by each read
            raise BadInput("has changed since it was opened.", self._path, hint="View it again.")
        options = {} if overview is None else {"overview_level": overview}
        with ungeoreferenced_allowed():
            return dataset(self._path, num_threads="ALL_CPUS", **options)

    def _returned(self, overview: int | None, source: Any) -> None:
        with self._lock:
            self._free.append((overview, source))
            if len(self._free) > MOST:
                self._free.pop(0)[1].close()
