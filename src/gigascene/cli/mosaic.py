"""`gigascene mosaic`: many scenes, one product, one seamless picture."""

from __future__ import annotations

from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli.compose import (
    Compress,
    Contrast,
    Gamma,
    Level,
    Quality,
    Stretch,
    Tile,
    Tiles,
    carry_out,
    curve,
    given,
)

HELP = """Make one picture of many scenes.

\b
gigascene mosaic true-color scenes/ -o coast.tif
gigascene mosaic true-color scenes/ -o coast.tif --grid utm26:60m --balance --feather 3000
gigascene mosaic true-color scenes.json -o switzerland.tif --grid utm32:10m --combine median --mask clouds
gigascene mosaic ndvi scenes/ -o summer.png --combine median --mask clouds --bbox=-25,70,-24,70.5
gigascene mosaic rgb west.tif east.tif -o both.tif
gigascene mosaic numbers dem/ -o dem.tif --grid EPSG:3035:30 --resampling bilinear
"""

Scenes = Annotated[
    list[str],
    typer.Argument(metavar="SCENE", help="Scenes, folders of many, STAC items or catalogues, or plain GeoTIFFs."),
]


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("mosaic", help=HELP)(mosaic)


def mosaic(
    context: typer.Context,
    product: Annotated[
        str, typer.Argument(help="See: gigascene list products; or picture, or numbers: those of files, kept.")
    ],
    scenes: Scenes,
    output: o.Output,
    grid: Annotated[
        str | None, typer.Option("--grid", metavar="GRID", help="utm32:10m, EPSG:3857:30 or like:FILE.")
    ] = None,
    bbox: Annotated[str | None, typer.Option("--bbox", metavar="W,S,E,N", help="Degrees; default: all scenes.")] = None,
    combine: Annotated[str, typer.Option("--combine", help="first, latest, best, darkest, median or mean.")] = "first",
    best: Annotated[str, typer.Option("--best", help="With --combine best: clear, ndvi or near:2024-07-15.")] = "clear",
    feather: Annotated[
        float,
        typer.Option("--feather", metavar="WIDTH", help="Fade over so much at edges, CRS units (metres, mostly)."),
    ] = 0.0,
    balance: Annotated[bool, typer.Option("--balance", help="Even out brightness and colour between scenes.")] = False,
    resampling: Annotated[str, typer.Option("--resampling", help="nearest, bilinear, cubic or average.")] = "nearest",
    clip: Annotated[str | None, typer.Option("--clip", metavar="GEOJSON", help="Fill only these polygons.")] = None,
    nodata: Annotated[
        float | None, typer.Option("--nodata", metavar="NUMBER", help="Of numbers: no data; default as in the files.")
    ] = None,
    bands: o.Bands = None,
    stretch: Stretch = None,
    gamma: Gamma = None,
    equalize: Annotated[bool, typer.Option("--equalize", help="As many pixels on every level.")] = False,
    sigmoid: Annotated[bool, typer.Option("--sigmoid", help="More contrast in the middle.")] = False,
    contrast: Contrast = None,
    palette: Annotated[str | None, typer.Option("--palette", help="For one channel; grey for none.")] = None,
    units: o.Units = "default",
    mask: o.Mask = None,
    resolution: o.Resolution = None,
    depth: Annotated[
        int | None, typer.Option("--depth", help="8 or 16 bits; default 8, or that of kept numbers.")
    ] = None,
    packing: Annotated[
        str, typer.Option("--packing", help="nodata (0 is no data) or document (0 is dark).")
    ] = "nodata",
    survey: o.Survey = "sample",
    overlay: o.Overlay = None,
    overlay_color: o.OverlayColor = None,
    overlay_width: o.OverlayWidth = None,
    figure: Annotated[bool, typer.Option("--figure", help="A titled figure with axes and legend.")] = False,
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
    allow_gaps: o.AllowGaps = False,
    save: o.Save = None,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Plan, and unless it is a dry run, make."""
    import gigascene

    plan = gigascene.plan_mosaic(
        product,
        scenes,
        output,
        grid=grid,
        bbox=_box(bbox),
        combine=combine,  # type: ignore[arg-type]  # checked there
        best=best,
        feather=feather,
        balance=balance,
        resampling=resampling,  # type: ignore[arg-type]
        clip=clip,
        nodata=nodata,
        bands=o.names(bands),
        stretch=stretch,
        gamma=gamma,
        curve=curve(equalize=equalize, sigmoid=sigmoid),
        palette=palette,
        contrast=contrast,
        units=units,
        mask=o.names(mask),
        resolution=resolution,
        packing=o.one_of("--packing", packing, ("nodata", "document")),
        depth=depth,
        survey=o.one_of("--survey", survey, ("sample", "exact")),
        overlay=overlay,
        overlay_color=overlay_color,
        overlay_width=overlay_width,
        writer="figure" if figure or title else None,
        options=given(compress=compress, level=level, quality=quality, title=title, tile=tile, tiles=tiles),
        engine=engine,
        overwrite=not no_overwrite,
        allow_gaps=allow_gaps,
        workers=workers,
        memory=memory,
        root=root,
        offset=offset,
    )
    carry_out(plan, context, save=save, resume=resume, json=json, quiet=quiet)


def _box(text: str | None) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(part) for part in text.split(","))
    except ValueError:
        from gigascene.model.errors import UsageError

        raise UsageError(f"cannot read the box {text!r}; write --bbox=west,south,east,north in degrees") from None
    return west, south, east, north
