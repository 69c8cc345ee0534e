"""Chunks of a PNG (PNG 3rd edition, section 5): lengths, types and checksums, checked as they are read."""

from __future__ import annotations

import os
from struct import unpack
from typing import BinaryIO

from isal import isal_zlib

from gigascene.model.errors import BadInput
from gigascene.readers._samples import AGAIN
from gigascene.storage.signatures import PNG

SLICE = 64 << 10
"""Bytes of the file in hand."""

OTHER_CHUNKS = 10_000
"""Chunks without pixels; each costs time, and a hostile file can hold millions."""

LONGEST = (1 << 31) - 1
"""Bytes of a chunk."""


class Chunks:
    """The chunks of a file, each read to its end and its CRC checked, one after another."""

    def __init__(self, file: BinaryIO, href: str) -> None:
        self.href = href
        self.left = 0
        """Bytes of the chunk in hand that were not read yet."""
        self.size = os.fstat(file.fileno()).st_size
        self._file = file
        self._kind = b""
        self._crc = self._others = 0
        file.seek(0)
        if (start := file.read(8)) != PNG:
            raise BadInput(f"is no PNG: it begins with {start!r}.", href, hint=AGAIN)

    def next(self) -> bytes:
        """Type of the next chunk; what was left of the last one is read and checked."""
        while self.left:
            self.take()
        at = self._file.tell()
        self.left, self._kind = unpack(">I4s", self._exactly(8))
        if self.left > LONGEST or not self._kind.isalpha():
            raise BadInput(f"is broken at byte {at}: {self.left} bytes of {self._kind!r} are no chunk.", self.href)
        if at + 12 + self.left > self.size:
            what = (
                f"is cut short: its {self.name} chunk ends behind byte {at + 12 + self.left}, the file at {self.size}."
            )
            raise BadInput(what, self.href, hint=AGAIN)
        self._others += self._kind != b"IDAT" or not self.left
        if self._others > OTHER_CHUNKS:
            raise BadInput(f"has more than {OTHER_CHUNKS} chunks without pixels.", self.href)
        self._crc = isal_zlib.crc32(self._kind)
        self._check()
        return self._kind

    @property
    def name(self) -> str:
        """Type of the chunk in hand, for messages."""
        return self._kind.decode("ascii")

    def take(self) -> bytes:
        """The next bytes of the chunk in hand, at most a slice."""
        data = self._exactly(min(self.left, SLICE))
        self.left -= len(data)
        self._crc = isal_zlib.crc32(data, self._crc)
        self._check()
        return data

    def whole(self, *lengths: int) -> bytes:
        """All of a small chunk, the length of which must be one of these."""
        if self.left not in lengths:
            raise BadInput(f"has {self.left} bytes in its {self.name} chunk, which cannot be.", self.href)
        return self.take()

    def _check(self) -> None:
        if not self.left and self._exactly(4) != self._crc.to_bytes(4, "big"):
            at = self._file.tell()
            raise BadInput(
                f"is damaged: the CRC of the {self.name} chunk before byte {at} is wrong.", self.href, hint=AGAIN
            )

    def _exactly(self, length: int) -> bytes:
        try:
            data = self._file.read(length)
        except OSError as error:
            raise BadInput(f"cannot be read: {error.strerror}", self.href) from error
        if len(data) < length:
            raise BadInput(f"is cut short: it ends at byte {self.size}, and no IEND was seen.", self.href, hint=AGAIN)
        return data
