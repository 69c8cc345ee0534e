"""A picture in hand: it shows itself in a notebook and saves itself to a file."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from gigascene.api.compose import compose
from gigascene.api.scenes import Source, open_scene
from gigascene.execute.receipt import Receipt
from gigascene.model.scene import Scene

PREVIEW = 1000
"""Longest side of the preview, pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A product of a scene and how it is shown; nothing is read until it is looked at or saved."""

    product: str
    scene: Scene
    wishes: dict[str, Any] = field(default_factory=dict)
    """As for `plan_compose`."""

    def save(self, target: str | PathLike[str], **wishes: Any) -> Receipt:
        """Make it at full size; the suffix picks the format. Takes all that `plan_compose` takes."""
        return compose(self.product, self.scene, target, **{**self.wishes, **wishes})

    def with_(self, **wishes: Any) -> Picture:
        """The same with other wishes."""
        return replace(self, wishes={**self.wishes, **wishes})

    def _repr_png_(self) -> bytes:
        """For notebooks: reduced to at most 1,000 pixels a side."""
        with TemporaryDirectory() as folder:
            target = Path(folder) / "preview.png"
            self.save(fspath(target), writer="preview", options={"width_px": PREVIEW})
            return target.read_bytes()


def picture(product: str, source: Source, **wishes: Any) -> Picture:
    """A picture to look at and to save. Takes all that `plan_compose` takes.

    >>> import gigascene
    >>> gigascene.picture("true-color", scene, stretch="2%:98%").save("fjord.png")  # doctest: +SKIP
    """
    return Picture(
        product=product,
        scene=open_scene(source, wishes.pop("root", None), offset=wishes.pop("offset", None)),
        wishes=wishes,
    )
