"""Looks with a name: the arithmetic that an agency or a text prints, to make a picture equal to theirs."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Literal

from gigascene.model.errors import UnknownName, UsageError
from gigascene.model.look import Limits, Look

Packing = Literal["nodata", "document"]


def _reflectance(low: float, high: float) -> Limits:
    """Limits as the float32 numbers in which reflectance comes, so that the last step is reached where it is meant to be."""
    single = struct.Struct("f")
    return Limits(low=single.unpack(single.pack(low))[0], high=single.unpack(single.pack(high))[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLook:
    """Limits by quantity, and how they are shown."""

    name: str
    title: str
    limits: Mapping[str, Limits]
    """By quantity: ``"reflectance"``, ``"dn"``. Others have none."""

    gamma: float = 1.0
    rounding: Literal["packing", "nearest"] = "packing"
    packing: Packing = "nodata"
    """Unless asked otherwise."""

    def applied(self, look: Look, quantity: str) -> Look:
        """A product's look with these numbers; raises `UsageError` for a quantity it has no limits for."""
        if quantity not in self.limits:
            raise UsageError(
                f"the look {self.name!r} is one of {' or '.join(self.limits)}, and this is {quantity or 'neither'}"
            )
        return replace(
            look,
            limits=(self.limits[quantity],),
            gamma=(self.gamma,),
            curve="linear",
            palette=None,
            rounding=self.rounding,
        )


LOOKS = {
    look.name: look
    for look in (
        NamedLook(
            name="tci",
            title="Sentinel-2's own true colour: reflectance 0 to 0.25, 255 steps, rounded, 0 is dark",
            limits={"reflectance": _reflectance(0, 0.25)},
            rounding="nearest",
            packing="document",
        ),
        NamedLook(
            name="reflectance-10000",
            title="reflectance 0 to 1 (stored 0 to 10,000), then the exponent 0.6",
            limits={"reflectance": _reflectance(0, 1), "dn": Limits(low=0, high=10_000)},
            gamma=1 / 0.6,
        ),
        NamedLook(
            name="exoparaproc",
            title="reflectance 0.02 to 0.98 (stored 200 to 9,800), then the exponent 0.6",
            limits={"reflectance": _reflectance(0.02, 0.98), "dn": Limits(low=200, high=9_800)},
            gamma=1 / 0.6,
        ),
    )
}
"""`exoparaproc`: limits and exponent of the exercise of that name (pSciComp); its text clamps at 10,000 and names no exponent."""


def named(name: str) -> NamedLook:
    """The look of this name; raises `UnknownName`."""
    if name not in LOOKS:
        closest = next(iter(get_close_matches(name.lower().replace("_", "-"), LOOKS)), "")
        raise UnknownName(name, "look", closest, tuple(LOOKS))
    return LOOKS[name]
