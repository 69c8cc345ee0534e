"""Finding things in Sentinel-2's metadata: their places changed over the years, their names hardly."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from gigascene.model.errors import BadInput

T = TypeVar("T")


def deep(content: Any, *names: str) -> Iterator[Any]:
    """Every element with one of these names, however deep, in the file's order.

    >>> list(deep({"A": {"X": "1"}, "B": [{"X": "2"}, {"Y": "3"}]}, "X", "Y"))
    ['1', '2', '3']
    """
    for inner in content if isinstance(content, list) else ():
        yield from deep(inner, *names)
    for name, inner in content.items() if isinstance(content, Mapping) else ():
        if name in names:
            yield from inner if isinstance(inner, list) else [inner]
        else:
            yield from deep(inner, *names)


def each(content: Any, kind: type[Any] = dict) -> Iterator[Any]:
    """An element that may stand once, many times or not at all; only those that are of `kind` once read."""
    yield from (one for one in (content if isinstance(content, list) else [content]) if isinstance(one, kind))


def text(content: Any) -> str:
    """Text of an element, with or without attributes.

    >>> text({"@unit": "none", "#text": "10000"}), text("10000"), text(None)
    ('10000', '10000', '')
    """
    return str(content.get("#text", "")) if isinstance(content, Mapping) else str(content or "")


def number(content: Any, what: str, place: str) -> float:
    """A finite number; raises `BadInput` saying what is none."""
    try:
        value = float(text(content))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(f"{what} is {text(content)!r}, which is no number", place)
    return value


def first(content: Any, *names: str) -> Any:
    """The first element with one of these names, however deep, or None."""
    return next(deep(content, *names), None)
