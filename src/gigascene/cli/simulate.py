"""`gigascene simulate`: true-to-format scenes of an invented Earth, to try everything without a download."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli._progress import progress

HELP = """Simulate scenes in their agency's own layout.

\b
gigascene simulate landsat -o scenes/
gigascene simulate landsat -o scenes/ --size small --seed 7
gigascene simulate sentinel2 -o scenes/ --tiles 3x3 --dates 4 --size small
gigascene simulate sentinel2 -o scenes/ --as safe
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("simulate", help=HELP)(simulate)


def simulate(
    sensor: Annotated[str, typer.Argument(help="landsat or sentinel2")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder that will hold the scenes'.")],
    size: Annotated[
        str,
        typer.Option("--size", help="full or small; landsat: ROWSxCOLUMNS; sentinel2: medium, tiny, pixels of a side."),
    ] = "full",
    seed: Annotated[int, typer.Option("--seed", help="Another Earth.")] = 0,
    level: Annotated[str | None, typer.Option("--level", help="landsat: l1 (default) or l2.")] = None,
    tiles: Annotated[
        str | None,
        typer.Option("--tiles", metavar="ROWSxCOLUMNS", help="sentinel2: tiles of the region. Default: 1x1."),
    ] = None,
    dates: Annotated[int | None, typer.Option("--dates", help="sentinel2: how many passes. Default: 1.")] = None,
    layout: Annotated[
        str | None, typer.Option("--as", help="sentinel2: stac (COG and items, default) or safe (JPEG 2000).")
    ] = None,
    bands: Annotated[
        str | None, typer.Option("--bands", help="sentinel2: only these assets, such as red,green,blue,scl.")
    ] = None,
    neighbor: Annotated[
        bool, typer.Option("--neighbor", help="sentinel2: more tiles in the UTM zone to the east.")
    ] = False,
    truth: Annotated[
        bool, typer.Option("--truth", help="sentinel2: also the whole region without clouds, for every date.")
    ] = False,
    stac_version: Annotated[
        str | None, typer.Option("--stac-version", help="sentinel2: 1.0.0 (default) or 1.1.0.")
    ] = None,
    offset_applied: Annotated[
        bool, typer.Option("--offset-applied", help="sentinel2: COGs whose pixels have the offset of -1000 added.")
    ] = False,
    workers: o.Workers = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Simulate and say where it is."""
    from gigascene.api.simulate import simulate as simulated

    with progress(f"simulate {sensor}", quiet=quiet) as watch:
        made = simulated(
            sensor, output, size=size, seed=seed, level=level, tiles=tiles, dates=dates, layout=layout,
            bands=bands.split(",") if bands else None, neighbor=neighbor, truth=truth, stac_version=stac_version,
            offset_applied=offset_applied, workers=workers, progress=lambda done, of: watch(done, of, 0),
        )  # fmt: skip
    if json:
        o.print_json({"scene": str(made)})
    else:
        typer.echo(str(made))
