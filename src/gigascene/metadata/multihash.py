"""Checksums as STAC writes them: multihash, a code for the algorithm, the length, then the digest; all hex.

The codes are those of the multicodec table (https://github.com/multiformats/multicodec).
"""

from __future__ import annotations

from collections.abc import Mapping

CODES: Mapping[str, str] = {
    "sha1": "11",
    "sha256": "12",
    "sha512": "13",
    "sha3_512": "14",
    "sha3_384": "15",
    "sha3_256": "16",
    "sha3_224": "17",
    "sha384": "20",
    "md5": "d501",
}
"""By hashlib's name, the code as an unsigned varint."""

LENGTHS: Mapping[str, int] = {
    "sha1": 20,
    "sha256": 32,
    "sha512": 64,
    "sha3_512": 64,
    "sha3_384": 48,
    "sha3_256": 32,
    "sha3_224": 28,
    "sha384": 48,
    "md5": 16,
}
"""Bytes of a digest."""


def encoded(algorithm: str, digest: str) -> str:
    """The multihash of a hex digest.

    >>> encoded("sha256", "00" * 32)[:8]
    '12200000'
    """
    return f"{CODES[algorithm]}{len(digest) // 2:02x}{digest}"


def decoded(text: str) -> tuple[str, str] | None:
    """Hashlib's name and the hex digest; None for what is no multihash of a known algorithm.

    >>> decoded("1114" + "ab" * 20)[0], decoded("f00")
    ('sha1', None)
    """
    text = text.lower()
    for algorithm, code in CODES.items():
        size = LENGTHS[algorithm]
        head = f"{code}{size:02x}"
        if text.startswith(head) and len(text) == len(head) + 2 * size and set(text) <= set("0123456789abcdef"):
            return algorithm, text[len(head) :]
    return None
