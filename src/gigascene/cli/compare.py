"""`gigascene compare`: one product at two dates, and what has changed."""

from __future__ import annotations

from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli.compose import Compress, Level, Quality, Tile, Tiles, carry_out, given

HELP = """Map what has changed between two scenes.

\b
gigascene compare ndvi 2014/ 2024/ -o change.png
gigascene compare ndvi 2014/ 2024/ -o change.tif --mask clouds --threshold 0.15
gigascene compare temperature june/ july/ -o warmer.png --stretch=-10:10 --json
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("compare", help=HELP)(compare)


def compare(
    context: typer.Context,
    product: Annotated[str, typer.Argument(help="Of one channel. See: gigascene list products.")],
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="The earlier scene.")],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The later one.")],
    output: o.Output,
    threshold: Annotated[
        float | None,
        typer.Option("--threshold", metavar="V", help="Beyond it is change. Default: 1/20 of the product's range."),
    ] = None,
    grid: Annotated[
        str | None,
        typer.Option("--grid", metavar="GRID", help="utm32:10m, EPSG:3857:30 or like:FILE. Default: BEFORE's."),
    ] = None,
    resampling: Annotated[str, typer.Option("--resampling", help="nearest, bilinear, cubic or average.")] = "nearest",
    clip: Annotated[str | None, typer.Option("--clip", metavar="GEOJSON", help="Compare only these polygons.")] = None,
    bands: o.Bands = None,
    stretch: Annotated[
        str | None, typer.Option("--stretch", metavar="LOW:HIGH", help="Differences in the first and the last colour.")
    ] = None,
    palette: Annotated[
        str, typer.Option("--palette", help="See: gigascene list palettes; grey for none.")
    ] = "diverging",
    units: o.Units = "default",
    mask: o.Mask = None,
    resolution: o.Resolution = None,
    plain: Annotated[bool, typer.Option("--plain", help="A georeferenced picture, not a figure with legend.")] = False,
    title: Annotated[str | None, typer.Option("--title", help="Of the figure.")] = None,
    compress: Compress = None,
    level: Level = None,
    quality: Quality = None,
    tile: Tile = None,
    tiles: Tiles = None,
    root: o.Root = None,
    offset: o.Offset = None,
    allow_private: o.AllowPrivate = False,
    engine: o.Engine = "threads",
    workers: o.Workers = None,
    memory: o.Memory = None,
    resume: o.Resume = False,
    no_overwrite: o.NoOverwrite = False,
    save: o.Save = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Plan, and unless it is a dry run, make."""
    import gigascene

    plan = gigascene.plan_compare(
        product,
        before,
        after,
        output,
        threshold=threshold,
        grid=grid,
        resampling=resampling,  # type: ignore[arg-type]  # checked there
        clip=clip,
        bands=o.names(bands),
        stretch=stretch,
        palette=palette,
        units=units,
        mask=o.names(mask),
        resolution=resolution,
        plain=plain,
        options=given(compress=compress, level=level, quality=quality, title=title, tile=tile, tiles=tiles),
        engine=engine,
        overwrite=not no_overwrite,
        workers=workers,
        memory=memory,
        root=root,
        offset=offset,
    )
    carry_out(plan, context, save=save, resume=resume, json=json, quiet=quiet)
