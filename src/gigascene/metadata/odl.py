"""ODL, the text of Landsat's MTL files and of HDF-EOS metadata, as nested dicts.

Object Description Language as NASA's PDS defines it (Standards Reference 3.8,
chapter 12), as far as satellite products use it: groups and objects, one
``key = value`` a statement, values that go on over lines inside quotes or
parentheses. Keys stay in the group where they stand: in a Collection 2 level 2
file ``REFLECTANCE_MULT_BAND_4`` stands twice, with two meanings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Any, NamedTuple

from gigascene.model.errors import BadInput

_INTEGER = re.compile(r"[+-]?\d{1,18}")
_REAL = re.compile(r"[+-]?(\d+\.\d*|\.\d+|\d+(?=[eE]))([eE][+-]?\d{1,3})?")
_CLOCK = r"\d{2}:\d{2}:\d{2}(\.\d+)?Z?"
_MOMENTS: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"\d{4}-\d{2}-\d{2}"), date.fromisoformat),
    (re.compile(_CLOCK), time.fromisoformat),
    (re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}T{_CLOCK}"), datetime.fromisoformat),
)
_DEEPEST = 32
_LONGEST = 10_000
"""Lines of one value."""


class _Group(NamedTuple):
    kind: str
    name: str
    line: int
    content: dict[str, Any]


def parse(text: str, file: str) -> dict[str, Any]:
    r"""Nested dict of one ODL text.

    Groups and objects become dicts; those that stand more than once in one
    place become a list of dicts. Values are int, float, date, datetime, time
    (UTC where marked ``Z``) or str; a quoted value is always str. Lists in
    parentheses or braces become lists.

    Parameters
    ----------
    text : str
        The whole file. What follows the line ``END`` is ignored.
    file : str
        Its name, for messages.

    Raises
    ------
    BadInput
        With the line number: an end without a beginning, a group never ended, a key twice in one
        group, a line that is no statement, or no statement at all.

    Examples
    --------
    >>> parse('GROUP = A\n  N = 02\n  L = (1.5, "x")\nEND_GROUP = A\nEND', "example")
    {'A': {'N': 2, 'L': [1.5, 'x']}}
    """
    stack = [_Group("", "", 0, {})]
    for line, key, value in _statements(text, file):
        if key in {"GROUP", "OBJECT"}:
            if len(stack) > _DEEPEST:
                raise BadInput(f"line {line}: groups are nested deeper than {_DEEPEST}", file)
            stack.append(_Group(key, value.strip('"'), line, {}))
        elif key in {"END_GROUP", "END_OBJECT"}:
            _close(stack, key, value.strip('"'), line, file)
        elif key in stack[-1].content:
            raise BadInput(f"line {line}: {key} stands twice in one group", file)
        else:
            stack[-1].content[key] = _value(value, line, file)
    if len(stack) > 1:
        last = stack[-1]
        raise BadInput(
            f"line {last.line}: {last.kind} {last.name} is never ended", file, hint="The file may be cut short."
        )
    if not stack[0].content:
        raise BadInput("line 1: holds no metadata", file)
    return stack[0].content


def typed(text: str) -> Any:
    """The value that a plain text stands for, or the text itself.

    >>> typed("02"), typed("2.75e-05"), typed("2015-07-10"), typed("LC08")
    (2, 2.75e-05, datetime.date(2015, 7, 10), 'LC08')
    >>> typed("14:34:35.9783990Z")
    datetime.time(14, 34, 35, 978399, tzinfo=datetime.timezone.utc)
    """
    if _INTEGER.fullmatch(text):
        return int(text)
    if _REAL.fullmatch(text):
        return float(text)
    for pattern, moment in _MOMENTS:
        if pattern.fullmatch(text):
            try:
                return moment(_iso(text))
            except ValueError:  # such as month 13
                return text
    return text


def _iso(text: str) -> str:
    """With microseconds, all that Python holds; Landsat writes a digit more."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return whole + (f".{fraction:0<6.6}" if fraction else "") + ("+00:00" if text.endswith("Z") else "")


def _close(stack: list[_Group], key: str, name: str, line: int, file: str) -> None:
    if len(stack) == 1:
        raise BadInput(f"line {line}: {key} {name} ends what never began", file)
    group = stack.pop()
    if key != f"END_{group.kind}" or name not in {"", group.name}:
        raise BadInput(f"line {line}: {key} {name} does not end {group.kind} {group.name} of line {group.line}", file)
    outer = stack[-1].content
    before = outer.get(group.name)
    if before is None:
        outer[group.name] = group.content
    elif isinstance(before, dict):
        outer[group.name] = [before, group.content]
    elif isinstance(before, list) and before and isinstance(before[0], dict):
        before.append(group.content)
    else:
        raise BadInput(f"line {line}: {group.name} is both a value and a group", file)


def _statements(text: str, file: str) -> Iterator[tuple[int, str, str]]:
    """(line number, key, text of the value) of every statement before END."""
    lines = enumerate(text.splitlines(), start=1)
    for number, raw in lines:
        line = raw.strip(" \t\0")
        if line == "END":
            return
        if not line or line.startswith("/*"):
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if not equals and key not in {"END_GROUP", "END_OBJECT"}:
            raise BadInput(f"line {number}: {line[:60]!r} is not 'key = value'", file)
        while _open(value):
            more, text = next(lines, (0, ""))
            if not 0 < more < number + _LONGEST:
                raise BadInput(f"line {number}: the value of {key} is never ended", file)
            value = f"{value}\n{text.strip()}"
        yield number, key, value


def _open(value: str) -> bool:
    """True while a quote or parenthesis waits for its end on a later line."""
    outside = re.sub(r'"[^"]*"', "", value)
    return '"' in outside or (outside[:1] in {"(", "{"} and _depth(outside) > 0)


def _depth(outside: str) -> int:
    return sum(outside.count(mark) for mark in "({") - sum(outside.count(mark) for mark in ")}")


def _value(text: str, line: int, file: str) -> Any:
    if text[:1] not in {"(", "{"}:
        return _unquoted(text)
    tokens = iter(re.findall(r'"[^"]*"|[(){},]|[^(){},"]+', text)[1:])
    items = _list(tokens, 1, f"line {line}", file)
    rest = "".join(tokens).strip()
    if rest:
        raise BadInput(f"line {line}: {rest[:60]!r} follows the end of a list", file)
    return items


def _list(tokens: Iterator[str], depth: int, place: str, file: str) -> list[Any]:
    if depth > _DEEPEST:
        raise BadInput(f"{place}: lists are nested deeper than {_DEEPEST}", file)
    items: list[Any] = []
    for part in tokens:
        if part in {")", "}"}:
            break
        if part in {"(", "{"}:
            items.append(_list(tokens, depth + 1, place, file))
        elif part != "," and part.strip():
            items.append(_unquoted(part.strip()))
    return items


def _unquoted(text: str) -> Any:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else typed(text)
