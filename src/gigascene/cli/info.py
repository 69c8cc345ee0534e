"""`gigascene info`: what a scene is and has."""

from __future__ import annotations

from typing import Any

import typer

from gigascene.cli import _options as o

HELP = """Show a scene: bands, grid, footprint, masks, suggested stretch; or the images of a PNG, JPEG, PAM or PNM.

\b
gigascene info LC08_.../
gigascene info LC08_L1TP_226010_20140820_20200911_02_T1 --root scenes/ --json
gigascene info S2A_MSIL2A_20221005T115411_N0400_R023_T29UNU_20221005T164454.SAFE
gigascene info scenes.json#S2A_32TMS_20240607_0_L2A
"""


MOST_POINTS = 12
"""Of an outline, as it is printed; `--json` has all."""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("info", help=HELP)(info)


def info(
    source: o.Sources,
    root: o.Root = None,
    offset: o.Offset = None,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
) -> None:
    """Describe and print."""
    from gigascene.api.describe import describe
    from gigascene.api.plain import describe_plain, is_plain

    if len(source) == 1 and is_plain(source[0]):
        _plain(describe_plain(source[0]), json=json)
        return
    facts = describe(source, root=root, offset=offset)
    if json:
        o.print_json(facts)
        return
    _scene(facts)


def _scene(facts: dict[str, Any]) -> None:
    """A scene's facts, for people."""
    for name in ("id", "sensor", "platform", "datetime"):
        typer.echo(f"{name:>10}  {facts[name]}")
    for name, value in facts["properties"].items():
        typer.echo(f"{'':>10}  {name}: {value}")
    if facts["offset"]:
        typer.echo(f"{'offset':>10}  {facts['offset']['state']}: {facts['offset']['why']}")
        typer.echo(f"{'':>10}  the catalogue says: {facts['offset']['catalogue']}")
    typer.echo(f"{'crs':>10}  {facts['crs']}")
    if facts["bounds"]:
        typer.echo(f"{'bounds':>10}  {' '.join(f'{side:.0f}' for side in facts['bounds'])}")
    for ring in _rings(facts["footprint"]):
        typer.echo(f"{'lon, lat':>10}  {'  '.join(f'{x:.3f},{y:.3f}' for x, y in ring)}")
    for band in facts["bands"]:
        typer.echo(_line(band))
    for name, why in facts["absent"].items():
        typer.echo(f"{'-':>10}  {name:<10} {why}")
    typer.echo(f"{'masks':>10}  {', '.join(facts['masks']) or 'none'}")
    typer.echo(f"{'products':>10}  {', '.join(facts['products'])}")
    if facts["stretch"]:
        typer.echo(f"{'stretch':>10}  --stretch {facts['stretch']}  (true-color, 1 % to 99 %)")


def _rings(footprint: dict[str, Any] | None) -> list[Any]:
    """Outlines, one on each side of the date line, each without the point that closes it, and of few points."""
    if footprint is None:
        return []
    parts = footprint["coordinates"] if footprint["type"] == "MultiPolygon" else [footprint["coordinates"]]
    rings = [part[0][:-1] for part in parts]
    return [ring[:: -(-len(ring) // MOST_POINTS)] for ring in rings]


def _plain(facts: dict[str, Any], *, json: bool) -> None:
    """Images of a plain picture, and how one of several is chosen."""
    if json:
        o.print_json(facts)
        return
    typer.echo(f"{'file':>10}  {facts['file']}")
    typer.echo(f"{'crs':>10}  {facts['crs']}")
    typer.echo(f"{'images':>10}  {len(facts['images'])}")
    for image in facts["images"]:
        rows, columns = image["shape"]
        alpha = ", the last is alpha" if image["alpha"] else ""
        chosen = f"  --image {image['image']}" if len(facts["images"]) > 1 else ""
        bands = f"{image['bands']} band{'' if image['bands'] == 1 else 's'}"
        typer.echo(f"{image['image']:>10}  {columns:,} x {rows:,}  {bands} of {image['dtype']}{alpha}{chosen}")


def _line(band: dict[str, Any]) -> str:
    rows, columns = band["shape"]
    units = ", ".join(band["units"]) or "stored numbers"
    return f"{band['key']:>10}  {band['name']:<10} {columns:>6} x {rows:<6} {band['resolution']:g} {band['resolution_unit']}  {band['dtype']}  {units}"
