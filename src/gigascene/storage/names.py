"""Names of files and folders made out of a stranger's words: an id, the key of an asset, the end of an href."""

from __future__ import annotations

import hashlib
import re

LONGEST = 120
"""Characters, so that temporary names made of it are allowed too."""

_ODD = re.compile(r"[^A-Za-z0-9._+=@,-]+")


def file_name(words: str) -> str:
    """One name inside a folder, never a way out of it, hidden or an option; others than the words make another name.

    >>> file_name("S2A_32TMS_20240607_0_L2A")
    'S2A_32TMS_20240607_0_L2A'
    >>> file_name("../../etc/passwd")
    '_etc_passwd-3754d6cb'
    """
    safe = re.sub(r"^[._-]+", "_", _ODD.sub("_", words)) or "_"
    return safe if safe == words and 0 < len(words) <= LONGEST else f"{safe[: LONGEST - 9]}-{_mark(words)}"


def unlike(name: str, taken: set[str], words: str) -> str:
    """The name, or where it is taken, one that tells more; what is returned is taken from then on."""
    if name.lower() in taken:
        name = file_name(f"{name[: LONGEST - 9]}-{_mark(words)}")
    taken.add(name.lower())
    return name


def _mark(words: str) -> str:
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:8]
