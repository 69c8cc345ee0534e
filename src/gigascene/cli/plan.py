"""`gigascene plan …`: the dry run of any verb that makes something."""

from __future__ import annotations

import typer

from gigascene.cli import compare, compose, convert, fetch, mosaic, stac
from gigascene.cli._options import app_options

HELP = """Say what a command would do: memory, tiles, bytes, time. Put it before the command.

\b
gigascene plan compose true-color LC08_.../ -o fjord.png --save plan.json
gigascene run plan.json
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    group = typer.Typer(help=HELP, **app_options())
    group.command("compose", help=compose.HELP)(compose.compose)
    group.command("convert", help=convert.HELP)(convert.convert)
    group.command("mosaic", help=mosaic.HELP)(mosaic.mosaic)
    group.command("compare", help=compare.HELP)(compare.compare)
    group.command("fetch", help=fetch.HELP)(fetch.fetch)
    inner = typer.Typer(help=stac.HELP, **app_options())
    inner.command("fetch", help=stac.FETCH)(stac.fetch)
    inner.callback()(lambda: None)
    group.add_typer(inner, name="stac")
    group.callback()(lambda: None)
    root.add_typer(group, name="plan")
