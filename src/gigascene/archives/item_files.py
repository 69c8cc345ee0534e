"""The files that a STAC item names, as an archive: a product whose own metadata say more than the item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gigascene.model.errors import BadInput
from gigascene.storage import contents, identity

LARGEST = 64 << 20
"""Bytes of a metadata file."""


@dataclass(frozen=True, slots=True)
class ItemFiles:
    """Files by name, wherever each lies."""

    name: str
    """Document and item, for messages."""

    hrefs: Mapping[str, str]
    """Paths, or addresses without their secrets."""

    def names(self) -> Sequence[str]:
        """Names of all files, sorted."""
        return sorted(self.hrefs)

    def read(self, name: str) -> bytes:
        """Whole content of one small file."""
        try:
            return contents.whole(self.href(name), LARGEST)
        except OSError as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(f"cannot be read: {error.strerror}", self.href(name)) from error

    def href(self, name: str) -> str:
        """Where its bytes lie."""
        if name not in self.hrefs:
            raise BadInput(f"has no file {name}", self.name)
        return self.hrefs[name]

    def identity(self, name: str) -> str:
        """Changes when the file may have changed."""
        return identity.identity(self.href(name))
