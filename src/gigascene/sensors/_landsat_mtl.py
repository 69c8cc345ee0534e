"""Landsat's MTL metadata: the same nested dict from TXT, JSON or XML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from gigascene.metadata import odl, safe_xml
from gigascene.model.errors import BadInput

ROOTS = ("LANDSAT_METADATA_FILE", "L1_METADATA_FILE")
"""Name of the outermost group: Collection 2, and all before."""


def parse(name: str, data: bytes) -> dict[str, Any]:
    """Groups of an MTL file, by name, as nested dicts.

    The outermost group is left out. XML and most JSON files carry every value as
    text, and TXT quotes some numbers and times; all are typed alike by what they
    look like, so the three forms of one file give equal dicts.

    Parameters
    ----------
    name : str
        File name; its suffix (``.txt``, ``.json``, ``.xml``) says which form it is.
    data : bytes
        The whole file.

    Raises
    ------
    BadInput
        Naming the file and, where there is one, the line.

    Examples
    --------
    >>> parse("X_MTL.json", b'{"L1_METADATA_FILE": {"IMAGE_ATTRIBUTES": {"SUN_ELEVATION": "62.5"}}}')
    {'IMAGE_ATTRIBUTES': {'SUN_ELEVATION': 62.5}}
    """
    suffix = name.lower().rpartition(".")[2]
    if suffix not in _FORMS:
        raise BadInput("MTL files end in .txt, .json or .xml", name)
    whole = _FORMS[suffix](data, name)
    root = next((whole[key] for key in ROOTS if key in whole), None)
    if not isinstance(root, dict):
        raise BadInput(f"is no Landsat metadata: it has no group {' or '.join(ROOTS)}", name)
    return {key: _typed(value) for key, value in root.items()}


def group(metadata: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """The first of these groups that is there, or an empty one. The names of one group changed over the years.

    >>> group({"MIN_MAX_RADIANCE": {"A": 1}}, "LEVEL1_MIN_MAX_RADIANCE", "MIN_MAX_RADIANCE")
    {'A': 1}
    """
    return next((metadata[name] for name in names if isinstance(metadata.get(name), dict)), {})


def first(content: Mapping[str, Any], *keys: str) -> Any:
    """The value of the first of these keys that is there, or None.

    >>> first({"ACQUISITION_DATE": "2010-03-15"}, "DATE_ACQUIRED", "ACQUISITION_DATE")
    '2010-03-15'
    """
    return next((content[key] for key in keys if key in content), None)


def _typed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_typed(inner) for inner in value]
    return odl.typed(value.strip()) if isinstance(value, str) else value


def _text(data: bytes, name: str) -> dict[str, Any]:
    try:
        return odl.parse(data.rstrip(b"\0").decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput(f"line {line}: is not text: {error.reason}", name) from error


def _json(data: bytes, name: str) -> dict[str, Any]:
    try:
        whole = json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise BadInput(f"line {error.lineno}: is not JSON: {error.msg}", name) from error
    except RecursionError as error:
        raise BadInput("is nested too deeply", name) from error
    except ValueError as error:  # not text, a key twice, NaN
        raise BadInput(f"is not proper JSON: {error}", name) from error
    return whole if isinstance(whole, dict) else {}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)} stands twice in one group")
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


_FORMS: dict[str, Callable[[bytes, str], dict[str, Any]]] = {"txt": _text, "json": _json, "xml": safe_xml.parse}
