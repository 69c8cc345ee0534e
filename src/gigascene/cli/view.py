"""`gigascene view`: a finished picture in the browser, from the whole to single pixels."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli._progress import progress, run_watcher

HELP = """Look at a picture in the browser, or write it as a static site.

\b
gigascene view fjord.tif
gigascene view before.tif after.tif
gigascene view world.pam
gigascene view s3://pictures/fjord.tif
gigascene view fjord.tif --export site --format webp
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("view", help=HELP)(view)


def view(
    picture: Annotated[
        str,
        typer.Argument(metavar="PICTURE", help="GeoTIFF, PNG, JPEG, PAM, PNM, .dzi, or a folder of Deep Zoom tiles."),
    ],
    second: Annotated[str | None, typer.Argument(metavar="SECOND", help="Another, to compare with a swipe.")] = None,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="Write tiles and page there; serve nothing.")
    ] = None,
    format: Annotated[
        str | None, typer.Option("--format", help="Of exported tiles: png (exact; the default), jpg or webp.")
    ] = None,
    quality: Annotated[
        int | None, typer.Option("--quality", help="Of exported jpg and webp tiles, 1 to 100; 90 if left out.")
    ] = None,
    port: Annotated[int, typer.Option("--port", help="Serve there; 0 is any that is free.")] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Only say where; open no browser.")] = False,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Serve until stopped, or export."""
    if export is None:
        if format or quality:
            from gigascene.model.errors import UsageError

            raise UsageError("--format and --quality are those of exported tiles; say where: --export DIR")
        _serve(picture, second, port=port, open_it=not no_open, json=json, quiet=quiet)
    else:
        _export(picture, second, export, format=format, quality=quality, json=json, quiet=quiet)


def _serve(picture: str, second: str | None, *, port: int, open_it: bool, json: bool, quiet: bool) -> None:
    """Say the address and wait for Ctrl-C, which is how this ends well."""
    from gigascene.api.view import view as served

    with progress("make it viewable", quiet=quiet) as watch:
        viewer = served(picture, second, port=port, notice=_note, watch=run_watcher(watch))
    with viewer:
        if json:
            o.print_json({"url": viewer.url})
        else:
            typer.echo(f"{viewer.url}\nCtrl-C stops it.")
        if open_it and _has_screen():
            import webbrowser

            webbrowser.open(viewer.url)
        try:
            viewer.wait()
        except KeyboardInterrupt:
            typer.echo("", err=True)


def _note(words: str) -> None:
    typer.echo(words, err=True)


def _has_screen() -> bool:
    """Without one, a browser in the terminal would open, on top of us."""
    return sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _export(
    picture: str, second: str | None, folder: Path, *, format: str | None, quality: int | None, json: bool, quiet: bool
) -> None:
    from gigascene.api.view import export_view

    with progress(f"view {picture}", quiet=quiet) as watch:
        facts = export_view(
            picture, second, folder=folder, format=format, quality=quality,
            progress=lambda done, of: watch(done, of, 0), notice=_note,
        )  # fmt: skip
    if json:
        o.print_json({"folder": str(folder), **facts})
    else:
        typer.echo(f"{folder}: {facts['tiles']:,} tiles, {o.size(facts['bytes'])}")
