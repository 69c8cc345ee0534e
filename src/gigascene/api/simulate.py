"""Scenes of an invented Earth, true to format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gigascene.api.compose import workers_of
from gigascene.simulate import parse_size, simulator

Told = Callable[[int, int], None]


def simulate(
    sensor: str,
    folder: Path,
    *,
    size: str = "full",
    seed: int = 0,
    level: str = "l1",
    workers: int | str | None = None,
    progress: Told | None = None,
) -> Path:
    """Simulate a scene in its agency's own layout; returns its folder.

    Parameters
    ----------
    sensor : str
        ``"landsat"``.
    folder : Path
        Made if it is not there; the scene's folder goes inside.
    size : str
        ``"full"`` (7,800 x 7,900 pixels at 30 m), ``"small"``, or ``"ROWSxCOLUMNS"``.
    seed : int
        Another Earth. The same seed gives the same bytes.
    level : str
        ``"l1"`` or ``"l2"``.
    """
    made = simulator(sensor)
    folder.mkdir(parents=True, exist_ok=True)
    return made(
        folder,
        size=parse_size(size),
        seed=seed,
        level=level,
        workers=None if workers is None else workers_of(workers),
        progress=progress,
    )


def find_or_simulate(sensor: str, folder: Path, *, size: str, progress: Told | None = None) -> tuple[Path, bool]:
    """A scene that was simulated here before, or a new one: its folder, and whether it was made now."""
    place = folder / size
    found = sorted(path for path in place.glob("L*") if path.is_dir()) if place.is_dir() else []
    if found:
        return found[0], False
    return simulate(sensor, place, size=size, progress=progress), True
