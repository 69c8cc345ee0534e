"""Which bands a picture's format reads as colours, and which as opacity."""

from __future__ import annotations

from gigascene.model.errors import UsageError
from gigascene.model.plan import Format


def check_alpha(format: Format, what: str) -> None:
    """Raise `UsageError` where readers would take the last of 2 or 4 bands for opacity, and it is another band."""
    if format.alpha != (format.bands in {2, 4}):
        raise UsageError(f"{what} takes the last of 2 or 4 bands for alpha; here it is another band. Use .tif")
