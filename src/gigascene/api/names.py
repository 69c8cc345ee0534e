"""What there is to choose from."""

from __future__ import annotations

import sys

from gigascene.kernels import palette
from gigascene.model.errors import UnknownName
from gigascene.model.named_looks import LOOKS
from gigascene.model.product import Product
from gigascene.registry import ENGINES, PRODUCTS, SENSORS, WRITERS


def product_names() -> tuple[str, ...]:
    """Names of all products."""
    return PRODUCTS.names()


def sensor_names() -> tuple[str, ...]:
    """Names of all sensors."""
    return SENSORS.names()


def palette_names() -> tuple[str, ...]:
    """Names of all palettes."""
    return palette.names()


def look_names() -> tuple[str, ...]:
    """Names of all looks that have one."""
    return tuple(LOOKS)


def catalogue(kind: str) -> dict[str, str]:
    """Every name of a kind, with a line about it. `kind` is a plural: products, sensors, writers, engines, palettes, looks."""
    match kind:
        case "products":
            return {name: f"{PRODUCTS[name].title} ({_bands(PRODUCTS[name])})" for name in PRODUCTS.names()}
        case "sensors":
            return {name: SENSORS[name].title for name in SENSORS.names()}
        case "writers":
            return {name: ", ".join(WRITERS[name].suffixes) for name in WRITERS.names()}
        case "engines":
            return {name: _first_line(sys.modules[ENGINES[name].__module__]) for name in ENGINES.names()}
        case "palettes":
            return dict.fromkeys(palette.names(), "")
        case "looks":
            return {name: look.title for name, look in LOOKS.items()}
    raise UnknownName(kind, "list", "", ("products", "sensors", "writers", "engines", "palettes", "looks"))


def _bands(product: Product) -> str:
    return ", ".join(product.needs) or f"any {product.choose} bands"


def _first_line(thing: object) -> str:
    return (thing.__doc__ or "").partition("\n")[0]
