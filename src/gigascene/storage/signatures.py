"""What kind of picture a file holds, by what it begins with: names of files promise nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

Kind = Literal["png", "pnm", "jpeg", "tiff", "jpeg2000"]

PNG = b"\x89PNG\r\n\x1a\n"
"""All of it tells a transfer as text, too."""

SIGNATURES: Mapping[Kind, tuple[bytes, ...]] = {
    "png": (PNG[:4],),
    "pnm": tuple(b"P%d" % number for number in range(1, 8)),
    "jpeg": (b"\xff\xd8\xff",),
    "tiff": (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
    "jpeg2000": (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51"),
}
"""PNG, even where a transfer spoilt the rest of it; TIFF and BigTIFF, either byte order; JP2, and a bare codestream."""

LONGEST = 16
"""So many bytes are enough."""


def kind_of(begin: bytes) -> Kind | None:
    r"""The kind of a file that begins so.

    >>> kind_of(b"P7\nWIDTH 5"), kind_of(b"II*\0"), kind_of(b"hello")
    ('pnm', 'tiff', None)
    """
    return next((kind for kind, known in SIGNATURES.items() if begin.startswith(known)), None)


def kind_of_file(path: Path) -> Kind | None:
    """The kind of a file on disk; raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return kind_of(file.read(LONGEST))
