"""`gigascene list`: what there is to choose from."""

from __future__ import annotations

from typing import Annotated

import typer

from gigascene.cli import _options as o

HELP = """List products, sensors, writers, engines, palettes or looks.

\b
gigascene list products
"""
KINDS = ("products", "sensors", "writers", "engines", "palettes", "looks")


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("list", help=HELP)(list_)


def list_(kind: Annotated[str, typer.Argument(help=", ".join(KINDS))] = "products", json: o.Json = False) -> None:
    """Names, each with a line about it."""
    from gigascene.api.names import catalogue

    found = catalogue(o.one_of("KIND", kind, KINDS))
    if json:
        o.print_json(found)
        return
    for name, about in found.items():
        typer.echo(f"{name:<24}{about}")
