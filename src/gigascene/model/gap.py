"""What could not be read and was left out, because the user allowed it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gigascene.model.grid import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Source blocks that cannot be decoded; or a whole scene that cannot be opened."""

    scene: str
    """Its id; empty where that is not known."""

    band: str = ""
    file: str = ""
    """Where it lies, without secrets; empty where no file of that scene is to blame alone."""

    window: Window | None = None
    """Pixels of the file, whole blocks; None: the scene is left out."""

    output: Window | None = None
    """Pixels of the output that this scene may lack for it, others may have filled them. None: wherever a scene lies that is
    left out; or none of them, where blocks lie outside that are only measured."""

    why: str = ""
    """Of a scene that is left out, in words."""

    def __str__(self) -> str:
        if self.window is None:
            return f"{self.why.rstrip()} Scene {self.scene or self.file} is left out."
        place = f"{self.file}, band {self.band}, {self.window}"
        under = "outside the output, and only measured" if self.output is None else f"output {self.output}"
        return f"{place}: cannot be decoded; scene {self.scene} has no data there ({under})."


def rectangles(blocks: Iterable[Window]) -> tuple[Window, ...]:
    """Blocks in row-major order as the fewest rectangles that are easily found: side by side, then row under row.

    >>> cells = [Window(top=t, left=x, height=2, width=2) for t in (0, 2) for x in (0, 2)]
    >>> [str(one) for one in rectangles(cells)]
    ['rows 0-3, columns 0-3']
    """
    rows: list[Window] = []
    for block in blocks:
        last = rows[-1] if rows else None
        if last is not None and (last.top, last.height, last.right) == (block.top, block.height, block.left):
            rows[-1] = Window(top=last.top, left=last.left, height=last.height, width=last.width + block.width)
        else:
            rows.append(block)
    found: dict[tuple[int, int, int], Window] = {}
    for row in rows:
        above = found.pop((row.bottom - row.height, row.left, row.width), None)
        top = row.top if above is None else above.top
        found[row.bottom, row.left, row.width] = Window(
            top=top, left=row.left, height=row.bottom - top, width=row.width
        )
    return tuple(sorted(found.values(), key=lambda window: (window.top, window.left)))
