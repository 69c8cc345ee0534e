"""One procedural Earth, and every sensor's true-to-format product cut from it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from gigascene.model.errors import UnknownName, UsageError

SIMULATORS = ("landsat", "sentinel2")
"""Products that can be simulated; each is a module of this folder with a function `simulate`."""


def simulator(name: str) -> Callable[..., Path]:
    """The function ``simulate(folder, *, size, seed, workers, progress, …) -> Path`` of a product.

    Raises
    ------
    UnknownName
        No product of this name can be simulated.
    """
    if name not in SIMULATORS:
        raise UnknownName(name, "simulated product", "", SIMULATORS)
    simulate: Callable[..., Path] = import_module(f"{__name__}.{name}").simulate
    return simulate


def parse_size(text: str) -> str | tuple[int, int]:
    """Size of a scene as the command line gives it: a name, or rows and columns.

    >>> parse_size("full"), parse_size("300x280")
    ('full', (300, 280))
    """
    rows, cross, columns = text.lower().partition("x")
    if not cross:
        return text
    try:
        return int(rows), int(columns)
    except ValueError:
        raise UsageError(f"cannot read the size {text!r}; write full, small or ROWSxCOLUMNS, such as 300x280") from None


def parse_tiles(text: str) -> tuple[int, int]:
    """Tiles down and across as the command line gives them.

    >>> parse_tiles("3x2")
    (3, 2)
    """
    rows, _, columns = text.lower().partition("x")
    try:
        return int(rows), int(columns)
    except ValueError:
        raise UsageError(f"cannot read the tiles {text!r}; write ROWSxCOLUMNS, such as 3x3") from None
