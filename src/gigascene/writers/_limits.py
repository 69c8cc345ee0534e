"""How long a side may be: told before work begins, with the formats that go further."""

from __future__ import annotations

from gigascene.model.errors import WriteFailed
from gigascene.model.plan import Format

MOST = 2**31 - 1
"""Of PNG (3rd edition, section 11.2.1), and of any picture that GDAL opens. Only PAM is without a limit."""


def check_sides(format: Format, what: str, most: int = MOST) -> None:
    """Raise `WriteFailed` where a side is over `most`."""
    side = max(format.shape)
    if side > most:
        hint = "Use .pam, which has no limit." if side > MOST else "Use .tif or .png."
        raise WriteFailed(what, f"a side of {side:,} is over {most:,}", hint)
