"""Scenes of an invented Earth, true to format."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gigascene.model.errors import UnknownName, UsageError

Told = Callable[[int, int], None]


def simulate(
    sensor: str,
    folder: Path,
    *,
    size: str = "full",
    seed: int = 0,
    level: str = "l1",
    workers: int | None = None,
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
    if sensor != "landsat":
        raise UnknownName(sensor, "simulated sensor", "", ("landsat",))
    from gigascene.simulate import landsat  # noqa: PLC0415  (its kernels are only wanted here)

    folder.mkdir(parents=True, exist_ok=True)
    wanted: Any = {"level": level}
    return landsat.simulate(folder, size=size_of(size), seed=seed, workers=workers, progress=progress, **wanted)


def find_or_simulate(sensor: str, folder: Path, *, size: str, progress: Told | None = None) -> tuple[Path, bool]:
    """A scene that was simulated here before, or a new one: its folder, and whether it was made now."""
    place = folder / size
    found = sorted(path for path in place.glob("L*") if path.is_dir()) if place.is_dir() else []
    if found:
        return found[0], False
    return simulate(sensor, place, size=size, progress=progress), True


def size_of(text: str) -> Any:
    """``"full"``, ``"small"`` or (rows, columns).

    >>> size_of("300x280")
    (300, 280)
    """
    if text in {"full", "small"}:
        return text
    found = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text)
    if not found or 0 in (size := (int(found[1]), int(found[2]))):
        raise UsageError(f"cannot read the size {text!r}; write full, small, or ROWSxCOLUMNS such as 1000x900")
    return size
