"""What went wrong in a worker as JSON, and back as what it was: same class, same words, same exit code on every engine.

A class is looked for by name among those of modules that are loaded already, and
nothing is imported for it. One that is not there, or that cannot be made of what it was made of, is
stood in for by a class of the same name below the nearest kind of error that is known here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

DEEP = 8
"""Levels of lists within lists that are kept; nobody makes an error of more."""

WRITTEN: dict[type, Callable[[Any], str]] = {float: float.hex, bytes: bytes.hex, Path: str}
"""What has no form of its own in JSON."""


def told(error: Exception) -> dict[str, Any]:
    """An error, ready for JSON."""
    kinds = [[kind.__module__, kind.__qualname__] for kind in type(error).__mro__ if issubclass(kind, Exception)]
    return {"kinds": kinds, "args": [_plain(arg, DEEP) for arg in _made_of(error)], "words": str(error)}


def raised(kinds: list[list[str]], args: list[Any], words: str) -> Exception:
    """The error that `told` told of. Raises `TypeError` or `ValueError` for what no error says."""
    known = [_known(str(module), str(name)) for module, name in kinds]
    given = tuple(_back(arg) for arg in args)
    return _again(known[0], given, words) or _stand_in(
        name=kinds[0][1].rpartition(".")[2], kind=next(filter(None, known), Exception), given=given, words=words
    )


def _made_of(error: Exception) -> tuple[Any, ...]:
    """What its class is called with: more than ``args``, of errors that hold the names of files."""
    match error.__reduce__():
        case (kind, tuple(given), *_) if kind is type(error):
            return given
    return error.args


def _plain(value: Any, deep: int) -> Any:
    """For JSON: tuples are lists, and what has no other form is an object that tells its kind; or else its words."""
    if value is None or type(value) in {bool, int, str}:
        return value
    match value:
        case tuple() if deep:
            return [_plain(item, deep - 1) for item in value]
        case list() if deep:
            return {"list": [_plain(item, deep - 1) for item in value]}
    for kind, write in WRITTEN.items():
        if isinstance(value, kind):
            return {kind.__name__: write(value)}
    return str(value)


def _back(value: Any) -> Any:
    match value:
        case {"float": str(text)}:
            return float.fromhex(text)
        case {"bytes": str(text)}:
            return bytes.fromhex(text)
        case {"Path": str(text)}:
            return Path(text)
        case {"list": list(items)}:
            return [_back(item) for item in items]
        case list(items):
            return tuple(_back(item) for item in items)
    return value


def _known(module: str, name: str) -> type[Exception] | None:
    """A class of errors that is loaded here under this name; none of groups, which hold other errors."""
    found = getattr(sys.modules.get(module), "__dict__", {}).get(name)
    good = isinstance(found, type) and issubclass(found, Exception) and not issubclass(found, ExceptionGroup)
    return found if good else None


def _again(kind: type[Exception] | None, given: tuple[Any, ...], words: str) -> Exception | None:
    """The error made once more; None where that gives another."""
    if kind is None:
        return None
    try:
        error = kind(*given)
        return error if type(error) is kind and str(error) == words else None
    except Exception:  # noqa: BLE001  (a class of somebody else, asked with what may not be all it needs)
        return None


def _stand_in(name: str, kind: type[Exception], given: tuple[Any, ...], words: str) -> Exception:
    """Whoever prints it, catches its kind or asks for its exit code, finds what he would have found."""
    same: Any = type(name, (kind,), {"__str__": lambda _: words})
    error: Exception = same.__new__(same, *given)  # of an OSError: with its number and files
    error.args = given
    return error
