"""Checksums in the manifest of a SAFE product (``manifest.safe``, an XFDU package map)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from gigascene.metadata import safe_xml
from gigascene.model.errors import BadInput

_HEX = re.compile(r"[0-9a-f]{32,128}")


def checksums(data: bytes, file: str) -> dict[str, str]:
    """Checksum of every file that the manifest names.

    Parameters
    ----------
    data : bytes
        The whole manifest.
    file : str
        Its name, for messages.

    Returns
    -------
    dict of str
        By the file's name, relative to the manifest, with ``/``: algorithm and hex digest, such as
        ``"md5:…"`` (before 2022) or ``"sha3-256:…"``, lower case.

    Raises
    ------
    BadInput
        No XML, or no manifest.

    Examples
    --------
    >>> sum = '<checksum checksumName="MD5">D41D8CD98F00B204E9800998ECF8427E</checksum>'
    >>> stream = f'<byteStream><fileLocation href="./MTD_TL.xml"/>{sum}</byteStream>'
    >>> text = f"<XFDU><dataObjectSection><dataObject>{stream}</dataObject></dataObjectSection></XFDU>"
    >>> checksums(text.encode(), "manifest.safe")
    {'MTD_TL.xml': 'md5:d41d8cd98f00b204e9800998ecf8427e'}
    """
    root = safe_xml.parse(data, file).get("XFDU")
    if not isinstance(root, dict):
        raise BadInput("is no manifest of a SAFE product", file)
    section = root.get("dataObjectSection")
    objects = section.get("dataObject") if isinstance(section, dict) else None
    return dict(pair for one in _each(objects) for stream in _each(one.get("byteStream")) for pair in _pair(stream))


def _pair(stream: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for place in _each(stream.get("fileLocation")):
        for found in _each(stream.get("checksum")):
            text = str(found.get("#text", "")).lower()
            if _HEX.fullmatch(text):
                yield str(place.get("@href", "")).removeprefix("./"), f"{found.get('@checksumName', '')}:{text}".lower()


def _each(content: Any) -> Iterator[dict[str, Any]]:
    """An element that may stand once or many times."""
    yield from (one for one in (content if isinstance(content, list) else [content]) if isinstance(one, dict))
