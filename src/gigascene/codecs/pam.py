"""Netpbm pictures: a header of text, then the rows as they are, 16-bit samples big-endian.

PAM (P7, http://netpbm.sourceforge.net/doc/pam.html) for grey and RGB with or
without alpha; PGM (P5) and PPM (P6) for what cannot read that.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gigascene.model.plan import Format

TUPLES = {1: "GRAYSCALE", 2: "GRAYSCALE_ALPHA", 3: "RGB", 4: "RGB_ALPHA"}
CLASSIC = {1: b"P5", 3: b"P6"}

COMMENT_CHARS = 60
"""Netpbm reads a line of a PAM header into 256 bytes and takes what is left for the next line; UTF-8 is 4 at most."""

CLASSIC_COMMENTS = 900
"""Bytes of comments in a PGM or PPM: GDAL must find the whole header in the first 1,024."""


def header(format: Format) -> bytes:
    """Everything before the first row of a PAM, the metadata texts as comments."""
    height, width = format.shape
    fields = {
        "WIDTH": width,
        "HEIGHT": height,
        "DEPTH": format.bands,
        "MAXVAL": np.iinfo(format.dtype).max,
        "TUPLTYPE": TUPLES[format.bands],
    }
    lines = [f"{name} {value}" for name, value in fields.items()]
    texts = (comment(key, value) for key, value in format.metadata.items())
    return b"P7\n" + b"".join(texts) + "\n".join([*lines, "ENDHDR", ""]).encode("ascii")


def classic_header(format: Format) -> bytes:
    """Everything before the first row of a PGM or PPM; texts that are too long for its readers are left out."""
    height, width = format.shape
    size = f"{width} {height}\n{np.iinfo(format.dtype).max}\n".encode("ascii")
    return b"".join((CLASSIC[format.bands], b"\n", short_comments(format.metadata), size))


def short_comments(texts: Mapping[str, str]) -> bytes:
    """Those texts that fit, in order."""
    found = b""
    for key, value in texts.items():
        lines = comment(key, value)
        if len(found) + len(lines) <= CLASSIC_COMMENTS:
            found += lines
    return found


def comment(key: str, value: str) -> bytes:
    r"""Comment lines for one text; further ones begin with ``#+``. Line ends in it become ``\n``.

    >>> comment("Title", "Ice\nand snow")
    b'# Title: Ice\\nand snow\n'
    """
    line = "\\n".join(f"{key}: {value}".splitlines())
    parts = [line[at : at + COMMENT_CHARS] for at in range(0, len(line), COMMENT_CHARS)]
    return b"".join(f"#{'+' if number else ' '}{part}\n".encode() for number, part in enumerate(parts))
