"""Scenes of an invented Earth, true to format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gigascene.api.compose import workers_of
from gigascene.model.errors import UsageError
from gigascene.simulate import parse_size, parse_tiles, simulator

Told = Callable[[int, int], None]


def simulate(
    sensor: str,
    folder: Path,
    *,
    size: str | int = "full",
    seed: int = 0,
    level: str | None = None,
    tiles: str | None = None,
    dates: int | None = None,
    layout: str | None = None,
    bands: Sequence[str] | None = None,
    neighbor: bool = False,
    truth: bool = False,
    stac_version: str | None = None,
    offset_applied: bool = False,
    workers: int | str | None = None,
    progress: Told | None = None,
) -> Path:
    """Simulate scenes in their agency's own layout.

    Parameters
    ----------
    sensor : str
        ``"landsat"`` or ``"sentinel2"``.
    folder : Path
        Made if it is not there; the scenes' folders go inside.
    size : str or int
        ``landsat``: ``"full"`` (7,900 x 7,800 pixels at 30 m), ``"small"``, or ``"ROWSxCOLUMNS"``. ``sentinel2``: ``"full"``
        (10,980 x 10,980 pixels at 10 m), ``"medium"``, ``"small"``, ``"tiny"``, or the pixels along a tile's side.
    seed : int
        Another Earth. The same seed gives the same bytes.
    level : str, optional
        Of ``landsat``: ``"l1"`` (unless said otherwise) or ``"l2"``.
    tiles : str, optional
        Of ``sentinel2``, as all that follow: tiles down and across, ``"1x1"`` unless said otherwise.
    dates : int, optional
        Passes of the satellites, 1 unless said otherwise.
    layout : str, optional
        ``"stac"`` (Cloud-Optimised GeoTIFF and items, unless said otherwise) or ``"safe"``.
    bands : sequence of str, optional
        Keys of the catalogue's assets: ``"red"``, ``"scl"`` … All, unless said otherwise; `layout` ``"stac"`` only.
    neighbor : bool
        More tiles at the eastern side, in the neighbouring UTM zone.
    truth : bool
        For every date the whole region without clouds, on one grid: ``truth_YYYYMMDD.tif``.
    stac_version : str, optional
        ``"1.0.0"`` (unless said otherwise) or ``"1.1.0"``.
    offset_applied : bool
        Pixels of `layout` ``"stac"`` have the offset of -1000 added already.

    Returns
    -------
    Path
        ``landsat``: the scene's folder. ``sentinel2``: ``scenes.json``, or the folder that holds the SAFE products.

    Raises
    ------
    UnknownName, UsageError, WriteFailed
    """
    made = simulator(sensor)
    given: dict[str, Any] = {
        "level": level, "tiles": tiles and parse_tiles(tiles), "dates": dates, "layout": layout, "bands": bands,
        "neighbor": neighbor or None, "truth": truth or None, "stac_version": stac_version,
        "offset_applied": offset_applied or None,
    }  # fmt: skip
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if (name == "level") != (sensor == "landsat"):
            raise UsageError(f"{sensor} is simulated without {name!r}")
    with _there(folder):
        return made(
            folder,
            size=parse_size(str(size)) if sensor == "landsat" else size,
            seed=seed,
            workers=None if workers is None else workers_of(workers),
            progress=progress,
            **options,
        )


@contextmanager
def _there(folder: Path) -> Iterator[None]:
    """Make the folder; where it was not there, and nothing comes to lie in it, it goes again."""
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if new:
            with suppress(OSError):
                folder.rmdir()


def find_or_simulate(sensor: str, folder: Path, *, size: str, progress: Told | None = None) -> tuple[Path, bool]:
    """A scene that was simulated here before, or a new one: its folder, and whether it was made now."""
    place = folder / size
    found = sorted(path for path in place.glob("L*") if path.is_dir()) if place.is_dir() else []
    if found:
        return found[0], False
    return simulate(sensor, place, size=size, progress=progress), True
