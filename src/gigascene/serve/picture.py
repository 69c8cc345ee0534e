"""What can be looked at: a picture gives its facts and, one at a time, its tiles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from gigascene.metadata.deep_zoom import DeepZoom
from gigascene.serve.encode import Coder
from gigascene.serve.place import Place

Tile = tuple[int, int, int, bytes]
"""Level, row, column, and the encoded tile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a page must know of a picture before it asks for a tile."""

    name: str
    """What its addresses begin with: letters, digits, ``-``, ``_`` and ``.`` only."""

    title: str
    """For people."""

    zoom: DeepZoom
    """Shape, levels and tiles."""

    format: str
    """Suffix of its tiles: png, jpg or webp."""

    overlap: int = 0
    """Pixels that neighbouring tiles share on each side of their border."""

    bands: tuple[str, ...] = ("red", "green", "blue")
    """Names of its colours; ``("grey",)`` for one."""

    depth: int = 8
    """Bits of a stored number; 16 are shown by their upper 8."""

    written: tuple[str, ...] = ()
    """Which tiles there are, of each level from the smallest (`gigascene.metadata.deep_zoom.written`); empty if nothing is known to be left out."""

    place: Place | None = None
    """Where it lies, if it says so."""

    exact: bool = False
    """Stored numbers can be asked for, and are not only seen in tiles."""


class Picture(Protocol):
    """A source of tiles. Every method may be called from several threads at once."""

    facts: Facts

    def check(self) -> None:
        """Raise `BadInput` if it can only be exported, not looked at."""

    def tile(self, level: int, row: int, column: int) -> bytes:
        """One tile, encoded. Raises `KeyError` where there is none, `BadInput` where it cannot be read."""

    def values(self, row: int, column: int) -> list[int] | None:
        """Stored numbers of the pixel, one a band; None where it is no data. Only where facts are exact."""

    def every_tile(self, coder: Coder) -> Iterator[Tile]:
        """All tiles of all levels once, in the memory of a few rows of tiles."""

    def close(self) -> None:
        """Let go of files."""


def described(facts: Facts) -> dict[str, Any]:
    """The facts as the page takes them (`page/viewer.js`)."""
    rows, columns = facts.zoom.shape
    return {
        "name": facts.name,
        "title": facts.title,
        "width": columns,
        "height": rows,
        "tile": facts.zoom.tile,
        "overlap": facts.overlap,
        "levels": facts.zoom.top + 1,
        "tiles": f"{facts.name}_files/{{level}}/{{column}}_{{row}}.{facts.format}",
        "written": list(facts.written),
        "bands": list(facts.bands),
        "depth": facts.depth,
        "values": f"{facts.name}_values/{{column}}_{{row}}.json" if facts.exact else None,
        "place": facts.place.to_json() if facts.place else None,
    }
