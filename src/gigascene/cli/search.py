"""`gigascene search`: which scenes there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from gigascene.cli import _options as o

HELP = """Find scenes in a STAC API or a saved catalogue.

\b
gigascene search sentinel2-l2a --bbox 7.5,46.4,9.1,47.5 --date 2024-06/2024-08 --cloud 20 -o scenes.json
gigascene search landsat-c2-l2 --bbox 8.0,46.4,8.1,46.6 --catalog scenes.json
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("search", help=HELP)(search)


def search(
    collection: Annotated[str, typer.Argument(help="sentinel2-l2a, landsat-c2-l2, or as the catalogue calls it.")],
    bbox: Annotated[
        str | None, typer.Option("--bbox", metavar="W,S,E,N", help="Degrees; W above E: across 180.")
    ] = None,
    date: Annotated[
        str | None, typer.Option("--date", metavar="FROM/TO", help="2024, 2024-06, 2024-06-07, or two.")
    ] = None,
    cloud: Annotated[float | None, typer.Option("--cloud", metavar="PERCENT", help="Largest cloud cover.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", help="The first so many by time.")] = None,
    catalog: Annotated[
        str | None,
        typer.Option("--catalog", metavar="PLACE", help="Short name, address, file or folder of a catalogue."),
    ] = None,
    output: Annotated[str | None, typer.Option("-o", "--output", metavar="FILE", help="Keep them as JSON.")] = None,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
) -> None:
    """Search, keep and print."""
    import gigascene

    found = gigascene.search(collection, bbox=_sides(bbox), date=date, cloud=cloud, limit=limit, catalog=catalog)
    if output:
        found.save(output)
    if json:
        o.print_json(found.to_json())
    else:
        for item in found.items:
            typer.echo(_line(item))
    typer.echo(_words(found, output), err=True)


def _sides(text: str | None) -> list[str] | None:
    return None if text is None else text.split(",")


def _line(item: Mapping[str, Any]) -> str:
    said = item["properties"]
    cover = said.get("eo:cloud_cover")
    cloud = f"{cover:5.1f} %" if isinstance(cover, int | float) else "      ?"
    return f"{str(said.get('datetime') or said.get('start_datetime'))[:19]}  {cloud}  {item['id']}"


def _words(found: Any, output: str | None) -> str:
    parts = [f"{len(found.items)} scenes" if len(found.items) != 1 else "1 scene"]
    if found.older:
        parts.append(f"{len(found.older)} older processings of the same left out")
    if found.unsaid:
        parts.append(f"{found.unsaid} left out that do not tell their cloud cover")
    if found.broken:
        parts.append(f"{len(found.broken)} that cannot be read, such as {found.broken[0]}")
    return "; ".join(parts) + (f" -> {output}" if output else "")
