"""An instrument and processing level: how to know its files and what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from gigascene.model.scene import Scene


class Archive(Protocol):
    """Files of one scene, wherever they are: a folder, a tar file."""

    @property
    def name(self) -> str:
        """Path as the user gave it, for messages."""

    def names(self) -> Sequence[str]:
        """Names of all regular files, relative, with ``/``."""

    def read(self, name: str) -> bytes:
        """Whole content of one small file (metadata)."""

    def href(self, name: str) -> str:
        """Where a reader finds this file's bytes."""

    def identity(self, name: str) -> str:
        """Changes when the file's content may have changed: size and time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One spectral band of an instrument. Scale and offset are not here: they belong to the asset."""

    key: str
    """The archive's own name, such as ``"B4"``."""

    name: str
    """STAC common name."""

    wavelength_um: float
    """Centre wavelength, micrometres."""

    gsd_m: float
    """Ground sample distance at nadir, metres."""


def _nothing(archive: Archive) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """One instrument family and processing level."""

    name: str
    title: str
    bands: tuple[Band, ...]
    """Of the newest instrument, for `gigascene list sensors`."""

    knows: Callable[[Archive], bool]
    """Does this archive hold a scene of mine? Looks at names only."""

    open: Callable[[Archive], Scene]
    """The scene; raises `BadInput` naming file and band."""

    lacks: Callable[[Archive], str] = _nothing
    """What an archive needs that holds files of mine and is yet no scene; empty where it holds none. Looks at names only."""
