"""`gigascene convert`: a finished picture in another format, pixel for pixel."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli.compose import Compress, Level, Quality, Resampling, Tile, Tiles, carry_out, given
from gigascene.model.errors import GigasceneError

HELP = """Write a picture in another format, whatever its size.

\b
gigascene convert world.pam -o world.png --memory 400M
gigascene convert world.png -o world.tif
gigascene convert samples.bin -o world.png --raw 52000x26000x3
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("convert", help=HELP)(convert)


def convert(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="PICTURE", help="PNG, JPEG, PAM, PNM, TIFF, .dzi, folder of map tiles, or samples (--raw)."
        ),
    ],
    output: o.Output,
    image: Annotated[int, typer.Option("--image", min=0, help="Of a file that holds several, from 0.")] = 0,
    raw: Annotated[
        str | None, typer.Option("--raw", metavar="WxHxB", help="No header: columns x rows x bands.")
    ] = None,
    depth: Annotated[int, typer.Option("--depth", help="Bits of a raw sample: 8 or 16.")] = 8,
    byte_order: Annotated[
        str, typer.Option("--byte-order", help="Of raw 16-bit samples, read or written: big or little.")
    ] = "big",
    offset: Annotated[int, typer.Option("--offset", help="Bytes before the first raw sample.")] = 0,
    datetime: Annotated[
        str, typer.Option("--datetime", metavar="TIME", help="When it was taken, or BEGIN/END: for its STAC item.")
    ] = "",
    compress: Compress = None,
    level: Level = None,
    quality: Quality = None,
    tile: Tile = None,
    tiles: Tiles = None,
    resampling: Resampling = "nearest",
    engine: o.Engine = "threads",
    workers: o.Workers = None,
    memory: o.Memory = None,
    resume: o.Resume = False,
    no_overwrite: o.NoOverwrite = False,
    save: o.Save = None,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Plan, and unless it is a dry run, convert."""
    import gigascene

    if image == 0 and raw is None and not quiet:
        _tell_others(source)
    said = o.one_of("--byte-order", byte_order, ("big", "little"))
    order = said if output.lower().endswith(".raw") else None
    plan = gigascene.plan_convert(
        source,
        output,
        image=image,
        raw=_raw(raw),
        depth=depth,
        byteorder=said,
        offset=offset,
        datetime=datetime,
        options=given(compress=compress, level=level, quality=quality, tile=tile, tiles=tiles, byteorder=order),
        resampling=resampling,  # type: ignore[arg-type]  # checked there
        engine=engine,
        overwrite=not no_overwrite,
        workers=workers,
        memory=memory,
    )
    carry_out(plan, context, save=save, resume=resume, json=json, quiet=quiet)


def _tell_others(source: str) -> None:
    """Say so where a file holds more than the one image that is converted."""
    from pathlib import Path

    from gigascene.readers import pnm
    from gigascene.storage.signatures import kind_of_file

    with suppress(GigasceneError, OSError):  # what is wrong with it is told by the plan
        if kind_of_file(Path(source)) == "pnm" and pnm.count(source, 2) > 1:
            typer.echo(f"{source} holds several images, and this is the first; --image 1 is the next", err=True)


def _raw(said: str | None) -> tuple[int, int, int] | None:
    if said is None:
        return None
    match = re.fullmatch(r"(\d{1,10})x(\d{1,10})x(\d)", said)
    if match is None:
        from gigascene.model.errors import UsageError

        raise UsageError(f"cannot read the raw size {said!r}; write COLUMNSxROWSxBANDS, such as 52000x26000x3")
    return int(match[1]), int(match[2]), int(match[3])
