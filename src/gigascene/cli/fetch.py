"""`gigascene fetch`: of scenes elsewhere only the bands that are wanted."""

from __future__ import annotations

from typing import Annotated

import typer

from gigascene.cli import _options as o
from gigascene.cli.stac import AllowGaps, AtOnce, To, carry_out

HELP = """Copy of scenes only the bands that a product needs.

\b
gigascene fetch scenes.json --product true-color --to near
gigascene fetch scenes.json#S2A_32TMS_20240607_0_L2A --bands red,nir --mask clouds --to near
gigascene plan fetch scenes.json --to near
"""


def add_to(root: typer.Typer) -> None:
    """Add this verb."""
    root.command("fetch", help=HELP)(fetch)


def fetch(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="SCENES", help="STAC item, search result or catalogue; #ID for one.")
    ],
    to: To,
    product: Annotated[
        str, typer.Option("--product", metavar="NAME", help="What shall be made of them.")
    ] = "true-color",
    bands: Annotated[
        str, typer.Option("--bands", metavar="auto|A,B", help="auto: what the product needs. Else just these.")
    ] = "auto",
    mask: o.Mask = None,
    resolution: o.Resolution = None,
    allow_gaps: AllowGaps = False,
    workers: AtOnce = 8,
    allow_private: o.AllowPrivate = False,
    json: o.Json = False,
    quiet: o.Quiet = False,
) -> None:
    """Copy, or behind `plan` only tell."""
    import gigascene

    wanted = () if bands == "auto" else o.names(bands)
    masks = o.names(mask)
    carry_out(
        context,
        f"fetch {source}",
        lambda: gigascene.plan_fetch_scenes(
            source, to, product=product, bands=wanted, masks=masks, resolution=resolution, workers=workers
        ),
        lambda watch: gigascene.fetch_scenes(
            source,
            to,
            product=product,
            bands=wanted,
            masks=masks,
            resolution=resolution,
            allow_gaps=allow_gaps,
            workers=workers,
            watch=watch,
        ),
        json=json,
        quiet=quiet,
    )
