"""XML as nested dicts, read by a parser that refuses entities, document types and external references."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from gigascene.model.errors import BadInput

_DEEPEST = 64


def parse(data: bytes, file: str) -> dict[str, Any]:
    """Nested dict of one XML document: ``{root name: content}``.

    An element with neither children nor attributes becomes its text, stripped.
    Any other becomes a dict of its children by name, its attributes by ``@name``
    and its own text, if any, as ``#text``. Elements that stand more than once in
    one place become a list. Namespaces are dropped. Every leaf is str.

    Parameters
    ----------
    data : bytes
        The whole file.
    file : str
        Its name, for messages.

    Raises
    ------
    BadInput
        With the line number: not well-formed, a document type or entity (the way to attacks such as
        "billion laughs"), nested deeper than 64.

    Examples
    --------
    >>> parse(b"<a><b>1</b><c unit='m'>2</c></a>", "example")
    {'a': {'b': '1', 'c': {'@unit': 'm', '#text': '2'}}}
    """
    try:
        root = fromstring(data, forbid_dtd=True)
    except ParseError as error:
        raise BadInput(f"line {error.position[0]}: is not well-formed XML: {error}", file) from error
    except DefusedXmlException as error:
        raise BadInput(f"holds a document type or entity, which is refused: {error}", file) from error
    except (ValueError, LookupError) as error:  # an encoding nobody knows
        raise BadInput(f"line 1: is not readable XML: {error}", file) from error
    return {_name(root.tag): _content(root, file, 1)}


def _content(element: Element, file: str, depth: int) -> Any:
    if depth > _DEEPEST:
        raise BadInput(f"elements are nested deeper than {_DEEPEST}", file)
    text = (element.text or "").strip()
    if not len(element) and not element.attrib:
        return text
    found: dict[str, Any] = {f"@{_name(name)}": value for name, value in element.attrib.items()}
    repeated: set[str] = set()
    for child in element:
        name, content = _name(child.tag), _content(child, file, depth + 1)
        if name in repeated:
            found[name].append(content)
        elif name in found:
            repeated.add(name)
            found[name] = [found[name], content]
        else:
            found[name] = content
    return found | ({"#text": text} if text else {})


def _name(tag: Any) -> str:
    return str(tag).rpartition("}")[2]
