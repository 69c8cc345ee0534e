"""XML written from nested values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias
from xml.sax.saxutils import escape, quoteattr

Element: TypeAlias = tuple[str, Mapping[str, object], "str | Sequence[Element]"]
"""Name, attributes, and text or children."""


def el(name: str, content: object = "", /, **attributes: object) -> Element:
    """An element; `content` is a list of children, or its text."""
    return name, attributes, content if isinstance(content, list) else str(content)


def document(root: Element) -> str:
    """The whole file.

    >>> print(document(el("a", [el("b", 1, unit="m"), el("c")])), end="")
    <?xml version="1.0" encoding="UTF-8" standalone="no"?>
    <a>
      <b unit="m">1</b>
      <c/>
    </a>
    """
    return "\n".join(['<?xml version="1.0" encoding="UTF-8" standalone="no"?>', *_lines(root, ""), ""])


def _lines(element: Element, indent: str) -> list[str]:
    name, attributes, content = element
    start = name + "".join(f" {key}={quoteattr(str(value))}" for key, value in attributes.items())
    if isinstance(content, str):
        return [f"{indent}<{start}>{escape(content)}</{name}>" if content else f"{indent}<{start}/>"]
    inner = [line for child in content for line in _lines(child, indent + "  ")]
    return [f"{indent}<{start}>", *inner, f"{indent}</{name}>"]
